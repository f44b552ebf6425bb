"""What a program imports, itself and through the modules that lie beside it"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ptbert.doctor.program import NO_COPIES, Program, parsed
from ptbert.doctor.sources import Source, read_sources


def imported_by(start: Path, root: Path) -> frozenset[str]:
    """Return the dotted names that a program imports; it is read, and nothing of it is run.

    Names that are put together while the program runs are not known, nor is what files that cannot
    be read import.

    Args:
        start: the file that is run.
        root: the folder from which it imports first. Modules in it are read too.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "train.py").write_text("import parts")
        ...     _ = Path(folder, "parts.py").write_text("from my_bert import modeling")
        ...     sorted(imported_by(Path(folder, "train.py"), Path(folder)))
        ['my_bert.modeling', 'parts']
    """
    imported: set[str] = set()
    waiting, seen = [start], {start}
    while waiting:
        names = _names_in(waiting.pop(), root)
        imported |= names
        found = {path for name in names for path in _files(name, root)} - seen
        seen |= found
        waiting += sorted(found)
    return frozenset(imported)


def _names_in(path: Path, root: Path) -> frozenset[str]:
    for source in read_sources(path):
        tree = parsed(source) if isinstance(source, Source) else source
        if isinstance(source, Source) and isinstance(tree, ast.Module):
            package = ".".join(path.parent.relative_to(root).parts)
            return Program(source, tree, NO_COPIES, package).imported_names
    return frozenset()


def _files(dotted: str, root: Path) -> Iterator[Path]:
    """The files that python runs to import a dotted name, if they lie in the folder."""
    folder = root
    for part in dotted.split("."):
        for path in (folder / f"{part}.py", folder / part / "__init__.py"):
            if path.is_file():
                yield path
        folder /= part
