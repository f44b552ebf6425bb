"""Models of all families and batches for them, large for a GPU or tiny for a trial on the CPU."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert_models import BertConfig, GPT2Config, OpenAIGPTConfig, TransfoXLConfig


class Size(NamedTuple):
    """How large models and batches are.

    Args:
        width: of the layers.
        layers: how many.
        words: in the vocabulary.
        batch: texts in a batch.
        length: tokens of a text.
        steps: of a training.
    """

    width: int
    layers: int
    words: int
    batch: int
    length: int
    steps: int


LARGE = Size(width=768, layers=12, words=30000, batch=32, length=256, steps=30)
TINY = Size(width=16, layers=2, words=50, batch=4, length=12, steps=8)


def config_of(family: str, size: Size, dropout: float = 0.1) -> Any:
    """Return a configuration of a family."""
    heads = max(size.width // 64, 2)
    if family == "bert":
        return BertConfig(
            size.words,
            hidden_size=size.width,
            num_hidden_layers=size.layers,
            num_attention_heads=heads,
            intermediate_size=4 * size.width,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
    if family == "transfo_xl":
        return TransfoXLConfig(
            size.words,
            cutoffs=[size.words // 10, size.words // 2],
            d_model=size.width,
            d_embed=size.width,
            n_head=heads,
            d_head=size.width // heads,
            d_inner=2 * size.width,
            n_layer=size.layers,
            mem_len=size.length,
            clamp_len=-1,
            dropout=dropout,
            dropatt=0.0,
        )
    kind = {"gpt": OpenAIGPTConfig, "gpt2": GPT2Config}[family]
    return kind(
        size.words,
        n_positions=size.length,
        n_ctx=size.length,
        n_embd=size.width,
        n_layer=size.layers,
        n_head=heads,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
    )


def inputs_of(name: str, size: Size, seed: int = 0) -> dict[str, Tensor]:
    """Return a batch with labels for a class of models, by its name."""
    chance = torch.Generator().manual_seed(seed)
    shape = size.batch, size.length
    ids = torch.randint(size.words, shape, generator=chance)
    flags = torch.arange(size.batch) % 2
    choices = torch.stack([ids, ids.flip(1)], 1)
    if name.endswith("DoubleHeadsModel"):
        last = torch.full((size.batch, 2), size.length - 1)
        labels = {"lm_labels": choices, "mc_labels": flags}
        return {"input_ids": choices, "mc_token_ids": last, **labels}
    if name == "BertForMultipleChoice":
        return {"input_ids": choices, "labels": flags}
    labels = {
        "BertForPreTraining": {"masked_lm_labels": ids, "next_sentence_label": flags},
        "BertForMaskedLM": {"masked_lm_labels": ids},
        "BertForNextSentencePrediction": {"next_sentence_label": flags},
        "BertForSequenceClassification": {"labels": flags},
        "BertForTokenClassification": {"labels": ids % 2},
        "BertForQuestionAnswering": {"start_positions": flags, "end_positions": flags},
        "OpenAIGPTLMHeadModel": {"lm_labels": ids},
        "GPT2LMHeadModel": {"lm_labels": ids},
        "TransfoXLLMHeadModel": {"target": ids},
    }.get(name, {})
    return {"input_ids": ids, **labels}


def total(output: Any) -> Tensor:
    """Return one number that all numbers of an output have a part in; gradients flow through it.

    Each counts differently: the plain sum of what a normalization returns never changes.
    """
    if isinstance(output, Tensor):
        if not output.requires_grad:
            return torch.zeros((), device=output.device)
        shares = torch.arange(output.numel()).cos().to(output.device)
        return (output.float().flatten() * shares).sum()
    parts = [total(part) for part in output if part is not None]
    return torch.stack([part.to(parts[0].device) for part in parts]).sum()
