"""The settings of a folder: what this package or another library wrote there, believed or refused

* Keys of ``tokenizer_config.json`` that this package shares with the library ``transformers`` have
  the meaning and the name that they have there. All else that this package keeps is under
  ``ptbert``.
* If the folder has files that only other libraries write, they decide, also if ``ptbert`` is there:
  these libraries copy keys that they do not know.
* A key that changes ids and that a family does not have is refused. Other keys change nothing here.
"""

import dataclasses
import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptbert_hub.files import replace
from ptbert_tokenizers.batches.rows import PADDING_SIDES, PaddingSide
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.added_tokens import added_token, marked_token, written
from ptbert_tokenizers.files.options import Option, with_names
from ptbert_tokenizers.files.tokenizer_config import (
    TOKENIZER_CONFIG_NAME,
    read_json_object,
    write_json_object,
)
from ptbert_tokenizers.files.tokenizer_json import TOKENIZER_JSON_NAME, TokenizerJson
from ptbert_tokenizers.plain.added_tokens import AddedToken, AddedTokens

logger = logging.getLogger(__name__)

OWN_KEY = "ptbert"
ADDED_TOKENS_NAME = "added_tokens.json"
SPECIAL_TOKENS_MAP_NAME = "special_tokens_map.json"
OTHERS_NAMES = (TOKENIZER_JSON_NAME, ADDED_TOKENS_NAME, SPECIAL_TOKENS_MAP_NAME)
"""Files that describe a tokenizer and that only other libraries write."""

ROLES = (
    *("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"),
)
"""Names for special tokens with a purpose."""

_UNREAD = ("special_tokens", "vocab_file")  # other libraries mean something else by these
_MORE_SPECIAL = ("additional_special_tokens", "extra_special_tokens")
_DECODER = "added_tokens_decoder"
_PLAIN_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")  # tokenizer.json says it all
_NEUTRAL: Mapping[str, Sequence[Any]] = {
    "split_special_tokens": (False,),
    "truncation_side": ("right",),
}


