"""Tokens and their ids: one class for each kind of vocabulary, which the tokenizers inherit."""
