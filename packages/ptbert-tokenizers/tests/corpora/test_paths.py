"""Which files a corpus has, and which outputs would become a part of it."""

import glob
import os
from pathlib import Path

import pytest

from ptbert_tokenizers.corpora.paths import corpus_files, refuse_outputs_among


@pytest.fixture(autouse=True)
def _corpus() -> None:
    Path("in/more").mkdir(parents=True)
    for name in ("in/a.txt", "in/more/b.txt", "[c].txt"):
        Path(name).touch()


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("in", "in/out.npy"),
        ("in", "in/new/out.npy"),
        (".", "out.npy"),
        ("in/*", "in/out.npy"),
        ("in/*.txt", "in/out.txt"),
        ("in/**", "in/new/out.npy"),
        ("**/*.txt", "out.txt"),
        ("**/*.txt", "in/x/y/out.txt"),
        ("in/[a-z]*", "in/out.npy"),
    ],
)
def test_an_output_that_would_be_read_the_next_time_is_refused(source: str, output: str) -> None:
    with pytest.raises(ValueError, match=r"next time; give an output elsewhere"):
        refuse_outputs_among([source], [output])
    with pytest.raises(ValueError, match=r"next time; give an output elsewhere"):
        refuse_outputs_among([source], [os.path.abspath(output)])


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("in", "out.npy"),
        ("in", "in.npy"),
        ("in", "in/.hidden/out.npy"),
        ("in/*.txt", "in/out.npy"),
        ("in/*", "in/new/out.npy"),
        ("in/*", "in/.out.npy"),
        ("in/**", "in/.new/out.npy"),
        ("in/a.txt", "in/out.npy"),
        ("[c].txt", "c.txt"),
        ("-", "out.npy"),
    ],
)
def test_any_other_output_is_not(source: str, output: str) -> None:
    refuse_outputs_among([source], [output])


def test_a_folder_is_known_under_all_its_names() -> None:
    os.symlink("in", "link")
    for source, output in [("link/*.txt", "in/out.txt"), ("in/*.txt", "link/out.txt")]:
        with pytest.raises(ValueError, match="next time; give an output elsewhere"):
            refuse_outputs_among([source], [output])


def test_the_name_of_a_folder_may_have_the_signs_of_a_pattern(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.mkdir("[x]")
    os.rename("in", "[x]/in")
    monkeypatch.chdir("[x]")
    for source in ("in/*.txt", os.path.join(glob.escape(os.getcwd()), "in", "*.txt")):
        with pytest.raises(ValueError, match="next time; give an output elsewhere"):
            refuse_outputs_among([source], ["in/out.txt"])
        refuse_outputs_among([source], ["in/out.npy"])


def test_a_file_is_known_under_all_its_names() -> None:
    os.symlink("in/a.txt", "link.txt")
    os.link("in/a.txt", "hard.txt")
    for name in ("link.txt", "hard.txt", "in/../in/a.txt"):
        with pytest.raises(
            ValueError, match=r"'in/a\.txt' is both an input and an output; give an"
        ):
            refuse_outputs_among(["in/a.txt"], ["out.npy", name])


def test_no_files_are_no_corpus() -> None:
    with pytest.raises(ValueError, match="there are no files to read; name one or more"):
        corpus_files([])
