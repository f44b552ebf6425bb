"""BertTokenizer: text to WordPiece ids and back."""

import json
import logging
import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from ptbert_tokenizers.batches.batch import Frame
from ptbert_tokenizers.errors import BadVocabulary, UnknownId
from ptbert_tokenizers.files.vocabulary import (
    PathLike,
    Vocabulary,
    by_id,
    load_vocab,
    read_text,
    unknown_token,
    write_lines,
)
from ptbert_tokenizers.plain.gaps import close_gaps
from ptbert_tokenizers.plain.offsets import Span, span_of, spans_of_pieces, traced_words
from ptbert_tokenizers.plain.wordpiece import (
    NEVER_SPLIT,
    BasicTokenizer,
    WordpieceTokenizer,
)
from ptbert_tokenizers.pretrained import NO_LIMIT, PretrainedTokenizer, VocabularyFiles
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.encoder import QuickEncoder, SpacedWords, WordMaker, are_ids
from ptbert_tokenizers.quick.untouched import Untouched
from ptbert_tokenizers.quick.wordpiece import QuickWordpiece

logger = logging.getLogger(__name__)

VOCAB_NAME = "vocab.txt"

_is_basic = Untouched(BasicTokenizer)
_is_wordpiece = Untouched(WordpieceTokenizer)


