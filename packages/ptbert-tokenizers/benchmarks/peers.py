"""The implementations to compare, each made from the same vocabulary files."""

import importlib.util
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer
from ptbert_tokenizers.files.vocabulary import read_json_vocabulary, read_merges
from ptbert_tokenizers.plain.bpe import bytes_to_unicode
from ptbert_tokenizers.plain.gpt2_words import PATTERN

Encode = Callable[[Sequence[str]], object]


@dataclass(frozen=True)
class Task:
    """One tokenizer and its peers.

    Args:
        vocabulary: name of the vocabulary's folder.
        tokenizer: our class.
        options: keyword arguments for it.
        hugging_face: makes the peer of the tokenizers library from the folder.
        name_2019: name of the class in the 2019 library; None for GPT-2, where the last release
            fails on text beyond ASCII.
        has_tiktoken: whether tiktoken can do it.
    """

    vocabulary: str
    tokenizer: Any
    options: dict[str, Any]
    hugging_face: Callable[[Path], Any]
    name_2019: str | None
    has_tiktoken: bool = False

    def ours(self, vocabularies: Path) -> Any:
        """Our tokenizer, loaded, with its first answer given."""
        tokenizer = self.tokenizer.from_pretrained(vocabularies / self.vocabulary, **self.options)
        tokenizer.encode_flat([""])
        return tokenizer

    def makers(
        self, vocabularies: Path, *, singly: bool = False, with_2019: bool = False
    ) -> dict[str, Callable[[], Encode]]:
        """What makes a fresh encoder of each installed implementation."""
        folder = vocabularies / self.vocabulary
        makers: dict[str, Callable[[], Encode]] = {
            "ptbert": lambda: self.ours(vocabularies).encode_flat
        }
        if singly:
            makers["ptbert, one text at a time"] = lambda: _one_by_one(self.ours(vocabularies))
        if importlib.util.find_spec("tokenizers"):
            makers["tokenizers encode_batch_fast"] = lambda: _fast(self.hugging_face(folder))
        if self.has_tiktoken and importlib.util.find_spec("tiktoken"):
            makers["tiktoken encode_ordinary"] = lambda: _tiktoken(folder)
        name = self.name_2019
        if with_2019 and name is not None:
            makers["2019"] = lambda: _of_2019(name, folder, self.options)
        return makers


def _one_by_one(tokenizer: Any) -> Encode:
    def encode(texts: Sequence[str]) -> object:
        return [tokenizer.encode(text, add_special_tokens=False) for text in texts]

    return encode


def _fast(tokenizer: Any) -> Encode:
    def encode(texts: Sequence[str]) -> object:
        return [found.ids for found in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return encode


def _hugging_face_bert(lowercase: bool) -> Callable[[Path], Any]:
    def make(folder: Path) -> Any:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        model = models.WordPiece.from_file(str(folder / "vocab.txt"), unk_token="[UNK]")
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return tokenizer

    return make


def _hugging_face_gpt2(folder: Path) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    tokenizer = Tokenizer(models.BPE.from_file(*files))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def _hugging_face_gpt(folder: Path) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    model = models.BPE.from_file(*files, unk_token="<unk>", end_of_word_suffix="</w>")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _tiktoken(folder: Path) -> Encode:
    """GPT-2 by rank data made from our own files, so that nothing is downloaded."""
    from tiktoken import Encoding

    byte_of = {char: byte for byte, char in bytes_to_unicode().items()}
    pieces = list(bytes_to_unicode().values())
    pieces += ["".join(pair) for pair in read_merges(folder / "merges.txt")]
    vocabulary = read_json_vocabulary(folder / "vocab.json")
    ranks = {bytes(byte_of[char] for char in piece): vocabulary[piece] for piece in pieces}
    encoding = Encoding("gpt2", pat_str=PATTERN.pattern, mergeable_ranks=ranks, special_tokens={})

    def encode(texts: Sequence[str]) -> object:
        return [encoding.encode_ordinary(text) for text in texts]

    return encode


def _of_2019(name: str, folder: Path, options: dict[str, Any]) -> Encode:
    import pytorch_pretrained_bert

    logging.getLogger("pytorch_pretrained_bert").setLevel(logging.ERROR)
    tokenizer = getattr(pytorch_pretrained_bert, name).from_pretrained(str(folder), **options)

    def encode(texts: Sequence[str]) -> object:
        return [tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) for text in texts]

    return encode


TASKS = {
    "bert-uncased": Task(
        "bert-base-uncased", BertTokenizer, {}, _hugging_face_bert(True), "BertTokenizer"
    ),
    "bert-cased": Task(
        "bert-base-cased",
        BertTokenizer,
        {"do_lower_case": False},
        _hugging_face_bert(False),
        "BertTokenizer",
    ),
    "gpt2": Task("gpt2", GPT2Tokenizer, {}, _hugging_face_gpt2, None, True),
    "openai-gpt": Task(
        "openai-gpt", OpenAIGPTTokenizer, {}, _hugging_face_gpt, "OpenAIGPTTokenizer"
    ),
}
