"""Programs that import the library of 2019 get ptbert."""

import doctest
import importlib
import logging
import pickle
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import ptbert
from ptbert import (
    BertConfig,
    BertModel,
    BertTokenizer,
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2Model,
    GPT2Tokenizer,
    OpenAIGPTConfig,
    OpenAIGPTModel,
)
from ptbert.corpora import authors_corpus
from ptbert.drop_in import install
from ptbert_models import convert

pytestmark = pytest.mark.usefixtures("clean_imports")
NAME = "pytorch_pretrained_bert"
PACKAGES = ["ptbert_hub", "ptbert_models", "ptbert_optim", "ptbert_tokenizers"]
MODULES = [
    "file_utils",
    "modeling",
    "modeling_gpt2",
    "modeling_openai",
    "modeling_transfo_xl",
    "modeling_transfo_xl_utilities",
    "optimization",
    "optimization_openai",
    "tokenization",
    "tokenization_gpt2",
    "tokenization_openai",
    "tokenization_transfo_xl",
]
WHOLE_MODELS = Path(__file__).parents[1] / "data" / "whole_models_2019.pt"


def test_the_example_runs():
    result = doctest.testmod(install)
    assert (result.attempted, result.failed) == (3, 0)


def test_the_package_is_ptbert():
    ptbert.install_as(NAME)
    assert importlib.import_module(NAME) is ptbert


@pytest.mark.parametrize("release", ["april", "june"])
def test_the_version_is_that_of_2019_from_the_import_on(release):
    install.install_as(NAME, release=release)
    assert ptbert.__version__ != "0.6.2"

    assert importlib.import_module(NAME).__version__ == "0.6.2"


@pytest.mark.parametrize("module", MODULES)
def test_every_submodule_is_that_of_ptbert(module):
    ptbert.install_as(NAME)

    found = importlib.import_module(f"{NAME}.{module}")

    assert found is importlib.import_module(f"ptbert.{module}")
    assert found.__name__ == found.__spec__.name == f"ptbert.{module}"


@pytest.mark.parametrize(
    ("source", "home"),
    [("tf", convert), ("openai", convert), ("gpt2", convert), ("transfo_xl", authors_corpus)],
)
def test_conversions_are_where_they_were(source, home):
    name = f"convert_{source}_checkpoint_to_pytorch"
    ptbert.install_as(NAME)
    assert getattr(importlib.import_module(f"{NAME}.{name}"), name) is getattr(home, name)