class BertTokenizer(PretrainedTokenizer):
    """BERT's tokenizer: basic tokenization, then WordPiece.

    ``basic_tokenizer``, ``wordpiece_tokenizer``, ``vocab`` and ``ids_to_tokens`` may be edited or
    replaced at any time; every method uses them as they are then.

    Args:
        vocab_file: path of the vocabulary, one token a line.
        do_lower_case: lower-case and remove accents.
        max_len: longest input of the model, in tokens; no limit when None.
        do_basic_tokenize: False for text where spaces already separate everything.
        never_split: words that basic tokenization leaves as they are.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if the file is not a vocabulary.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, section 3.

    Example:
        >>> _ = Path("vocab.txt").write_text("[UNK]\\n[CLS]\\n[SEP]\\nhello\\nworld\\n##s\\n")
        >>> tokenizer = BertTokenizer("vocab.txt")
        >>> tokenizer.tokenize("Hello, worlds")
        ['hello', '[UNK]', 'world', '##s']
        >>> tokenizer.encode("Hello", "worlds")
        [1, 3, 2, 4, 5, 2]
    """

    family: ClassVar[str] = "bert"
    vocabulary_names: ClassVar[tuple[str, ...]] = (VOCAB_NAME,)

    def __init__(
        self,
        vocab_file: PathLike,
        do_lower_case: bool = True,
        max_len: int | None = None,
        do_basic_tokenize: bool = True,
        never_split: Sequence[str] = NEVER_SPLIT,
    ) -> None:
        self.vocab = load_vocab(vocab_file)
        self.ids_to_tokens = OrderedDict((index, token) for token, index in self.vocab.items())
        self.do_basic_tokenize = do_basic_tokenize
        if do_basic_tokenize:
            self.basic_tokenizer = BasicTokenizer(do_lower_case, never_split)
            if do_lower_case:
                self._warn_of_capitals(vocab_file)
        self.wordpiece_tokenizer = WordpieceTokenizer(self.vocab)
        self.max_len = NO_LIMIT if max_len is None else int(max_len)

    def _warn_of_capitals(self, vocab_file: PathLike) -> None:
        capitals = [
            token for token in self.vocab if token != token.lower() and not token.startswith("[")
        ]
        if len(capitals) * 100 > len(self.vocab):  # published uncased ones have a few strays
            logger.warning(
                "%s has %d tokens with capital letters, such as %r, that lower-cased text never "
                "reaches; pass do_lower_case=False for a cased model",
                os.fspath(vocab_file),
                len(capitals),
                capitals[0],
            )

    @classmethod
    def _open(cls, files: VocabularyFiles, *inputs: Any, **kwargs: Any) -> Self:
        if files.checkpoint is not None and not inputs:
            published = files.checkpoint.lower_case
            if kwargs.get("do_lower_case", published) != published:
                logger.warning(
                    "%s was trained with do_lower_case=%s, which is used instead of %s",
                    files.checkpoint.name,
                    published,
                    kwargs["do_lower_case"],
                )
            kwargs["do_lower_case"] = published
        elif files.folder is not None and not inputs and "do_lower_case" not in kwargs:
            believed = _recorded_casing(files.folder / "tokenizer_config.json")
            if believed is not None:
                kwargs["do_lower_case"] = believed
        return cls(files.vocabulary, *inputs, **kwargs)

    def tokenize(self, text: str) -> list[str]:
        """Cut a text into WordPieces.

        Args:
            text: any string; code points that BERT deletes are dropped.
        """
        quick = self._quick()
        tokens = None if quick is None else quick.tokens(text)
        if tokens is not None:
            return tokens
        words = self.basic_tokenizer.tokenize(text) if self.do_basic_tokenize else text.split()
        return [piece for word in words for piece in self.wordpiece_tokenizer.tokenize(word)]

    def _spans(self, text: str) -> list[Span] | None:
        if not self.do_basic_tokenize:
            words = [
                list(zip(match[0], range(*match.span()), strict=True))
                for match in re.finditer(r"\S+", text)
            ]
        elif _is_basic(self.basic_tokenizer):
            basic = self.basic_tokenizer
            words = list(traced_words(text, basic.do_lower_case, basic.never_split))
        else:
            return None
        spans: list[Span] = []
        for word in words:
            pieces = self.wordpiece_tokenizer.tokenize("".join(char for char, _ in word))
            lengths = [len(piece) - 2 * bool(i) for i, piece in enumerate(pieces)]  # without ##
            is_whole = len(pieces) == 1  # unknown words among them
            spans += [span_of(word)] if is_whole else spans_of_pieces(word, lengths)
        return spans

    def _special_tokens(self) -> Iterable[str]:
        kept = self.basic_tokenizer.never_split if self.do_basic_tokenize else NEVER_SPLIT
        return [token for token in kept if token in self.vocab]

    def _pad_id(self) -> int:
        return self.vocab.get("[PAD]", 0)

    def _is_untouched(self) -> bool:
        return _has_own_methods(self)

    def _quick(self) -> QuickEncoder | None:
        wordpiece, vocab = self.wordpiece_tokenizer, self.vocab
        if not (
            _is_wordpiece(wordpiece) and isinstance(vocab, Vocabulary) and wordpiece.vocab is vocab
        ):
            return None
        limit = wordpiece.max_input_chars_per_word
        setting: tuple[Any, ...] = (id(vocab), vocab.edits, wordpiece.unk_token, limit)
        if self.do_basic_tokenize:
            basic = self.basic_tokenizer
            if not (_is_basic(basic) and isinstance(basic.never_split, (list, tuple))):
                return None
            setting += (bool(basic.do_lower_case), tuple(basic.never_split))
        return self._quick_for(setting, self._build_quick)

    def _build_quick(self) -> QuickEncoder | None:
        wordpiece, vocab = self.wordpiece_tokenizer, self.vocab
        if wordpiece.unk_token not in vocab or not are_ids(vocab.values()):
            return None
        words: WordMaker = SpacedWords()
        if self.do_basic_tokenize:
            words = QuickWords(
                bool(self.basic_tokenizer.do_lower_case), tuple(self.basic_tokenizer.never_split)
            )
            if not words.is_possible:
                return None
        limit = wordpiece.max_input_chars_per_word
        # A word that is in the vocabulary is its own longest piece.
        whole = {token: index for token, index in vocab.items() if len(token) <= limit}
        tokens = {index: token for token, index in vocab.items()}
        return QuickEncoder(
            words,
            QuickWordpiece(vocab, wordpiece.unk_token, limit),
            {token: (index,) for token, index in whole.items()},
            # A token with surrogates is in no text, and what it becomes here is no UTF-8.
            lambda: {word.encode("utf-8", "surrogatepass"): whole[word] for word in whole},
            tokens if len(tokens) == len(vocab) else None,
        )

    def convert_tokens_to_ids(
        self, tokens: Iterable[str], *, unk_token: str | None = None
    ) -> list[int]:
        """Return the ids of tokens.

        Args:
            tokens: as :meth:`tokenize` returns them.
            unk_token: whose id to use for tokens that the vocabulary lacks; an error when None.

        Raises:
            UnknownToken: a ``KeyError``, if a token is not in the vocabulary.
        """
        wanted = list(tokens)
        try:
            fallback = None if unk_token is None else self.vocab[unk_token]
            if fallback is None:
                ids = [self.vocab[token] for token in wanted]
            else:
                ids = [self.vocab.get(token, fallback) for token in wanted]
        except KeyError as error:
            missing = error.args[0]
            raise unknown_token(
                missing,
                wanted.index(missing) if missing in wanted else None,
                len(self.vocab),
                "tokenize() the text with this tokenizer, or pass unk_token='[UNK]'",
            ) from None
        self._warn_if_long(len(ids))
        return ids

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of ids.

        Raises:
            UnknownId: a ``KeyError``, if an id is outside the vocabulary.
        """
        names = self.ids_to_tokens
        try:
            return [names[int(index)] for index in ids]
        except KeyError as error:
            raise UnknownId(
                f"id {error.args[0]} is outside the vocabulary of {len(names)} tokens "
                f"(0 to {max(names, default=0)}); use ids that this tokenizer made"
            ) from None

    def decode(
        self,
        ids: Iterable[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = True,
    ) -> str:
        """Return a readable text for ids; what tokenization dropped does not come back.

        Args:
            ids: as :meth:`encode` returns them.
            skip_special_tokens: leave out ``[PAD]``, ``[CLS]``, ``[SEP]`` and the like.
            clean_up_tokenization_spaces: close the gaps before punctuation marks.
        """
        tokens = self.convert_ids_to_tokens(ids)
        if skip_special_tokens:
            tokens = [token for token in tokens if token not in NEVER_SPLIT]
        text = " ".join(tokens).replace(" ##", "")
        return close_gaps(text) if clean_up_tokenization_spaces else text

    def save_vocabulary(self, vocab_path: PathLike) -> str:
        """Write the vocabulary into a folder, as ``vocab.txt``, or to a file of that path.

        Returns:
            The path of the file.
        """
        path = os.fspath(vocab_path)
        if os.path.isdir(path):
            path = os.path.join(path, VOCAB_NAME)
        tokens = by_id(self.vocab)
        if [self.vocab[token] for token in tokens] != list(range(len(tokens))):
            logger.warning("the ids of the vocabulary have gaps, which %s cannot keep", path)
        write_lines(path, tokens)
        return path

    def _frame(self, pair: bool) -> Frame:
        start, end = self.convert_tokens_to_ids(["[CLS]", "[SEP]"])
        return Frame((start,), (end,) if pair else (), (end,))


_has_own_methods = Untouched(BertTokenizer, "tokenize", "convert_tokens_to_ids")


def _recorded_casing(path: Path) -> bool | None:
    """What a ``tokenizer_config.json`` says of ``do_lower_case``, if it says anything."""
    if not path.is_file():
        return None
    try:
        settings = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise BadVocabulary(
            f"{str(path)!r} is not JSON ({error}); mend it, or pass do_lower_case yourself"
        ) from error
    casing = settings.get("do_lower_case") if isinstance(settings, dict) else None
    return casing if isinstance(casing, bool) else None
