"""Continuing texts with a language model: greedily, by sampling, or by beam search."""

from ptbert_models.generation.choosing import Choice
from ptbert_models.generation.ending import Ending
from ptbert_models.generation.generating import generate, generate_scored, generate_stream
from ptbert_models.generation.prompts import warn_of_padding
from ptbert_models.generation.scored import Generated

__all__ = [
    "Choice",
    "Ending",
    "Generated",
    "generate",
    "generate_scored",
    "generate_stream",
    "warn_of_padding",
]
