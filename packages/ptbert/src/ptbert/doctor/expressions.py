"""What single expressions of a program say: texts, keywords, and what calls import"""

from __future__ import annotations

import ast
from collections.abc import Mapping


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword argument, if the call has it."""
    return next((each.value for each in call.keywords if each.arg == name), None)


def attribute(node: ast.AST) -> str | None:
    """Return the last part of ``a.b.c``, or of the function that a call calls."""
    if isinstance(node, ast.Call):
        return node.func.id if isinstance(node.func, ast.Name) else attribute(node.func)
    return node.attr if isinstance(node, ast.Attribute) else None


def text_of(node: ast.AST | None) -> str | None:
    """Return the string that an expression is, if it is one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def imported_by_call(node: ast.AST, names: Mapping[str, str]) -> str | None:
    """Return the dotted name of the module that a call imports and returns, if its text tells.

    Args:
        node: an expression.
        names: what the names of the program stand for.

    Example:
        >>> call = ast.parse("import_module('json.decoder')").body[0].value
        >>> imported_by_call(call, {"import_module": "importlib.import_module"})
        'json.decoder'
        >>> imported_by_call(ast.parse("__import__('json.decoder')").body[0].value, {})
        'json'
    """
    if not isinstance(node, ast.Call) or not node.args:
        return None
    module = text_of(node.args[0])
    if not module or module.startswith("."):  # of which package, the program decides as it runs
        return None
    called = _dotted(node.func, names)
    if called == "importlib.import_module":
        return module
    if called in {"__import__", "importlib.__import__"}:
        return module if _names_wanted(node) else module.partition(".")[0]
    return None


def attribute_by_call(node: ast.Call) -> str | None:
    """Return the name that ``getattr`` asks for, if it is written there and has no alternative.

    Example:
        >>> attribute_by_call(ast.parse("getattr(module, 'BertModel')").body[0].value)
        'BertModel'
    """
    is_getattr = isinstance(node.func, ast.Name) and node.func.id == "getattr"
    return text_of(node.args[1]) if is_getattr and len(node.args) == 2 else None


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return ""


def _names_wanted(call: ast.Call) -> bool:
    """Whether ``__import__`` returns the module itself, and not the package that it is in."""
    wanted = [each.value for each in call.keywords if each.arg == "fromlist"] or call.args[3:4]
    return any(not isinstance(each, (ast.List, ast.Tuple)) or each.elts for each in wanted)
