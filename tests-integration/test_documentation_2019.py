"""The programs of the documentation of 2019, with tiny models under the published names.

Each runs with ``ptbert`` in the place of the old name, and with the old name in drop-in mode.
"""

import pytest
import torch

import ptbert

ONE = """\
from NAME import CLASS as BERT_CLASS
model = BERT_CLASS.from_pretrained(
    PRE_TRAINED_MODEL_NAME_OR_PATH,
    cache_dir=None, from_tf=False, state_dict=None, *input, **kwargs)
"""
CLASSES = {
    "bert-base-uncased": [name for name in dir(ptbert) if name.startswith("BertFor")]
    + ["BertModel"],
    "openai-gpt": ["OpenAIGPTModel", "OpenAIGPTLMHeadModel", "OpenAIGPTDoubleHeadsModel"],
    "gpt2": ["GPT2Model", "GPT2LMHeadModel", "GPT2DoubleHeadsModel"],
    "transfo-xl-wt103": ["TransfoXLModel", "TransfoXLLMHeadModel"],
}
EACH_FAMILY = """\
from NAME import *
tokenizer = BertTokenizer.from_pretrained(
    'bert-base-uncased', do_lower_case=True, do_basic_tokenize=True)
model = BertForSequenceClassification.from_pretrained('bert-base-uncased')
tokenizer = OpenAIGPTTokenizer.from_pretrained('openai-gpt')
model = OpenAIGPTModel.from_pretrained('openai-gpt')
tokenizer = TransfoXLTokenizer.from_pretrained('transfo-xl-wt103')
model = TransfoXLModel.from_pretrained('transfo-xl-wt103')
tokenizer = GPT2Tokenizer.from_pretrained('gpt2')
model = GPT2Model.from_pretrained('gpt2')
"""
USUAL_NAMES = """\
from NAME import WEIGHTS_NAME, CONFIG_NAME
output_dir = "./models/"
model_to_save = model.module if hasattr(model, 'module') else model
output_model_file = os.path.join(output_dir, WEIGHTS_NAME)
output_config_file = os.path.join(output_dir, CONFIG_NAME)
torch.save(model_to_save.state_dict(), output_model_file)
model_to_save.config.to_json_file(output_config_file)
tokenizer.save_vocabulary(output_dir)
"""
USUAL_NAMES_AGAIN = {
    "bert": """\
model = BertForQuestionAnswering.from_pretrained(output_dir)
tokenizer = BertTokenizer.from_pretrained(output_dir, do_lower_case=args.do_lower_case)
""",
    "gpt": """\
model = OpenAIGPTDoubleHeadsModel.from_pretrained(output_dir)
tokenizer = OpenAIGPTTokenizer.from_pretrained(output_dir)
""",
}
OWN_NAMES = """\
output_model_file = "./models/my_own_model_file.bin"
output_config_file = "./models/my_own_config_file.bin"
output_vocab_file = "./models/my_own_vocab_file.bin"
model_to_save = model.module if hasattr(model, 'module') else model
torch.save(model_to_save.state_dict(), output_model_file)
model_to_save.config.to_json_file(output_config_file)
tokenizer.save_vocabulary(output_vocab_file)
"""
OWN_NAMES_AGAIN = {
    "bert": """\
config = BertConfig.from_json_file(output_config_file)
model = BertForQuestionAnswering(config)
state_dict = torch.load(output_model_file)
model.load_state_dict(state_dict)
tokenizer = BertTokenizer(output_vocab_file, do_lower_case=args.do_lower_case)
""",
    "gpt": """\
config = OpenAIGPTConfig.from_json_file(output_config_file)
model = OpenAIGPTDoubleHeadsModel(config)
state_dict = torch.load(output_model_file)
model.load_state_dict(state_dict)
tokenizer = OpenAIGPTTokenizer(output_vocab_file)
""",
}
TO_BE_SAVED = {
    "bert": """\
from NAME import BertConfig, BertForQuestionAnswering, BertTokenizer
model = BertForQuestionAnswering.from_pretrained('bert-base-uncased')
tokenizer = BertTokenizer.from_pretrained('bert-base-uncased')
""",
    "gpt": """\
from NAME import OpenAIGPTConfig, OpenAIGPTDoubleHeadsModel, OpenAIGPTTokenizer
model = OpenAIGPTDoubleHeadsModel.from_pretrained('openai-gpt')
tokenizer = OpenAIGPTTokenizer.from_pretrained('openai-gpt')
""",
}


def classes():
    return [(name, each) for name, of_family in CLASSES.items() for each in of_family]


@pytest.mark.parametrize(("name", "model_class"), classes())
def test_every_argument_of_from_pretrained_can_be_named(run, name, model_class):
    more = {"num_labels": 3} if model_class == "BertForTokenClassification" else {}
    names = {"PRE_TRAINED_MODEL_NAME_OR_PATH": name, "input": (), "kwargs": more}

    namespace = run(ONE.replace("CLASS as", f"{model_class} as"), **names)

    assert type(namespace["model"]).__name__ == model_class


def test_each_family_loads_by_name(run):
    namespace = run(EACH_FAMILY)
    assert namespace["tokenizer"].encode("a") == [64]
    assert len(namespace["model"].h) == 2


def state_of(namespace):
    return namespace["model"].state_dict()


@pytest.mark.parametrize("again", [USUAL_NAMES_AGAIN, OWN_NAMES_AGAIN], ids=["usual", "own"])
@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_what_was_saved_is_loaded_again(run, family, again):
    saving = USUAL_NAMES if again is USUAL_NAMES_AGAIN else OWN_NAMES
    before = run(TO_BE_SAVED[family])
    text = "Jim Henson was a puppeteer"
    tokens = before["tokenizer"].tokenize(text)

    names = {k: v for k, v in before.items() if k != "__builtins__"}
    after = run(saving, again[family], **names)

    assert after["model"] is not before["model"]
    assert all(torch.equal(state_of(after)[k], v) for k, v in state_of(before).items())
    assert after["tokenizer"].tokenize(text) == tokens
