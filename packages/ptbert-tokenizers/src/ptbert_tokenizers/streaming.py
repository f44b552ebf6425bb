"""Decoding ids one by one: text comes out as soon as nothing that follows can change it.

A text is decoded in steps, such as "bytes to characters" or "remove the spaces before full stops".
Each step here takes a text in pieces and holds back only what the next pieces may change.
"""

import codecs
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TextIO

from ptbert_tokenizers.plain.gaps import GAPS


class Step(Protocol):
    """One step of decoding a text in pieces."""

    def feed(self, piece: Any) -> str:
        """Take the next piece; return what is certain now."""
        ...

    def end(self) -> str:
        """Return what was held back."""
        ...


class Characters:
    """From bytes of UTF-8 to characters, as ``bytes.decode`` with these ``errors``.

    Example:
        >>> step = Characters("replace")
        >>> step.feed(b"\\xe2\\x82"), step.feed(b"\\xac"), step.feed(b"\\xe2"), step.end()
        ('', '€', '', '�')
    """

    def __init__(self, errors: str) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors)

    def feed(self, piece: bytes) -> str:
        """Take the next bytes."""
        return self._decoder.decode(piece)

    def end(self) -> str:
        """Return what an incomplete character gives."""
        return self._decoder.decode(b"", final=True)


class Spaced:
    """Tokens with a space between two, as ``" ".join``.

    Example:
        >>> step = Spaced()
        >>> step.feed("a"), step.feed("b"), step.end()
        ('a', ' b', '')
    """

    _before = ""

    def feed(self, piece: str) -> str:
        """Take the next token."""
        before, self._before = self._before, " "
        return before + piece

    def end(self) -> str:
        """Return nothing."""
        return ""


class Replaced:
    """The text with one string replaced by another, as ``str.replace``.

    Example:
        >>> step = Replaced(" .", ".")
        >>> step.feed("The end "), step.feed("."), step.feed(" "), step.end()
        ('The end', '.', '', ' ')
    """

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new
        # The beginnings of the old string, the longest first.
        self._beginnings = [old[:length] for length in range(len(old) - 1, 0, -1)]
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take the next piece, and hold back its end if the old string may begin there."""
        *done, rest = (self._held + piece).split(self._old)
        self._held = next(filter(rest.endswith, self._beginnings), "")
        certain = rest.removesuffix(self._held)
        return "".join(part + self._new for part in done) + certain

    def end(self) -> str:
        """Return what was held back."""
        return self._held


class Stripped:
    """The text without whitespace at both ends, as ``str.strip``.

    Example:
        >>> step = Stripped()
        >>> step.feed(" "), step.feed(" a "), step.feed("b "), step.end()
        ('', 'a', ' b', '')
    """

    def __init__(self) -> None:
        self._held: str | None = None  # nothing has begun

    def feed(self, piece: str) -> str:
        """Take the next piece, and hold back the whitespace at its end."""
        text = piece.lstrip() if self._held is None else self._held + piece
        if not text:
            return ""
        certain = text.rstrip()
        self._held = text[len(certain) :]
        return certain

    def end(self) -> str:
        """Return nothing: what was held back is the end of the text."""
        return ""


def replacements(pairs: Iterable[tuple[str, str]]) -> list[Step]:
    """Return a step for each pair of an old string and a new one."""
    return [Replaced(old, new) for old, new in pairs]


def closed_gaps() -> list[Step]:
    """Return the steps that are ``close_gaps`` together."""
    return replacements(GAPS)


class StreamDecoder:
    """Turns ids into text while they come.

    All pieces of text together are what ``decode`` gives for all ids together.

    Args:
        piece_of: gives what the first step takes for an id; None for an id that is left out.
        steps: the steps of decoding, in order.

    Example:
        >>> decoder = StreamDecoder(["the", "end", "."].__getitem__, [Spaced(), *closed_gaps()])
        >>> decoder.feed(0), decoder.feed(1), decoder.feed(2), decoder.end()
        ('the', ' end', '.', '')
    """

    def __init__(self, piece_of: Callable[[int], Any], steps: Sequence[Step]) -> None:
        self._piece_of, self._steps = piece_of, steps

    def feed(self, index: int) -> str:
        """Take the next id; return the text that is certain now, often none."""
        piece = self._piece_of(index)
        return "" if piece is None else self._through(piece, self._steps)

    def end(self) -> str:
        """Return the rest of the text. No more ids may follow."""
        rest = ""
        for number, step in enumerate(self._steps):
            rest += self._through(step.end(), self._steps[number + 1 :])
        return rest

    def _through(self, piece: Any, steps: Sequence[Step]) -> str:
        for step in steps:
            piece = step.feed(piece)
        text: str = piece
        return text


class WholeDecoder:
    """Gives all text in the end, for tokenizers whose way to decode a program has changed.

    Args:
        decode: returns the text of all ids.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []

    def feed(self, index: int) -> str:
        """Take the next id; return nothing."""
        self._ids.append(index)
        return ""

    def end(self) -> str:
        """Return the text."""
        return self._decode(self._ids)


