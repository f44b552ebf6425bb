"""Train BERT further on plain text.

``python masked_lm.py MODEL text.txt held-out.txt OUTPUT [EPOCHS]``

A line is a sentence. Of the tokens 15 % are learned: 80 % of these are masked, 10 % become another
token, and 10 % stay as they are.
"""

import sys

import torch

from ptbert import BertAdam, BertForMaskedLM, BertTokenizer

BATCH, LENGTH, RATE, WARMUP = 16, 64, 3e-4, 0.1  # the rate suits narrow models


def blocks(tokenizer, path):
    """Return the text as rows of equally many tokens (R, LENGTH), with [CLS] and [SEP]."""
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    ids = torch.from_numpy(tokenizer.encode_flat(lines).ids.astype("int64"))
    inside = LENGTH - 2
    rows = ids[: len(ids) // inside * inside].view(-1, inside)
    first, last = tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    edge = torch.ones(len(rows), 1, dtype=torch.long)
    return torch.cat([edge * first, rows, edge * last], dim=1)


def masked(rows, tokenizer, generator):
    """Return rows with masks in them, and the labels (B, L): -1 where nothing was done."""
    (mask,) = tokenizer.convert_tokens_to_ids(["[MASK]"])
    learned = torch.rand(rows.shape, generator=generator) < 0.15
    learned[:, 0] = learned[:, -1] = False
    labels = rows.where(learned, -1)
    kind = torch.rand(rows.shape, generator=generator)
    others = torch.randint(len(tokenizer.vocab), rows.shape, generator=generator)
    changed = rows.where(~(learned & (kind < 0.8)), mask)
    changed = changed.where(~(learned & (kind >= 0.8) & (kind < 0.9)), others)
    return changed, labels


def held_out_loss(model, tokenizer, rows):
    """Return the mean loss, with the same masks at each call."""
    model.eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        ids, labels = masked(rows, tokenizer, generator)
        loss = model(ids, masked_lm_labels=labels).item()
    model.train()
    return loss


def main(name, train, held_out, output, epochs=3):
    """Train, print the loss on the held-out text after each epoch, and save the result."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    tokenizer = BertTokenizer.from_pretrained(name)
    rows, others = blocks(tokenizer, train), blocks(tokenizer, held_out)

    model = BertForMaskedLM.from_pretrained(name)
    model.train()
    steps = epochs * -(-len(rows) // BATCH)
    optimizer = BertAdam(model.parameters(), lr=RATE, warmup=WARMUP, t_total=steps)

    print(f"before   held-out loss {held_out_loss(model, tokenizer, others):.4f}")
    for epoch in range(1, epochs + 1):
        for some in rows[torch.randperm(len(rows), generator=generator)].split(BATCH):
            ids, labels = masked(some, tokenizer, generator)
            loss = model(ids, masked_lm_labels=labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        print(f"epoch {epoch}  held-out loss {held_out_loss(model, tokenizer, others):.4f}")

    model.save_pretrained(output)
    tokenizer.save_vocabulary(f"{output}/")


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:]))
