"""What the tokenizers of GPT and GPT-2 share: cutting words by byte-pair merges."""

import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from itertools import islice, repeat
from typing import Any, ClassVar, Self

from ptbert_tokenizers.batches.texts import no_text
from ptbert_tokenizers.edits import CountingDict, Vocabulary
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.options import Option
from ptbert_tokenizers.files.saved_settings import Saved
from ptbert_tokenizers.files.tokenizer_json import TokenizerJson
from ptbert_tokenizers.files.vocabulary import PathLike, read_special_tokens
from ptbert_tokenizers.loading import VocabularyFiles
from ptbert_tokenizers.max_length import model_limit
from ptbert_tokenizers.plain.added_tokens import AddedTokens
from ptbert_tokenizers.plain.bpe import LONG_WORD, merged
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.quick.bpe import Spelling, bpe_encoder
from ptbert_tokenizers.quick.encoder import QuickEncoder, WordMaker, are_ids
from ptbert_tokenizers.quick.memo import Memo
from ptbert_tokenizers.quick.merges import MergeTable
from ptbert_tokenizers.vocabularies.bpe import MERGES_NAME, UNKNOWN, VOCAB_NAME, BpeVocabulary
from ptbert_tokenizers.weak import weak_method

COMMON_OPTIONS = (
    Option("special_tokens", "list of strings", "special_tokens", is_common=False),
    Option("max_len", "length or null", "max_len", key="model_max_length"),
    Option("unk_token", "string", "unk_token"),
    Option("pad_token", "string or null", "pad_token"),
    Option("bos_token", "string or null", "bos_token"),
    Option("eos_token", "string or null", "eos_token"),
)
"""The settings of both tokenizers."""

BPE_STATE = (
    *("encoder.edits", "bpe_ranks.edits", "special_tokens.edits"),
    *("unk_token", "added_tokens"),
)
"""What the ids of both depend on besides methods, as attributes of the tokenizer."""

_GPT_WORD_END = "</w>"
_FEW_PIECES = 1000  # a vocabulary of fewer is one for tests
_CACHE_LIMIT = 8 * 2**20  # bytes


