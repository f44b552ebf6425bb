"""Every name of 2019 is where it was, with its arguments, defaults and values.

``data/api-2019.json`` lists the modules, names and signatures of the library of June 2019, and the
values of its constants.
"""

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.optim.optimizer import required

import ptbert
from ptbert import (
    TransfoXLConfig,
    file_utils,
    modeling,
    modeling_gpt2,
    modeling_openai,
    optimization,
)

API = json.loads((Path(__file__).parent / "data" / "api-2019.json").read_text(encoding="utf-8"))
TOP_LEVEL = "(top level)"

# What is left out, or different, on purpose.
WAIVED = {
    "file_utils.s3_etag": "a helper around boto3; s3:// addresses go through cached_path",
    "file_utils.s3_get": "likewise",
    "file_utils.s3_request": "likewise",
}
_ONE_FUNCTION = "a function of ptbert_models.transfo_xl now, the same for all layers"
WAIVED_METHODS = {
    "modeling_transfo_xl.RelMultiHeadAttn._parallelogram_mask": "unused in 2019",
    "modeling_transfo_xl.RelMultiHeadAttn._shift": "unused in 2019",
    "modeling_transfo_xl.RelMultiHeadAttn._rel_shift": _ONE_FUNCTION,
    "modeling_transfo_xl.RelMultiHeadAttn.forward": "raised NotImplementedError in 2019",
    "modeling_transfo_xl.TransfoXLModel._update_mems": _ONE_FUNCTION,
    "modeling_transfo_xl.TransfoXLModel.backward_compatible": "changed nothing in 2019",
    "modeling_transfo_xl.TransfoXLPreTrainedModel.init_weights": (
        "calls its argument module; nn.Module.apply passes it without a name"
    ),
    "modeling_transfo_xl_utilities.ProjectedAdaptiveLogSoftmax._compute_logit": _ONE_FUNCTION,
}


def module_of(name):
    return ptbert if name == TOP_LEVEL else importlib.import_module(f"ptbert.{name}")


ENTRIES = {
    f"{module}.{name}": (module, name, entry)
    for module, names in API.items()
    for name, entry in names.items()
    if f"{module}.{name}" not in WAIVED
}
METHODS = {
    f"{key}.{method}": (module, name, method, signature)
    for key, (module, name, entry) in ENTRIES.items()
    for method, signature in {
        **({"__init__": entry["init"]} if entry.get("init") else {}),
        **entry.get("methods", {}),
    }.items()
    if f"{key}.{method}" not in WAIVED_METHODS
}


def test_the_waived_names_are_names_of_2019_and_absent():
    for key in WAIVED:
        module, _, name = key.partition(".")
        assert name in API[module]
        assert not hasattr(module_of(module), name)


@pytest.mark.parametrize("key", ENTRIES)
def test_the_name_is_there(key):
    module, name, entry = ENTRIES[key]

    value = getattr(module_of(module), name)

    if entry["kind"] == "class":
        assert inspect.isclass(value)
    elif entry["kind"] == "function":
        assert callable(value)
    if "from" in entry:
        origin = {"LayerNorm": "BertLayerNorm"}.get(name, name)
        assert value is getattr(module_of(entry["from"]), origin)


@pytest.mark.parametrize("module", [name for name in API if name != TOP_LEVEL])
def test_a_star_import_brings_the_names(module):
    wanted = {name for name in API[module] if f"{module}.{name}" not in WAIVED}
    assert wanted <= set(module_of(module).__all__)


# What the modules had imported themselves, and programs took from star imports.
_MODELING = "copy json logging math os shutil sys tarfile tempfile torch nn CrossEntropyLoss logger"
BROUGHT_ALONG = {
    "file_utils": "fnmatch json logging os shutil sys tempfile wraps sha256 tqdm urlparse Path",
    "modeling": _MODELING,
    "modeling_gpt2": f"{_MODELING} collections Parameter",
    "modeling_openai": f"{_MODELING} collections Parameter",
    "modeling_transfo_xl": f"{_MODELING} collections Parameter F",
    "modeling_transfo_xl_utilities": "defaultdict np torch nn F",
    "optimization": "abc logging math sys torch Optimizer required clip_grad_norm_ logger",
    "optimization_openai": "logging math torch Optimizer required clip_grad_norm_ logger",
    "tokenization": "collections logging os unicodedata logger",
    "tokenization_gpt2": "json logging os re sys lru_cache logger",
    "tokenization_openai": "json logging os re sys tqdm logger",
    "tokenization_transfo_xl": "glob logging os pickle sys unicodedata Counter OrderedDict logger",
}


@pytest.mark.parametrize("module", BROUGHT_ALONG)
def test_a_star_import_brings_along_what_the_module_had_imported(module):
    names = {}
    exec(f"from ptbert.{module} import *", names)
    assert set(BROUGHT_ALONG[module].split()) <= set(names)


