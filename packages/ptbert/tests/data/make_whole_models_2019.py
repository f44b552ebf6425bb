"""Write whole_models_2019.pt: tiny models as objects, each with inputs and what it makes of them.

Run with pytorch-pretrained-bert==0.6.2 installed: python make_whole_models_2019.py
"""

from pathlib import Path

import pytorch_pretrained_bert as library
import torch

torch.manual_seed(0)
IDS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
SIZES = {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 6, "n_ctx": 6}


def accept_byte_masks():
    """Let the library's Transformer-XL run on a PyTorch that wants boolean masks."""
    for name in ("masked_fill", "masked_fill_"):
        fill = getattr(torch.Tensor, name)
        setattr(torch.Tensor, name, lambda x, mask, value, fill=fill: fill(x, mask.bool(), value))


def models():
    """One or two models of each family."""
    bert = library.BertConfig(
        12,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=6,
    )
    yield library.BertModel(bert)
    yield library.BertForTokenClassification(bert, 3)
    gpt2 = library.GPT2Config(12, **SIZES)
    yield library.GPT2Model(gpt2)
    yield library.GPT2LMHeadModel(gpt2)
    gpt = library.OpenAIGPTConfig(12, **SIZES)
    yield library.OpenAIGPTModel(gpt)
    yield library.OpenAIGPTLMHeadModel(gpt)
    transfo_xl = library.TransfoXLConfig(
        12,
        cutoffs=[4, 8],
        d_model=8,
        d_embed=8,
        n_head=2,
        d_head=4,
        d_inner=8,
        div_val=2,
        n_layer=2,
        tgt_len=5,
        mem_len=4,
        clamp_len=8,
    )
    yield library.TransfoXLLMHeadModel(transfo_xl)


if __name__ == "__main__":
    accept_byte_masks()
    recorded = []
    for model in models():
        for parameter in model.parameters():  # the library leaves some of Transformer-XL's unset
            torch.nn.init.normal_(parameter, std=0.5)
        with torch.no_grad():
            recorded.append((model, IDS, model.eval()(IDS)))
    torch.save(recorded, Path(__file__).with_name("whole_models_2019.pt"))
