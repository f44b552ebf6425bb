"""Counting the words of a corpus, and numbering them by frequency."""

import logging
import os
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ptbert_hub.progress import watched
from ptbert_tokenizers.errors import BadVocabulary, UnknownId
from ptbert_tokenizers.files.lines import read_lines
from ptbert_tokenizers.files.vocabulary import PathLike, lines_of, read_text, unknown_token

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)


class CountedVocabulary(ABC):
    """A vocabulary that is built from counted words, the most frequent first.

    Args:
        special: symbols that come before all others, such as ``<eos>`` and ``<unk>``.
        min_freq: words that occur less often are left out.
        max_size: largest number of counted words to keep; all when None.
        vocab_file: path of a vocabulary for ``build_vocab`` to read, one symbol a line.
    """

    def __init__(
        self,
        special: Sequence[str],
        min_freq: int,
        max_size: int | None,
        vocab_file: PathLike | None,
    ) -> None:
        self.counter: Counter[str] = Counter()
        self.special = list(special)
        self.min_freq = min_freq
        self.max_size = max_size
        self.vocab_file = vocab_file
        self.idx2sym: list[str] = []
        self.sym2idx: OrderedDict[str, int] = OrderedDict()

    @abstractmethod
    def tokenize(self, line: str, add_eos: bool = False) -> list[str]:
        """Split a line into words."""

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

        With ``vocab_file`` the vocabulary is read from that file instead.
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
        """Number the symbols of a file, one a line, from 0 on.

        Raises:
            BadVocabulary: if a line is blank, a symbol is there twice, or ``<unk>`` is missing.
        """
        self.idx2sym, self.sym2idx = [], OrderedDict()
        for number, line in enumerate(lines_of(read_text(vocab_file).rstrip("\n"), vocab_file), 1):
            symbol = next(iter(line.split()), None)  # the line may also have a count
            if symbol is None or symbol in self.sym2idx:
                # In 2019 a repeated line took no id, so removing it keeps the ids of that time.
                what = "is blank" if symbol is None else f"has {symbol!r} again"
                raise BadVocabulary(
                    f"{os.fspath(vocab_file)!r} line {number} {what}; remove this line if the "
                    "model was trained with the library of 2019, which gave it no id"
                )
            self.add_symbol(symbol)
        unknown = next((name for name in ("<UNK>", "<unk>") if name in self.sym2idx), None)
        if unknown is None:
            remedy = "it is BERT's: use BertTokenizer" if "[UNK]" in self.sym2idx else "add it"
            raise BadVocabulary(
                f"{os.fspath(vocab_file)!r} has no <unk>, which stands for unknown words; {remedy}"
            )
        self.unk_idx = self.sym2idx[unknown]

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
        """Return the ids of symbols; see ``get_idx``."""
        return [self.get_idx(symbol) for symbol in symbols]

    def convert_ids_to_tokens(self, indices: Iterable[int]) -> list[str]:
        """Return the symbols of ids; see ``get_sym``."""
        return [self.get_sym(int(index)) for index in indices]

    def convert_to_tensor(self, symbols: Iterable[str]) -> "Tensor":
        """Return the ids of symbols as a tensor (L) of int64; needs torch."""
        import torch

        return torch.tensor(self.convert_tokens_to_ids(symbols), dtype=torch.long)
