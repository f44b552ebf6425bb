"""TransfoXLTokenizer: whole words, numbered by frequency."""

import logging
import os
import re
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ptbert_tokenizers.errors import BadVocabulary, UnknownId
from ptbert_tokenizers.files.lines import read_lines, watched
from ptbert_tokenizers.files.torch_file import is_torch_file, read_plain_objects
from ptbert_tokenizers.files.vocabulary import PathLike, read_text, unknown_token, write_lines
from ptbert_tokenizers.plain.offsets import Span
from ptbert_tokenizers.pretrained import PretrainedTokenizer, VocabularyFiles

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

VOCAB_NAME = "vocab.txt"
TORCH_VOCAB_NAME = "vocab.bin"

# What a vocabulary of 2019 holds, besides the positions of special symbols: <name>_idx.
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


class TransfoXLTokenizer(PretrainedTokenizer):
    """Transformer-XL's tokenizer, which also counts a corpus and builds the vocabulary from it.

    Words are separated by spaces beforehand. Frequent words come first, as the adaptive softmax
    wants them.

    Args:
        special: symbols that come before all others, such as ``<eos>`` and ``<unk>``.
        min_freq: rarer words are left out.
        max_size: largest number of counted words to keep; all when None.
        lower_case: lower-case the text.
        delimiter: what stands between words; any whitespace when None, and when empty every
            character is a word.
        vocab_file: path of a vocabulary for :meth:`build_vocab` to read, one symbol a line.
        never_split: kept as an attribute for programs that read it; words are never split here.

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

    def __init__(
        self,
        special: Sequence[str] = (),
        min_freq: int = 0,
        max_size: int | None = None,
        lower_case: bool = False,
        delimiter: str | None = None,
        vocab_file: PathLike | None = None,
        never_split: Sequence[str] = ("<unk>", "<eos>", "<formula>"),
    ) -> None:
        self.counter: Counter[str] = Counter()
        self.special = list(special)
        self.min_freq = min_freq
        self.max_size = max_size
        self.lower_case = lower_case
        self.delimiter = delimiter
        self.vocab_file = vocab_file
        self.never_split = never_split
        self.idx2sym: list[str] = []
        self.sym2idx: OrderedDict[str, int] = OrderedDict()

    @classmethod
    def _open(cls, files: VocabularyFiles, *inputs: Any, **kwargs: Any) -> Self:
        tokenizer = cls(*inputs, **kwargs)
        if is_torch_file(files.vocabulary):
            tokenizer.__dict__.update(_torch_vocabulary(files.vocabulary))
        else:
            tokenizer._build_from_file(files.vocabulary)
        return tokenizer

    def __len__(self) -> int:
        return len(self.idx2sym)

    def count_file(
        self, path: PathLike, verbose: bool = False, add_eos: bool = False
    ) -> list[list[str]]:
        """Count the words of a text file.

        Args:
            path: a UTF-8 file, one sentence a line.
            verbose: show a progress bar.
            add_eos: count one ``<eos>`` for each line.

        Returns:
            The words of each line.
        """
        sents: list[list[str]] = []
        for line in read_lines(path, verbose=verbose):
            symbols = self.tokenize(line, add_eos=add_eos)
            self.counter.update(symbols)
            sents.append(symbols)
        return sents

    def count_sents(self, sents: Iterable[Iterable[str]], verbose: bool = False) -> None:
        """Count words that are already separated.

        Args:
            sents: the words of each sentence.
            verbose: show a progress bar.
        """
        for symbols in watched(sents, verbose=verbose, unit="sentences"):
            self.counter.update(symbols)

    def build_vocab(self) -> None:
        """Number the special symbols and then the counted words, most frequent first.

        With ``vocab_file`` the vocabulary is what that file says.
        """
        if self.vocab_file is not None:
            self._build_from_file(self.vocab_file)
            return
        self.idx2sym, self.sym2idx = [], OrderedDict()
        for symbol in self.special:
            self.add_special(symbol)
        for symbol, count in self.counter.most_common(self.max_size):
            if count < self.min_freq:
                break
            self.add_symbol(symbol)
        logger.info("%d symbols of %d words counted", len(self), len(self.counter))

    def _build_from_file(self, vocab_file: PathLike) -> None:
        self.idx2sym, self.sym2idx = [], OrderedDict()
        for number, line in enumerate(read_text(vocab_file).rstrip("\n").split("\n"), 1):
            symbol = next(iter(line.split()), None)  # a count may follow
            if symbol is None or symbol in self.sym2idx:
                what = "is blank" if symbol is None else f"has {symbol!r} again"
                raise BadVocabulary(
                    f"{os.fspath(vocab_file)!r} line {number} {what}; each line needs a symbol "
                    "of its own, or ids and embeddings no longer agree"
                )
            self.add_symbol(symbol)
        unknown = next((name for name in ("<UNK>", "<unk>") if name in self.sym2idx), None)
        if unknown is None:
            raise BadVocabulary(
                f"{os.fspath(vocab_file)!r} has no <unk>, which stands for unknown words; add it"
            )
        self.unk_idx = self.sym2idx[unknown]

    def _special_tokens(self) -> Iterable[str]:
        return [symbol for symbol in self.special if symbol in self.sym2idx]

    def add_special(self, sym: str) -> None:
        """Add a symbol, if it is new, and keep its id as an attribute: ``<eos>`` as ``eos_idx``."""
        if sym not in self.sym2idx:
            self.add_symbol(sym)
            setattr(self, f"{sym.strip('<>')}_idx", self.sym2idx[sym])

    def add_symbol(self, sym: str) -> None:
        """Add a symbol at the end, if it is new."""
        if sym not in self.sym2idx:
            self.idx2sym.append(sym)
            self.sym2idx[sym] = len(self.idx2sym) - 1

    def tokenize(self, line: str, add_eos: bool = False, add_double_eos: bool = False) -> list[str]:
        """Split a line into words.

        Args:
            line: words with the delimiter between them.
            add_eos: put ``<eos>`` at the end.
            add_double_eos: put ``<S>`` at both ends instead, as the One Billion Word corpus wants.
        """
        line = line.strip()
        if self.lower_case:
            line = line.lower()
        symbols = list(line) if self.delimiter == "" else line.split(self.delimiter)
        if add_double_eos:
            return ["<S>", *symbols, "<S>"]
        return [*symbols, "<eos>"] if add_eos else symbols

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

    def get_sym(self, idx: int) -> str:
        """Return the symbol of an id.

        Raises:
            UnknownId: if the vocabulary has no such id.
        """
        if not 0 <= idx < len(self):
            raise UnknownId(
                f"id {idx} is outside the vocabulary of {len(self)} symbols; "
                "use ids that this tokenizer made"
            )
        return self.idx2sym[idx]

    def get_idx(self, sym: str) -> int:
        """Return the id of a symbol, or of ``<unk>`` for one that the vocabulary lacks.

        Raises:
            UnknownToken: if the vocabulary lacks ``<unk>`` too.
        """
        index = self.sym2idx.get(sym)
        if index is None:
            index = self.__dict__.get("unk_idx")
        if index is None:
            index = self.sym2idx.get("<unk>", self.sym2idx.get("<UNK>"))
        if index is None:
            raise unknown_token(sym, None, len(self), "add <unk> to special for unknown words")
        return index

    def convert_tokens_to_ids(self, symbols: Iterable[str]) -> list[int]:
        """Return the ids of symbols; see :meth:`get_idx`."""
        return [self.get_idx(symbol) for symbol in symbols]

    def convert_ids_to_tokens(self, indices: Iterable[int]) -> list[str]:
        """Return the symbols of ids; see :meth:`get_sym`."""
        return [self.get_sym(int(index)) for index in indices]

    def convert_to_tensor(self, symbols: Iterable[str]) -> "Tensor":
        """Return the ids of symbols as a tensor (L) of int64; needs torch."""
        import torch

        return torch.tensor(self.convert_tokens_to_ids(symbols), dtype=torch.long)

    def decode(self, indices: Iterable[int], exclude: Collection[int] | None = None) -> str:
        """Return symbols with a space between two.

        Args:
            indices: ids, as :meth:`encode` returns them.
            exclude: ids to leave out.
        """
        left_out = exclude or ()
        return " ".join(self.get_sym(int(index)) for index in indices if index not in left_out)

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
        """Write the symbols, one a line, into a folder as ``vocab.txt`` or to a file of that path.

        Settings such as ``lower_case`` are not in that file; give them again when loading.

        Returns:
            The path of the file.

        Raises:
            ValueError: if a symbol is empty or holds a space, so that a line could not keep it.
        """
        path = os.fspath(vocab_path)
        if os.path.isdir(path):
            path = os.path.join(path, VOCAB_NAME)
        for symbol in self.idx2sym:
            if symbol.split() != [symbol]:
                raise ValueError(
                    f"symbol {symbol!r} is empty or holds a space and cannot be saved one a line; "
                    "build the vocabulary without it"
                )
        write_lines(path, self.idx2sym)
        return path


def _torch_vocabulary(path: str) -> dict[str, Any]:
    """The attributes in a ``vocab.bin`` of 2019, checked."""
    attributes = read_plain_objects(path)
    if not isinstance(attributes, dict) or not {"idx2sym", "sym2idx"} <= attributes.keys():
        raise BadVocabulary(f"{path!r} holds no idx2sym and sym2idx; is it another torch file?")
    kept: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(name, str) and name.endswith("_idx"):
            expected: type | tuple[type, ...] = int
        elif name in _TORCH_VOCABULARY:
            expected = _TORCH_VOCABULARY[name]
        else:
            continue  # nothing this class would look at
        if not isinstance(value, expected):
            raise BadVocabulary(f"{path!r} has a {type(value).__name__} as {name}; it is damaged")
        kept[name] = value
    symbols, numbers = kept["idx2sym"], kept["sym2idx"]
    if any(numbers.get(symbol) != index for index, symbol in enumerate(symbols)):
        raise BadVocabulary(f"{path!r} numbers its symbols in two ways; it is damaged")
    return kept
