"""References to documented things by any of their names, and links out of what is included."""

from __future__ import annotations

import builtins
import sys
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# What is named by type annotations and is documented elsewhere.
_ELSEWHERE = {
    *("torch", "numpy", "np", "nn", "regex", "pathlib", "collections", "os", "argparse", "logging"),
    *("requests", "io", "enum", "typing", "types", "threading", "contextlib", "re", "F"),
}


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Find what a reference means that names a thing by where it is defined.

    A class is documented once, as ``ptbert.BertModel``, and annotations name it
    ``ptbert_models.bert.bare.BertModel``. What exists and has no page (types of Python and of other
    libraries, and internal ones of ours) is shown as it is. Anything else is a broken reference.
    """
    if node.get("refdomain") != "py":
        return None
    target = str(node.get("reftarget", ""))
    last = target.rpartition(".")[2]
    documented = env.domains.python_domain.objects
    names = sorted(name for name in documented if name.rpartition(".")[2] == last)
    meant = _thing(target)
    same = [name for name in names if meant is not None and _thing(name) is meant]
    fitting = same or (names if "." not in target and len(names) == 1 else [])
    if fitting:
        return _link(app, node, documented[fitting[0]], content)
    if meant is not None or target.partition(".")[0] in _ELSEWHERE or _is_plain(target):
        return content
    return None


def _link(app: Sphinx, node: pending_xref, found: Any, content: nodes.TextElement) -> nodes.Element:
    address = app.builder.get_relative_uri(node["refdoc"], found.docname)
    return nodes.reference("", "", content, internal=True, refuri=f"{address}#{found.node_id}")


def _thing(name: str) -> Any:
    """The object with a dotted name, in the longest part of it that is a loaded module."""
    home, rest = name, []
    while home and home not in sys.modules:
        home, _, step = home.rpartition(".")
        rest.insert(0, step)
    found: Any = sys.modules.get(home)
    for step in rest:
        found = getattr(found, step, None)
    return found


def _is_plain(target: str) -> bool:
    return (
        hasattr(builtins, target)
        or target
        in {
            "Any",
            "Self",
            "Tensor",
            "Path",
            "ClassVar",
            "Literal",
            "NDArray",
            "Module",
            "ArgumentParser",
        }
        or target in dir(__import__("typing"))
        or target in dir(__import__("collections.abc").abc)
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
