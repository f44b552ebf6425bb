"""Adding tokens to a tokenizer: kept whole in texts, with ids after all others

The added tokens of a tokenizer are one object that never changes. Adding more replaces it by one
assignment, so a call in another thread sees the tokens from before or from after.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ptbert_tokenizers.batches.texts import shown
from ptbert_tokenizers.errors import BadVocabulary, UnknownToken
from ptbert_tokenizers.files.saved_settings import ROLES, Rules, Saved
from ptbert_tokenizers.files.tokenizer_json import TokenizerJson
from ptbert_tokenizers.files.vocabulary import next_id
from ptbert_tokenizers.plain.added_tokens import NONE_ADDED, AddedToken, AddedTokens, Cutter
from ptbert_tokenizers.plain.offsets import Traced
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.weak import weak_method

Token = str | AddedToken
Normalize = Callable[[str], Traced]
MayHold = Callable[[str, Iterable[str]], bool]


class AddsTokens(ABC):
    """The methods that add tokens."""

    rules: ClassVar[Rules]
    added_tokens: AddedTokens = NONE_ADDED  # also for pickles of earlier versions

    @property
    @abstractmethod
    def vocabulary(self) -> Mapping[str, int]:
        """Token → id, special and added tokens included."""

    def __len__(self) -> int:
        """Number of tokens, special and added ones included."""
        return len(self.vocabulary)

    def separator_id(self, token: str | None) -> int | None:
        """Return the id of a token that is put between documents; None for None.

        Raises:
            TypeError: if it is no string.
            UnknownToken: a ``ValueError``, if the vocabulary has no such token.
        """
        if token is None:
            return None
        if not isinstance(token, str):
            raise TypeError(f"separator is {shown(token)}; give a token of the vocabulary")
        if token not in self.vocabulary:
            raise UnknownToken(
                f"the vocabulary has no token {token!r} to put between documents; name one that it "
                "has, or add it as a special token first"
            )
        return self.vocabulary[token]

    def add_tokens(self, tokens: Token | Iterable[Token], special_tokens: bool = False) -> int:
        """Add tokens that are kept whole wherever they are in a text.

        A token that the vocabulary has keeps its id; a new one gets the next id. The model needs a
        row for each new id. Adding is for one thread at a time.

        Args:
            tokens: one or more tokens; an ``AddedToken`` tells more exactly how it is looked for.
            special_tokens: whether those given as strings are special: then they are looked for in
                the text as it is, and ``decode`` can leave them out.

        Returns:
            How many of them are new.

        Raises:
            TypeError: if something is no token; it is named with its position.
            ValueError: if a token is empty.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\nthe\\nvirus\\n[CLS]\\n[SEP]\\n")
            >>> tokenizer = BertTokenizer("vocab.txt")
            >>> tokenizer.add_tokens(["covid19"])
            1
            >>> tokenizer.encode("the COVID19 virus", add_special_tokens=False)
            [1, 5, 2]
        """
        given = _tokens(tokens, "tokens")
        known = self.vocabulary
        first = index = next_id(known)
        entries: dict[AddedToken, int] = {}
        for each in given:
            token = AddedToken(each, special=special_tokens) if isinstance(each, str) else each
            taken = {entry.content: number for entry, number in entries.items()}
            number = known.get(token.content, taken.get(token.content))
            if number is None:
                number, index = index, index + 1
            entries = {old: i for old, i in entries.items() if old.content != token.content}
            entries[token] = number
        self._add(entries)
        return index - first

    def add_special_tokens(
        self, special_tokens: Mapping[str, Token | Sequence[Token]] | Iterable[Token]
    ) -> int:
        """Add special tokens, which are kept whole wherever they are in a text.

        Args:
            special_tokens: tokens; or tokens by role, such as ``{"pad_token": "<pad>"}``. Those
                without a role are under ``additional_special_tokens``.

        Returns:
            How many of them are new.

        Raises:
            TypeError: if something is no token; it is named with its role or position.
            ValueError: if the tokenizer has no such role, or a token is empty.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\nthe\\ncat\\n[CLS]\\n[SEP]\\n")
            >>> tokenizer = BertTokenizer("vocab.txt")
            >>> tokenizer.add_special_tokens({"pad_token": "<pad>"})
            1
            >>> tokenizer.pad_token, tokenizer.tokenize("the<pad>cat")
            ('<pad>', ['the', '<pad>', 'cat'])
        """
        if not isinstance(special_tokens, Mapping):
            return self.add_tokens(_marked(_tokens(special_tokens, "special_tokens")))
        roles = [option.name for option in self.rules.options if option.name in ROLES]
        tokens: list[Token] = []
        for role, value in special_tokens.items():
            if role not in (*roles, "additional_special_tokens"):
                raise ValueError(
                    f"{type(self).__name__} has no special token {role!r}; it has "
                    f"{', '.join(roles)} and additional_special_tokens"
                )
            if role in roles and not isinstance(value, (str, AddedToken)):
                raise TypeError(f"{role} is {shown(value)}; give one string or AddedToken")
            tokens += _tokens(value, role)
        number = self.add_tokens(_marked(tokens))
        for role in roles:
            if role in special_tokens:
                token = special_tokens[role]
                setattr(self, role, token.content if isinstance(token, AddedToken) else token)
        return number

    def _add(self, entries: Mapping[AddedToken, int]) -> None:
        """Add tokens whose ids are known to be right."""
        self.added_tokens = self.added_tokens.with_tokens(entries)

    def _take_added(self, saved: Saved) -> None:
        """Add the tokens of a folder.

        Raises:
            BadVocabulary: if their ids contradict the vocabulary.
        """
        if not (saved.added or saved.named):
            return
        known = self.vocabulary
        owners = {index: token for token, index in known.items()}
        entries = {token: known[token.content] for token in saved.named if token.content in known}
        for token, index in sorted(saved.added, key=lambda entry: (entry[1] is None, entry[1])):
            number = known.get(token.content, index)
            if number is None:
                number = max(owners, default=-1) + 1
            if index is not None:
                _refuse_contradiction(token.content, index, number, owners.get(index), saved.path)
            owners[number] = token.content
            entries = {old: i for old, i in entries.items() if old.content != token.content}
            entries[token] = number
        self._add(entries)

    @abstractmethod
    def _added_id(self, token: str) -> int:
        """The id of an added token, which is that of ``convert_tokens_to_ids``."""

    def _added_now(self) -> AddedTokens:
        """The added tokens with their current ids: a program may have edited the vocabulary."""
        return AddedTokens(
            {token: self._added_id(token.content) for token in self.added_tokens.entries}
        )

    def _cutter(self) -> Cutter | None:
        """Cuts texts at added tokens; None if there are none."""
        added = self.added_tokens
        if not added:
            return None
        key = self._normalization()
        known: tuple[AddedTokens, Hashable, Cutter] | None = self.__dict__.get("_cutter_state")
        if known is None or known[0] is not added or known[1] != key:
            cutter = Cutter(added, *self._normalizer(key), self._separator())
            self.__dict__["_cutter_state"] = known = (added, key, cutter)
        return known[2]

    def _normalization(self) -> Hashable:
        """All that ``_normalized`` depends on; None if texts are not normalized."""
        return None

    def _normalizer(self, key: Hashable) -> tuple[Normalize | None, MayHold | None]:
        """What normalizes a text, and a quick test for it; None for what there is not.

        Args:
            key: from ``_normalization``.
        """
        if key is None:
            return None, None
        plain, quick = weak_method(self, "_normalized"), self._quick_words()
        if quick is None:
            return plain, None
        traced = quick.traced

        def normalize(text: str) -> Traced:
            found = traced(text)
            return plain(text) if found is None else found

        return normalize, quick.may_hold

    def _quick_words(self) -> QuickWords | None:
        """The quick way to normalize texts; None if there is none for the current parts."""
        return None

    def _separator(self) -> str:
        """What separates words, unless it is whitespace."""
        return ""

    def _normalized(self, text: str) -> Traced:
        """A text as the tokenizer changes it before it cuts words."""
        return [(char, position) for position, char in enumerate(text)]


def _tokens(given: Any, name: str) -> list[Token]:
    """One or more tokens as a list, checked."""
    if isinstance(given, (str, AddedToken)):
        return [given]
    if not isinstance(given, Iterable) or isinstance(
        given,
        (bytes, Mapping, set, frozenset),  # ids follow the order, which a set has not
    ):
        raise TypeError(f"{name} is {shown(given)}; give a list of strings or AddedToken objects")
    tokens = list(given)
    for position, token in enumerate(tokens):
        if not isinstance(token, (str, AddedToken)):
            raise TypeError(
                f"{name}[{position}] is {shown(token)}; give a string or an AddedToken of "
                f"{__name__.partition('.')[0]}"
            )
    return tokens


def _marked(tokens: Iterable[Token]) -> list[AddedToken]:
    return [
        AddedToken(each, special=True) if isinstance(each, str) else replace(each, special=True)
        for each in tokens
    ]


def _refuse_contradiction(
    token: str, index: int, number: int, owner: str | None, path: str
) -> None:
    if number == index and owner in (None, token):
        return
    other = (
        f"the vocabulary gives it {number}" if number != index else f"this is the id of {owner!r}"
    )
    raise BadVocabulary(
        f"{path!r} gives the added token {token!r} the id {index}, but {other}; correct the "
        "file that says so, or get the files of the model again"
    )


def refuse_other_ids(vocabulary: Mapping[str, int], whole: TokenizerJson) -> None:
    """Refuse a folder in which the vocabulary and ``tokenizer.json`` give a token different ids.

    Raises:
        BadVocabulary: if they do.
    """
    for token, index in whole.vocabulary.items():
        if vocabulary.get(token, index) != index:
            raise BadVocabulary(
                f"{whole.path!r} gives {token!r} the id {index}, but the vocabulary beside it "
                f"gives it {vocabulary[token]}; remove the file that does not belong to the model"
            )
