"""Texts for Transformer-XL as token ids, and batches of them."""

from __future__ import annotations

from ptbert.corpora.corpus import TransfoXLCorpus, get_lm_corpus
from ptbert.corpora.lm_batches import LMMultiFileIterator, LMOrderedIterator, LMShuffledIterator

__all__ = [
    "LMMultiFileIterator",
    "LMOrderedIterator",
    "LMShuffledIterator",
    "TransfoXLCorpus",
    "get_lm_corpus",
]