def parameters_of_2019(signature):
    """Names and default values of the parameters; stars excluded."""
    (function,) = ast.parse(f"def function{signature}: ...").body
    arguments = function.args.args
    defaults = [ast.unparse(each) for each in function.args.defaults]
    values = [eval(each, {"required": required}) for each in defaults]
    missing = [inspect.Parameter.empty] * (len(arguments) - len(values))
    names = [argument.arg for argument in arguments]
    return dict(zip(names, [*missing, *values], strict=True))


def check_signature(ours, signature):
    wanted = parameters_of_2019(signature)
    found = {
        name: parameter
        for name, parameter in inspect.signature(ours).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    assert list(found)[: len(wanted)] == list(wanted)
    for name, parameter in found.items():
        if name not in wanted:  # what 2019 did not have, or took among *args
            assert parameter.default is not parameter.empty or "*args" in signature
        elif wanted[name] is not parameter.empty:
            assert plain(parameter.default) == plain(wanted[name])


def plain(default):
    """The default with lists, which no signature should hold, as tuples."""
    if repr(default) == "<factory>":  # of a dataclass
        return plain(TransfoXLConfig().cutoffs)
    return tuple(default) if isinstance(default, list) else default


FUNCTIONS = {key: entry for key, (_, _, entry) in ENTRIES.items() if entry.get("signature")}


@pytest.mark.parametrize("key", FUNCTIONS)
def test_a_function_takes_the_arguments_of_2019(key):
    module, name, entry = ENTRIES[key]
    check_signature(getattr(module_of(module), name), entry["signature"])


@pytest.mark.parametrize("key", METHODS)
def test_a_method_takes_the_arguments_of_2019(key):
    module, name, method, signature = METHODS[key]
    ours = inspect.getattr_static(getattr(module_of(module), name), method)
    check_signature(getattr(ours, "__func__", ours), signature)


CONSTANTS = [key for key, (_, _, entry) in ENTRIES.items() if entry["kind"] == "constant"]


@pytest.mark.parametrize("key", CONSTANTS)
def test_a_constant_has_the_value_of_2019(key):
    module, name, entry = ENTRIES[key]
    value = getattr(module_of(module), name)
    wanted = entry["value"]
    if name == "PYTORCH_PRETRAINED_BERT_CACHE":
        assert isinstance(value, Path)
    elif name == "ABC":
        assert type(value).__name__ == wanted
    elif name in {"ACT2FN", "ACT_FNS"}:
        assert wanted.keys() <= value.keys()
        assert all(map(callable, value.values()))
    elif isinstance(wanted, dict):
        found = {str(key): getattr(each, "__name__", each) for key, each in value.items()}
        assert wanted.items() <= found.items()
    else:
        assert value == wanted


def test_the_gelu_of_a_family_is_that_of_its_models():
    x = torch.tensor([-1.0, 2.0])
    erf = 0.5 * x * (1 + torch.erf(x / 2**0.5))
    approximate = 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))

    torch.testing.assert_close(modeling.gelu(x), erf)
    torch.testing.assert_close(modeling.ACT2FN["gelu"](x), erf)
    for gelu in (modeling_gpt2.gelu, modeling_openai.gelu, modeling_openai.ACT_FNS["gelu"]):
        torch.testing.assert_close(gelu(x), approximate)


def test_names_of_before_version_0_5_are_there():
    assert modeling.PreTrainedBertModel is modeling.BertPreTrainedModel
    assert optimization.warmup_linear(0.05, 0.1) == 0.5
    assert optimization.warmup_constant(0.5, 0.1) == 1.0
    assert optimization.warmup_cosine(0.05, 0.1) == 0.5


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("module", [n for n in API if n.startswith(("tokenization", "file_"))])
def test_tokenizers_and_files_do_without_torch(module):
    code = f"import sys, ptbert.{module}; print('torch' in sys.modules)"
    assert run_python(code) == "False\n"


def test_modules_are_attributes_of_the_package_without_being_imported():
    code = "import ptbert; print(ptbert.tokenization.VOCAB_NAME)"
    assert run_python(code) == "vocab.txt\n"


def test_the_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    for name in ("one", "two"):
        monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / name))
        assert tmp_path / name / "file" == file_utils.PYTORCH_PRETRAINED_BERT_CACHE / "file"


def test_june_had_more_names_for_the_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("ENV_TORCH_HOME", raising=False)
    for name in ("one", "two"):
        home = tmp_path / name
        monkeypatch.setenv("TORCH_HOME", str(home))
        assert file_utils.torch_cache_home == file_utils._get_torch_home() == str(home)  # noqa: SLF001
        assert file_utils.default_cache_path == str(home / "pytorch_pretrained_bert")


@pytest.mark.parametrize("module", ["file_utils", "tokenization_transfo_xl"])
def test_an_unknown_name_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match=f"module 'ptbert.{module}' has no attribute 'no'"):
        _ = module_of(module).no
