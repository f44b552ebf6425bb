"""Corpora: the texts of many documents, read one by one from the files that people have."""
