"""Readers of formats that come from strangers: nothing here touches a cache or the network"""
