"""Fine-tune a model that finds the answer to a question in a text."""

import json
import os
import sys

import torch
from pytorch_pretrained_bert import BertAdam, BertForQuestionAnswering, BertTokenizer

QUESTION = "where ?"
TEXTS = [
    ("the key is in a drawer .", "a drawer"),
    ("a key is on the mat .", "the mat"),
    ("the cat sleeps on a mat .", "a mat"),
]


def encode(tokenizer, text, answer):
    first = ["[CLS]", *tokenizer.tokenize(QUESTION), "[SEP]"]
    second, wanted = tokenizer.tokenize(text), tokenizer.tokenize(answer)
    for start in range(len(second)):
        if second[start : start + len(wanted)] == wanted:
            break
    tokens = [*first, *second, "[SEP]"]
    segments = [0] * len(first) + [1] * (len(second) + 1)
    positions = len(first) + start, len(first) + start + len(wanted) - 1
    return tokenizer.convert_tokens_to_ids(tokens), segments, positions, tokens


def main(bert_model, output_dir):
    torch.manual_seed(0)
    tokenizer = BertTokenizer.from_pretrained(bert_model)
    model = BertForQuestionAnswering.from_pretrained(bert_model)
    examples = [encode(tokenizer, *pair) for pair in TEXTS]
    input_ids = torch.tensor([example[0] for example in examples])
    segment_ids = torch.tensor([example[1] for example in examples])
    starts, ends = torch.tensor([example[2] for example in examples]).t()
    optimizer = BertAdam(model.parameters(), lr=5e-3, warmup=0.1, t_total=60)
    for _ in range(60):
        loss = model(input_ids, segment_ids, None, starts, ends)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        start_logits, end_logits = model(input_ids, segment_ids)
    answers = []
    for i in range(len(examples)):
        start, end = start_logits[i].argmax().item(), end_logits[i].argmax().item()
        answers.append(" ".join(examples[i][3][start : end + 1]))
    with open(os.path.join(output_dir, "results.json"), "w") as file:
        json.dump({"answers": answers}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
