"""Names and arguments of the library: which releases had them, and which no release had"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from ptbert.doctor import releases
from ptbert.doctor.expressions import keyword
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.program import Program
from ptbert.doctor.releases import LIBRARY

_LATER = frozenset(
    {"AdamW", "AutoConfig", "AutoModel", "AutoTokenizer", "PreTrainedModel", "PreTrainedTokenizer"}
)
_LATER_FAMILIES = ("Albert", "Bart", "DistilBert", "Electra", "Roberta", "T5", "XLM", "XLNet")
# Keywords that from_pretrained itself takes, in some release or in ptbert.
_OF_FROM_PRETRAINED = {"cache_dir", "state_dict", "from_tf", "num_special_tokens", "special_tokens"}
_OF_PTBERT = frozenset(
    {"attention_mask", "inputs_embeds", "position_ids"}
    | {"config", "memory_map", "revision", "token", "local_files_only", "force_download", "proxies"}
    | {"dtype", "torch_dtype", "device", "ignore_mismatched_sizes", "global_clip"}
    | {"bias_correction", "fused", "capturable"}
)
_SWALLOWING = frozenset({"BertAdam", "OpenAIAdam"})  # take any keyword, and do nothing with it


class Evidence(NamedTuple):
    """Something that only some releases had.

    Args:
        what: the name or argument.
        place: file and line.
        releases: those that had it.
        verb: what it does with them: it is in them, or a requirement allows them.
    """

    what: str
    place: str
    releases: frozenset[str]
    verb: str = "is in"


def unknown_names(program: Program, added: frozenset[str]) -> Iterator[Finding]:
    """Yield the names that no release had, and those that ptbert does not have.

    Args:
        program: a file.
        added: names that changed copies of the library have besides.
    """
    told = set()
    for use in program.used:
        if (use.module, use.name) in told:
            continue
        told.add((use.module, use.name))
        if use.name.startswith("__") or use.name in added:  # every module has a __file__
            continue
        is_a_module = not use.module and releases.has_module(use.name)
        if releases.is_missing_today(use.module, use.name):
            yield program.found(
                use.node,
                Effect.STOPS,
                f"{use.name} of {_shown(use.module)} is not in ptbert",
                _instead(use.name),
            )
        elif not (is_a_module or releases.releases_with(use.module, use.name)):
            what = f"no release of 2019 has {use.name} in {_shown(use.module)}"
            yield program.found(use.node, Effect.STOPS, what, _advice(use.module, use.name))


def _instead(name: str) -> str:
    if name.startswith("s3_"):
        return "cached_path and http_get also take s3:// addresses"
    if name.startswith("_is_"):
        return "import it from tokenization"
    return "it was not the library's own; import it from where it comes from"


def _shown(module: str) -> str:
    return f"{LIBRARY}.{module}" if module else LIBRARY


def _advice(module: str, name: str) -> str:
    if not releases.has_module(module) or name.startswith(("modeling_", "tokenization_")):
        module = module or name
        return f"there is no module {_shown(module)}; leave it out, or install the library it is of"
    if releases.modules_with(name):
        return f"import it from {_shown(releases.home_of(module, name))}"
    if name in _LATER or name.startswith(_LATER_FAMILIES) or name.endswith("Fast"):
        return "it is of a later library; install that one beside ptbert for it"
    near = get_close_matches(name, releases.names_of(module), 1)
    return f"did you mean {near[0]}?" if near else "leave it out, or write it yourself"


def unknown_arguments(program: Program) -> Iterator[Finding]:
    """Yield the keywords of calls of the library that no release and no ptbert takes."""
    for call, module, name, method in _library_calls(program):
        known = _known_arguments(module, name, method)
        for each in call.keywords:
            if each.arg is None or not known or "**" in known or each.arg in known:
                continue
            if name in _SWALLOWING and method == "__init__":
                what, effect = f"{name} ignores {each.arg}=, as in 2019", Effect.NOTE
            else:
                where = f"{name}{'.' if method else ''}{method}"
                what, effect = f"no release of 2019 takes {each.arg}= in {where}", Effect.STOPS
            yield program.found(each.value, effect, what, _without(each.arg, known))
        if method == "from_pretrained" and keyword(call, "pretrained_model_name") is not None:
            yield program.found(
                call,
                Effect.STOPS,
                "pretrained_model_name= was a name of 0.4.0",
                "give the model first, without a name",
            )


def _without(name: str, known: set[str]) -> str:
    if name in {"return_dict", "output_hidden_states"}:
        return "leave it out; outputs are plain tensors and tuples, and layers are returned as such"
    if name == "weight_decay_rate":
        return "write weight_decay="
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}=?" if near else "leave it out"


def _known_arguments(module: str, name: str, method: str) -> set[str]:
    """All arguments that some release takes; empty if that cannot be told."""
    takes = releases.arguments_of(module, name, method or "")
    known = {each for words in takes.values() for each in words}
    if method == "from_pretrained":
        made = releases.arguments_of(module, name, "__init__").values()
        if name.endswith("Config") or not made:
            return set()
        own = {each for words in made for each in words}
        known = known - {"**"} | own | _OF_FROM_PRETRAINED | {"pretrained_model_name"}
    if name in _SWALLOWING:
        known.discard("**")
    return known | _OF_PTBERT if known else set()


def _library_calls(program: Program) -> Iterator[tuple[ast.Call, str, str, str]]:
    """Calls with module and name of the class or function, and the method."""
    for call in program.calls:
        named = program.library_name(call.func)
        if named and releases.releases_with(*named):
            is_class = named[1] in releases.classes()
            yield call, *named, "__init__" if is_class else ""
        elif isinstance(call.func, ast.Attribute):
            if (owner := program.class_of(call.func.value)) is not None:
                yield call, releases.classes()[owner], owner, call.func.attr
            elif (kind := program.kind_of(call.func.value)) is not None:
                yield call, releases.classes()[kind], kind, call.func.attr
            elif (base := _base_by_super(program, call.func)) is not None:
                yield call, releases.classes()[base], base, call.func.attr
        if (kind := program.kind_of(call.func)) is not None and program.class_of(call.func) is None:
            yield call, releases.classes()[kind], kind, "forward"


def _base_by_super(program: Program, method: ast.Attribute) -> str | None:
    """The class of the library whose method ``super().method`` is."""
    is_super = isinstance(method.value, ast.Call) and ast.unparse(method.value.func) == "super"
    around = program.variables.class_around(method) if is_super else None
    return program.class_of(around.bases[0]) if around is not None and around.bases else None


def evidence(program: Program) -> Iterator[Evidence]:
    """Yield what only some releases had, each thing once."""
    told = set()
    for what, node, found in (*_evident_names(program), *_evident_arguments(program)):
        if found and found != releases.ALL and what not in told:
            told.add(what)
            yield Evidence(what, program.found(node, Effect.NOTE, "", "").place, found)


def _evident_names(program: Program) -> Iterator[tuple[str, ast.AST, frozenset[str]]]:
    for use in program.used:
        place = (
            f" of {use.module}" if use.module and len(releases.modules_with(use.name)) > 1 else ""
        )
        yield f"{use.name}{place}", use.node, releases.releases_with(use.module, use.name)


def _evident_arguments(program: Program) -> Iterator[tuple[str, ast.AST, frozenset[str]]]:
    for call, module, name, method in _library_calls(program):
        takes = releases.arguments_of(module, name, method)
        for each in call.keywords:
            others = set() if name in _SWALLOWING else {"**"}
            having = [found for found, words in takes.items() if {each.arg, *others} & {*words}]
            if having:
                yield f"{each.arg}= of {name}", call, frozenset().union(*having)
        if fitting := _taking(call, takes):
            yield f"argument number {len(call.args)} of {name}", call, fitting
        if takes and method not in {"", "__init__", "forward"}:
            yield f"{name}.{method}", call, frozenset().union(*takes)
    for node in program.nodes:
        if isinstance(node, ast.ClassDef):
            yield from _evident_overrides(program, node)


def _taking(call: ast.Call, takes: dict[frozenset[str], list[str]]) -> frozenset[str]:
    """The releases that take as many arguments without a name as a call has."""
    if not call.args or any(isinstance(each, ast.Starred) for each in call.args):
        return frozenset()
    limits = {found: len({*words} - {"**"}) for found, words in takes.items() if "*" not in words}
    having = [found for found in takes if len(call.args) <= limits.get(found, len(call.args))]
    return frozenset().union(*having)


def _evident_overrides(
    program: Program, node: ast.ClassDef
) -> Iterator[tuple[str, ast.AST, frozenset[str]]]:
    """The method ``_attn`` has another argument in June, and programs override it."""
    for base in filter(None, map(program.class_of, node.bases)):
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name == "_attn":
                given = [each.arg for each in method.args.args][1:]
                takes = releases.arguments_of(releases.classes()[base], base, "_attn")
                found = [each for each, words in takes.items() if len(words) == len(given)]
                yield f"{base}._attn", method, frozenset().union(*found)
