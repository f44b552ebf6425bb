"""Arguments, losses and vocabularies of later years: the same numbers as transformers.

Each number is a random setting: a model with its sizes, a batch, and the arguments of a call.
"""

import random

import pytest
import torch
import transformers

import ptbert

NAMES = [
    "BertModel",
    "BertForMaskedLM",
    "BertForPreTraining",
    "BertForNextSentencePrediction",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertForMultipleChoice",
    "BertForQuestionAnswering",
    "GPT2Model",
    "GPT2LMHeadModel",
    "GPT2DoubleHeadsModel",
    "OpenAIGPTModel",
    "OpenAIGPTLMHeadModel",
    "OpenAIGPTDoubleHeadsModel",
]
SCORING = {"BertForMaskedLM", "GPT2LMHeadModel", "OpenAIGPTLMHeadModel"}
LABELS = {  # ours and theirs
    "BertForMaskedLM": ("masked_lm_labels", "labels"),
    "BertForNextSentencePrediction": ("next_sentence_label", "labels"),
    "BertForSequenceClassification": ("labels", "labels"),
    "BertForTokenClassification": ("labels", "labels"),
    "BertForMultipleChoice": ("labels", "labels"),
    "GPT2LMHeadModel": ("lm_labels", "labels"),
    "OpenAIGPTLMHeadModel": ("lm_labels", "labels"),
}


class Setting:
    """A pair of equal models, and what both are called with."""

    def __init__(self, name, seed, folder):
        self.name, self.chosen = name, random.Random(f"{name} {seed}")
        self.is_bert = name.startswith("Bert")
        self.drawn = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        self.tokens = self.chosen.randint(12, 30)
        theirs = getattr(transformers, name)
        self.theirs = theirs(theirs.config_class(**self._sizes())).eval()
        if self.is_bert or name.startswith("GPT2"):
            self.theirs.set_attn_implementation("sdpa")
        if self.chosen.random() < 0.3:
            self.tokens += self.chosen.choice([-5, 3])
            self.theirs.resize_token_embeddings(self.tokens, mean_resizing=False)
        for parameter in self.theirs.parameters():
            torch.nn.init.normal_(parameter, std=0.2, generator=self.drawn)
        self.theirs.save_pretrained(folder)
        self.ours = getattr(ptbert, name).from_pretrained(folder).eval()

    def _sizes(self):
        heads = self.chosen.choice([1, 2, 4])
        width, layers = heads * self.chosen.choice([2, 4]), self.chosen.randint(1, 3)
        common = {"vocab_size": self.tokens}
        if self.name in SCORING:
            common["tie_word_embeddings"] = self.chosen.random() < 0.5
        if not self.is_bert:
            return common | {
                "n_positions": 10,
                "n_embd": width,
                "n_layer": layers,
                "n_head": heads,
                "bos_token_id": None,
                "eos_token_id": None,
            }
        if self.name.endswith(("SequenceClassification", "TokenClassification")):
            self.labels = common["num_labels"] = self.chosen.choice([1, 2, 3])
        if self.name == "BertForSequenceClassification":
            kinds = [None, "regression", "multi_label_classification"]
            self.kind = common["problem_type"] = self.chosen.choice(kinds)
        return common | {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": self.chosen.randint(3, 12),
            "max_position_embeddings": 10,
        }

    def integers(self, limit, *shape):
        return torch.randint(0, limit, shape, generator=self.drawn)

    def inputs(self):
        """Draw the arguments: those that both take, ours alone, theirs alone."""
        self.texts, self.length = self.chosen.randint(1, 3), self.chosen.randint(2, 8)
        shape = (self.texts, self.length)
        self.with_choices = self.name.endswith(("MultipleChoice", "DoubleHeadsModel"))
        if self.with_choices:
            shape = (self.texts, 2, self.length)
        ids = self.integers(self.tokens, *shape)
        both, ours, theirs = {"input_ids": ids}, {}, {}
        if self.name.endswith("DoubleHeadsModel"):  # theirs take no more with choices
            both["mc_token_ids"] = self.integers(self.length, *shape[:2])
            return both, ours, theirs, shape
        if self.chosen.random() < 0.4:
            table = self.theirs.get_input_embeddings()
            both = {"inputs_embeds": table(ids).detach()}
        if self.chosen.random() < 0.5:
            both["position_ids"] = self.integers(10, *shape)
        if self.is_bert and self.chosen.random() < 0.5:
            both["token_type_ids"] = self.integers(2, *shape)
        mask = self.chosen.choice(["none", "padding", "for each token"])
        if mask == "padding":
            lengths = self.integers(self.length, *shape[:-1], 1) + 1
            both["attention_mask"] = (torch.arange(self.length) < lengths).long()
            if not self.is_bert:  # theirs count padding, ours do not
                both.setdefault("position_ids", torch.arange(self.length).expand(shape))
        elif mask == "for each token" and not (self.with_choices or self.name.startswith("Open")):
            seen = self.integers(2, *shape, self.length) | torch.eye(self.length).long()
            seen = seen if self.is_bert else seen.tril()
            ours["attention_mask"], theirs["attention_mask"] = seen, seen[:, None].bool()
        return both, ours, theirs, shape

    def wanted(self, shape):
        """Draw labels, under our name and theirs."""
        if self.name == "BertForSequenceClassification":
            if self.kind == "regression" or (self.kind is None and self.labels == 1):
                return torch.rand(self.texts, self.labels, generator=self.drawn)
            if self.kind:
                return self.integers(2, self.texts, self.labels).float()
            return self.integers(self.labels, self.texts)
        if self.name == "BertForTokenClassification":
            return self.integers(self.labels, *shape)
        if self.name in {"BertForNextSentencePrediction", "BertForMultipleChoice"}:
            return self.integers(2, self.texts)
        labels = self.integers(self.tokens, *shape)
        labels[..., 1:].masked_fill_(self.integers(2, *labels[..., 1:].shape) == 0, -100)
        labels[..., :2] = labels[..., :2].clamp(min=0)
        return labels


