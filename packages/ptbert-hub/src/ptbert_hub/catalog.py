"""The one table of published checkpoints: a shortcut name, its files and its facts.

The dictionaries of 2019 are made from :data:`CATALOG`; see :func:`archive_map` and
:func:`length_map`. A file is known by its address of 2019, wherever its bytes come from today.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal

Family = Literal["bert", "gpt", "gpt2", "transfo_xl"]
Kind = Literal["weights", "config", "vocabulary", "merges", "corpus"]

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "pytorch_model.bin"
KINDS: tuple[Kind, ...] = ("weights", "config", "vocabulary", "merges", "corpus")


@dataclass(frozen=True)
class Pin:
    """What the bytes of a file must be: ``sha256`` in hexadecimal and ``size`` in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Checkpoint:
    """A published model: where its files are and what a tokenizer must know about it.

    Args:
        name: the shortcut name.
        family: which group of model and tokenizer classes reads it.
        weights: address of the PyTorch weights.
        config: address of the configuration.
        vocabulary: address of the vocabulary.
        merges: address of the byte-pair merges; None where the family has none.
        corpus: address of the encoded corpus; None for all but Transformer-XL.
        max_length: longest input in tokens; None for no limit.
        lower_case: whether text is lower-cased first; None where the family has no such switch.
        repository: where the files are on the Hugging Face Hub today.
        revision: the commit or branch there.
        archive: address of the ``.tar.gz`` of early 2019 with weights and configuration, if any.

    Example:
        >>> CATALOG["gpt2"].max_length
        1024
        >>> CATALOG["bert-base-cased"].vocabulary.rpartition("/")[2]
        'bert-base-cased-vocab.txt'
    """

    name: str
    family: Family
    weights: str
    config: str
    vocabulary: str
    merges: str | None
    corpus: str | None
    max_length: int | None
    lower_case: bool | None
    repository: str
    revision: str
    archive: str | None

    def files(self) -> dict[Kind, str]:
        """Return the addresses of all files there are, by kind."""
        addresses = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: url for kind, url in addresses.items() if url}


def closest_name(name: str, family: str | None = None) -> str | None:
    """Return the shortcut name most like ``name``, or None if none is near.

    The names of repositories on the Hugging Face Hub are compared too.

    Args:
        name: what was written.
        family: the family whose names to compare with; all of them when None.

    Example:
        >>> closest_name("bert-base-uncase")
        'bert-base-uncased'
        >>> closest_name("openai-community/gpt2")
        'gpt2'
        >>> closest_name("resnet50")
    """
    rows = [row for row in CATALOG.values() if family in {None, row.family}]
    names = {row.repository: row.name for row in rows}
    names |= {known: known for known in known_names(family)}
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return names[near[0]] if near else None


def known_names(family: str | None = None) -> list[str]:
    """Return all shortcut names, those of :data:`EMBEDDED` last.

    Args:
        family: only those of this family; of all families when None.

    Example:
        >>> known_names("gpt2")
        ['gpt2', 'gpt2-medium', 'ptbert-tiny-gpt2']
    """
    return [name for name in (*CATALOG, *EMBEDDED) if family in {None, family_of_name(name)}]


def family_of_name(name: str) -> Family:
    """Return the family of a shortcut name.

    Example:
        >>> family_of_name("gpt2-medium"), family_of_name("ptbert-tiny-bert")
        ('gpt2', 'bert')
    """
    return EMBEDDED[name] if name in EMBEDDED else CATALOG[name].family


def name_of_address(url: str) -> str | None:
    """Return the shortcut name of a checkpoint whose weights or old archive have this address.

    Example:
        >>> name_of_address(CATALOG["gpt2"].weights)
        'gpt2'
        >>> name_of_address("https://example.org/model.tar.gz")
    """
    names = (row.name for row in CATALOG.values() if url in {row.weights, row.archive})
    return next(names, None)


def archive_map(family: Family, kind: Kind) -> dict[str, str]:
    """Return name → address for one family and kind of file, as the dictionaries of 2019.

    Example:
        >>> sorted(archive_map("gpt2", "merges"))
        ['gpt2', 'gpt2-medium']
    """
    rows = (row for row in CATALOG.values() if row.family == family)
    return {row.name: row.files()[kind] for row in rows if kind in row.files()}


def length_map(family: Family) -> dict[str, int | None]:
    """Return name → longest input in tokens for one family, as the dictionaries of 2019.

    Example:
        >>> length_map("gpt")
        {'openai-gpt': 512}
    """
    return {row.name: row.max_length for row in CATALOG.values() if row.family == family}


