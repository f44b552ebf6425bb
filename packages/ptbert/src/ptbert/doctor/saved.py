"""What programs of 2019 save and load by torch.save and torch.load, and what is refused today"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ptbert.doctor.expressions import attribute, keyword, text_of
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.habits import is_model
from ptbert.doctor.program import Program

_SETTINGS = frozenset({"args", "opt", "opts", "options", "hparams", "config"})  # of checkpoints


def saved_objects(program: Program) -> Iterator[Finding]:
    """Yield what is saved or loaded as an object, and not as tensors."""
    for call in program.calls:
        if program.dotted(call.func) == "torch.save" and call.args:
            kind = program.kind_of(call.args[0])
            if kind is not None and is_model(kind):
                yield program.found(
                    call,
                    Effect.NOTE,
                    f"this saves a whole {kind}, which only opens where the same code is",
                    "save its state_dict(), or call save_pretrained",
                )
    loaded = {
        name: value
        for name, values in program.variables.values.items()
        for value in values
        if isinstance(value, ast.Call)
        and program.dotted(value.func) == "torch.load"
        and keyword(value, "weights_only") is None
    }
    yield from _saved_settings(program, loaded)
    told = set()
    for call in program.calls:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        name = "" if owner is None else program.variables.key(owner)
        is_used_so = attribute(call) in {"eval", "train", "cuda", "parameters"}
        if name in loaded and is_used_so and name not in told:
            told.add(name)
            yield program.found(
                loaded[name],
                Effect.DIFFERS,
                "torch.load opens whole models of the library's own classes alone",
                "if it holds a class of yours and you trust the file, set "
                "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1",
            )


def _saved_settings(program: Program, loaded: Mapping[str, ast.expr]) -> Iterator[Finding]:
    """Entries of checkpoints in which programs kept an ``argparse.Namespace`` or the like."""
    entries = [each for each in program.nodes if isinstance(each, ast.Subscript)]
    for node in entries:
        if not isinstance(node.ctx, ast.Load) or text_of(node.slice) not in _SETTINGS:
            continue
        if isinstance(node.value, ast.Name) and program.variables.key(node.value) in loaded:
            yield program.found(
                node,
                Effect.DIFFERS,
                f"torch.load refuses a file in which {ast.unparse(node)} is an object, such as an "
                "argparse.Namespace",
                "if it is one and you trust the file, set TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1",
            )
