"""From the settings of a tokenizer to its folder, and back"""

import hashlib
import json
import logging
import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

from ptbert_tokenizers.adding import AddsTokens, refuse_other_ids
from ptbert_tokenizers.batches.rows import PaddingSide
from ptbert_tokenizers.files.options import settings_of
from ptbert_tokenizers.files.saved_settings import Saved, set_aside_others, write_saved
from ptbert_tokenizers.files.tokenizer_config import TOKENIZER_CONFIG_NAME
from ptbert_tokenizers.files.tokenizer_json import TokenizerJson
from ptbert_tokenizers.max_length import NO_LIMIT

logger = logging.getLogger(__name__)


# Settings that change no ids, or are the place of a file.
_NOT_FOR_IDS = frozenset({"max_len", "vocab_file"})


class KeepsSettings(AddsTokens):
    """The methods that describe a tokenizer, and write and read the description."""

    max_len: int
    padding_side: PaddingSide
    vocabulary_names: ClassVar[tuple[str, ...]]
    """What a vocabulary is called in a folder; the first one that is there is read."""
    pad_token: str | None = None
    file_arguments: ClassVar[int] = 1
    """How many arguments of the constructor are files, at the beginning."""

    def settings(self) -> dict[str, Any]:
        """Return the settings of the tokenizer, as values that ``json`` can write.

        Two tokenizers of one class with the same settings and the same ``vocabulary`` give the same
        ids, unless a program replaced a part.
        """
        return {
            "class": type(self).__name__,
            **settings_of(self.rules.options, self),
            "max_len": self.max_len,
            "tokens": len(self.vocabulary),
            "added_tokens": dict(self._added_now().ids),
        }

    def fingerprint(self) -> str:
        """Return a digest that only tokenizers share which give the same ids, on any machine.

        Raises:
            ValueError: if a program replaced a part, or the class has methods of its own, which a
                digest cannot describe.
        """
        replaced = [*self._replaced_parts()]
        if not self._is_as_shipped():
            replaced.append("how tokens or their ids are found")
        if replaced:
            raise ValueError(
                f"a program changed {' and '.join(replaced)}, so nothing can tell whether two runs "
                "give the same ids; use a tokenizer as it was loaded"
            )
        settings = {
            name: value for name, value in self.settings().items() if name not in _NOT_FOR_IDS
        }
        added = [repr(token) for token in self._added_now().entries]
        found = [settings, sorted(self.vocabulary.items()), added, self._more_for_ids()]
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()

    @abstractmethod
    def _is_as_shipped(self) -> bool:
        """Whether the methods that find tokens and ids are those of the family."""

    def _more_for_ids(self) -> Any:
        """What ids depend on besides the settings and the vocabulary, for JSON."""
        return None

    @classmethod
    def _with_saved(
        cls, saved: Saved, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The constructor's keyword arguments: the caller's, then those saved that he left out."""
        parameters = signature(cls).parameters
        by_position = list(parameters)[cls.file_arguments :][: len(inputs)]
        family = next(each for each in cls.__mro__ if "rules" in vars(each))
        usual = signature(family).parameters
        kwargs = dict(given)
        for name, value in saved.arguments.items():
            default = usual[name].default
            is_usual = value == (list(default) if isinstance(default, tuple) else default)
            # A subclass may lack an argument; that matters only for an unusual value.
            is_given = name in given or name in by_position
            if not is_given and (name in parameters or not is_usual):
                kwargs[name] = default if is_usual else value
        return kwargs

    def take_saved(self, saved: Saved, whole: TokenizerJson | None) -> None:
        """Take over what a folder says besides the constructor's arguments.

        Raises:
            BadVocabulary: if it contradicts the vocabulary.
        """
        if whole is not None:
            refuse_other_ids(self.vocabulary, whole)
        if saved.padding_side is not None:
            self.padding_side = saved.padding_side
        self._take_added(saved)

    def _write_saved(self, path: str, folder: str | None) -> None:
        """Write the settings into a folder, or beside a file at that path.

        A file with the usual name of a vocabulary stands for its folder, as in ``from_pretrained``.
        """
        settings = settings_of(self.rules.options, self)
        replaced = [*self._replaced_parts()]
        if replaced:
            logger.warning(
                "a program changed %s, which cannot be saved; change it again after loading",
                " and ".join(replaced),
            )
        if folder is None and os.path.basename(path) in self.vocabulary_names:
            folder = os.path.dirname(path) or os.curdir
        if folder is None:
            config = Path(f"{path}.{TOKENIZER_CONFIG_NAME}")
        else:
            set_aside_others(Path(folder))
            config = Path(folder, TOKENIZER_CONFIG_NAME)
        if self.max_len >= NO_LIMIT:
            settings.pop("max_len", None)
        write_saved(
            config,
            self.rules,
            settings,
            self.vocabulary,
            self._added_now(),
            self._own_settings(),
            self.padding_side,
        )

    def _own_settings(self) -> dict[str, Any]:
        """What a folder needs besides the constructor's arguments and the added tokens."""
        return {}

    def _replaced_parts(self) -> Iterable[str]:
        """The parts that a program changed in a way that settings do not describe."""
        return ()

    def _pad_id(self) -> int:
        """The id used as padding. The attention mask shows which positions are padding."""
        return 0 if self.pad_token is None else self.vocabulary.get(self.pad_token, 0)
