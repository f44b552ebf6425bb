"""One tiny model of each class, and a call of it."""

import torch

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2Config,
    OpenAIGPTConfig,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
)
from ptbert_models.families import FAMILIES

MODELS = [model for family in FAMILIES.values() for model in family.models]
IDS = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 10, 1, 2], [4, 4, 20, 0, 0]])
MASK = (IDS > 0).long()
TOKENS = torch.tensor([[-1, 4, -1, 6, -1], [8, -1, -1, -1, -1], [-1, 4, 20, -1, -1]])
TEXTS = torch.tensor([0, 1, 0])


def tiny(model_class, **arguments):
    """A model without dropout, with weights large enough to show a difference."""
    torch.manual_seed(0)
    sizes = {"n_positions": 12, "n_ctx": 12, "n_embd": 8, "n_layer": 2, "n_head": 2}
    sizes |= dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    config = {
        "bert": lambda: BertConfig(
            30,
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=12,
            max_position_embeddings=12,
            initializer_range=0.5,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        "gpt": lambda: OpenAIGPTConfig(30, initializer_range=0.5, **sizes),
        "gpt2": lambda: GPT2Config(30, initializer_range=0.5, **sizes),
        "transfo_xl": lambda: TransfoXLConfig(
            30,
            cutoffs=[10, 20],
            d_model=8,
            d_embed=8,
            n_head=2,
            d_head=4,
            d_inner=12,
            div_val=2,
            n_layer=2,
            mem_len=4,
            init_std=0.5,
            proj_init_std=0.5,
            dropout=0.0,
            dropatt=0.0,
        ),
    }[model_class.family]()
    return model_class(config, **arguments)


def call(model_class, *, labels=True, rows=slice(None)):
    """Arguments of a call with padding, and with labels where the model takes them."""
    ids, mask, tokens, texts = (each[rows] for each in (IDS, MASK, TOKENS, TEXTS))
    given = {"input_ids": ids}
    if model_class.family != "transfo_xl":
        given["attention_mask"] = mask
    if model_class is BertForMultipleChoice:
        given = {name: torch.stack([each, each.flip(0)], 1) for name, each in given.items()}
    if "DoubleHeads" in model_class.__name__:
        given = {name: each[:, None] for name, each in given.items()}
        given["mc_token_ids"] = torch.full((len(ids), 1), 2)
        wanted = {"lm_labels": tokens[:, None], "mc_labels": torch.zeros_like(texts)}
    else:
        wanted = {
            BertForMaskedLM: {"masked_lm_labels": tokens},
            BertForPreTraining: {"masked_lm_labels": tokens, "next_sentence_label": texts},
            BertForNextSentencePrediction: {"next_sentence_label": texts},
            BertForSequenceClassification: {"labels": texts},
            BertForTokenClassification: {"labels": mask},
            BertForMultipleChoice: {"labels": texts},
            BertForQuestionAnswering: {"start_positions": texts, "end_positions": texts + 1},
            TransfoXLLMHeadModel: {"target": tokens},
        }.get(model_class, {"lm_labels": tokens} if "LMHead" in model_class.__name__ else {})
    return given | (wanted if labels else {})


def tensors(output):
    """The tensors of a result, in their order."""
    if output is None:
        return []
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for each in output for tensor in tensors(each)]


def in_list(model):
    """The list of layers, under its name in each family."""
    bare = getattr(model, model.base_model_prefix, model)
    return bare.encoder.layer if model.family == "bert" else getattr(bare, "h", None) or bare.layers


def rows_computed(model):
    """A list that gets the number of tokens of each call of a feed-forward network of a BERT."""
    rows = []
    for layer in model.bert.encoder.layer:
        layer.intermediate.dense.register_forward_hook(
            lambda _, inputs, __: rows.append(inputs[0].shape[:-1].numel())
        )
    return rows
