"""``BasicTokenizer``, which finds the words of a whole text at once.

What it returns is what the class of the same name in ``ptbert_tokenizers.plain.wordpiece`` returns.
"""

from operator import attrgetter
from types import FunctionType
from typing import Any

from ptbert_tokenizers.plain import wordpiece as plain
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.untouched import untouched

BasicValues = tuple[bool, tuple[str, ...], bool | None, bool]

_LITTLE = 4000  # characters; the definition takes as long for them as preparing the quick way


def basic_values(basic: plain.BasicTokenizer) -> BasicValues:
    """All settings of a basic tokenizer, to compare them with others."""
    return (
        bool(basic.do_lower_case),
        tuple(basic.never_split),
        basic.strip_accents,
        bool(basic.tokenize_chinese_chars),
    )


def quick_words(values: BasicValues) -> QuickWords | None:
    """The quick way to the words of an unchanged basic tokenizer; None if there is none."""
    if not all(isinstance(word, str) for word in values[1]):
        return None
    words = QuickWords(*values)
    return words if words.is_possible else None


class BasicTokenizer(plain.BasicTokenizer):
    """Clean text and split it into words, punctuation marks and single ideographs.

    Args:
        do_lower_case: lower-case, and remove accents unless ``strip_accents`` is False.
        never_split: words that are not changed if there are spaces around them; None for none.
        strip_accents: remove accents; when None, only if ``do_lower_case``, as in 2019.
        tokenize_chinese_chars: make every Han ideograph a word of its own.

    Raises:
        TypeError: if ``never_split`` is one string, or ``do_lower_case`` is a string.

    Example:
        >>> BasicTokenizer().tokenize("Naïve? [MASK] 北京")
        ['naive', '?', '[MASK]', '北', '京']
        >>> BasicTokenizer(strip_accents=False, tokenize_chinese_chars=False).tokenize("Öl 北京")
        ['öl', '北京']
    """

    def tokenize(self, text: str) -> list[str]:
        """Return the words of ``text``.

        Example:
            >>> BasicTokenizer(do_lower_case=False).tokenize("Can't wait!")
            ['Can', "'", 't', 'wait', '!']
        """
        can_be_quick = type(text) is str and isinstance(self.never_split, (list, tuple))
        if not can_be_quick or not _has_own_steps(self):
            return super().tokenize(text)
        values = basic_values(self)
        known: _Known | None = self.__dict__.get(_KNOWN)
        if known is None or known.values != values:
            self.__dict__[_KNOWN] = known = _Known(values)
        words = known.words(len(text))
        return super().tokenize(text) if words is None else words(text)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != _KNOWN}


class _Known:
    """The quick way to words for some settings, prepared when there was enough text.

    Args:
        values: the settings, as ``basic_values`` gives them.
    """

    def __init__(self, values: BasicValues) -> None:
        self.values = values
        self._characters = 0
        self._is_made = False
        self._words: QuickWords | None = None

    def words(self, length: int) -> QuickWords | None:
        """Return the quick way for a text of some characters; None for the definition."""
        if not self._is_made:
            self._characters += length
            if self._characters > _LITTLE:
                self._words = quick_words(self.values)
                self._is_made = True
        return self._words


_KNOWN = "_known"  # the attribute that is not pickled
_METHODS = [name for name, it in vars(plain.BasicTokenizer).items() if isinstance(it, FunctionType)]
_state_of = attrgetter(*_METHODS, "do_lower_case", "strip_accents", "tokenize_chinese_chars")
_has_own_steps = untouched(BasicTokenizer, *(set(_METHODS) - {"__init__", "tokenize"}))
_is_quick_basic = untouched(BasicTokenizer, *_METHODS)
_is_plain_basic = untouched(plain.BasicTokenizer, *_METHODS)


def is_basic(part: Any) -> bool:
    """Tell whether a part is a ``BasicTokenizer`` with its own methods.

    In pickles of earlier versions it is the plain one.
    """
    return _is_quick_basic(part) or _is_plain_basic(part)


def basic_state(basic: Any) -> tuple[Any, ...]:
    """All that ``is_basic`` and ``basic_values`` depend on, to be compared with an earlier state.

    Raises:
        AttributeError: if it is no basic tokenizer.

    Example:
        >>> basic = BasicTokenizer()
        >>> before = basic_state(basic)
        >>> basic.never_split = [*basic.never_split, "<e>"]
        >>> basic_state(basic) == before
        False
    """
    kept = basic.never_split
    # Another kind of collection is compared by nobody, so it equals nothing.
    return _state_of(basic), tuple(kept) if isinstance(kept, (list, tuple)) else object()
