"""The two ways of 2019 to save a fine-tuned model and its vocabulary and load them again."""

import torch
from torch import nn

from ptbert import CONFIG_NAME, WEIGHTS_NAME, BertConfig, BertForQuestionAnswering, BertTokenizer

TEXT = "A cat sleeps on the mat."


def answer_scores(model, tokenizer):
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(tokenizer.tokenize(TEXT))])
    with torch.no_grad():
        return model.eval()(ids)


def tuned(model_folder):
    """A model as it comes out of training on several devices, and its tokenizer."""
    wrapped = nn.DataParallel(BertForQuestionAnswering.from_pretrained(model_folder))
    return wrapped, BertTokenizer.from_pretrained(model_folder, do_lower_case=True)


def test_the_usual_names_load_with_from_pretrained(model_folder, tmp_path):
    wrapped, tokenizer = tuned(model_folder)
    folder = tmp_path / "models"
    folder.mkdir()
    torch.save(wrapped.module.state_dict(), folder / WEIGHTS_NAME)
    wrapped.module.config.to_json_file(folder / CONFIG_NAME)
    tokenizer.save_vocabulary(str(folder))

    model = BertForQuestionAnswering.from_pretrained(str(folder))
    again = BertTokenizer.from_pretrained(str(folder), do_lower_case=True)

    torch.testing.assert_close(
        answer_scores(model, again), answer_scores(wrapped.module, tokenizer)
    )


def test_names_of_ones_own_load_by_hand(model_folder, tmp_path):
    wrapped, tokenizer = tuned(model_folder)
    weights, config, vocabulary = (str(tmp_path / f"my_{name}.bin") for name in "wcv")
    torch.save(wrapped.module.state_dict(), weights)
    wrapped.module.config.to_json_file(config)
    tokenizer.save_vocabulary(vocabulary)

    model = BertForQuestionAnswering(BertConfig.from_json_file(config))
    model.load_state_dict(torch.load(weights))
    again = BertTokenizer(vocabulary, do_lower_case=True)

    torch.testing.assert_close(
        answer_scores(model, again), answer_scores(wrapped.module, tokenizer)
    )
