"""Weights files: which files a name stands for, reading them, fitting weights into a model."""
