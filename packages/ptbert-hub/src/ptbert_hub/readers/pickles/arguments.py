"""The numbers and texts in a pickle, read within a budget of memory"""

from __future__ import annotations

import codecs
import re
from struct import Struct
from typing import Any

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles.records import EndsEarly

# Bytes of memory that values may need besides as many as the pickle has. With the costs below, the
# largest vocabularies of 2019 (793,000 words, written by Python 2) need 280 MB.
_ROOM = 320 << 20
NUMBER = 40
VALUE = 64  # a short text, a small tuple, a list or dictionary with nothing in it, an entry of one
SET = 240

_LONG_NUMBER = 255  # bytes or digits; the time to read a number grows faster than its length
_LONG_TEXT = 1 << 10
_WIDE = re.compile(rb"[\xc4-\xff]")  # in UTF-8: begins a character above U+00FF
_LATIN1 = "latin1"


class Arguments:
    """The bytes of a pickle, from which a reader takes what follows an opcode.

    Args:
        data: the bytes.
        encoding: of texts that Python 2 wrote.

    Attributes:
        at: how many bytes have been taken.
        room: how many bytes of memory are left for values; the reader stops below 0.
    """

    def __init__(self, data: bytes, encoding: str) -> None:
        self.data = data
        self.at = 0
        self.room = _ROOM + len(data)
        self._encoding = encoding

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise EndsEarly("it ends early")
        self.room -= VALUE
        return self.data[start : self.at]

    def take_number(self, form: Struct) -> Any:
        """Return the next number of fixed size."""
        start, self.at = self.at, self.at + form.size
        if self.at > len(self.data):
            raise EndsEarly("it ends early")
        self.room -= NUMBER
        return form.unpack_from(self.data, start)[0]

    def take_whole_number(self, size: int) -> int:
        """Return the next bytes as a whole number, the lowest byte first."""
        if size > _LONG_NUMBER:
            raise BadContent(f"it has a number of {size} bytes")
        return int.from_bytes(self.take(size), "little", signed=True)

    def take_text(self, size: int) -> str:
        """Return the next bytes as a text of Python 3."""
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise EndsEarly("it ends early")
        self.room -= VALUE
        if size > _LONG_TEXT and _WIDE.search(self.data, start, self.at):
            self._spend(4 * size)  # a single wide character makes all of them wide
        text = str(memoryview(self.data)[start : self.at], "utf-8", "surrogatepass")
        if size <= _LONG_TEXT and not text.isascii():
            self.room -= 4 * size
        return text

    def take_old_text(self, size: int) -> str:
        """Return the next bytes as a text of Python 2."""
        return self._decode(self.take(size))

    def take_line(self) -> str:
        """Return the next line, without its end."""
        return self._line(VALUE).decode()

    def take_quoted_line(self) -> str:
        """Return the next line, which is a text of Python 2 in quotation marks."""
        line = self._line(2).strip()
        if len(line) < 2 or line[0] != line[-1] or line[:1] not in b"'\"":
            raise BadContent("it has a text without quotation marks")
        try:
            raw, _ = codecs.escape_decode(line[1:-1])
        except ValueError:
            raise BadContent("it has a text with a wrong escape sequence") from None
        return self._decode(raw)

    def take_escaped_line(self) -> str:
        """Return the next line, which is a text of Python 3 with escape sequences."""
        return self._line(4).decode("raw-unicode-escape")

    def take_number_line(self, kind: type[int] | type[float]) -> int | float:
        """Return the next line as a number."""
        line = self._line(VALUE).decode("ascii").removesuffix("L")
        if len(line) > _LONG_NUMBER:
            raise BadContent(f"it has a number of {len(line)} digits")
        if kind is int and line in {"00", "01"}:
            return line == "01"
        try:
            return kind(line)
        except ValueError:
            raise BadContent("it has a line that is not the number it should be") from None

    def _line(self, cost: int) -> bytes:
        """The next line, whose bytes may need as much memory each as the cost."""
        start, end = self.at, self.data.find(b"\n", self.at)
        if end < 0:
            raise EndsEarly("it ends early")
        self.at = end + 1
        self._spend(VALUE + cost * (end - start))
        return self.data[start:end]

    def _decode(self, raw: bytes) -> str:
        if self._encoding != _LATIN1 and not raw.isascii():
            self._spend(4 * len(raw))
        return raw.decode(self._encoding)

    def _spend(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise BadContent("it needs more memory than its length allows")
