"""Finding the files of a tokenizer by a name, a path or an address."""

import os
from dataclasses import dataclass
from pathlib import Path

from ptbert_hub import (
    Checkpoint,
    DownloadOptions,
    UnknownName,
    WrongFamily,
    cached_path,
    embedded_folder,
    extract_archive,
    is_archive,
    locate,
    open_snapshot,
)
from ptbert_hub.model_files import fetch_tokenizer
from ptbert_hub.options import ORDINARY
from ptbert_tokenizers.errors import BadVocabulary, MissingVocabulary
from ptbert_tokenizers.files.tokenizer_config import TOKENIZER_CONFIG_NAME
from ptbert_tokenizers.files.tokenizer_json import (
    TOKENIZER_JSON_NAME,
    TokenizerJson,
    is_tokenizer_json,
    read_tokenizer_json,
)
from ptbert_tokenizers.files.vocabulary import SPECIAL_TOKENS_NAME, PathLike

_VOCABULARIES = ("vocab.txt", "vocab.json", "vocab.bin")  # of all families


@dataclass(frozen=True)
class VocabularyFiles:
    """The files a tokenizer is made from.

    Args:
        vocabulary: path of the vocabulary, or the ``tokenizer.json`` that has it.
        merges: path of the byte-pair merges, where the family has them.
        special_tokens: path of the added tokens, where there are any.
        config: path of the settings, which may be absent; None where nothing is beside the file.
        whole: the ``tokenizer.json`` of the folder, if there is one.
        checkpoint: the catalog's row, if they were found by a published name.
    """

    vocabulary: str | TokenizerJson
    merges: str | None = None
    special_tokens: str | None = None
    config: Path | None = None
    whole: TokenizerJson | None = None
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True)
class FileNames:
    """What the files of a family are called inside a folder.

    Args:
        family: the family's name in the catalog.
        reader: the class that reads them, for messages.
        vocabulary: names of the vocabulary; the first one that exists is used.
        merges: name of the byte-pair merges, where the family has them.
    """

    family: str
    reader: str
    vocabulary: tuple[str, ...]
    merges: str | None


def find_vocabulary(
    name: PathLike,
    cache_dir: PathLike | None,
    names: FileNames,
    options: DownloadOptions = ORDINARY,
) -> VocabularyFiles:
    """Find the files of a name, and download those that are not in the cache.

    Args:
        name: a published checkpoint, an embedded model, a repository of the Hugging Face Hub
            (``owner/name``), a folder, an archive, a vocabulary file or an address.
        cache_dir: where downloads are kept; the hub's own cache folder when None.
        names: what the files are called.
        options: how to download.

    Raises:
        MissingVocabulary: if nothing of that name holds the vocabulary.
    """
    place = checkpoint_or_path(name, cache_dir, names.family, options)
    if isinstance(place, Checkpoint):
        return VocabularyFiles(
            vocabulary=cached_path(place.vocabulary, cache_dir, options=options),
            merges=place.merges and cached_path(place.merges, cache_dir, options=options),
            checkpoint=place,
        )
    if place.is_dir():
        return _in_folder(place, names, name)
    own_config = place.with_name(f"{place.name}.{TOKENIZER_CONFIG_NAME}")
    if own_config.is_file():  # saved with a file of any name
        return VocabularyFiles(str(place), config=own_config)
    if place.name in (*names.vocabulary, TOKENIZER_JSON_NAME) and place.is_file():
        return _in_folder(place.parent, names, place.parent, place.name)
    return VocabularyFiles(str(place))


def checkpoint_or_path(
    name: PathLike,
    cache_dir: PathLike | None = None,
    family: str | None = None,
    options: DownloadOptions = ORDINARY,
) -> Checkpoint | Path:
    """Return the published checkpoint of a name, or the local folder or file that it means.

    Addresses and the files of repositories are downloaded, and archives unpacked.

    Args:
        name: as for ``find_vocabulary``.
        cache_dir: as for ``find_vocabulary``.
        family: accept only this family; any when None.
        options: how to download.

    Raises:
        MissingVocabulary: if there is nothing of that name, or it is of another family.
        OSError: if a file could not be downloaded.
    """
    try:
        place = locate(name, family=family, revision=options.revision)
        if place.repository is not None:
            return fetch_tokenizer(open_snapshot(place.repository, cache_dir, options))
    except (UnknownName, WrongFamily) as error:
        raise MissingVocabulary(str(error)) from None
    if place.is_embedded:
        return embedded_folder(place.name, "tokenizer")
    if place.checkpoint is not None:
        return place.checkpoint
    path = place.path or Path(cached_path(place.name, cache_dir, options=options))
    return extract_archive(path, cache_dir) if path.is_file() and is_archive(path) else path


def _in_folder(
    folder: Path, names: FileNames, given: PathLike, chosen: str | None = None
) -> VocabularyFiles:
    """The files of a folder, with the one that was chosen as the vocabulary.

    ``given`` is what the caller gave, which may be the name of a repository.
    """
    wanted = names.vocabulary if chosen is None else (chosen,)
    vocabulary: str | TokenizerJson | None = _first_file(folder, wanted)
    whole = None
    if names.family != "transfo_xl" and (folder / TOKENIZER_JSON_NAME).is_file():
        whole = read_tokenizer_json(folder / TOKENIZER_JSON_NAME)
        if whole.family != names.family:
            raise BadVocabulary(
                f"{whole.path!r} describes a tokenizer of the family {whole.family}, which "
                f"{names.reader} does not read; use the class of that family"
            )
    if whole is not None and (vocabulary is None or is_tokenizer_json(vocabulary)):
        vocabulary = whole
    if vocabulary is None:
        other = _first_file(folder, _VOCABULARIES)
        shown, again = f"folder {str(folder)!r}", "folder"
        if not Path(given).is_dir():
            shown = again = repr(os.fspath(given))
        raise MissingVocabulary(
            f"{shown} has no {' or '.join(names.vocabulary)}, which {names.reader} "
            + (
                "reads; save_vocabulary(folder) writes it"
                if other is None
                else f"reads, and the {os.path.basename(other)} of another family; use its class, "
                f"as ptbert_tokenizers.families.load_tokenizer({again}) does"
            )
        )
    return VocabularyFiles(
        vocabulary=vocabulary,
        merges=_first_file(folder, (names.merges,))
        if names.merges and vocabulary is not whole
        else None,
        special_tokens=_first_file(folder, (SPECIAL_TOKENS_NAME,)),
        config=folder / TOKENIZER_CONFIG_NAME,
        whole=whole,
    )


def _first_file(folder: Path, names: tuple[str, ...]) -> str | None:
    paths = (os.path.join(folder, name) for name in names)
    return next((path for path in paths if os.path.isfile(path)), None)
