"""Train GPT-2 on plain text.

``python language_model.py MODEL text.txt held-out.txt OUTPUT [EPOCHS]``

Documents are divided by empty lines. Each ends with <|endoftext|>, and all are one long text.
"""

import math
import sys

import torch

from ptbert import GPT2LMHeadModel, GPT2Tokenizer, OpenAIAdam

BATCH, LENGTH, RATE, WARMUP = 8, 64, 3e-4, 0.1  # the rate suits narrow models


def passages(tokenizer, path):
    """Return the text as rows of equally many tokens (R, LENGTH)."""
    with open(path, encoding="utf-8") as file:
        documents = [each for each in file.read().split("\n\n") if each.strip()]
    flat = tokenizer.encode_flat(documents, separator=tokenizer.encoder["<|endoftext|>"])
    ids = torch.from_numpy(flat.ids.astype("int64"))
    return ids[: len(ids) // LENGTH * LENGTH].view(-1, LENGTH)


def perplexity(model, rows):
    """Return the perplexity of tokens, each predicted from those before it in its row."""
    model.eval()
    with torch.no_grad():
        losses = [model(some, lm_labels=some).item() * len(some) for some in rows.split(BATCH)]
    model.train()
    return math.exp(sum(losses) / len(rows))


def main(name, train, held_out, output, epochs=3):
    """Train, print the perplexity of the held-out text after each epoch, and save the result."""
    torch.manual_seed(0)
    tokenizer = GPT2Tokenizer.from_pretrained(name)
    rows, others = passages(tokenizer, train), passages(tokenizer, held_out)

    model = GPT2LMHeadModel.from_pretrained(name)
    model.train()
    steps = epochs * -(-len(rows) // BATCH)
    optimizer = OpenAIAdam(
        model.parameters(), lr=RATE, warmup=WARMUP, t_total=steps, max_grad_norm=1.0
    )

    print(f"before   perplexity {perplexity(model, others):.1f}")
    for epoch in range(1, epochs + 1):
        for some in rows[torch.randperm(len(rows))].split(BATCH):
            loss = model(some, lm_labels=some)  # the model shifts the labels
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        print(f"epoch {epoch}  perplexity {perplexity(model, others):.1f}")

    model.save_pretrained(output)
    tokenizer.save_vocabulary(f"{output}/")


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:]))
