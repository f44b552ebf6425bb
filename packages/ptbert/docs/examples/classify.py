"""Learn labels of texts: ``python classify.py MODEL train.csv dev.csv OUTPUT [EPOCHS]``.

The tables have the columns ``text`` and ``label``.
"""

import csv
import random
import sys

import torch

from ptbert import BertAdam, BertForSequenceClassification, BertTokenizer

BATCH, RATE, WARMUP = 16, 3e-4, 0.1  # the rate suits narrow models; for a width of 768 take 5e-5


def read(path):
    """Return the texts and the labels of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def batches(tokenizer, texts, labels):
    """Yield the arguments of the model, and the labels (B,) as numbers."""
    for start in range(0, len(texts), BATCH):
        batch = tokenizer.encode_batch(texts[start : start + BATCH], max_len=128)
        yield batch.inputs(torch.from_numpy), torch.tensor(labels[start : start + BATCH])


def accuracy(model, tokenizer, texts, labels):
    """Return the share of texts that get the right label."""
    model.eval()
    right = 0
    with torch.no_grad():
        for inputs, wanted in batches(tokenizer, texts, labels):
            right += (model(**inputs).argmax(-1) == wanted).sum().item()
    model.train()
    return right / len(texts)


def main(name, train, dev, output, epochs=3):
    """Train, print the accuracy after each epoch, and save model and tokenizer."""
    torch.manual_seed(0)
    random.seed(0)
    texts, labels = read(train)
    dev_texts, dev_labels = read(dev)
    known = sorted(set(labels))
    numbers = [known.index(label) for label in labels]
    dev_numbers = [known.index(label) for label in dev_labels]

    tokenizer = BertTokenizer.from_pretrained(name)
    model = BertForSequenceClassification.from_pretrained(name, num_labels=len(known))
    model.config.id2label = {str(number): label for number, label in enumerate(known)}
    model.train()
    steps = epochs * -(-len(texts) // BATCH)
    optimizer = BertAdam(model.parameters(), lr=RATE, warmup=WARMUP, t_total=steps)

    examples = list(zip(texts, numbers, strict=True))
    for epoch in range(1, epochs + 1):
        random.shuffle(examples)
        for inputs, wanted in batches(tokenizer, *map(list, zip(*examples, strict=True))):
            loss = model(**inputs, labels=wanted)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        found = accuracy(model, tokenizer, dev_texts, dev_numbers)
        print(f"epoch {epoch}  loss {loss:.4f}  accuracy {found:.4f}")

    model.save_pretrained(output)
    tokenizer.save_vocabulary(f"{output}/")


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:]))
