"""Files go from this library to transformers and back, and both compute the same from them."""

import json

import pytest
import torch
import transformers

import ptbert

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 2]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def first(output):
    """The hidden states or scores of an output of either library."""
    if isinstance(output, tuple):  # hidden states or scores come first
        output = output[0]
    return output[-1] if isinstance(output, list) else output  # of all layers, the last


def bert_sizes():
    return {
        "vocab_size": 30,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 12,
    }


def gpt_sizes():
    return {"vocab_size": 30, "n_positions": 12, "n_embd": 16, "n_layer": 2, "n_head": 4}


CASES = [
    ("BertModel", "BertModel", bert_sizes()),
    ("BertForMaskedLM", "BertForMaskedLM", bert_sizes()),
    ("BertForPreTraining", "BertForPreTraining", bert_sizes()),
    ("BertForNextSentencePrediction", "BertForNextSentencePrediction", bert_sizes()),
    ("BertForSequenceClassification", "BertForSequenceClassification", bert_sizes()),
    ("BertForTokenClassification", "BertForTokenClassification", bert_sizes()),
    ("BertForQuestionAnswering", "BertForQuestionAnswering", bert_sizes()),
    ("GPT2Model", "GPT2Model", gpt_sizes()),
    ("GPT2LMHeadModel", "GPT2LMHeadModel", gpt_sizes()),
    ("OpenAIGPTModel", "OpenAIGPTModel", gpt_sizes()),
    ("OpenAIGPTLMHeadModel", "OpenAIGPTLMHeadModel", gpt_sizes()),
    ("BertForMultipleChoice", "BertForMultipleChoice", bert_sizes()),
    ("GPT2DoubleHeadsModel", "GPT2DoubleHeadsModel", gpt_sizes()),
    ("OpenAIGPTDoubleHeadsModel", "OpenAIGPTDoubleHeadsModel", gpt_sizes()),
]
cases = pytest.mark.parametrize(("ours", "theirs", "sizes"), CASES, ids=[case[0] for case in CASES])


def theirs_of(name, sizes):
    torch.manual_seed(0)
    model_class = getattr(transformers, name)
    return model_class(model_class.config_class(**sizes)).eval()


def outputs(ours, theirs):
    masked = isinstance(theirs, transformers.BertPreTrainedModel)
    with torch.no_grad():
        if isinstance(theirs, transformers.BertForMultipleChoice):
            choices = IDS[None], MASK[None]
            got = first(ours(choices[0], None, choices[1]))
            return got, theirs(*choices, return_dict=False)[0]
        if type(theirs).__name__.endswith("DoubleHeadsModel"):
            ends = torch.tensor([[3, 2]])
            got, want = ours(IDS[None], ends), theirs(IDS[None], mc_token_ids=ends)
            return torch.cat([got[0].flatten(), got[1].flatten()]), torch.cat(
                [want.logits.flatten(), want.mc_logits.flatten()]
            )
        if masked:
            return first(ours(IDS, None, MASK)), theirs(IDS, MASK, return_dict=False)[0]
        return first(ours(IDS)), theirs(IDS, return_dict=False)[0]


@cases
@pytest.mark.parametrize("safe", [False, True], ids=["bin", "safetensors"])
def test_their_folder_loads_here(ours, theirs, sizes, safe, tmp_path):
    model = theirs_of(theirs, sizes)
    if safe:
        model.save_pretrained(tmp_path)
    else:
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
        model.config.save_pretrained(tmp_path)

    loaded = getattr(ptbert, ours).from_pretrained(tmp_path).eval()

    got, want = outputs(loaded, model)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


@cases
def test_several_files_with_an_index_load_here(ours, theirs, sizes, tmp_path):
    model = theirs_of(theirs, sizes)
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    assert (tmp_path / "model.safetensors.index.json").exists()

    loaded = getattr(ptbert, ours).from_pretrained(tmp_path).eval()

    got, want = outputs(loaded, model)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


@cases
@pytest.mark.parametrize("safe", [False, True], ids=["bin", "safetensors"])
def test_our_folder_loads_there(ours, theirs, sizes, safe, tmp_path):
    model_class = getattr(ptbert, ours)
    torch.manual_seed(0)
    model = model_class(model_class.config_class.from_dict(sizes)).eval()
    model.save_pretrained(tmp_path, safe_serialization=safe)

    loaded, report = getattr(transformers, theirs).from_pretrained(
        tmp_path, output_loading_info=True
    )

    assert not report["missing_keys"]
    got, want = outputs(model, loaded.eval())
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


@cases
@pytest.mark.parametrize("safe", [False, True], ids=["bin", "safetensors"])
def test_our_several_files_load_there(ours, theirs, sizes, safe, tmp_path):
    model_class = getattr(ptbert, ours)
    torch.manual_seed(0)
    model = model_class(model_class.config_class.from_dict(sizes)).eval()
    # The second time, files have other names than usual, because those are taken.
    for _ in range(2):
        model.save_pretrained(tmp_path, safe_serialization=safe, max_shard_size="4KB")
        assert len(list(tmp_path.glob("*-of-*"))) > 2

        loaded, report = getattr(transformers, theirs).from_pretrained(
            tmp_path, output_loading_info=True
        )

        assert not report["missing_keys"]
        got, want = outputs(model, loaded.eval())
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


