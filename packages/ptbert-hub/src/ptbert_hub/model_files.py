"""The files of a repository that make a model: what they are called, and which of them to fetch"""

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ptbert_hub.catalog import CONFIG_NAME, WEIGHTS_NAME, Kind
from ptbert_hub.embedded import Part, embedded_folder
from ptbert_hub.errors import BadContent, NotFound, OfflineMiss
from ptbert_hub.repositories import is_file_name
from ptbert_hub.snapshots import Snapshot, read_json_file

SAFETENSORS_NAME = "model.safetensors"
_INDEX = ".index.json"  # of weights in several files
WEIGHTS_NAMES = (
    SAFETENSORS_NAME,
    f"{SAFETENSORS_NAME}{_INDEX}",
    WEIGHTS_NAME,
    f"{WEIGHTS_NAME}{_INDEX}",
)
"""What weights are called, those that hold nothing but numbers first."""
FILE_NAMES: dict[Kind, tuple[str, ...]] = {
    "weights": WEIGHTS_NAMES,
    "config": (CONFIG_NAME,),
    "vocabulary": (
        *("vocab.txt", "vocab.json", "vocab.bin", "tokenizer.json", "tokenizer_config.json"),
        *("added_tokens.json", "special_tokens_map.json", "special_tokens.txt"),
    ),
    "merges": ("merges.txt",),
    "corpus": ("corpus.bin",),
}
"""What the files of a model are called in a repository, by kind."""
_USUAL = tuple(kind for kind in FILE_NAMES if kind != "corpus")
TOKENIZER_NAMES = (*FILE_NAMES["vocabulary"], *FILE_NAMES["merges"])
"""What may be there of a tokenizer."""
_OTHER_WEIGHTS = {
    "flax_model.msgpack": "Flax",
    "tf_model.h5": "Keras",
    "rust_model.ot": "Rust",
    ".onnx": "ONNX",
    ".gguf": "GGUF",
    ".tflite": "TensorFlow Lite",
    "adapter_model.safetensors": "an adapter of peft",
    "adapter_model.bin": "an adapter of peft",
    ".ckpt.index": "TensorFlow",
}


def fetch_weights(snapshot: Snapshot) -> Path | None:
    """Return the weights, or the index of weights in several files, after fetching all of them.

    Raises:
        BadContent: if an index is none.
        HubError: if a file could not be downloaded.
    """
    names = WEIGHTS_NAMES
    if importlib.util.find_spec("safetensors") is None:  # caches of 0.5 then have the others
        names = (*names[2:], *names[:2])
    found = snapshot.fetch_first(names)
    if found is None or not found.name.endswith(_INDEX):
        return found
    for name in shard_names(found):
        if snapshot.fetch(name) is None:
            raise NotFound(
                f"{snapshot.shown} has no file {name!r}, which its {found.name} names",
                hint="take another revision, or tell its authors",
            )
    return snapshot.folder / found.name  # the folder is another one if the cache became full


