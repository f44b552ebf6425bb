"""The definitions: short and slow, and what the tests compare the quick paths with."""
