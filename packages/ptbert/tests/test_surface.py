"""The umbrella's names: the same in the table, for type checkers and in use; loaded when used."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ptbert

NAMES = [
    "BasicTokenizer",
    "BertAdam",
    "BertConfig",
    "BertForMaskedLM",
    "BertForMultipleChoice",
    "BertForNextSentencePrediction",
    "BertForPreTraining",
    "BertForQuestionAnswering",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertModel",
    "BertTokenizer",
    "CONFIG_NAME",
    "GPT2Config",
    "GPT2DoubleHeadsModel",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GPT2MultipleChoiceHead",
    "GPT2Tokenizer",
    "OpenAIAdam",
    "OpenAIGPTConfig",
    "OpenAIGPTDoubleHeadsModel",
    "OpenAIGPTLMHeadModel",
    "OpenAIGPTModel",
    "OpenAIGPTTokenizer",
    "PYTORCH_PRETRAINED_BERT_CACHE",
    "TransfoXLConfig",
    "TransfoXLCorpus",
    "TransfoXLLMHeadModel",
    "TransfoXLModel",
    "TransfoXLTokenizer",
    "WEIGHTS_NAME",
    "WordpieceTokenizer",
    "__version__",
    "cached_path",
    "install_as",
    "load_tf_weights_in_bert",
    "load_tf_weights_in_gpt2",
    "load_tf_weights_in_openai_gpt",
    "load_tf_weights_in_transfo_xl",
]


def test_the_names_are_these():
    assert sorted(ptbert.__all__) == NAMES
    assert set(NAMES) <= set(dir(ptbert))


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(ptbert.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = [
        (statement.module, alias.asname)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    ]
    assert sorted(seen) == sorted((home, name) for name, home in ptbert._HOMES.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_used(name):
    assert getattr(ptbert, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'ptbert' has no attribute 'BretModel'"):
        _ = ptbert.BretModel


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    ).stdout


def test_importing_loads_neither_torch_nor_numpy():
    code = "import sys, ptbert; ptbert.BertTokenizer; print({'torch', 'numpy'} & {*sys.modules})"
    assert run_python(code) == "set()\n"


def test_the_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    for name in ("one", "two"):
        monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / name))
        assert tmp_path / name / "file" == ptbert.PYTORCH_PRETRAINED_BERT_CACHE / "file"
