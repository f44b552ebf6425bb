"""The tasks by name."""

from __future__ import annotations

from ptbert.training.answer import AnswerQuestions
from ptbert.training.choose import Choose
from ptbert.training.classify import Classify
from ptbert.training.language_model import LanguageModel
from ptbert.training.masked_lm import MaskedLM
from ptbert.training.tag import Tag
from ptbert.training.task import Task

TASKS: dict[str, type[Task]] = {
    each.name: each for each in (Classify, Tag, AnswerQuestions, Choose, MaskedLM, LanguageModel)
}
"""Task by its name in the settings."""