@cases
@pytest.mark.parametrize("safe", [False, True], ids=["bin", "safetensors"])
def test_our_folder_comes_back_from_there(ours, theirs, sizes, safe, tmp_path):
    model_class = getattr(ptbert, ours)
    torch.manual_seed(0)
    model = model_class(model_class.config_class.from_dict(sizes)).eval()
    model.save_pretrained(tmp_path / "here", safe_serialization=safe)
    loaded = getattr(transformers, theirs).from_pretrained(tmp_path / "here")

    loaded.save_pretrained(tmp_path / "there")
    again = model_class.from_pretrained(tmp_path / "there").eval()

    assert torch.equal(outputs(again, loaded)[0], outputs(model, loaded)[0])


@cases
def test_our_folder_says_there_what_it_is(ours, theirs, sizes, tmp_path):
    model_class = getattr(ptbert, ours)
    model_class(model_class.config_class.from_dict(sizes)).save_pretrained(tmp_path)

    config = transformers.AutoConfig.from_pretrained(tmp_path)

    assert isinstance(config, getattr(transformers, theirs).config_class)
    assert config.architectures == [theirs]


def test_the_number_of_labels_goes_there_and_comes_back(tmp_path):
    config = ptbert.BertConfig.from_dict(bert_sizes())
    model = ptbert.BertForSequenceClassification(config, num_labels=3).eval()
    model.save_pretrained(tmp_path / "here")

    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "here")
    loaded.save_pretrained(tmp_path / "there")
    again = ptbert.BertForSequenceClassification.from_pretrained(tmp_path / "there")

    assert (loaded.config.num_labels, again.num_labels) == (3, 3)
    got, want = outputs(model, loaded.eval())
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_a_classifier_that_was_trained_to_answer_questions_goes_there(tmp_path):
    """There, the number of labels says how many scores each token gets."""
    config = ptbert.BertConfig.from_dict(bert_sizes())
    ptbert.BertForSequenceClassification(config, num_labels=3).save_pretrained(tmp_path / "first")
    model = ptbert.BertForQuestionAnswering.from_pretrained(tmp_path / "first").eval()

    model.save_pretrained(tmp_path / "second")

    loaded = transformers.BertForQuestionAnswering.from_pretrained(tmp_path / "second").eval()
    got, want = outputs(model, loaded)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["GPT2LMHeadModel", "OpenAIGPTLMHeadModel"])
def test_special_tokens_go_there_as_part_of_the_vocabulary(name, tmp_path):
    model_class = getattr(ptbert, name)
    model = model_class(model_class.config_class.from_dict(gpt_sizes())).eval()
    model.set_num_special_tokens(2)
    model.save_pretrained(tmp_path)
    theirs = getattr(transformers, name).from_pretrained(tmp_path, vocab_size=32).eval()
    torch.testing.assert_close(theirs(IDS).logits, first(model(IDS)))


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "##s", "on", "mat"]
TEXT = "the cats sat on the mat"


def test_a_folder_of_bert_with_its_vocabulary_is_read_there(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    tokenizer = ptbert.BertTokenizer(tmp_path / "vocab.txt")
    config = ptbert.BertConfig.from_dict(bert_sizes() | {"vocab_size": len(WORDS)})
    folder = tmp_path / "model"
    ptbert.BertModel(config).save_pretrained(folder)
    tokenizer.save_vocabulary(folder)

    theirs = transformers.AutoTokenizer.from_pretrained(folder)

    assert theirs.encode(TEXT, add_special_tokens=False) == tokenizer.convert_tokens_to_ids(
        tokenizer.tokenize(TEXT)
    )
    assert ptbert.BertTokenizer.from_pretrained(folder).tokenize(TEXT) == tokenizer.tokenize(TEXT)


def test_a_folder_of_gpt2_with_its_vocabulary_is_read_there(tmp_path):
    symbols = ["<|endoftext|>", *"thecasonm", "Ġ", "th", "the", "Ġc"]
    (tmp_path / "vocab.json").write_text(json.dumps({s: i for i, s in enumerate(symbols)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nt h\nth e\nĠ c\n")
    tokenizer = ptbert.GPT2Tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    config = ptbert.GPT2Config.from_dict(gpt_sizes() | {"vocab_size": len(symbols)})
    folder = tmp_path / "model"
    ptbert.GPT2Model(config).save_pretrained(folder)
    tokenizer.save_vocabulary(folder)

    theirs = transformers.AutoTokenizer.from_pretrained(folder)

    assert theirs.encode("the cat on") == tokenizer.encode("the cat on")


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("BertForMaskedLM", bert_sizes()),
        ("BertForPreTraining", bert_sizes()),
        ("GPT2LMHeadModel", gpt_sizes()),
        ("OpenAIGPTLMHeadModel", gpt_sizes()),
    ],
)
def test_untied_embeddings_go_there_and_come_from_there(name, sizes, tmp_path):
    ours_class, theirs_class = getattr(ptbert, name), getattr(transformers, name)
    theirs = theirs_class(theirs_class.config_class(**sizes, tie_word_embeddings=False)).eval()
    for parameter in theirs.parameters():  # biases too, of which BERT has two
        torch.nn.init.normal_(parameter, std=0.2)
    theirs.save_pretrained(tmp_path / "theirs")

    ours = ours_class.from_pretrained(tmp_path / "theirs").eval()
    ours.save_pretrained(tmp_path / "ours", safe_serialization=True)
    back = theirs_class.from_pretrained(tmp_path / "ours").eval()

    for model in (ours, back):
        got, want = outputs(ours, model) if model is back else outputs(ours, theirs)
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)