class BpeTokenizer(BpeVocabulary, PreTrainedTokenizer):
    """A tokenizer that cuts words by byte-pair merges.

    Subclasses define how text is cut into words, and which ending marks the end of a word.
    """

    vocabulary_names: ClassVar[tuple[str, ...]] = (VOCAB_NAME,)
    merges_name: ClassVar[str | None] = MERGES_NAME
    file_arguments: ClassVar[int] = 2
    word_end: ClassVar[str] = ""
    usual_special_tokens: ClassVar[tuple[str, ...]] = ()
    """Special tokens that the vocabularies of the family have."""
    # Also for pickles of earlier versions:
    bos_token: str | None = None
    eos_token: str | None = None

    def __init__(
        self,
        vocab_file: PathLike,
        merges_file: PathLike | None = None,
        special_tokens: Sequence[str] | None = None,
        max_len: int | None = None,
        *,
        unk_token: str = UNKNOWN,
        pad_token: str | None = None,
        bos_token: str | None = None,
        eos_token: str | None = None,
    ) -> None:
        super().__init__(vocab_file, merges_file, special_tokens)
        _refuse_other_family(type(self).__name__, self.encoder, self.word_end, vocab_file)
        _refuse_other_merges(self.encoder, self.bpe_ranks, vocab_file)
        self.unk_token, self.pad_token = unk_token, pad_token
        self.bos_token, self.eos_token = bos_token, eos_token
        self.cache: dict[str, str] = Memo(_CACHE_LIMIT)
        self.max_len = model_limit(max_len)

    @classmethod
    def _open(cls, files: VocabularyFiles, saved: Saved, *inputs: Any, **kwargs: Any) -> Self:
        given = signature(cls).bind_partial(files.vocabulary, files.merges, *inputs, **kwargs)
        if files.special_tokens is not None and "special_tokens" not in given.arguments:
            kwargs["special_tokens"] = read_special_tokens(files.special_tokens)
        return cls(files.vocabulary, files.merges, *inputs, **kwargs)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the tokenizer, as values that ``json`` can write."""
        return super().settings() | {
            "merges": len(self.bpe_ranks),
            "special_tokens": dict(self.special_tokens),
        }

    def save_vocabulary(self, vocab_path: PathLike) -> tuple[str, str, str]:
        """Write vocabulary, merges, special tokens and settings into a folder, or to a file.

        In a folder they are ``vocab.json``, ``merges.txt``, ``special_tokens.txt`` and
        ``tokenizer_config.json``. For a file path the vocabulary has that path and the others are
        beside it. A path is a folder if there is one, if it ends in a slash, or if it has no suffix
        and nothing is there.

        Returns:
            The paths of the first three files.

        Raises:
            ValueError: if a merge or a special token cannot be written on a line.
        """
        paths, folder = self._write_vocabulary(vocab_path)
        self._write_saved(paths[0], folder)
        return paths

    def _more_for_ids(self) -> Any:
        return sorted(self.bpe_ranks, key=self.bpe_ranks.__getitem__)

    def _own_settings(self) -> dict[str, Any]:
        return {"special_token_ids": dict(self.special_tokens)}

    def take_saved(self, saved: Saved, whole: TokenizerJson | None) -> None:
        """Take over what a folder says besides the constructor's arguments."""
        names = list(self.special_tokens)
        ids: Any = (saved.own or {}).get("special_token_ids")
        are_saved = isinstance(ids, dict) and list(ids) == names
        self._set_special_ids(_checked_ids(ids, saved.path) if are_saved else {})
        super().take_saved(saved, whole)
        if not are_saved:
            self.set_special_tokens(names)  # after the added tokens

    def _special_tokens(self) -> Iterable[str]:
        known = self.vocabulary
        roles = (self.unk_token, self.pad_token, self.bos_token, self.eos_token)
        own = (*self.usual_special_tokens, *roles, *self.added_tokens.special)
        return {*self.special_tokens, *(each for each in own if each is not None and each in known)}

    def bpe(self, token: str) -> str:
        """Return the pieces of one word, with a space between two.

        Args:
            token: the word, written in the symbols of the vocabulary.
        """
        cache = self._current_cache()
        found = None if cache is None else cache.get(token)
        if found is None:
            found = " ".join(self._pieces(token))
            if cache is not None:
                cache[token] = found
        return found

    def _current_cache(self) -> dict[str, str] | None:
        """The cache, empty if the merges changed; None if it cannot be known whether they did.

        A dictionary that a program put in its place is used as it is.
        """
        cache, ranks = self.cache, self.bpe_ranks
        if not isinstance(cache, Memo):
            return cache
        if not isinstance(ranks, CountingDict):
            return None
        edits = ranks.edits
        if self.__dict__.get("_cache_state") != edits:
            # A new one: another thread may still write what it computed into the old one.
            self.cache = cache = Memo(_CACHE_LIMIT)
            self.__dict__["_cache_state"] = edits
        return cache

    def _pieces(self, word: str) -> list[str]:
        if not word:
            return []
        table = self._merge_table() if len(word) > LONG_WORD else None
        if table is not None:
            return table.pieces(word)
        return merged([*word[:-1], word[-1] + self.word_end], self.bpe_ranks)

    def _merge_table(self) -> MergeTable | None:
        """The table of the current merges; None if ``bpe_ranks`` does not count its edits."""
        ranks = self.bpe_ranks
        if not isinstance(ranks, CountingDict):
            return None
        edits = ranks.edits
        state: tuple[int, MergeTable] | None = self.__dict__.get("_table_state")
        if state is None or state[0] != edits:
            state = (edits, MergeTable(ranks, self.word_end))
            self.__dict__["_table_state"] = state
        return state[1]

    def tokenize(self, text: str) -> list[str]:
        """Cut a text into pieces.

        Args:
            text: any string.

        Raises:
            TypeError: if it is no string.
        """
        if not isinstance(text, str):
            raise no_text(text, "text")
        sole = self._sole_encoder()
        tokens = None if sole is None else sole.tokens(text)
        if tokens is not None:
            return tokens
        cutter = self._cutter()
        if cutter is not None:
            return cutter.tokens(text, self._tokens_between)
        return self._tokens_between(text)

    def _tokens_between(self, text: str) -> list[str]:
        quick = self._quick()
        tokens = None if quick is None else quick.tokens(text)
        return self._plain_tokens(text) if tokens is None else tokens

    @abstractmethod
    def _plain_tokens(self, text: str) -> list[str]:
        """The pieces of a text, word by word: the definition of ``tokenize``."""

    def _quick(self) -> QuickEncoder | None:
        words, encoder, ranks = self._word_setting(), self.encoder, self.bpe_ranks
        if (
            words is None
            or not isinstance(encoder, Vocabulary)
            or not isinstance(ranks, CountingDict)
        ):
            return None
        special, added = tuple(self.special_tokens.items()), self.added_tokens
        setting = (encoder.edits, encoder, ranks.edits, ranks, special, added, self.unk_token)
        return self._quick_for((*setting, words), self._build_quick)

    @abstractmethod
    def _word_setting(self) -> tuple[Any, ...] | None:
        """All that words and pieces depend on; None if a program replaced a part of it."""

    @abstractmethod
    def _word_maker(self, setting: tuple[Any, ...]) -> WordMaker | None:
        """The quick way to cut text into words; None if the setting does not allow it."""

    @abstractmethod
    def _spelling(self) -> Spelling:
        """How words are written in symbols; only for parts that nobody replaced."""

    def _build_quick(
        self,
        _: int,
        encoder: Vocabulary,
        __: int,
        ranks: CountingDict[tuple[str, str], int],
        special: tuple[tuple[str, int], ...],
        added: AddedTokens,
        unk_token: str,
        words: tuple[Any, ...],
    ) -> QuickEncoder | None:
        # The merges may be edited before the table of them is needed.
        cut, merges, word_end = self._word_maker(words), dict(ranks), self.word_end
        if cut is None:
            return None
        special_tokens = dict(special)
        unknown = special_tokens.get(unk_token, encoder.get(unk_token, added.ids.get(unk_token)))
        refuse = weak_method(self, "_id")  # which raises an error

        def id_of(piece: str) -> int:
            found = special_tokens.get(piece, encoder.get(piece, added.ids.get(piece, unknown)))
            return refuse(piece, None, None) if found is None else found

        return bpe_encoder(
            cut,
            self._spelling(),
            lambda word: merged([*word[:-1], word[-1] + word_end], merges),
            lambda: MergeTable(merges, word_end),
            encoder,
            special_tokens,
            lambda pieces: list(map(id_of, pieces)),
            unknown,
        )


