"""How GPT-2 cuts text into words.

Source:
    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
"""

import regex  # type: ignore[import-untyped, unused-ignore]

PATTERN = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
"""Contractions, letters, numbers, other marks, spaces. Letters, numbers and marks may have one
space before them, which is part of the word."""
