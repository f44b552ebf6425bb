"""`tokenizer.json`, in which current libraries keep a whole tokenizer: read where a family has it

A file that describes anything that the families of 2019 do not have is refused by name.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ptbert_tokenizers.edits import Vocabulary
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.added_tokens import added_token
from ptbert_tokenizers.files.tokenizer_config import read_json
from ptbert_tokenizers.files.vocabulary import PathLike, checked_vocabulary
from ptbert_tokenizers.plain.added_tokens import AddedToken

TOKENIZER_JSON_NAME = "tokenizer.json"

_GPT_WORD_END = "</w>"


@dataclass(frozen=True)
class TokenizerJson(os.PathLike[str]):
    """What a ``tokenizer.json`` says. It takes the place of a vocabulary file's path.

    Args:
        path: the file.
        family: ``bert``, ``gpt`` or ``gpt2``.
        vocabulary: token → id, without added tokens.
        merges: byte-pair merges, best first.
        arguments: of the constructor of the family's tokenizer.
        added: added tokens with their ids.
        lacks: parts that every tokenizer of the family has and the file has not.
    """

    path: str
    family: str
    vocabulary: Vocabulary
    merges: Sequence[tuple[str, str]] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    added: Sequence[tuple[AddedToken, int]] = ()
    lacks: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return self.path


def is_tokenizer_json(path: PathLike) -> bool:
    """Tell whether a path is named like this kind of file."""
    return os.path.basename(os.fspath(path)) == TOKENIZER_JSON_NAME


def read_tokenizer_json(path: PathLike) -> TokenizerJson:
    """Read a ``tokenizer.json``.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is not of this kind, or describes a tokenizer of another kind.

    Example:
        >>> import json
        >>> from pathlib import Path
        >>> model = {"type": "WordPiece", "vocab": {"[UNK]": 0, "hello": 1}}
        >>> _ = Path("tokenizer.json").write_text(json.dumps({"model": model}))
        >>> read = read_tokenizer_json("tokenizer.json")
        >>> read.family, dict(read.vocabulary)
        ('bert', {'[UNK]': 0, 'hello': 1})
    """
    name = os.fspath(path)
    content = read_json(path, "save the tokenizer again")
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise BadVocabulary(
            f"{name!r} describes no tokenizer: it has no model; give the folder or the vocabulary "
            "of a tokenizer"
        )
    reader = _Reader(name, content)
    return reader.wordpiece() if reader.model_type() == "WordPiece" else reader.byte_pairs()


class _Reader:
    """Reads one file, and checks each of its parts."""

    def __init__(self, name: str, content: dict[str, Any]) -> None:
        self._name = name
        self._content = content
        self._model: dict[str, Any] = content["model"]

    def model_type(self) -> str:
        """The kind of model."""
        kind = self._model.get("type") or ("BPE" if "merges" in self._model else "WordPiece")
        if kind not in ("WordPiece", "BPE"):
            self._refuse("model", kind)
        return str(kind)

    def wordpiece(self) -> TokenizerJson:
        """The file as one of BERT's."""
        self._demand(self._model, "model", continuing_subword_prefix="##")
        arguments = self._casing()
        pre = self._part("pre_tokenizer")
        if pre.get("type", "BertPreTokenizer") != "BertPreTokenizer":
            self._refuse("pre_tokenizer", pre["type"])
        arguments |= self._frame()
        for key in ("unk_token", "max_input_chars_per_word"):
            if self._model.get(key) is not None:
                arguments[key] = self._model[key]
        parts = ("normalizer", "pre_tokenizer", "post_processor")
        return self._read("bert", arguments, lacks=parts)

    def byte_pairs(self) -> TokenizerJson:
        """The file as one of GPT's or GPT-2's."""
        self._demand(
            self._model, "model", dropout=0, continuing_subword_prefix="", fuse_unk=False,
            byte_fallback=False, ignore_merges=False,
        )  # fmt: skip
        suffix = self._model.get("end_of_word_suffix") or ""
        if suffix not in ("", _GPT_WORD_END):
            self._refuse("model", f"BPE with end_of_word_suffix={suffix!r}")
        return self._gpt() if suffix else self._gpt2()

    def _gpt(self) -> TokenizerJson:
        casing = self._casing()
        if casing and not (
            casing["do_lower_case"] is casing["tokenize_chinese_chars"] is True
            and casing["strip_accents"] in (None, True)
        ):
            self._refuse("normalizer", f"BertNormalizer with {casing}")
        pre = self._part("pre_tokenizer")
        if pre.get("type", "BertPreTokenizer") != "BertPreTokenizer":
            self._refuse("pre_tokenizer", pre["type"])
        self._demand_no_frame()
        unknown = self._model.get("unk_token")
        arguments = {} if unknown is None else {"unk_token": unknown}
        return self._read("gpt", arguments, lacks=("normalizer", "pre_tokenizer"))

    def _gpt2(self) -> TokenizerJson:
        normalizer, pre = self._part("normalizer"), self._part("pre_tokenizer")
        if normalizer:
            self._refuse("normalizer", normalizer.get("type"))
        if pre.get("type", "ByteLevel") != "ByteLevel":
            self._refuse("pre_tokenizer", pre["type"])
        self._demand(pre, "pre_tokenizer", add_prefix_space=False, use_regex=True)
        self._demand_no_frame()
        return self._read("gpt2", {}, lacks=("pre_tokenizer",))

    def _casing(self) -> dict[str, Any]:
        """What the normalizer says, as arguments of BertTokenizer."""
        normalizer = self._part("normalizer")
        if not normalizer:
            return {}
        if normalizer.get("type") != "BertNormalizer":
            self._refuse("normalizer", normalizer.get("type"))
        self._demand(normalizer, "normalizer", clean_text=True)
        return {
            "do_lower_case": normalizer.get("lowercase", True),
            "strip_accents": normalizer.get("strip_accents"),
            "tokenize_chinese_chars": normalizer.get("handle_chinese_chars", True),
        }

    def _frame(self) -> dict[str, str]:
        """The tokens around a text, as arguments of BertTokenizer."""
        processor = self._part("post_processor")
        if not processor:
            return {}
        try:
            if processor["type"] == "BertProcessing":
                return {"cls_token": processor["cls"][0], "sep_token": processor["sep"][0]}
            if processor["type"] == "TemplateProcessing":
                first, last = (processor["single"][i]["SpecialToken"]["id"] for i in (0, -1))
                single = [_special(first, 0), _sequence("A", 0), _special(last, 0)]
                pair = [*single, _sequence("B", 1), _special(last, 1)]
                if (processor["single"], processor["pair"]) == (single, pair):
                    return {"cls_token": first, "sep_token": last}
        except (KeyError, IndexError, TypeError):
            pass
        self._refuse("post_processor", processor.get("type"))

    def _demand_no_frame(self) -> None:
        processor = self._part("post_processor")
        parts = processor.get("processors") if processor.get("type") == "Sequence" else [processor]
        for part in parts if isinstance(parts, list) else [processor]:
            kind = part.get("type") if isinstance(part, dict) else part
            is_template = kind == "TemplateProcessing" and not part.get("special_tokens")
            if part and kind != "ByteLevel" and not is_template:
                self._refuse("post_processor", kind)

    def _part(self, name: str) -> dict[str, Any]:
        """A part of the tokenizer; empty if there is none."""
        part = self._content.get(name) or {}
        if isinstance(part, dict) and part.get("type") == "Sequence":
            inner = next((each for each in part.values() if isinstance(each, list)), [])
            if len(inner) == 1:
                part = inner[0]
        if not isinstance(part, dict):
            self._refuse(name, part)
        return part

    def _demand(self, part: Mapping[str, Any], name: str, **expected: Any) -> None:
        for key, value in expected.items():
            if part.get(key) not in (None, value):
                self._refuse(name, f"{part.get('type')} with {key}={part[key]!r}")

    def _read(self, family: str, arguments: dict[str, Any], lacks: Sequence[str]) -> TokenizerJson:
        vocabulary = self._model.get("vocab")
        if not isinstance(vocabulary, dict):
            raise BadVocabulary(
                f"{self._name!r} has no vocabulary of the form token to id; save it again"
            )
        listed, merges = (self._content.get("added_tokens"), self._model.get("merges"))
        if not all(isinstance(each, (list, type(None))) for each in (listed, merges)):
            raise BadVocabulary(
                f"{self._name!r} has no list of added tokens or of merges; save the tokenizer again"
            )
        return TokenizerJson(
            path=self._name,
            family=family,
            vocabulary=checked_vocabulary(list(vocabulary.items()), self._name),
            merges=[self._merge(pair) for pair in merges or ()],
            arguments=arguments,
            added=[added_token(each, self._name) for each in listed or ()],
            # A key that is not there at all is an abbreviation; null means that there is no part.
            lacks=tuple(each for each in lacks if self._content.get(each, 0) is None),
        )

    def _merge(self, pair: Any) -> tuple[str, str]:
        symbols = pair.split(" ") if isinstance(pair, str) else pair
        if not (isinstance(symbols, list) and list(map(type, symbols)) == [str, str]):
            raise BadVocabulary(f"{self._name!r} has {pair!r} as a merge; a merge is two symbols")
        return symbols[0], symbols[1]

    def _refuse(self, part: str, found: Any) -> NoReturn:
        raise BadVocabulary(
            f"{self._name!r} has a {part} that no tokenizer of this package has: {found}; load it "
            "with the library that wrote it"
        )


def _special(token: str, number: int) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": number}}


def _sequence(name: str, number: int) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": number}}
