"""TransfoXLTokenizer: whole words, numbered by frequency."""

import os
import re
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ptbert_hub.progress import watched
from ptbert_tokenizers.arguments import checked_switch
from ptbert_tokenizers.batches.texts import no_text
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.lines import read_lines
from ptbert_tokenizers.files.options import Option
from ptbert_tokenizers.files.saved_settings import Rules, Saved
from ptbert_tokenizers.files.symbols import (
    SYMBOLS_NAME,
    form_of_lines,
    read_symbols,
    write_symbols,
)
from ptbert_tokenizers.files.torch_file import is_torch_file, read_plain_objects
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.loading import VocabularyFiles
from ptbert_tokenizers.plain import unicode_14
from ptbert_tokenizers.plain.added_tokens import NONE_ADDED, AddedToken, AddedTokens
from ptbert_tokenizers.plain.gaps import close_gaps
from ptbert_tokenizers.plain.offsets import Span, Traced, lowered
from ptbert_tokenizers.pretrained import PreTrainedTokenizer, listed_ids
from ptbert_tokenizers.quick.untouched import untouched
from ptbert_tokenizers.streaming import Spaced, Step, StreamDecoder, closed_gaps
from ptbert_tokenizers.vocabularies.counted import CountedVocabulary

if TYPE_CHECKING:
    from torch import Tensor

VOCAB_NAME = SYMBOLS_NAME
TORCH_VOCAB_NAME = "vocab.bin"

_NUMBER = "_idx"  # <name>_idx is the id of a special symbol
# The other attributes in a vocabulary file of 2019.
_TORCH_VOCABULARY: dict[str, type | tuple[type, ...]] = {
    "counter": dict,
    "special": (list, tuple),
    "min_freq": int,
    "max_size": (int, type(None)),
    "lower_case": bool,
    "delimiter": (str, type(None)),
    "vocab_file": (str, type(None)),
    "never_split": (list, tuple),
    "idx2sym": list,
    "sym2idx": dict,
}


RULES = Rules(
    options=(
        Option("special", "list of strings", "special"),
        Option("min_freq", "number", "min_freq"),
        Option("max_size", "number or null", "max_size"),
        Option("lower_case", "true or false", "lower_case"),
        Option("delimiter", "string or null", "delimiter"),
        Option("vocab_file", "string or null", "vocab_file", is_common=False),
        Option("never_split", "list of strings", "never_split", is_common=False),
        Option("pad_token", "string or null", "pad_token"),
    ),
    classes=("TransfoXLTokenizer",),
    neutral={"unk_token": ("<unk>", "<UNK>")},
)
"""What a folder keeps of such a tokenizer."""