def _refuse_other_family(
    name: str, encoder: Mapping[str, int], word_end: str, path: PathLike
) -> None:
    """Refuse a vocabulary of GPT for GPT-2, and the other way round.

    Most pieces of GPT's vocabulary have the end of a word, and none of GPT-2's.
    """
    ending = sum(map(str.endswith, encoder, repeat(_GPT_WORD_END)))
    is_other = not ending if word_end else ending > len(encoder) / 2
    if is_other and len(encoder) > _FEW_PIECES:
        other = "GPT2Tokenizer" if word_end else "OpenAIGPTTokenizer"
        raise BadVocabulary(
            f"{os.fspath(path)!r} is not a vocabulary for {name}: {ending} of its {len(encoder)} "
            f"pieces end in {_GPT_WORD_END}; load it with {other}"
        )


def _refuse_other_merges(
    encoder: Mapping[str, int], merges: Iterable[tuple[str, str]], path: PathLike
) -> None:
    """Refuse merges of another vocabulary: most of the first ones make pieces that it lacks."""
    first = list(islice(merges, _FEW_PIECES))
    lacking = [pair for pair in first if "".join(pair) not in encoder]
    if len(first) == _FEW_PIECES and len(lacking) > _FEW_PIECES / 2:
        raise BadVocabulary(
            f"the merges do not belong to the vocabulary {os.fspath(path)!r}, which lacks "
            f"{len(lacking)} of the pieces that the first {_FEW_PIECES} merges make, such as "
            f"{''.join(lacking[0])!r}; give the merges of the same model"
        )


def _checked_ids(ids: dict[str, int], path: str) -> dict[str, int]:
    if not are_ids(ids.values()):
        raise BadVocabulary(f"{path!r} has {ids!r} as ids of special tokens; correct the file")
    return ids
