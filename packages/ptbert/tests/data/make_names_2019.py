"""Write the table of names and arguments of each release, which ``ptbert doctor`` reads.

Usage: make_names_2019.py FOLDER, a folder with the wheels of the releases, as ``pip download
--no-deps pytorch-pretrained-bert==0.4.0`` leaves them. June is in ``api-2019.json``. Only names and
arguments are taken from the wheels; nothing in them is run. ``lacks`` marks what ptbert does not
have.
"""

import ast
import json
import sys
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

RELEASES = ["0.4.0", "0.5.0", "0.5.1", "0.6.0", "0.6.1", "0.6.2", "june"]
HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "src" / "ptbert" / "doctor" / "names_2019.json"
LIBRARY = "pytorch_pretrained_bert"
BROUGHT_ALONG: dict = {"brought along": []}  # names that a module had imported itself


def of_wheel(path):
    """The modules of a wheel: each name with the arguments of its methods, or None."""
    found = {}
    with ZipFile(path) as wheel:
        for name in wheel.namelist():
            folder, _, file = name.partition("/")
            if folder == LIBRARY and file.endswith(".py") and not file.startswith("__main__"):
                module = "" if file == "__init__.py" else file.removesuffix(".py")
                found[module] = of_module(ast.parse(wheel.read(name)), module)
    return found


def of_module(tree, module):
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            found[node.name] = {each.name: arguments(each.args) for each in methods}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = {"": arguments(node.args)}
        elif isinstance(node, ast.Assign):
            names = (each for each in node.targets if isinstance(each, ast.Name))
            found |= {each.id: None for each in names if not each.id.startswith("__")}
        elif isinstance(node, ast.Try):
            tried = of_module(node, module)  # such as a quicker class of apex, or else an own one
            found |= {k: None if v is BROUGHT_ALONG else v for k, v in tried.items()}
            for part in node.handlers:
                own = of_module(part, module).items()
                found |= {name: methods for name, methods in own if "__init__" in (methods or ())}
        elif isinstance(node, ast.ImportFrom) and (node.level or LIBRARY in (node.module or "")):
            found |= {each.asname or each.name: None for each in node.names if each.name != "*"}
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and module and not is_future(node):
            named = (each.asname or each.name.partition(".")[0] for each in node.names)
            found |= dict.fromkeys(set(named) - {"open"}, BROUGHT_ALONG)
    return found


def is_future(node):
    return getattr(node, "module", None) == "__future__"


def arguments(args):
    names = [each.arg for each in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    names = [name for name in names if name not in ("self", "cls")]
    return names + (["*"] if args.vararg else []) + (["**"] if args.kwarg else [])


def of_june():
    api = json.loads((HERE / "api-2019.json").read_text(encoding="utf-8"))
    found = {}
    for module, names in api.items():
        ours = found["" if module.startswith("(") else module] = {}
        for name, entry in names.items():
            methods = dict(entry.get("methods", {}))
            if entry.get("init"):
                methods["__init__"] = entry["init"]
            if entry.get("signature"):
                methods[""] = entry["signature"]
            parsed = {k: parsed_arguments(v) for k, v in methods.items()}
            ours[name] = None if entry["kind"] == "constant" or "from" in entry else parsed
    return found


def parsed_arguments(signature):
    (function,) = ast.parse(f"def function{signature}: ...").body
    return arguments(function.args)


def merged(releases):
    """One table: for each name its releases as digits, and its methods' arguments likewise."""
    table = {}
    for number, modules in enumerate(releases):
        for module, names in modules.items():
            for name, methods in names.items():
                row = table.setdefault(module, {}).setdefault(name, {"in": ""})
                row["in"] += str(number)
                if methods is BROUGHT_ALONG:
                    row["brought"] = True
                if lacks(module, name):
                    row["lacks"] = True
                for method, words in (methods or {}).items():
                    is_private = method.startswith("_") and method not in {"__init__", "_attn"}
                    if methods is BROUGHT_ALONG or is_private:
                        continue
                    known = row.setdefault("takes", {}).setdefault(method, {})
                    known[" ".join(words)] = known.get(" ".join(words), "") + str(number)
    return table


def lacks(module, name):
    """Whether ptbert has no such name."""
    return not hasattr(import_module(f"ptbert.{module}" if module else "ptbert"), name)


def main(folder):
    wheels = [of_wheel(next(Path(folder).glob(f"*-{each}-*.whl"))) for each in RELEASES[:-1]]
    table = {"releases": RELEASES, "modules": merged([*wheels, of_june()])}
    lines = []
    for module, names in table["modules"].items():
        rows = (f"   {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(names.items()))
        lines.append(f"  {json.dumps(module)}: {{\n" + ",\n".join(rows) + "\n  }")
    text = f'{{"releases": {json.dumps(RELEASES)},\n "modules": {{\n' + ",\n".join(lines) + "\n}}\n"
    TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
