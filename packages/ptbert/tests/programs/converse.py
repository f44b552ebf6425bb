"""Train GPT with two heads to tell a reply from a distractor, with special tokens of its own."""

import json
import os
import sys

import torch
from pytorch_pretrained_bert import OpenAIAdam, OpenAIGPTDoubleHeadsModel, OpenAIGPTTokenizer

SPECIAL_TOKENS = ["<bos>", "<eos>", "<speaker1>", "<speaker2>", "<pad>"]
DIALOGUES = [("a cat", "on mat", "my cat"), ("a key", "in drawer", "my key")]
LENGTH = 20


def build(tokenizer, history, reply, is_right):
    bos, eos, speaker1, speaker2, pad = tokenizer.convert_tokens_to_ids(SPECIAL_TOKENS)
    said, answered = (
        tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) for text in (history, reply)
    )
    ids = [bos, speaker1, *said, speaker2, *answered, eos]
    kinds = [speaker1] * (2 + len(said)) + [speaker2] * (2 + len(answered))
    labels = [-1] * (3 + len(said)) + [*answered, eos] if is_right else [-1] * len(ids)
    rest = LENGTH - len(ids)
    return ids + [pad] * rest, len(ids) - 1, labels + [-1] * rest, kinds + [pad] * rest


def main(model_name, output_dir):
    torch.manual_seed(0)
    tokenizer = OpenAIGPTTokenizer.from_pretrained(model_name)
    model = OpenAIGPTDoubleHeadsModel.from_pretrained(model_name)
    tokenizer.set_special_tokens(SPECIAL_TOKENS)
    model.set_num_special_tokens(len(SPECIAL_TOKENS))
    choices = [
        [build(tokenizer, said, false, False), build(tokenizer, said, true, True)]
        for said, true, false in DIALOGUES
    ]
    input_ids, mc_token_ids, lm_labels, token_type_ids = (
        torch.tensor([[choice[i] for choice in both] for both in choices]) for i in range(4)
    )
    mc_labels = torch.tensor([1] * len(DIALOGUES))
    optimizer = OpenAIAdam(model.parameters(), lr=5e-3, warmup=0.1, t_total=150, max_grad_norm=1)
    losses = []
    for _ in range(150):
        lm_loss, mc_loss = model(input_ids, mc_token_ids, lm_labels, mc_labels, token_type_ids)
        loss = lm_loss * 2.0 + mc_loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        lm_logits, mc_logits = model(input_ids, mc_token_ids, token_type_ids=token_type_ids)
    results = {
        "chosen": mc_logits.argmax(dim=-1).view(-1).tolist(),
        "vocabulary": lm_logits.size(-1),
        "tokens": len(tokenizer),
        "losses": losses,
    }
    with open(os.path.join(output_dir, "results.json"), "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
