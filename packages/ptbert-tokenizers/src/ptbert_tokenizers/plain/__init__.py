"""The definitions: short and slow. Tests compare the quick paths with them."""
