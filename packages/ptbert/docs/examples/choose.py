"""Learn to choose an ending: ``python choose.py MODEL train.csv dev.csv OUTPUT [EPOCHS]``.

The tables have the columns ``begins``, ``a``, ``b``, ``c``, and ``label``: 0, 1 or 2.
"""

import csv
import random
import sys

import torch

from ptbert import BertAdam, BertForMultipleChoice, BertTokenizer

BATCH, RATE, WARMUP = 8, 3e-4, 0.1  # the rate suits narrow models; for a width of 768 take 5e-5
CHOICES = ("a", "b", "c")


def read(path):
    """Return the rows of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def batches(tokenizer, rows):
    """Yield the arguments of the model (B, C, L), and the right choices (B,)."""
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        batch = tokenizer.encode_batch(
            [row["begins"] for row in some for _ in CHOICES],
            [row[choice] for row in some for choice in CHOICES],
            max_len=128,
        )
        inputs = {
            name: each.view(len(some), len(CHOICES), -1)
            for name, each in batch.inputs(torch.from_numpy).items()
        }
        yield inputs, torch.tensor([int(row["label"]) for row in some])


def accuracy(model, tokenizer, rows):
    """Return the share of rows whose right ending gets the best score."""
    model.eval()
    right = 0
    with torch.no_grad():
        for inputs, wanted in batches(tokenizer, rows):
            right += (model(**inputs).argmax(-1) == wanted).sum().item()
    model.train()
    return right / len(rows)


def main(name, train, dev, output, epochs=3):
    """Train, print the accuracy after each epoch, and save model and tokenizer."""
    torch.manual_seed(0)
    random.seed(0)
    rows, dev_rows = read(train), read(dev)

    tokenizer = BertTokenizer.from_pretrained(name)
    model = BertForMultipleChoice.from_pretrained(name, num_choices=len(CHOICES))
    model.train()
    steps = epochs * -(-len(rows) // BATCH)
    optimizer = BertAdam(model.parameters(), lr=RATE, warmup=WARMUP, t_total=steps)

    for epoch in range(1, epochs + 1):
        random.shuffle(rows)
        for inputs, wanted in batches(tokenizer, rows):
            loss = model(**inputs, labels=wanted)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        print(
            f"epoch {epoch}  loss {loss:.4f}  accuracy {accuracy(model, tokenizer, dev_rows):.4f}"
        )

    model.save_pretrained(output)
    tokenizer.save_vocabulary(f"{output}/")


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:]))