def test_nothing_is_imported_before_the_program_does():
    code = f"""
import sys, ptbert
ptbert.install_as({NAME!r})
print({{"torch", "ptbert_models", {NAME!r}}} & {{*sys.modules}})
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_installing_again_changes_nothing():
    ptbert.install_as(NAME)
    finders = [*sys.meta_path]

    ptbert.install_as(NAME)

    assert sys.meta_path == finders


def test_a_module_that_ptbert_lacks_is_not_found():
    ptbert.install_as(NAME)
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{NAME}.modelling'"):
        importlib.import_module(f"{NAME}.modelling")


def test_a_library_imported_before_is_not_replaced(monkeypatch):
    library = ModuleType(NAME)
    library.__file__ = "/site-packages/library/__init__.py"
    monkeypatch.setitem(sys.modules, NAME, library)

    with pytest.raises(ImportError, match=r"imported already, from '/site-packages/.*call install"):
        ptbert.install_as(NAME)

    assert sys.modules[NAME] is library


def test_an_installed_library_steps_behind(tmp_path, monkeypatch):
    (tmp_path / f"{NAME}.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()

    ptbert.install_as(NAME)

    assert importlib.import_module(NAME) is ptbert


@pytest.mark.parametrize("place", ["beside the program", "site-packages"])
def test_a_changed_copy_beside_a_program_is_told_of(tmp_path, monkeypatch, caplog, place):
    folder = tmp_path / place
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder)

    ptbert.install_as(NAME)
    importlib.import_module(f"{NAME}.modeling")

    messages = [record.getMessage() for record in caplog.records]
    told = (
        f"ptbert takes the place of {NAME!r}, so the copy in {str(folder)!r} is not used; if that"
    )
    assert len(messages) == (place == "beside the program")
    assert all(message.startswith(told) for message in messages)


@pytest.mark.parametrize("name", ["ptbert", "a.b", ""])
def test_a_name_that_cannot_be_taken_is_refused(name):
    with pytest.raises(ValueError, match=re.escape(f"name={name!r} cannot be used; give")):
        ptbert.install_as(name)


def test_an_unknown_release_is_refused():
    with pytest.raises(ValueError, match="release='may' is unknown; choose one of april, june"):
        ptbert.install_as(NAME, release="may")


def tiny_gpt2():
    return GPT2Model(GPT2Config(5, n_positions=4, n_ctx=4, n_embd=4, n_layer=2, n_head=2)).eval()


@pytest.mark.parametrize("release", ["april", "june"])
def test_the_release_says_what_gpt_models_return(release):
    ptbert.install_as(NAME, release=release)
    importlib.import_module(NAME)

    hidden, _ = tiny_gpt2()(torch.tensor([[1, 2]]))

    if release == "april":
        assert hidden.shape == (1, 2, 4)
    else:
        assert [layer.shape for layer in hidden] == [(1, 2, 4)] * 3  # the embeddings come first


@pytest.mark.parametrize("release", ["april", "june"])
def test_the_release_says_where_dropout_is(release):
    sizes = {"n_positions": 4, "n_ctx": 4, "n_embd": 4, "n_layer": 1, "n_head": 2}
    ptbert.install_as(NAME, release=release)
    importlib.import_module(NAME)

    gpt2 = GPT2DoubleHeadsModel(GPT2Config(5, **sizes))
    gpt = OpenAIGPTModel(OpenAIGPTConfig(5, **sizes))

    dropouts = (nn.Dropout, nn.Dropout1d)
    rates = {each.p for each in gpt2.modules() if isinstance(each, dropouts)}
    assert rates == ({0.0} if release == "april" else {0.1})
    assert gpt.drop.p == (0.0 if release == "april" else 0.1)
    assert gpt.h[0].attn.attn_dropout.p == 0.1
    assert gpt2.config.resid_pdrop == 0.1  # files stay as they are


@pytest.mark.parametrize("release", ["april", "june"])
def test_the_release_says_how_gpt2_decodes(release, gpt2_folder):
    ptbert.install_as(NAME, release=release)
    importlib.import_module(NAME)
    tokenizer = GPT2Tokenizer.from_pretrained(gpt2_folder)
    text = tokenizer.decode(tokenizer.encode("it 's ."))
    assert text == ("it 's ." if release == "april" else "it's.")


def test_the_release_can_change_later():
    ptbert.install_as(NAME, release="april")
    importlib.import_module(NAME)

    ptbert.install_as(NAME, release="june")

    assert isinstance(tiny_gpt2()(torch.tensor([[1, 2]]))[0], list)


def test_a_model_keeps_the_release_it_was_made_for():
    config = GPT2Config(9, n_embd=8, n_layer=2, n_head=2)
    ids = torch.tensor([[1, 2]])
    before = GPT2Model(config)
    ptbert.install_as(NAME, release="april")
    importlib.import_module(NAME)
    april = GPT2Model(config)
    ptbert.install_as(NAME, release="june")
    after = GPT2Model(config)

    assert [type(model(ids)[0]) for model in (before, april, after)] == [list, torch.Tensor, list]
    assert [model.drop.p for model in (before, april, after)] == [0.1, 0.0, 0.1]


def test_the_release_waits_for_the_import():
    ptbert.install_as(NAME, release="april")
    assert isinstance(tiny_gpt2()(torch.tensor([[1, 2]]))[0], list)


def test_code_and_source_can_be_asked_for():
    ptbert.install_as(NAME)
    loader = find_spec(f"{NAME}.modeling").loader

    assert loader.get_code(f"{NAME}.modeling").co_filename == ptbert.modeling.__file__
    assert loader.get_source(f"{NAME}.modeling") == Path(ptbert.modeling.__file__).read_text()
    with pytest.raises(ImportError, match=rf"'{NAME}\.commands\.x' has no code of its own"):
        loader.get_code(f"{NAME}.commands.x")


@pytest.fixture
def _old_loggers():
    """Loggers are as they were after a test that changes them."""
    ours = [logging.getLogger(name) for name in PACKAGES]
    theirs = [logging.getLogger(f"{NAME}{each}") for each in ("", ".modeling", ".tokenization")]
    parents, levels = [each.parent for each in ours], [each.level for each in theirs]
    yield
    for logger, parent in zip(ours, parents, strict=True):
        logger.parent = parent
    for logger, level in zip(theirs, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("_old_loggers")
@pytest.mark.parametrize("silenced", [f"{NAME}.tokenization", NAME])
def test_programs_silence_messages_by_the_old_names(silenced, caplog, model_folder):
    tokenizer = BertTokenizer.from_pretrained(model_folder, max_len=2)
    tokenizer.encode("the key is in a drawer")  # heard before
    assert len(caplog.records) == 1
    ptbert.install_as(NAME)
    tokenizer.encode("the key is in a drawer")
    assert len(caplog.records) == 2

    logging.getLogger(silenced).setLevel(logging.ERROR)

    tokenizer.encode("the key is in a drawer")
    assert len(caplog.records) == 2


@pytest.mark.usefixtures("_old_loggers")
def test_messages_reach_handlers_of_the_old_names(caplog):
    ptbert.install_as(NAME)
    heard = []
    handler = logging.Handler()
    handler.emit = heard.append
    logger = logging.getLogger(f"{NAME}.modeling")
    logger.addHandler(handler)

    logging.getLogger("ptbert_models.pretrained").warning("weights are missing")

    logger.removeHandler(handler)
    assert [record.getMessage() for record in heard] == ["weights are missing"]


def test_pickled_configurations_that_name_the_library_load():
    config = BertConfig(7, hidden_size=4)
    pickled = pickle.dumps(config, protocol=2)
    named = pickled.replace(b"cptbert_models.bert.config\n", f"c{NAME}.modeling\n".encode())
    assert named != pickled
    ptbert.install_as(NAME)

    loaded = pickle.loads(named)

    assert type(loaded) is BertConfig
    assert loaded.to_dict() == config.to_dict()


def test_pickles_written_in_this_mode_load_without_it():
    ptbert.install_as(NAME)
    modeling = importlib.import_module(f"{NAME}.modeling")

    pickled = pickle.dumps(modeling.BertConfig(7))

    assert NAME.encode() not in pickled


@pytest.mark.parametrize("weights_only", [False, True])
def test_whole_models_of_2019_load_and_compute_the_same(weights_only):
    """See data/make_whole_models_2019.py for what wrote them."""
    ptbert.install_as(NAME)
    importlib.import_module(NAME)

    recorded = torch.load(WHOLE_MODELS, weights_only=weights_only)

    assert len(recorded) == 7
    assert type(recorded[0][0]) is BertModel
    for model, ids, outputs in recorded:
        with torch.no_grad():
            torch.testing.assert_close(model(ids), outputs)
