"""Learn tags of words: ``python tag.py MODEL train.conll dev.conll OUTPUT [EPOCHS]``.

A file has a word on each line with its tag behind it, and an empty line between sentences.
"""

import random
import sys

import torch

from ptbert import BertAdam, BertForTokenClassification, BertTokenizer

BATCH, RATE, WARMUP = 16, 3e-4, 0.1  # the rate suits narrow models; for a width of 768 take 5e-5


def read(path):
    """Return sentences, each a list of words with their tags."""
    with open(path, encoding="utf-8") as file:
        parts = file.read().split("\n\n")
    return [[tuple(line.split()) for line in part.splitlines()] for part in parts if part.strip()]


def batches(tokenizer, sentences, tags):
    """Yield the arguments of the model, and the tags (B, L): -1 for all but first pieces."""
    for start in range(0, len(sentences), BATCH):
        some = sentences[start : start + BATCH]
        words = [[word for word, _ in sentence] for sentence in some]
        batch = tokenizer.encode_batch(words, is_split_into_words=True, max_len=128)
        word_index = torch.from_numpy(batch.word_index)  # (B, L), -1 for special tokens
        labels = torch.full_like(word_index, -1)
        for row, sentence in enumerate(some):
            before = -1
            for place, word in enumerate(word_index[row].tolist()):
                if word not in (-1, before):
                    labels[row, place] = tags.index(sentence[word][1])
                before = word
        yield batch.inputs(torch.from_numpy), labels


def accuracy(model, tokenizer, sentences, tags):
    """Return the share of words that get the right tag."""
    model.eval()
    right = words = 0
    with torch.no_grad():
        for inputs, labels in batches(tokenizer, sentences, tags):
            real = labels != -1
            right += (model(**inputs).argmax(-1) == labels)[real].sum().item()
            words += real.sum().item()
    model.train()
    return right / words


def main(name, train, dev, output, epochs=3):
    """Train, print the accuracy after each epoch, and save model and tokenizer."""
    torch.manual_seed(0)
    random.seed(0)
    sentences, dev_sentences = read(train), read(dev)
    tags = sorted({tag for sentence in sentences for _, tag in sentence})

    tokenizer = BertTokenizer.from_pretrained(name)
    model = BertForTokenClassification.from_pretrained(name, num_labels=len(tags))
    model.config.id2label = {str(number): tag for number, tag in enumerate(tags)}
    model.train()
    steps = epochs * -(-len(sentences) // BATCH)
    optimizer = BertAdam(model.parameters(), lr=RATE, warmup=WARMUP, t_total=steps)

    for epoch in range(1, epochs + 1):
        random.shuffle(sentences)
        for inputs, labels in batches(tokenizer, sentences, tags):
            loss = model(**inputs, labels=labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        found = accuracy(model, tokenizer, dev_sentences, tags)
        print(f"epoch {epoch}  loss {loss:.4f}  accuracy {found:.4f}")

    model.save_pretrained(output)
    tokenizer.save_vocabulary(f"{output}/")


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:]))
