"""From texts to ids, for all four tokenizers: one text, and many texts end to end."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from ptbert_tokenizers.arguments import checked_switch, checked_whole
from ptbert_tokenizers.batches.flat import FlatIds, flat_ids, joined
from ptbert_tokenizers.batches.frame import Frame, checked_stride, framed
from ptbert_tokenizers.batches.text_blocks import given_blocks
from ptbert_tokenizers.batches.texts import checked_texts, no_text
from ptbert_tokenizers.batches.workers import checked_workers, encoded_blocks
from ptbert_tokenizers.max_length import NO_LIMIT, checked_max_len, warn_if_long
from ptbert_tokenizers.plain.added_tokens import Cutter
from ptbert_tokenizers.quick.encoder import QuickEncoder

_LARGEST_ID = 2**31 - 1
_NO_FRAME = Frame()
SHORT = 1000
"""In characters. Shorter texts are encoded sooner one by one than as a block."""

# not pickled; computed when needed
_DERIVED = frozenset(
    {
        "_cache_state",
        "_cutter_state",
        "_quick_state",
        "_share_state",
        "_sole_state",
        "_table_state",
    }
)


class FlatSettings(NamedTuple):
    """How ``encode_flat`` makes ids of texts; its arguments explain them."""

    max_len: int | None
    add_special_tokens: bool
    stride: int | None
    separator: int | None


class TextEncoder(ABC):
    """The methods of a tokenizer that return ids.

    By definition, the ids of a text are ``convert_tokens_to_ids(tokenize(text))``. A subclass
    that has a quicker way returns its encoder from ``_quick``.
    """

    max_len: int = NO_LIMIT

    @abstractmethod
    def tokenize(self, text: str) -> list[str]:
        """Cut a text into tokens."""

    @abstractmethod
    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> Any:
        """Look up the ids of tokens."""

    def encode(
        self, text: str, text_pair: str | None = None, *, add_special_tokens: bool = True
    ) -> list[int]:
        """Return the ids of a text, or of two texts one after the other.

        Args:
            text: what to encode.
            text_pair: the second text, if there is one.
            add_special_tokens: add the special tokens that the model was trained with: for BERT
                ``[CLS] text [SEP] text_pair [SEP]``; the other families have none.

        Raises:
            TypeError: if a text is not a string, or ``add_special_tokens`` is one.
        """
        if not isinstance(text, str):
            raise no_text(text, "text")
        has_frame = add_special_tokens is True or checked_switch(
            add_special_tokens, "add_special_tokens"
        )
        if text_pair is None and not has_frame:
            ids = self._ids(text)
            warn_if_long(len(ids), self.max_len)
            return ids
        frame = self._frame(text_pair is not None) if has_frame else _NO_FRAME
        ids = [*frame.before, *self._ids(text)]
        if text_pair is not None:
            if not isinstance(text_pair, str):
                raise no_text(text_pair, "text_pair")
            ids += [*frame.between, *self._ids(text_pair)]
        ids += frame.after
        warn_if_long(len(ids), self.max_len)
        return ids

    def encode_flat(
        self,
        texts: Sequence[str],
        *,
        max_len: int | None = None,
        add_special_tokens: bool = False,
        stride: int | None = None,
        separator: int | None = None,
        workers: int = 1,
    ) -> FlatIds:
        """Return the ids of many texts end to end.

        Args:
            texts: what to encode.
            max_len: largest number of ids of a text; the rest is cut off. No limit when None.
            add_special_tokens: as in ``encode``.
            stride: cut what is longer than ``max_len`` into windows, which count as texts, where
                each window repeats this many ids of the one before; None to drop the rest.
            separator: an id to put after each text, such as that of ``<|endoftext|>``; it counts
                in ``max_len``.
            workers: number of processes to use; useful for several megabytes of text or more.

        Raises:
            TypeError: if something is not a string; it is named with its position. Or if
                ``add_special_tokens`` is one.
            ValueError: if ``max_len`` leaves no room for text, or ``stride`` does not fit it.
            WorkerDied: if a process ended before it answered.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\nhello\\nworld\\n")
            >>> ids, bounds = BertTokenizer("vocab.txt").encode_flat(["Hello world", "hello"])
            >>> ids.tolist(), bounds.tolist()
            ([1, 2, 1], [0, 2, 3])
        """
        texts = checked_texts(texts)
        is_plain = max_len is None and stride is None and separator is None
        if not is_plain or add_special_tokens is not False:
            max_len, add_special_tokens, stride, separator = checked_settings(
                max_len, add_special_tokens, stride, separator
            )
        if checked_workers(workers) != 1:
            settings = FlatSettings(max_len, add_special_tokens, stride, separator)
            encode = partial(self.encode_flat, **settings._asdict())
            return joined(list(encoded_blocks(encode, given_blocks(texts), workers)))
        frame = self._frame(pair=False) if add_special_tokens else Frame()
        if separator is not None:
            frame = frame._replace(after=(*frame.after, separator))
        flat = self._flat(texts)
        if max_len is None and stride is None and not frame.length:
            return flat
        return framed(flat, frame, max_len, stride)

    def _flat(self, texts: Sequence[str]) -> FlatIds:
        if not self._is_untouched():
            return flat_ids([self._plain_ids(text) for text in texts])
        cutter = self._cutter()
        if cutter is None:
            return self._flat_between(texts)
        return _flat_around(texts, cutter, self._flat_between, self._added_id)

    def _flat_between(self, texts: Sequence[str]) -> FlatIds:
        """The ids of texts in which added tokens are not looked for; methods are untouched."""
        quick = self._quick()
        if quick is None:
            return flat_ids([self._ids_between(text) for text in texts])
        if len(texts) == 1 and len(texts[0]) <= SHORT:
            return flat_ids([quick.ids(texts[0])])
        return quick.flat(texts)

    def _frame(self, pair: bool) -> Frame:
        """Ids around one text, or around and between two."""
        return Frame()

    def _ids(self, text: str) -> list[int]:
        """The ids of the tokens of ``text``."""
        sole = self._sole_encoder()
        if sole is not None:
            return sole.ids(text)
        if not self._is_untouched():
            return self._plain_ids(text)
        cutter = self._cutter()
        if cutter is None:
            return self._ids_between(text)
        ids: list[int] = []
        for piece in cutter.pieces(text):
            if piece.is_added:
                ids.append(self._added_id(piece.text))
            else:
                ids += self._ids_between(piece.text)
        return ids

    def _sole_encoder(self) -> QuickEncoder | None:
        """The quick encoder, if it alone decides: no method is replaced and no token is added.

        None says nothing. Finding that out takes as long as a short text, so it is remembered with
        all that it depends on.
        """
        try:
            state = self._state()
        except AttributeError:  # a program put something else in the place of a part
            return None
        known: tuple[Any, QuickEncoder | None] | None = self.__dict__.get("_sole_state")
        if known is None or known[0] != state:
            is_sole = state is not None and self._is_untouched() and self._cutter() is None
            known = state, self._quick() if is_sole else None
            if is_sole and (self._state() != state or self._quick() is not known[1]):
                return None  # another thread changed something in the meantime
            self.__dict__["_sole_state"] = known
        return known[1]

    def _state(self) -> Any:
        """All that ``_sole_encoder`` depends on, to be compared; None if there is never one.

        An attribute that is no part of it must not be read on the way to ids.
        """
        return None

    def _plain_ids(self, text: str) -> list[int]:
        return list(self.convert_tokens_to_ids(self.tokenize(text)))

    def _ids_between(self, text: str) -> list[int]:
        """The ids of a text in which added tokens are not looked for; methods are untouched."""
        quick = self._quick()
        if quick is None:
            return list(self.convert_tokens_to_ids(self._tokens_between(text)))
        return quick.ids(text)

    @abstractmethod
    def _tokens_between(self, text: str) -> list[str]:
        """The tokens of a text in which added tokens are not looked for."""

    def _cutter(self) -> Cutter | None:
        """Cuts texts at added tokens; None if there are none."""
        return None

    @abstractmethod
    def _added_id(self, token: str) -> int:
        """The id of an added token, which is that of ``convert_tokens_to_ids``."""

    def _is_untouched(self) -> bool:
        """Whether the methods that tokenize and look up ids are those of the family."""
        return False

    def _quick(self) -> QuickEncoder | None:
        """The quick encoder for the current parts; None if it cannot be used with them."""
        return None

    def _quick_for(
        self, setting: tuple[Any, ...], build: Callable[..., QuickEncoder | None]
    ) -> QuickEncoder | None:
        """The quick encoder built last, or a new one if its setting has changed since then.

        Args:
            setting: all that it depends on; the number of a dictionary's edits is before the
                dictionary, so that no two dictionaries are compared entry by entry.
            build: called with the setting. It asks no part of the tokenizer for it again, because
                another thread may change that part, and change it back.
        """
        known: tuple[Any, QuickEncoder | None] | None = self.__dict__.get("_quick_state")
        if known is None or known[0] != setting:
            self.__dict__["_quick_state"] = known = setting, build(*setting)
        return known[1]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _DERIVED}


def checked_settings(
    max_len: int | None, add_special_tokens: bool, stride: int | None, separator: int | None
) -> FlatSettings:
    """Return the arguments of ``encode_flat`` that a caller gave.

    Raises:
        TypeError: if one that is true or false is a string.
        ValueError: if one that is a number is none.

    Example:
        >>> checked_settings(512, "False", None, None)
        Traceback (most recent call last):
        TypeError: add_special_tokens is 'False', a string; give True or False
    """
    return FlatSettings(
        checked_max_len(max_len),
        checked_switch(add_special_tokens, "add_special_tokens"),
        checked_stride(stride),
        None if separator is None else checked_whole(separator, "separator", 0, _LARGEST_ID),
    )


def _flat_around(
    texts: Sequence[str],
    cutter: Cutter,
    flat_between: Callable[[Sequence[str]], FlatIds],
    added_id: Callable[[str], int],
) -> FlatIds:
    """The ids of texts that may hold added tokens: what is between them is encoded together."""
    cut = [cutter.pieces(text) for text in texts]
    if not any(piece.is_added for pieces in cut for piece in pieces):
        return flat_between(texts)
    between = [piece.text for pieces in cut for piece in pieces if not piece.is_added]
    ids, bounds = (array.tolist() for array in flat_between(between))
    spans = iter(pairwise(bounds))
    found: list[list[int]] = []
    for pieces in cut:
        row: list[int] = []
        for piece in pieces:
            if piece.is_added:
                row.append(added_id(piece.text))
            else:
                start, stop = next(spans)
                row += ids[start:stop]
        found.append(row)
    return flat_ids(found)