@dataclass(frozen=True)
class Rules:
    """What a family keeps in its folders.

    Args:
        options: its settings.
        classes: the names under which libraries know its tokenizers.
        neutral: keys that change ids, with the values that leave them as they are here.
    """

    options: tuple[Option, ...]
    classes: tuple[str, ...]
    neutral: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """What a folder says about its tokenizer.

    Args:
        arguments: of the constructor.
        added: added tokens; the id is None if the folder does not tell it.
        named: special tokens that are kept whole if the vocabulary has them.
        own: what is under ``ptbert``; None if another library wrote the folder.
        path: of the file or folder to name in messages.
        padding_side: where padding is put; None if the folder does not tell.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    added: Sequence[tuple[AddedToken, int | None]] = ()
    named: Sequence[AddedToken] = ()
    own: dict[str, Any] | None = None
    path: str = ""
    padding_side: PaddingSide | None = None


def read_saved(config: Path, rules: Rules, whole: TokenizerJson | None) -> Saved:
    """Read what is beside a vocabulary.

    Args:
        config: path of ``tokenizer_config.json``, which may be absent.
        rules: those of the family.
        whole: the folder's ``tokenizer.json``, if it has one.

    Raises:
        BadVocabulary: if a file is damaged, or says what the family does not do.
    """
    settings = read_json_object(config)
    path = str(config)
    _refuse_others(settings, rules, path)
    side = _padding_side(settings, path)
    own = settings.get(OWN_KEY)
    is_folder = config.name == TOKENIZER_CONFIG_NAME  # or else it belongs to one file
    others = is_folder and any((config.parent / name).is_file() for name in OTHERS_NAMES)
    if own is not None and not others:
        if not isinstance(own, dict):
            raise BadVocabulary(f"{path!r} has {own!r} as {OWN_KEY}; correct it, or remove it")
        told = {key: value for key, value in settings.items() if value is not None}
        arguments = with_names(told, rules.options, path) | with_names(own, rules.options, path)
        added = list(_numbered(settings, path))
        return Saved(arguments, added, own=own, path=path, padding_side=side)
    saved = _of_another_library(config, settings, rules, whole)
    return dataclasses.replace(saved, padding_side=side)


def _padding_side(settings: Mapping[str, Any], path: str) -> PaddingSide | None:
    side: PaddingSide | None = settings.get("padding_side")
    if side is not None and side not in PADDING_SIDES:
        raise BadVocabulary(
            f"{path!r} has {side!r} as padding_side, where one of {PADDING_SIDES} is expected; "
            "correct it, or remove it"
        )
    return side


def _refuse_others(settings: Mapping[str, Any], rules: Rules, path: str) -> None:
    name = settings.get("tokenizer_class")
    if name is not None and name not in (*rules.classes, *_PLAIN_CLASSES):
        raise BadVocabulary(
            f"{path!r} is of a {name}, which tokenizes in another way than {rules.classes[0]}; use "
            "the library that wrote it"
        )
    for key, values in {**_NEUTRAL, **rules.neutral}.items():
        value = settings.get(key)
        value = value.get("content") if isinstance(value, dict) else value
        if value is not None and value not in values:
            raise BadVocabulary(
                f"{path!r} has {key}={value!r}, which {rules.classes[0]} does not have and which "
                "changes ids; use the library that wrote it, or remove the key if the model was "
                "trained without it"
            )


def _of_another_library(
    config: Path, settings: dict[str, Any], rules: Rules, whole: TokenizerJson | None
) -> Saved:
    path = str(config)
    special = read_json_object(config.parent / SPECIAL_TOKENS_MAP_NAME)
    settings = {**settings, **{role: special[role] for role in ROLES if role in special}}
    for role in ROLES:
        if settings.get(role) is None:
            settings.pop(role, None)
        else:
            settings[role] = marked_token(settings[role], path).content
    if "max_len" in settings:  # its name in 2019
        settings.setdefault("model_max_length", settings["max_len"])
    arguments = with_names(
        {key: value for key, value in settings.items() if value is not None and key not in _UNREAD},
        rules.options,
        path,
    )
    for option in rules.options:
        if option.besides and option.name in arguments:
            arguments[option.name] = list(dict.fromkeys([*option.besides, *arguments[option.name]]))
    if whole is not None:
        says_all = settings.get("tokenizer_class") in (None, *_PLAIN_CLASSES)
        if whole.lacks and says_all:
            raise BadVocabulary(
                f"{whole.path!r} has no {' and no '.join(whole.lacks)}, so that it tokenizes in "
                f"another way than {rules.classes[0]}; use the library that wrote it"
            )
        described = {
            option.name: option.checked(whole.arguments[option.name], whole.path)
            for option in rules.options
            if option.name in whole.arguments
        }
        arguments = {**described, **arguments}
        if settings.get("tokenizer_class") in _PLAIN_CLASSES:
            arguments |= described
    roles = [marked_token(settings[role], path, special=True) for role in ROLES if role in settings]
    added = _added_by_another_library(config, settings, special, roles, whole)
    return Saved(arguments, added, roles, path=str(config.parent))


def _added_by_another_library(
    config: Path,
    settings: Mapping[str, Any],
    special: Mapping[str, Any],
    roles: Sequence[AddedToken],
    whole: TokenizerJson | None,
) -> list[tuple[AddedToken, int | None]]:
    """The added tokens of all files of a folder."""
    path = str(config)
    special_path = str(config.parent / SPECIAL_TOKENS_MAP_NAME)
    more = [*_more_special(settings, path), *_more_special(special, special_path)]
    names = {token.content for token in (*roles, *more)}
    # The later ones have more flags than added_tokens.json, which has none.
    added_path = config.parent / ADDED_TOKENS_NAME
    numbered = [
        added_token({"content": content, "special": content in names}, str(added_path), index)
        for content, index in read_json_object(added_path).items()
    ]
    numbered += [*(whole.added if whole is not None else ()), *_numbered(settings, path)]
    added: dict[str, tuple[AddedToken, int | None]] = {}
    for token, index in numbered:
        known = added.get(token.content, (token, index))[1]
        if known != index:
            raise BadVocabulary(
                f"{path!r} and the files beside it give the added token {token.content!r} two ids, "
                f"{known} and {index}; get the files of the model again"
            )
        added[token.content] = (token, index)
    for token in more:
        added.setdefault(token.content, (token, None))
    return list(added.values())


def _numbered(settings: Mapping[str, Any], path: str) -> Iterator[tuple[AddedToken, int]]:
    entries = settings.get(_DECODER) or {}
    if not isinstance(entries, dict):
        raise BadVocabulary(f"{path!r} has no object as {_DECODER}; correct it, or remove it")
    for index, entry in entries.items():
        yield added_token(entry, path, index)


def _more_special(settings: Mapping[str, Any], path: str) -> Iterator[AddedToken]:
    """The special tokens without a role."""
    for key in _MORE_SPECIAL:
        more = settings.get(key) or ()
        if not isinstance(more, (dict, list, tuple)):
            raise BadVocabulary(
                f"{path!r} has {more!r} as {key}, where a list of tokens is expected; correct it, "
                "or remove it and call add_special_tokens"
            )
        for each in more.values() if isinstance(more, dict) else more:
            yield marked_token(each, path, special=True)


def write_saved(
    config: Path,
    rules: Rules,
    settings: Mapping[str, Any],
    vocabulary: Container[str],
    added: AddedTokens,
    more: Mapping[str, Any],
    padding_side: PaddingSide,
) -> Path:
    """Write the settings of a tokenizer beside its vocabulary.

    Args:
        config: path of ``tokenizer_config.json``.
        rules: those of the family.
        settings: the value of each option, by the constructor's names.
        vocabulary: all tokens.
        added: the added tokens.
        more: what else the family needs.
        padding_side: where padding is put.
    """
    common: dict[str, Any] = {"tokenizer_class": rules.classes[0]}
    if padding_side != "right":
        common["padding_side"] = padding_side
    own: dict[str, Any] = {}
    for option in rules.options:
        if option.name not in settings:
            continue
        value = settings[option.name]
        # To a special token that the vocabulary lacks, other libraries would give a new id.
        is_lacking = option.name in ROLES and value is not None and value not in vocabulary
        if is_lacking:
            common[option.key_in_file] = None
        (common if option.is_common and not is_lacking else own)[option.key_in_file] = value
    if added:
        common[_DECODER] = written(added)
    return write_json_object(config, {**common, OWN_KEY: {**own, **more}})


def set_aside_others(folder: Path) -> None:
    """Rename files in which other libraries describe the tokenizer that was here before.

    They would be read in the place of the new tokenizer.
    """
    for name in OTHERS_NAMES:
        if (folder / name).is_file():
            replace(folder / name, folder / f"{name}.old")
            logger.warning(
                "%s describes the tokenizer that was in this folder before; it is now %s.old",
                folder / name,
                name,
            )
