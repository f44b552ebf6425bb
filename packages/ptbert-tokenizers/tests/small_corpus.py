"""A corpus of four lines."""

LINES = ["hello world", "", "Ünïcode ∞ 京都", "the last line"]
