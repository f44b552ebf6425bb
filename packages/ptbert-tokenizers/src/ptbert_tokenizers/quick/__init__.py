"""Faster ways to the results that ``plain`` defines. Without them everything works, but slower."""