def decoded_pieces(decoder: StreamDecoder | WholeDecoder, ids: Iterable[int]) -> Iterator[str]:
    """Yield the pieces of text that are not empty, as early as they are certain."""
    for index in ids:
        if piece := decoder.feed(int(index)):
            yield piece
    if piece := decoder.end():
        yield piece


class TextStreamer:
    """Prints a text while ``ptbert_models.generate`` writes it, in whole characters.

    It is also a streamer for transformers, whose streamers work with ``generate`` too.

    Args:
        tokenizer: one of this package.
        skip_prompt: leave out the prompt.
        file: where the text is printed; standard output when None.
        **options: keyword arguments of ``tokenizer.decode``.

    Example:
        >>> from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges
        >>> from ptbert_tokenizers import GPT2Tokenizer
        >>> write_json_vocabulary("vocab.json", {"o": 0, "Ã": 1, "¶": 2})
        >>> write_merges("merges.txt", [])
        >>> streamer = TextStreamer(GPT2Tokenizer("vocab.json", "merges.txt"))
        >>> streamer.put([[0]]), streamer.put([1]), streamer.put([2]), streamer.end()
        oö
        (None, None, None, None)
    """

    def __init__(
        self,
        tokenizer: Any,
        skip_prompt: bool = False,
        *,
        file: TextIO | None = None,
        **options: Any,
    ) -> None:
        self._tokenizer, self._skip_prompt, self._options = tokenizer, skip_prompt, options
        self._file = file
        self._decoder: StreamDecoder | WholeDecoder | None = None
        self._left_out = 0  # characters that are not printed, of those to come

    def put(self, value: Any) -> None:
        """Take the prompt (1, L), and from then on the next tokens, (1,).

        Raises:
            ValueError: if there are several texts.
        """
        ids = value.tolist() if hasattr(value, "tolist") else value
        rows = ids if ids and isinstance(ids[0], list) else [ids]
        is_prompt = self._decoder is None
        if len(rows) > 1 or (not is_prompt and len(rows[0]) > 1):
            raise ValueError(
                "a streamer prints one text, and there are several; continue them one by one"
            )
        if self._decoder is None:
            self._decoder = self._tokenizer.stream_decoder(**self._options)
            if self._skip_prompt:
                self._left_out = len(self._tokenizer.decode(rows[0], **self._options))
        self._print("".join(map(self._decoder.feed, rows[0])))

    def end(self) -> None:
        """Print what was held back, and a line end."""
        rest = "" if self._decoder is None else self._decoder.end()
        self._decoder = None
        self._print(f"{rest}\n")

    def _print(self, text: str) -> None:
        printed = text[self._left_out :]
        self._left_out -= len(text) - len(printed)
        file = sys.stdout if self._file is None else self._file
        file.write(printed)
        file.flush()
