"""Learn to answer questions: ``python answer.py MODEL train.json dev.json OUTPUT [EPOCHS]``.

The files are in the format of SQuAD 1.1. Contexts longer than a window are read in several.
"""

import json
import random
import sys

import torch

from ptbert import Answerer, BertAdam, BertForQuestionAnswering, BertTokenizer

BATCH, RATE, WARMUP = 16, 3e-4, 0.1  # the rate suits narrow models; for a width of 768 take 5e-5
WINDOW, STRIDE = 128, 32  # tokens of a window, and those that two windows share


def read(path):
    """Return questions, contexts and answers, each answer a text and where it begins."""
    with open(path, encoding="utf-8") as file:
        articles = json.load(file)["data"]
    return [
        (each["question"], paragraph["context"], each["answers"][0])
        for article in articles
        for paragraph in article["paragraphs"]
        for each in paragraph["qas"]
    ]


def batches(tokenizer, examples):
    """Yield the arguments of the model, and the first and last token of answers (B,)."""
    for start in range(0, len(examples), BATCH):
        some = examples[start : start + BATCH]
        batch = tokenizer.encode_batch(
            [question for question, _, _ in some],
            [context for _, context, _ in some],
            max_len=WINDOW,
            truncation="only_second",
            stride=STRIDE,
            return_offsets=True,
        )
        starts, ends = [], []
        for row, text in enumerate(batch.text_index.tolist()):
            answer = some[text][2]
            first = answer["answer_start"]
            last = first + len(answer["text"])
            inside = batch.token_type_ids[row] == 1  # tokens of the context, and its [SEP]
            offsets = batch.offsets[row]
            tokens = inside & (offsets[:, 0] < last) & (offsets[:, 1] > first)
            places = tokens.nonzero()[0].tolist()
            whole = places and offsets[places[0], 0] <= first and offsets[places[-1], 1] >= last
            starts.append(places[0] if whole else -1)  # -1: not in this window, so no loss
            ends.append(places[-1] if whole else -1)
        yield batch.inputs(torch.from_numpy), torch.tensor(starts), torch.tensor(ends)


def exact_match(model, tokenizer, examples):
    """Return the share of questions whose answer is found, letter for letter."""
    answerer = Answerer(model, tokenizer, max_len=WINDOW)
    found = answerer([question for question, _, _ in examples], [each[1] for each in examples])
    right = [answer.text == each[2]["text"] for answer, each in zip(found, examples, strict=True)]
    return sum(right) / len(right)


def main(name, train, dev, output, epochs=3):
    """Train, print the share of right answers after each epoch, and save the result."""
    torch.manual_seed(0)
    random.seed(0)
    examples, dev_examples = read(train), read(dev)

    tokenizer = BertTokenizer.from_pretrained(name)
    model = BertForQuestionAnswering.from_pretrained(name)
    model.train()
    steps = epochs * -(-len(examples) // BATCH)
    optimizer = BertAdam(model.parameters(), lr=RATE, warmup=WARMUP, t_total=steps)

    for epoch in range(1, epochs + 1):
        random.shuffle(examples)
        for inputs, starts, ends in batches(tokenizer, examples):
            loss = model(**inputs, start_positions=starts, end_positions=ends)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        found = exact_match(model, tokenizer, dev_examples)
        print(f"epoch {epoch}  loss {loss:.4f}  exact match {found:.4f}")

    model.save_pretrained(output)
    tokenizer.save_vocabulary(f"{output}/")


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:]))
