"""From GPT-2's visible characters to bytes, for a whole text by one look-up"""

from collections.abc import Sequence

import numpy as np

from ptbert_tokenizers.plain.bpe import bytes_to_unicode
from ptbert_tokenizers.quick.spans import PADDING, WordSpans

_NONE = 256
_BYTES = np.full(max(map(ord, bytes_to_unicode().values())) + 2, _NONE, np.uint16)
for _byte, _char in bytes_to_unicode().items():
    _BYTES[ord(_char)] = _byte


def hidden_bytes(text: str) -> bytes | None:
    """Return the bytes that are written as visible characters; None if there are other characters.

    Example:
        >>> hidden_bytes("Ġa"), hidden_bytes(" a")
        (b' a', None)
    """
    codes = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2")
    found = _BYTES.take(codes, mode="clip")
    return None if found.max(initial=0) == _NONE else found.astype(np.uint8).tobytes()


def hidden_spans(words: Sequence[str]) -> WordSpans:
    """Return the spans of words that are written as visible characters; others are empty.

    Example:
        >>> spans = hidden_spans(["Ġa", " a", "b"])
        >>> spans.block[:3], spans.lengths.tolist()
        (b' ab', [2, 0, 1])
    """
    block = hidden_bytes("".join(words))
    if block is None:
        return hidden_spans([word if hidden_bytes(word) is not None else "" for word in words])
    lengths = np.fromiter(map(len, words), np.intp, len(words))  # a character for each byte
    return WordSpans(block + PADDING, lengths.cumsum() - lengths, lengths, np.empty(0, np.intp))