def tensors(output):
    if isinstance(output, torch.Tensor):
        return [output]
    return [] if output is None else [each for part in output for each in tensors(part)]


def compare(name, seed, folder):
    """Compare scores and a loss with its gradients."""
    setting = Setting(name, seed, folder)
    both, ours, theirs, shape = setting.inputs()
    got = setting.ours(**both, **ours)
    want = setting.theirs(**both, **theirs, output_hidden_states=True)
    if name == "BertModel":
        pairs = [(got[0][-1], want.last_hidden_state), (got[1], want.pooler_output)]
    elif name == "BertForQuestionAnswering":
        pairs = [(got[0], want.start_logits), (got[1], want.end_logits)]
    elif name == "BertForPreTraining":
        pairs = [(got[0], want.prediction_logits), (got[1], want.seq_relationship_logits)]
    elif name.endswith("DoubleHeadsModel"):
        pairs = [(got[0], want.logits), (got[1], want.mc_logits)]
    elif name in {"GPT2Model", "OpenAIGPTModel"}:
        pairs = [((got[0] if name == "GPT2Model" else got)[-1], want.last_hidden_state)]
    else:
        pairs = [(tensors(got)[0], want.logits)]
    if name in LABELS:
        # Theirs count padding in the loss of tokens; ours leave it out, as in 2019.
        if name == "BertForTokenClassification":
            both.pop("attention_mask", None)
        labels, (mine, other) = setting.wanted(shape), LABELS[name]
        loss = setting.ours(**both, **ours, **{mine: labels})
        expected = setting.theirs(**both, **theirs, **{other: labels}).loss
        pairs.append((loss, expected))
        loss.backward()
        expected.backward()
        table = setting.theirs.get_input_embeddings().weight.grad
        if table is not None and not ("inputs_embeds" in both and name not in SCORING):
            padding = getattr(setting.theirs.get_input_embeddings(), "padding_idx", None)
            assert padding in (None, 0)
            pairs.append((setting.ours.get_input_embeddings().weight.grad, table))
    for left, right in pairs:
        torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-5)


names = pytest.mark.parametrize("name", NAMES)


@names
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
def test_the_same_numbers(name, seed, tmp_path):
    compare(name, seed, tmp_path)


@pytest.mark.slow
@names
@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
def test_the_same_numbers_in_many_settings(name, tmp_path):
    for seed in range(2, 17):
        compare(name, seed, tmp_path / str(seed))