class TransfoXLTokenizer(CountedVocabulary, PreTrainedTokenizer):
    """Transformer-XL's tokenizer, which also counts a corpus and builds the vocabulary from it.

    The text must already have spaces between words. Frequent words get the lowest ids, which the
    adaptive softmax needs.

    Args:
        special: symbols that come before all others, such as ``<eos>`` and ``<unk>``.
        min_freq: words that occur less often are left out.
        max_size: largest number of counted words to keep; all when None.
        lower_case: lower-case the text.
        delimiter: the separator of words; any whitespace when None. If it is empty, every
            character is a word.
        vocab_file: path of a vocabulary for ``build_vocab`` to read, one symbol a line.
        never_split: kept as an attribute for programs that read it; words are never split here.
        pad_token: the token that fills up batches; when None, the id 0 does.

    Source:
        Dai et al. 2019, arXiv:1901.02860; Grave et al. 2017, arXiv:1609.04309.

    Example:
        >>> tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"])
        >>> tokenizer.count_sents([["the", "cat", "the"]])
        >>> tokenizer.build_vocab()
        >>> tokenizer.encode("the dog"), tokenizer.decode([2, 3, 0])
        ([2, 1], 'the cat <eos>')
    """

    family: ClassVar[str] = "transfo_xl"
    vocabulary_names: ClassVar[tuple[str, ...]] = (VOCAB_NAME, TORCH_VOCAB_NAME)
    model_inputs: ClassVar[tuple[str, ...]] = ("input_ids",)
    file_arguments: ClassVar[int] = 0
    rules: ClassVar[Rules] = RULES

    def __init__(
        self,
        special: Sequence[str] = (),
        min_freq: int = 0,
        max_size: int | None = None,
        lower_case: bool = False,
        delimiter: str | None = None,
        vocab_file: PathLike | None = None,
        never_split: Sequence[str] = ("<unk>", "<eos>", "<formula>"),
        *,
        pad_token: str | None = None,
    ) -> None:
        super().__init__(special, min_freq, max_size, vocab_file)
        self.pad_token = pad_token
        self.lower_case = checked_switch(lower_case, "lower_case")
        self.delimiter = delimiter
        self.never_split = never_split

    @classmethod
    def _open(cls, files: VocabularyFiles, saved: Saved, *inputs: Any, **kwargs: Any) -> Self:
        tokenizer = cls(*inputs, **kwargs)
        path = os.fspath(files.vocabulary)
        if is_torch_file(path):
            tokenizer.__dict__.update(_torch_vocabulary(path))
        elif saved.own is not None:
            tokenizer.__dict__.update(_own_vocabulary(path, saved))
        else:
            tokenizer._build_from_file(path)
        return tokenizer

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Symbol → id."""
        return self.sym2idx

    def _added_id(self, token: str) -> int:
        return self.sym2idx.get(token, self.added_tokens.ids[token])

    def build_vocab(self) -> None:
        """Number the special symbols, the counted words (or a ``vocab_file``), added tokens."""
        super().build_vocab()
        added = self.added_tokens
        if added:
            self.added_tokens = NONE_ADDED
            self.add_tokens(list(added.entries))

    def _add(self, entries: Mapping[AddedToken, int]) -> None:
        """Add tokens, which are symbols of the vocabulary here."""
        symbols, numbers = list(self.idx2sym), OrderedDict(self.sym2idx)
        for token, index in AddedTokens(entries).entries.items():
            if numbers.setdefault(token.content, index) != index or index > len(symbols):
                raise BadVocabulary(
                    f"the added token {token.content!r} has the id {index}, which does not follow "
                    "those of the vocabulary; get the files of the model again"
                )
            symbols += [token.content] * (index == len(symbols))
        # Other threads see all new symbols at once.
        self.idx2sym, self.sym2idx = symbols, numbers
        super()._add(entries)

    def _normalization(self) -> Hashable:
        return (bool(self.lower_case), self.delimiter)

    def _normalized(self, text: str) -> Traced:
        traced = super()._normalized(text)
        return lowered(traced) if self.lower_case else traced

    def _separator(self) -> str:
        return self.delimiter or ""

    def _special_tokens(self) -> Iterable[str]:
        return [symbol for symbol in self.special if symbol in self.sym2idx]

    def tokenize(self, line: str, add_eos: bool = False, add_double_eos: bool = False) -> list[str]:
        """Split a line into words.

        Args:
            line: words with the delimiter between them.
            add_eos: put ``<eos>`` at the end.
            add_double_eos: put ``<S>`` at both ends instead, as for the One Billion Word corpus.

        Raises:
            TypeError: if it is no string.
        """
        if not isinstance(line, str):
            raise no_text(line, "line")
        cut, cutter = self._tokens_between, self._cutter()
        symbols = cut(line) if cutter is None else cutter.tokens(line, cut)
        if add_double_eos:
            return ["<S>", *symbols, "<S>"]
        return [*symbols, "<eos>"] if add_eos else symbols

    def _tokens_between(self, text: str) -> list[str]:
        line = text.strip()
        if self.lower_case:
            line = unicode_14.lowered(line)
        return list(line) if self.delimiter == "" else line.split(self.delimiter)

    def _is_as_shipped(self) -> bool:
        return _has_own_methods(self)

    def _spans(self, text: str) -> list[Span] | None:
        start = len(text) - len(text.lstrip())
        if self.delimiter is None:
            return [match.span() for match in re.finditer(r"\S+", text)]
        spans: list[Span] = []
        stripped = text.strip()
        for part in list(stripped) if self.delimiter == "" else stripped.split(self.delimiter):
            spans.append((start, start + len(part)))
            start += len(part) + len(self.delimiter)
        return spans

    def decode(
        self,
        indices: Iterable[int],
        exclude: Collection[int] | None = None,
        *,
        clean_up_tokenization_spaces: bool = False,
    ) -> str:
        """Return symbols with a space between two.

        Args:
            indices: ids, as ``encode`` returns them.
            exclude: ids to leave out.
            clean_up_tokenization_spaces: remove the spaces before punctuation marks.
        """
        left_out = exclude or ()
        wanted = (index for index in listed_ids(indices, "indices") if index not in left_out)
        text = " ".join(self.get_sym(int(index)) for index in wanted)
        return close_gaps(text) if clean_up_tokenization_spaces else text

    def _stream_decoder(
        self,
        exclude: Collection[int] | None = None,
        *,
        clean_up_tokenization_spaces: bool = False,
    ) -> StreamDecoder | None:
        if not _has_own_decoding(self):
            return None
        left_out = exclude or ()

        def symbol_of(index: int) -> str | None:
            return None if index in left_out else self.get_sym(index)

        steps: list[Step] = [Spaced()]
        return StreamDecoder(symbol_of, steps + closed_gaps() * clean_up_tokenization_spaces)

    def encode_file(
        self,
        path: PathLike,
        ordered: bool = False,
        verbose: bool = False,
        add_eos: bool = True,
        add_double_eos: bool = False,
    ) -> "Tensor | list[Tensor]":
        """Return the ids of a text file as tensors; needs torch.

        Args:
            path: a UTF-8 file, one sentence a line.
            ordered: return one tensor with all lines end to end, instead of one for each line.
            verbose: show a progress bar.
            add_eos: end each line with ``<eos>``.
            add_double_eos: put ``<S>`` at both ends of each line instead.
        """
        sents = (
            self.tokenize(line, add_eos=add_eos, add_double_eos=add_double_eos)
            for line in read_lines(path, verbose=verbose)
        )
        return self._tensors(sents, ordered)

    def encode_sents(
        self, sents: Iterable[Iterable[str]], ordered: bool = False, verbose: bool = False
    ) -> "Tensor | list[Tensor]":
        """Return the ids of separated words as tensors; needs torch.

        Args:
            sents: the words of each sentence.
            ordered: return one tensor with all sentences end to end, instead of one for each.
            verbose: show a progress bar.
        """
        return self._tensors(watched(sents, verbose=verbose, unit="sentences"), ordered)

    def _tensors(self, sents: Iterable[Iterable[str]], ordered: bool) -> "Tensor | list[Tensor]":
        if ordered:
            return self.convert_to_tensor(symbol for symbols in sents for symbol in symbols)
        return [self.convert_to_tensor(symbols) for symbols in sents]

    def save_vocabulary(self, vocab_path: PathLike) -> str:
        """Write symbols and settings into a folder: ``vocab.txt``, ``tokenizer_config.json``.

        ``vocab.txt`` has one symbol a line; as a JSON string, if one of them is empty or holds a
        space. For the path of a file, the settings are beside it.

        Returns:
            The path of the vocabulary.

        Raises:
            ValueError: if a symbol is empty or holds a space, and ``vocab_path`` is a file.
        """
        path, folder = write_symbols(vocab_path, self.idx2sym)
        self._write_saved(path, folder)
        return path

    def _own_settings(self) -> dict[str, Any]:
        numbers = {name: i for name, i in vars(self).items() if name.endswith(_NUMBER)}
        return {"lines": form_of_lines(self.idx2sym), "numbers": numbers}


_has_own_methods = untouched(TransfoXLTokenizer, "tokenize", "convert_tokens_to_ids")
_has_own_decoding = untouched(TransfoXLTokenizer, "decode", "get_sym")


def _own_vocabulary(path: str, saved: Saved) -> dict[str, Any]:
    """The attributes in a ``vocab.txt`` that this class wrote with its settings."""
    own = saved.own or {}
    symbols = read_symbols(path, own.get("lines", ""))
    numbers = own.get("numbers", {})
    if not isinstance(numbers, dict) or not all(
        name.endswith(_NUMBER) and type(i) is int and 0 <= i < len(symbols)
        for name, i in numbers.items()
    ):
        raise BadVocabulary(
            f"{saved.path!r} has {numbers!r} as ids of special symbols among "
            f"{len(symbols)}; save the tokenizer again"
        )
    numbered = OrderedDict((symbol, index) for index, symbol in enumerate(symbols))
    return {"idx2sym": symbols, "sym2idx": numbered, **numbers}


def _torch_vocabulary(path: str) -> dict[str, Any]:
    """The attributes in a ``vocab.bin`` of 2019, checked."""
    attributes = read_plain_objects(path)
    if not isinstance(attributes, dict) or not {"idx2sym", "sym2idx"} <= attributes.keys():
        raise BadVocabulary(f"{path!r} holds no idx2sym and sym2idx; is it another torch file?")
    kept: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(name, str) and name.endswith(_NUMBER):
            expected: type | tuple[type, ...] = int
        elif name in _TORCH_VOCABULARY:
            expected = _TORCH_VOCABULARY[name]
        else:
            continue  # this class does not use it
        if not isinstance(value, expected):
            raise BadVocabulary(f"{path!r} has a {type(value).__name__} as {name}; it is damaged")
        kept[name] = value
    symbols, numbers = kept["idx2sym"], kept["sym2idx"]
    texts = (*symbols, *numbers, *kept.get("special", ()))
    if not {*map(type, texts)} <= {str}:
        raise BadVocabulary(f"{path!r} has a symbol that is no text; it is damaged")
    if len(symbols) != len(numbers) or any(
        numbers.get(symbol) != index for index, symbol in enumerate(symbols)
    ):
        raise BadVocabulary(f"{path!r} has an idx2sym that contradicts its sym2idx; it is damaged")
    for name, value in kept.items():
        if name.endswith("_idx") and not 0 <= value < len(symbols):
            raise BadVocabulary(
                f"{path!r} has {value} as {name}, and {len(symbols)} symbols; it is damaged"
            )
    return kept
