"""What PyTorch, NumPy, Python and others have moved or removed since 2019"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ptbert.doctor.expressions import attribute, keyword, text_of
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.program import Program

_NUMPY = {
    "int": "int",
    "float": "float",
    "object": "object",
    "str": "str",
    "complex": "complex",
    "unicode": "str",
    "float_": "np.float64",
    "complex_": "np.complex128",
    "unicode_": "np.str_",
    "string_": "np.bytes_",
    "Inf": "np.inf",
    "infty": "np.inf",
    "NaN": "np.nan",
    "NAN": "np.nan",
    "product": "np.prod",
    "cumproduct": "np.cumprod",
    "alltrue": "np.all",
    "sometrue": "np.any",
    "asscalar": "array.item()",
    "in1d": "np.isin",
    "trapz": "np.trapezoid",
    "round_": "np.round",
    "asfarray": "np.asarray(..., dtype=float)",
    "typeDict": "np.sctypeDict",
}
# Dotted names that are gone, and what to write. A name also stands for what is below it.
_GONE = {
    "torch._six": "write str for string_classes, and int for int_classes",
    "torch.legacy": "use torch.nn",
    "caffe2": "leave it out; models are exported by torch.onnx or torch.export",
    "torch.distributed.deprecated": "use torch.distributed",
    "torch.gels": "use torch.linalg.lstsq",
    "torch.lstsq": "use torch.linalg.lstsq",
    "torch.gesv": "use torch.linalg.solve",
    "torch.solve": "use torch.linalg.solve",
    "torch.eig": "use torch.linalg.eig",
    "torch.symeig": "use torch.linalg.eigh",
    "torch.matrix_rank": "use torch.linalg.matrix_rank",
    "torch.ifft": "use torch.fft.ifft",
    "torch.rfft": "use torch.fft.rfft",
    "torch.irfft": "use torch.fft.irfft",
    "sklearn.externals.joblib": "import joblib",
    "sklearn.externals.six": "write what it gives in Python 3",
    "sklearn.cross_validation": "use sklearn.model_selection",
    "sklearn.utils.linear_assignment_": "use scipy.optimize.linear_sum_assignment",
    "scipy.misc.logsumexp": "import it from scipy.special",
    "tensorflow.contrib": "TensorFlow is not needed to convert checkpoints; leave this out",
    "tensorflow.gfile": "use open, or tensorflow.io.gfile",
    "time.clock": "use time.perf_counter",
    "inspect.getargspec": "use inspect.getfullargspec",
    "string.maketrans": "use str.maketrans",
    "os.getcwdu": "use os.getcwd",
    "imp": "use importlib",
    "cPickle": "import pickle",
    "Queue": "import queue",
    "urllib2": "use urllib.request",
    "urlparse": "use urllib.parse",
    "StringIO": "use io.StringIO",
    **{
        f"collections.{name}": f"import it from collections.abc (use collections.abc.{name})"
        for name in ("Iterable", "Iterator", "Mapping", "MutableMapping", "Sequence", "Callable")
    },
}
_APEX = {
    "apex.optimizers.FP16_Optimizer": "half precision is torch.amp or model.bfloat16() today",
    "apex.fp16_utils": "half precision is torch.amp or model.bfloat16() today",
    "apex.optimizers.fp16_optimizer": "half precision is torch.amp or model.bfloat16() today",
    "apex.optimizers.FusedAdam": "use BertAdam; BertAdam(fused=True) is one kernel",
    "apex.parallel": "use torch.nn.parallel.DistributedDataParallel",
    "apex.normalization": "use BertLayerNorm, which PyTorch computes in one kernel",
    "apex.amp": "use torch.amp",
}
_BYTES = frozenset({"byte", "ByteTensor", "uint8"})
_TRUTH = frozenset({"bool", "BoolTensor"})
_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_VERSION_QUESTIONS = frozenset({"version", "require", "get_distribution", "distribution"})
_OVERLOADED = {"add_": 2, "sub_": 2, "addcmul_": 3, "addcdiv_": 3}


def moved_names(program: Program) -> Iterator[Finding]:
    """Yield names of other libraries that are gone."""
    told: set[int] = set()
    for node, dotted in _dotted_names(program):
        first, _, rest = dotted.partition(".")
        if id(node) in program.guarded and first != "apex":
            continue
        gone = next((each for each in _GONE if f"{dotted}.".startswith(f"{each}.")), None)
        if first == "numpy" and rest in _NUMPY:
            what, remedy = f"np.{rest} is gone", f"write {_NUMPY[rest]}"
            yield program.found(node, Effect.STOPS, what, remedy)
        elif gone is not None:
            yield program.found(node, Effect.STOPS, f"{gone} is gone", _GONE[gone])
        elif first == "apex":
            yield from _apex(program, node, dotted, told)


def _dotted_names(program: Program) -> Iterator[tuple[ast.AST, str]]:
    for node in program.nodes:
        if isinstance(node, ast.Import):
            for each in node.names:
                yield node, each.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node, node.module or ""
            for each in node.names:
                yield node, f"{node.module}.{each.name}"
        elif isinstance(node, ast.Attribute) and (dotted := program.dotted(node)) is not None:
            yield node, dotted


def _apex(program: Program, node: ast.AST, dotted: str, told: set[int]) -> Iterator[Finding]:
    remedy = next((text for name, text in _APEX.items() if dotted.startswith(name)), None)
    line = getattr(node, "lineno", 0)
    is_import = isinstance(node, (ast.Import, ast.ImportFrom))
    if remedy is None or line in told or not is_import:
        return
    told.add(line)
    if _is_optional(program, node):
        what = f"{dotted} needs the apex of 2019, if this line is reached"
        other = "leave off the option that leads here, such as --fp16"
        yield program.found(node, Effect.NOTE, what, f"{remedy}, or {other}")
    else:
        yield program.found(node, Effect.STOPS, f"{dotted} needs the apex of 2019", remedy)


def _is_optional(program: Program, node: ast.AST) -> bool:
    """Whether a line stands in a function, a condition or an attempt."""
    return not any(node is each for each in program.tree.body)


def moved_habits(program: Program) -> Iterator[Finding]:
    """Yield calls of PyTorch and others that fail or mean something else today."""
    is_parallel = any(attribute(call) == "DataParallel" for call in program.calls)
    for call in program.calls:
        name = attribute(call)
        dotted = program.dotted(call.func) or ""
        if name in {"masked_fill", "masked_fill_", "masked_select"}:
            yield from _byte_mask(program, call)
        elif name in _OVERLOADED and len(call.args) == _OVERLOADED[name]:
            yield program.found(
                call,
                Effect.NOTE,
                f"{name} with the number first is an old form, which PyTorch warns of",
                f"write {name}(..., {'alpha' if name in ('add_', 'sub_') else 'value'}=number)",
            )
        elif dotted == "spacy.load" and call.args and text_of(call.args[0]) in {"en", "de", "fr"}:
            yield program.found(
                call,
                Effect.STOPS,
                f"spaCy has no model {text_of(call.args[0])!r} any more",
                "name the whole model, such as en_core_web_sm",
            )
        elif dotted == "torch.hub.load" and call.args and _is_old_repository(call.args[0]):
            yield program.found(
                call,
                Effect.STOPS,
                f"{text_of(call.args[0])} is transformers today, without the entries of 2019",
                "load by from_pretrained of the class, such as BertModel.from_pretrained(...)",
            )
        elif (
            name in _VERSION_QUESTIONS
            and _is_distribution(call)
            and id(call) not in program.guarded
        ):
            yield program.found(
                call,
                Effect.STOPS,
                f"{name} asks for an installed pytorch-pretrained-bert, and ptbert is none",
                "leave it out, or ask for ptbert",
            )
        elif dotted == "yaml.load" and len(call.args) == 1 and not call.keywords:
            yield program.found(
                call, Effect.STOPS, "yaml.load without a Loader fails", "use yaml.safe_load"
            )
        elif name == "add_argument" and call.args and text_of(call.args[0]) == "--local_rank":
            yield program.found(
                call,
                Effect.NOTE,
                "torchrun gives no --local_rank, and torch.distributed.launch gives --local-rank",
                'let its default be int(os.environ.get("LOCAL_RANK", -1))',
            )
        elif is_parallel and _asks_parameters(call):
            yield program.found(
                call,
                Effect.DIFFERS,
                "next(self.parameters()) is StopIteration in the copies that DataParallel makes",
                "ask one weight by its name for its type or device",
            )
    for node in program.nodes:
        if isinstance(node, ast.Subscript) and _is_old_loss(node):
            yield program.found(
                node, Effect.STOPS, f"{ast.unparse(node)} is an IndexError", "write .item()"
            )
        elif isinstance(node, ast.BinOp) and _is_negated_comparison(node):
            yield program.found(
                node,
                Effect.STOPS,
                f"{ast.unparse(node)} subtracts truth values, which PyTorch refuses",
                "write ~ in the place of 1 -",
            )
        elif isinstance(node, ast.UnaryOp) and _is_inverted_mask(program, node):
            yield program.found(
                node,
                Effect.DIFFERS,
                f"{ast.unparse(node)} turns over the bits of bytes, so that 0 and 1 are both true",
                "write .bool() for .byte() and torch.uint8",
            )


def _is_old_repository(node: ast.expr) -> bool:
    name = (text_of(node) or "").partition(":")[0].lower()
    return name in {"huggingface/pytorch-pretrained-bert", "huggingface/pytorch-transformers"}


def _is_distribution(call: ast.Call) -> bool:
    text = text_of(call.args[0]) if call.args else None
    words = re.split(r"[=<>!~; ]", text or "")
    return words[0].lower().replace("_", "-") == "pytorch-pretrained-bert"


def _is_negated_comparison(node: ast.BinOp) -> bool:
    """Whether a line is ``1 - scores.eq(0)``, with a method that only tensors have."""
    is_one = isinstance(node.left, ast.Constant) and node.left.value in (1, 1.0)
    is_minus = isinstance(node.op, ast.Sub)
    is_call = isinstance(node.right, ast.Call)
    return is_one and is_minus and is_call and attribute(node.right) in _COMPARISONS


def _byte_mask(program: Program, call: ast.Call) -> Iterator[Finding]:
    mask = call.args[0] if call.args else keyword(call, "mask")
    if mask is not None and _has_bytes(program, mask):
        what = f"{attribute(call)} refuses masks of bytes"
        yield program.found(call, Effect.STOPS, what, "write .bool() for .byte() and torch.uint8")


def _is_inverted_mask(program: Program, node: ast.UnaryOp) -> bool:
    return isinstance(node.op, ast.Invert) and _has_bytes(program, node.operand)


def _has_bytes(program: Program, mask: ast.expr) -> bool:
    values = program.variables.values_of(mask) if isinstance(mask, ast.Name) else [mask]
    return len(values) == 1 and _is_of_bytes(values[0])


def _is_of_bytes(value: ast.expr) -> bool:
    """Whether a mask has bytes, unless a comparison or a conversion made truth values of them."""
    words = {each.attr for each in ast.walk(value) if isinstance(each, ast.Attribute)}
    return not isinstance(value, ast.Compare) and not words & _TRUTH and bool(words & _BYTES)


def _asks_parameters(call: ast.Call) -> bool:
    is_next = isinstance(call.func, ast.Name) and call.func.id == "next" and len(call.args) == 1
    return is_next and ast.unparse(call.args[0]) == "self.parameters()"


def _is_old_loss(node: ast.Subscript) -> bool:
    is_zero = isinstance(node.slice, ast.Constant) and node.slice.value == 0
    value = node.value
    is_data = isinstance(value, ast.Attribute) and value.attr == "data"
    if not (is_zero and isinstance(value, ast.Attribute) and is_data):
        return False
    name = value.value.id if isinstance(value.value, ast.Name) else attribute(value.value) or ""
    return re.search(r"loss_?\d*$", name.lower()) is not None
