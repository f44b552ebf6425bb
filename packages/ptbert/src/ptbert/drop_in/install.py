"""Let ``import pytorch_pretrained_bert`` give ptbert instead."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import CodeType, ModuleType

from ptbert_hub.release import find_release, set_release

logger = logging.getLogger(__name__)

IMPORT_PATH = os.path.join(os.path.dirname(__file__), "import_path")
_PTBERT = "ptbert"
_VERSION_2019 = "0.6.2"  # of April; the state of June was never released and had the same number
_INSTALLED = ("site-packages", "dist-packages")
_LOGGERS = {  # ptbert's packages, and the modules of 2019 that did the same work
    "ptbert_hub": "file_utils",
    "ptbert_models": "modeling",
    "ptbert_optim": "optimization",
    "ptbert_tokenizers": "tokenization",
}


def install_as(name: str, *, release: str = "april") -> None:
    """Make ``import NAME`` and ``import NAME.SUBMODULE`` give ptbert's modules.

    This function imports nothing; modules are loaded when the program imports them. It does not
    matter whether a library of that name is installed. Pickles that name its classes load; new
    pickles name the classes of ptbert. From then on, ``__version__`` is that of the old library.
    Call it again to change the release.

    Args:
        name: what programs import, such as "pytorch_pretrained_bert".
        release: which of the two states of 2019 to follow where they differ. "april" is the last
            release: ``GPT2Model`` and ``OpenAIGPTModel`` return the last layer's hidden states,
            GPT-2 has no dropout, GPT has none on its embeddings, and ``GPT2Tokenizer.decode``
            keeps the spaces before punctuation marks. "june" is the documented state: the models
            return a list of all layers' hidden states and have dropout, and decoding removes those
            spaces. The classes are the same under both names, so this also holds for what is made
            by the names of ptbert, from the moment when ``name`` is imported. Models and tokenizers
            that exist by then stay as they are.

    Raises:
        ImportError: if another library of that name has been imported already.
        ValueError: if the name cannot be used, or there is no such release.

    Example:
        >>> install_as("pytorch_pretrained_bert")
        >>> from pytorch_pretrained_bert.tokenization import whitespace_tokenize
        >>> whitespace_tokenize("old programs  run")
        ['old', 'programs', 'run']
    """
    find_release(release)
    if not name.isidentifier() or name == _PTBERT:
        raise ValueError(
            f"name={name!r} cannot be used; give the name of a package that programs import, "
            "such as 'pytorch_pretrained_bert'"
        )
    for finder in sys.meta_path:
        if isinstance(finder, _Alias) and finder.name == name:
            finder.release = release
            if name in sys.modules:
                set_release(release)
            return
    if name in sys.modules:
        origin = getattr(sys.modules[name], "__file__", None)
        raise ImportError(
            f"{name!r} has been imported already, from {origin!r}; "
            "call install_as before anything imports it"
        )
    sys.meta_path.insert(0, _Alias(name, release))
    _adopt_loggers(name)


def _adopt_loggers(name: str) -> None:
    """Apply levels and handlers of the old modules' loggers to ptbert's messages."""
    for ours, theirs in _LOGGERS.items():
        own = logging.getLogger(ours)
        own.parent = logging.getLogger(f"{name}.{theirs}")
        own.setLevel(own.level)  # makes logging forget the levels that it has cached


def _warn_of_a_copy(name: str) -> None:
    """Say that a copy of the library beside a program is not used; it may have been changed."""
    spec = PathFinder.find_spec(name)
    places = (spec and spec.submodule_search_locations) or ()
    folder = next((os.path.dirname(place) for place in places), IMPORT_PATH)
    if folder != IMPORT_PATH and os.path.basename(folder) not in _INSTALLED:
        logger.warning(
            "ptbert takes the place of %r, so the copy in %r is not used; if that copy was "
            "changed, run the program by python instead",
            name,
            folder,
        )


class _Alias(MetaPathFinder, InspectLoader):
    """Finds and loads the modules of ptbert under another name.

    Args:
        name: the other name of the package.
        release: see ``install_as``.
    """

    def __init__(self, name: str, release: str) -> None:
        self.name = name
        self.release = release

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module comes from, or None if ptbert has no such module."""
        package, _, _ = fullname.partition(".")
        original = find_spec(self._original(fullname)) if package == self.name else None
        if fullname == self.name:
            _warn_of_a_copy(fullname)
        if original is None:
            return None
        is_package = original.submodule_search_locations is not None
        return ModuleSpec(fullname, self, origin=original.origin, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Put ptbert's module in the place of the empty new one."""
        fullname = module.__name__
        sys.modules[fullname] = import_module(self._original(fullname))
        if fullname == self.name:
            from ptbert.drop_in.whole_models import allow_whole_models

            sys.modules[fullname].__dict__["__version__"] = _VERSION_2019
            set_release(self.release)
            allow_whole_models(self.name)

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of a module, for ``python -m``."""
        return self._loader(fullname).get_code(self._original(fullname))

    def get_source(self, fullname: str) -> str | None:
        """Return the text of a module."""
        return self._loader(fullname).get_source(self._original(fullname))

    def _loader(self, fullname: str) -> InspectLoader:
        loader = getattr(find_spec(self._original(fullname)), "loader", None)
        if not isinstance(loader, InspectLoader):
            raise ImportError(f"{fullname!r} has no code of its own; it is not a module of ptbert")
        return loader

    def _original(self, fullname: str) -> str:
        return f"{_PTBERT}{fullname.removeprefix(self.name)}"
