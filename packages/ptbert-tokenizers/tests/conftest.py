"""The published vocabularies and the recorded answers of 2019, unpacked once."""

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ptbert_tokenizers.files.vocabulary import write_lines

settings.register_profile("patient", deadline=None, max_examples=50)  # a busy machine is no failure
settings.load_profile("patient")

DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def _without_delay() -> Iterator[None]:
    """The quick ways are taken from the first word on, so that short tests test them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ptbert_tokenizers.quick.encoder._LITTLE", -1)
        patch.setattr("ptbert_tokenizers.quick.bpe._MANY", 0)
        patch.setattr("ptbert_tokenizers.quick.basic_tokenizer._LITTLE", -1)
        yield


@pytest.fixture
def no_spacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """GPT's tokenizer finds no spaCy, whether or not it is installed."""
    monkeypatch.setitem(sys.modules, "spacy", None)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from the name of a published vocabulary to a folder with its files."""
    root = tmp_path_factory.mktemp("published")

    def folder(name: str) -> Path:
        target = root / name
        if not target.exists():
            target.mkdir()
            for packed in DATA.glob(f"{name}.*.gz"):
                file = target / packed.name.removeprefix(f"{name}.").removesuffix(".gz")
                file.write_bytes(gzip.decompress(packed.read_bytes()))
        return target

    return folder


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """356 texts in many scripts, with code and hostile Unicode."""
    return list(_unpacked("texts.json.gz"))


@pytest.fixture(scope="session")
def recorded() -> dict[str, list[Any]]:
    """What 2019 made of each text, by tokenizer and setting."""
    return dict(_unpacked("tokens.json.gz"))


def _unpacked(name: str) -> Any:
    return json.loads(gzip.decompress((DATA / name).read_bytes()))


@pytest.fixture
def bert() -> str:
    """A model of BERT's kind, and a text with capitals and a special token of its own."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "A", "<x>", "<", "x", ">"]
    write_lines("vocab.txt", names)
    Path("text.txt").write_text("A b A\n<x>a\n\n<new>b\n")
    return "vocab.txt"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test, doctests included, starts in an empty folder."""
    monkeypatch.chdir(tmp_path)
