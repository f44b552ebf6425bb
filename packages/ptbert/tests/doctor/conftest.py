"""A diagnosis of a text as a program."""

from textwrap import dedent

import pytest

from ptbert.doctor.diagnosis import diagnosis_of


@pytest.fixture
def diagnosis(tmp_path):
    def diagnose(text, name="program.py"):
        (tmp_path / name).write_text(dedent(text), encoding="utf-8")
        return diagnosis_of(tmp_path / name)

    return diagnose
