"""What each model takes and returns, seen by running a small one whose sizes are all different."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

import ptbert

# Every size is a number of its own, so that a shape can be read back as letters.
SIZES = {"B": 3, "C": 4, "H": 5, "D": 6, "L": 7, "M": 8, "labels": 9, "N": 11, "E": 30, "V": 41}
_LETTERS = {number: letter for letter, number in SIZES.items()}
_LETTERS |= {2: "2", SIZES["B"] * SIZES["C"]: "B·C"}
_INPUTS = ("input_ids", "token_type_ids", "attention_mask")


class Tensors(NamedTuple):
    """A tensor of a call, or a list of some.

    Args:
        name: of the argument; of an output, the one that the page gives it.
        shape: in letters, such as ``(B, L, E)``.
        count: how many, in letters; empty where it is one tensor.
        optional: whether a call may leave it out.
    """

    name: str
    shape: str
    count: str = ""
    optional: bool = False

    @property
    def size(self) -> str:
        """Shape and number, as a page shows them."""
        return f"{self.count} × {self.shape}" if self.count else self.shape


class Seen(NamedTuple):
    """What a model takes and returns.

    Args:
        inputs: what is read.
        outputs: what is returned without labels.
        labels: arguments that make it return losses.
        losses: what is returned with them.
        parts: what is inside, from the input to the output.
    """

    inputs: list[Tensors]
    outputs: list[Tensors]
    labels: list[Tensors]
    losses: list[Tensors]
    parts: list[str]


class _Way(NamedTuple):
    """How to call a model: shapes of inputs and labels, and names of what is returned."""

    config: str
    inputs: dict[str, str]
    outputs: tuple[str, ...]
    head: str = ""
    labels: Mapping[str, str] = MappingProxyType({})
    losses: tuple[str, ...] = ("loss",)
    arguments: Mapping[str, int] = MappingProxyType({})


def _bert(head: str, output: tuple[str, ...], labels: dict[str, str], **arguments: int) -> _Way:
    inputs = dict.fromkeys(_INPUTS, "B C L" if head == "choices" else "B L")
    return _Way("BertConfig", inputs, output, head, labels, ("loss",), arguments)


def _gpt(config: str, head: str, labels: dict[str, str], *losses: str) -> _Way:
    texts = "B C L" if head.startswith("two") else "B L"
    inputs = {"input_ids": texts, "token_type_ids": texts, "attention_mask": texts}
    if texts == "B C L":
        inputs |= {"mc_token_ids": "B C"}
    outputs = ("lm_logits",) if head else ("hidden_states",)
    outputs += ("mc_logits",) if len(losses) == 2 else ()
    outputs += ("presents",) if config == "GPT2Config" else ()
    return _Way(config, inputs, outputs, head, labels, losses or ("loss",))


_HEADS = {
    "tokens": "scores of the vocabulary, by the embeddings",
    "both": "two heads: tokens, next sentence",
    "next": "score of the pooled first token",
    "text": "dropout, linear layer on the pooled first token",
    "words": "dropout, linear layer on each token",
    "choices": "dropout, one score for each choice",
    "spans": "linear layer: a start and an end for each token",
    "next token": "scores of the next token, by the embeddings",
    "two": "two heads: next token, choice",
    "softmax": "adaptive softmax",
    "": "",
}
_LM = {"lm_labels": "B L"}
_TWO = {"lm_labels": "B C L", "mc_labels": "B"}

_WAYS = {
    "BertModel": _bert("", ("encoded_layers", "pooled_output"), {}),
    "BertForPreTraining": _bert(
        "both",
        ("prediction_scores", "seq_relationship_score"),
        {"masked_lm_labels": "B L", "next_sentence_label": "B"},
    ),
    "BertForMaskedLM": _bert("tokens", ("prediction_scores",), {"masked_lm_labels": "B L"}),
    "BertForNextSentencePrediction": _bert(
        "next", ("seq_relationship_score",), {"next_sentence_label": "B"}
    ),
    "BertForSequenceClassification": _bert(
        "text", ("logits",), {"labels": "B"}, num_labels=SIZES["labels"]
    ),
    "BertForMultipleChoice": _bert("choices", ("logits",), {"labels": "B"}, num_choices=SIZES["C"]),
    "BertForTokenClassification": _bert(
        "words", ("logits",), {"labels": "B L"}, num_labels=SIZES["labels"]
    ),
    "BertForQuestionAnswering": _bert(
        "spans", ("start_logits", "end_logits"), {"start_positions": "B", "end_positions": "B"}
    ),
    "OpenAIGPTModel": _gpt("OpenAIGPTConfig", "", {}),
    "OpenAIGPTLMHeadModel": _gpt("OpenAIGPTConfig", "next token", _LM),
    "OpenAIGPTDoubleHeadsModel": _gpt("OpenAIGPTConfig", "two", _TWO, "lm_loss", "mc_loss"),
    "TransfoXLModel": _Way(
        "TransfoXLConfig", {"input_ids": "B L", "mems": "mems"}, ("last_hidden_state", "new_mems")
    ),
    "TransfoXLLMHeadModel": _Way(
        "TransfoXLConfig",
        {"input_ids": "B L", "mems": "mems"},
        ("log_probabilities", "new_mems"),
        "softmax",
        {"target": "B L"},
        ("losses", "new_mems"),
    ),
    "GPT2Model": _gpt("GPT2Config", "", {}),
    "GPT2LMHeadModel": _gpt("GPT2Config", "next token", _LM),
    "GPT2DoubleHeadsModel": _gpt("GPT2Config", "two", _TWO, "lm_loss", "mc_loss"),
}
NAMES = tuple(_WAYS)


def seen(name: str) -> Seen:
    """Run a model without labels and with them, and say what it took and returned."""
    way = _WAYS[name]
    torch.manual_seed(0)
    model = getattr(ptbert, name)(_config(way.config), **way.arguments).eval()
    inputs = {key: _tensor(key, shape) for key, shape in way.inputs.items()}
    labels = {key: _tensor(key, shape) for key, shape in way.labels.items()}
    with torch.no_grad():
        outputs = model(**inputs)
        losses = model(**inputs, **labels) if labels else ()
    return Seen(
        [_described(key, value, key not in _NEEDED) for key, value in inputs.items()],
        [*_outputs(way.outputs, outputs)],
        [_described(key, value) for key, value in labels.items()],
        [*_outputs(way.losses, losses)] if labels else [],
        [*_parts(way)],
    )


_NEEDED = {"input_ids", "mc_token_ids"}


def _config(name: str) -> Any:
    v, e, n, h = (SIZES[letter] for letter in "VENH")
    makers: dict[str, Callable[[], Any]] = {
        "BertConfig": lambda: ptbert.BertConfig(
            v,
            hidden_size=e,
            num_hidden_layers=n,
            num_attention_heads=h,
            intermediate_size=e,
            max_position_embeddings=16,
        ),
        "OpenAIGPTConfig": lambda: ptbert.OpenAIGPTConfig(
            v, n_positions=16, n_ctx=16, n_embd=e, n_layer=n, n_head=h
        ),
        "GPT2Config": lambda: ptbert.GPT2Config(
            v, n_positions=16, n_ctx=16, n_embd=e, n_layer=n, n_head=h
        ),
        "TransfoXLConfig": lambda: ptbert.TransfoXLConfig(
            v,
            cutoffs=[10, 20],
            d_model=e,
            d_embed=e,
            n_head=h,
            d_head=SIZES["D"],
            d_inner=e,
            div_val=1,
            n_layer=n,
            mem_len=SIZES["M"],
        ),
    }
    return makers[name]()


def _tensor(name: str, shape: str) -> Any:
    if shape == "mems":
        size = (SIZES["M"], SIZES["B"], SIZES["E"])
        return [torch.zeros(size) for _ in range(SIZES["N"])]
    sizes = [SIZES[letter] for letter in shape.split()]
    return torch.ones(sizes, dtype=torch.long)


def _described(name: str, value: Any, optional: bool = False) -> Tensors:
    if isinstance(value, (list, tuple)):
        number = len(value)
        count = "(N + 1)" if number == SIZES["N"] + 1 else _LETTERS[number]
        return Tensors(name, _shape(value[0]), count, optional)
    return Tensors(name, _shape(value), "", optional)


def _shape(tensor: Tensor) -> str:
    if tensor.dim() == 0:
        return "one number"
    letters = [_LETTERS[size] for size in tensor.shape]
    return f"({', '.join(letters)}{',' if len(letters) == 1 else ''})"


def _outputs(names: tuple[str, ...], output: Any) -> Iterator[Tensors]:
    if len(names) == 1:
        output = (output,)
    for name, value in zip(names, output, strict=True):
        yield _described(name, value)


def _parts(way: _Way) -> Iterator[str]:
    if way.config == "BertConfig":
        yield "embeddings: token + position + type"
        yield "N layers: attention to all tokens, feed-forward"
        if way.head in {"", "both", "next", "text", "choices"}:
            yield "pooler: the first token"
    elif way.config == "TransfoXLConfig":
        yield "adaptive embeddings of tokens"
        yield "N layers: attention to memory and earlier tokens, feed-forward"
    else:
        yield "embeddings: token + position (+ type)"
        yield "N blocks: attention to earlier tokens, feed-forward"
    if way.head:
        yield _HEADS[way.head]
