"""Drop-in mode: programs that import the library of 2019 get ptbert."""

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

logger = logging.getLogger(__name__)

RELEASES = ("april", "june")
_RELEASE_VARIABLE = "PTBERT_RELEASE"
_IMPORT_PATH = os.path.join(os.path.dirname(__file__), "import_path")
_INSTALLED = ("site-packages", "dist-packages")
_LOGGERS = {  # of ptbert's packages, and of the modules of 2019 that did their work
    "ptbert_hub": "file_utils",
    "ptbert_models": "modeling",
    "ptbert_optim": "optimization",
    "ptbert_tokenizers": "tokenization",
}


def install_as(name: str, *, release: str = "april") -> None:
    """Make ``import NAME`` and ``import NAME.SUBMODULE`` answer with ptbert.

    Nothing is imported before the program does. It does not matter whether a library of that name
    is installed. Pickles that name its classes load; new ones name the classes of ptbert. Calling
    it again is allowed and may change the release.

    Args:
        name: what programs import, such as "pytorch_pretrained_bert".
        release: which of the two states of 2019 counts where they disagree: "april", the last
            release, in which ``GPT2Model`` and ``OpenAIGPTModel`` return the last layer's hidden
            states, GPT-2 has no dropout, GPT none on its embeddings, and ``GPT2Tokenizer.decode``
            leaves spaces as they are; or "june", the documented state, in which the models return
            the list of all layers, have dropout and close the gaps before punctuation marks.
            The classes are the same under both names, so this holds for ptbert's too from the
            moment when ``name`` is imported.

    Raises:
        ImportError: if another library of that name has been imported already.
        ValueError: if the name cannot be taken, or there is no such release.

    Example:
        >>> install_as("pytorch_pretrained_bert")
        >>> from pytorch_pretrained_bert.tokenization import whitespace_tokenize
        >>> whitespace_tokenize("old programs  run")
        ['old', 'programs', 'run']
    """
    if release not in RELEASES:
        raise ValueError(f"release={release!r} is unknown; choose one of {', '.join(RELEASES)}")
    if not name.isidentifier() or name == __package__:
        raise ValueError(
            f"name={name!r} cannot be taken; give the name of a package that programs import, "
            "such as 'pytorch_pretrained_bert'"
        )
    for finder in sys.meta_path:
        if isinstance(finder, _Alias) and finder.name == name:
            finder.release = release
            if name in sys.modules:
                finder.play_release()
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
    """Let levels and handlers of the old modules' loggers count for ptbert's messages."""
    for ours, theirs in _LOGGERS.items():
        own = logging.getLogger(ours)
        own.parent = logging.getLogger(f"{name}.{theirs}")
        own.setLevel(own.level)  # levels that were looked up before are forgotten


def install_in_children(*, release: str) -> None:
    """Let Python processes started from now on find ptbert as ``pytorch_pretrained_bert`` too.

    The folder ``import_path`` beside this module has a package of that name, which does nothing but
    call `replace_by_ptbert`. It goes to the front of where new processes look for modules, before
    what is installed, so nothing happens in a process that does not import the name.

    Args:
        release: see `install_as`.
    """
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = _IMPORT_PATH + (f"{os.pathsep}{others}" if others else "")
    os.environ[_RELEASE_VARIABLE] = release
    # Processes of multiprocessing take over this list instead.
    sys.path.insert(1, _IMPORT_PATH)


def replace_by_ptbert(name: str) -> None:
    """Put ptbert in the place of a module that is being imported; see `install_in_children`.

    Args:
        name: the module's name.
    """
    del sys.modules[name]
    install_as(name, release=os.environ.get(_RELEASE_VARIABLE, "april"))
    import_module(name)


def _warn_of_a_copy(name: str) -> None:
    """Say that a copy of the library beside a program, which may be a changed one, is not used."""
    spec = PathFinder.find_spec(name)
    places = (spec and spec.submodule_search_locations) or ()
    folder = next((os.path.dirname(place) for place in places), _IMPORT_PATH)
    if folder != _IMPORT_PATH and os.path.basename(folder) not in _INSTALLED:
        logger.warning(
            "ptbert stands in for %r, and the copy in %r is not used; if it was changed, run the "
            "program by python instead",
            name,
            folder,
        )


class _Alias(MetaPathFinder, InspectLoader):
    """Finds and loads the modules of ptbert under another name.

    Args:
        name: the other name of the package.
        release: see `install_as`.
    """

    def __init__(self, name: str, release: str) -> None:
        self.name = name
        self.release = release

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module comes from, or None if it is none of ptbert's."""
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
            from ptbert.whole_models import allow_whole_models

            self.play_release()
            allow_whole_models(self.name)

    def play_release(self) -> None:
        """Let what is made from now on follow the release."""
        from ptbert_models.release import set_release
        from ptbert_tokenizers import GPT2Tokenizer

        set_release(self.release)
        GPT2Tokenizer.leaves_spaces = self.release == "april"

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
        return f"{__package__}{fullname.removeprefix(self.name)}"