def shard_names(index: Path) -> list[str]:
    """Return the names of the files that an index of weights names, each once and in order.

    Raises:
        BadContent: if it is no such index, or a name leads elsewhere.
    """
    try:
        weight_map = read_json_file(index)["weight_map"]
        names = sorted(set(weight_map.values()))
        is_right = bool(names) and all(
            is_file_name(name) and not name.endswith(_INDEX) for name in names
        )
    except BadContent as error:
        raise BadContent(
            f"{str(index)!r} is no index of weights: {error}",
            hint="take another revision, or tell the authors of the repository",
        ) from None
    except (KeyError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise BadContent(
            f"{str(index)!r} has no 'weight_map' from weights to plain names of files",
            hint="take another revision, or tell the authors of the repository",
        )
    return names


def fetch_tokenizer(snapshot: Snapshot) -> Path:
    """Fetch what there is of a tokenizer, and return the folder with it.

    Raises:
        NotFound: if there is nothing of a tokenizer.
        HubError: if a file could not be downloaded.
    """
    found = snapshot.fetch_first(TOKENIZER_NAMES)
    if found is None:
        raise NotFound(
            f"{snapshot.shown} has none of {', '.join(TOKENIZER_NAMES)}",
            hint="take the repository of the model that this one was made from",
        )
    for name in TOKENIZER_NAMES:
        if name != found.name:
            snapshot.fetch(name)
    return snapshot.folder


def other_weights(names: Iterable[str]) -> str:
    """Say which formats of weights are among some files that this project does not read.

    Example:
        >>> other_weights(["config.json", "onnx/model.onnx", "tf_model.h5"])
        'Keras (tf_model.h5), ONNX (onnx/model.onnx)'
        >>> other_weights(["README.md"])
        ''
    """
    found: dict[str, str] = {}
    for ending, format_ in _OTHER_WEIGHTS.items():
        for name in sorted(names):
            if name == ending or (ending.startswith(".") and name.endswith(ending)):
                found.setdefault(format_, name)
    return ", ".join(f"{format_} ({name[:100]})" for format_, name in found.items())


def no_weights(snapshot: Snapshot) -> NotFound:
    """Return the error for a repository without weights that can be read."""
    others = other_weights(snapshot.files or ())
    what = f"; it has weights for other libraries: {others}" if others else ""
    return NotFound(
        f"{snapshot.shown} has none of {', '.join(WEIGHTS_NAMES)}{what}",
        hint="take another repository or revision, or save these for PyTorch with the library that "
        "reads them",
    )


def fetch_files(snapshot: Snapshot, kinds: Sequence[Kind] | None = None) -> list[Path]:
    """Download the files of a model, and return where they are under their own names.

    Args:
        snapshot: the commit that they are from.
        kinds: which of :data:`FILE_NAMES`; all but the corpus when None.

    Raises:
        NotFound: if it has no file of one of these kinds, or no weights where all are wanted.
        HubError: if a file could not be downloaded.
    """
    paths: list[Path] = []
    for kind in kinds or _USUAL:
        if kind == "weights":
            weights = fetch_weights(snapshot)
            if weights is None:
                raise no_weights(snapshot)
            is_index = weights.name.endswith(_INDEX)
            paths += [weights, *map(weights.with_name, shard_names(weights) if is_index else ())]
            continue
        found = [path for name in FILE_NAMES[kind] if (path := snapshot.fetch(name))]
        if kinds and not found:
            raise NotFound(
                f"{snapshot.shown} has no {kind}",
                hint=f"that would be one of {', '.join(FILE_NAMES[kind])}",
            )
        paths += found
    return paths


def stored_files(snapshot: Snapshot, kinds: Sequence[Kind] | None = None) -> Iterator[Path]:
    """Yield where the files of a model are that caches have; nothing is written.

    Args:
        snapshot: the commit that they are from, without the network.
        kinds: as for :func:`fetch_files`.

    Raises:
        OfflineMiss: if no cache has a file that :func:`fetch_files` downloads.
    """
    names = [name for kind in kinds or _USUAL for name in FILE_NAMES[kind]]
    has_weights, missed = False, None
    for name in names:
        try:
            path = snapshot.find(name)
        except OfflineMiss as error:
            if name not in WEIGHTS_NAMES:
                raise
            missed = missed or error  # weights of one kind are enough
            continue
        if path is None:
            continue
        has_weights = has_weights or name in WEIGHTS_NAMES
        named = snapshot.folder / name
        yield named if named.exists() else path
        if name.endswith(_INDEX):
            names += shard_names(path)
    if missed and not has_weights:
        raise missed


def embedded_files(name: str, kinds: Sequence[Kind] | None = None) -> list[Path]:
    """Return where the files of an embedded model are.

    Args:
        name: one of :data:`~ptbert_hub.EMBEDDED`.
        kinds: as for :func:`fetch_files`.

    Raises:
        NotFound: if it has no file of one of these kinds, or a package is not installed.
    """
    paths: list[Path] = []
    for kind in kinds or _USUAL:
        part: Part = "model" if kind in {"weights", "config"} else "tokenizer"
        places = (embedded_folder(name, part) / file for file in FILE_NAMES[kind])
        found = [path for path in places if path.is_file()]
        if kinds and not found:
            raise NotFound(
                f"{name!r} has no {kind}",
                hint=f"that would be one of {', '.join(FILE_NAMES[kind])}",
            )
        paths += found
    return paths
