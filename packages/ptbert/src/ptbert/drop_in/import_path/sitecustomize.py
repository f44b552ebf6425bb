"""What Python processes do at their start in drop-in mode; see `ptbert.drop_in.children`.

Python imports this module by its name, from the first folder of ``PYTHONPATH``. It must be quick:
many processes never import the old library.
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

_FOLDER = os.path.dirname(os.path.abspath(__file__))
# Where two packages are, also if the program's own folder has modules of these names.
_FOLDERS = {
    "pytorch_pretrained_bert": _FOLDER,
    "ptbert": os.path.dirname(os.path.dirname(os.path.dirname(_FOLDER))),
}
# Names of copies of the old library, which stand for it too; see `ptbert run --as`.
_COPIES = frozenset(filter(None, os.environ.get("PTBERT_RUN_AS", "").split(",")))


class _First(MetaPathFinder):
    """Finds ptbert under its own name and under that of the old library."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a package is, or None for every other name."""
        if fullname in _COPIES:
            package = os.path.join(_FOLDER, "pytorch_pretrained_bert")
            return spec_from_file_location(
                fullname,
                os.path.join(package, "__init__.py"),
                submodule_search_locations=[package],
            )
        folder = _FOLDERS.get(fullname)
        return None if folder is None else PathFinder.find_spec(fullname, [folder], target)


def _run_the_hidden_one() -> None:
    """Run the ``sitecustomize`` of the installation, which python would run without this one."""
    others = [path for path in sys.path if os.path.abspath(path) != _FOLDER]
    spec = PathFinder.find_spec(__name__, others)
    if spec is not None and spec.loader is not None:
        module = sys.modules[__name__] = module_from_spec(spec)
        spec.loader.exec_module(module)


sys.meta_path.insert(0, _First())
_run_the_hidden_one()