_AMAZON = "https://s3.amazonaws.com/models.huggingface.co/bert"
_DEEPSET = "https://int-deepset-models-bert.s3.eu-central-1.amazonaws.com/pytorch"
_GOOGLE, _OPENAI = "google-bert", "openai-community"
_EVERY: dict[Kind, str] = {"weights": WEIGHTS_NAME, "config": CONFIG_NAME}
_FILE_NAMES: dict[Family, dict[Kind, str]] = {
    "bert": {**_EVERY, "vocabulary": "vocab.txt"},
    "gpt": {**_EVERY, "vocabulary": "vocab.json", "merges": "merges.txt"},
    "gpt2": {**_EVERY, "vocabulary": "vocab.json", "merges": "merges.txt"},
    "transfo_xl": {**_EVERY, "vocabulary": "vocab.bin", "corpus": "corpus.bin"},
}
# Name, family, longest input, lower-cased first?, organisation on the Hub, archive of early 2019?
# The authors of BERT lower-cased their Chinese model too (bert/tokenization.py, lower_models).
_TABLE: tuple[tuple[str, Family, int | None, bool | None, str, bool], ...] = (
    ("bert-base-uncased", "bert", 512, True, _GOOGLE, True),
    ("bert-large-uncased", "bert", 512, True, _GOOGLE, True),
    ("bert-base-cased", "bert", 512, False, _GOOGLE, True),
    ("bert-large-cased", "bert", 512, False, _GOOGLE, True),
    ("bert-base-multilingual-uncased", "bert", 512, True, _GOOGLE, True),
    ("bert-base-multilingual-cased", "bert", 512, False, _GOOGLE, True),
    ("bert-base-chinese", "bert", 512, True, _GOOGLE, True),
    ("bert-base-german-cased", "bert", 512, False, _GOOGLE, False),
    ("bert-large-uncased-whole-word-masking", "bert", 512, True, _GOOGLE, False),
    ("bert-large-cased-whole-word-masking", "bert", 512, False, _GOOGLE, False),
    ("bert-large-uncased-whole-word-masking-finetuned-squad", "bert", 512, True, _GOOGLE, False),
    ("bert-large-cased-whole-word-masking-finetuned-squad", "bert", 512, False, _GOOGLE, False),
    ("bert-base-cased-finetuned-mrpc", "bert", 512, False, _GOOGLE, False),
    ("openai-gpt", "gpt", 512, None, _OPENAI, False),
    ("gpt2", "gpt2", 1024, None, _OPENAI, False),
    ("gpt2-medium", "gpt2", 1024, None, _OPENAI, False),
    ("transfo-xl-wt103", "transfo_xl", None, None, "transfo-xl", False),
)
_BUCKETS = {"bert-base-german-cased": _DEEPSET}  # all others are in Amazon's
_REVISIONS = {  # all others are read from "main"
    "bert-base-uncased": "86b5e0934494bd15c9632b12f734a8a67f723594",
    "gpt2": "607a30d783dfa663caf39e06633721c8d4cfcd7e",
}


def published_name(family: Family, kind: Kind) -> str:
    """Return what a file of that kind is called inside a model folder.

    Example:
        >>> published_name("gpt2", "vocabulary")
        'vocab.json'
    """
    return _FILE_NAMES[family][kind]


def _checkpoint(
    name: str,
    family: Family,
    max_length: int | None,
    lower_case: bool | None,
    organisation: str,
    has_archive: bool,
) -> Checkpoint:
    start = f"{_BUCKETS.get(name, _AMAZON)}/{name}"
    files = {kind: f"{start}-{file}" for kind, file in _FILE_NAMES[family].items()}
    return Checkpoint(
        name=name,
        family=family,
        weights=files["weights"],
        config=files["config"],
        vocabulary=files["vocabulary"],
        merges=files.get("merges"),
        corpus=files.get("corpus"),
        max_length=max_length,
        lower_case=lower_case,
        repository=f"{organisation}/{name}",
        revision=_REVISIONS.get(name, "main"),
        archive=f"{start}.tar.gz" if has_archive else None,
    )


_ROWS = [_checkpoint(*row) for row in _TABLE]
CATALOG: Mapping[str, Checkpoint] = MappingProxyType({row.name: row for row in _ROWS})
"""Every shortcut name, in the order of the reference documentation."""

EMBEDDED: Mapping[str, Family] = MappingProxyType(
    {"ptbert-tiny-bert": "bert", "ptbert-tiny-gpt2": "gpt2"}
)
"""Models whose files come with the packages, and their families."""

# Known from public records; the rest is checked by the digests that servers announce.
PINS: Mapping[tuple[str, Kind], Pin] = MappingProxyType(
    {
        ("bert-base-uncased", "weights"): Pin(
            "097417381d6c7230bd9e3557456d726de6e83245ec8b24f529f60198a67b203a", 440_473_133
        ),
        ("bert-base-uncased", "vocabulary"): Pin(
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231_508
        ),
        ("gpt2", "weights"): Pin(
            "7c5d3f4b8b76583b422fcb9189ad6c89d5d97a094541ce8932dce3ecabde1421", 548_118_077
        ),
        ("gpt2", "vocabulary"): Pin(
            "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783", 1_042_301
        ),
        ("gpt2", "merges"): Pin(
            "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", 456_318
        ),
    }
)
"""Digests of catalog files, by name and kind."""
