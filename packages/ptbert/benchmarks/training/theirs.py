"""One training of the Trainer of transformers: ``python theirs.py TASK DATA FOLDER THREADS``."""

import csv
import json
import resource
import sys
import time
from typing import Any

# ruff: noqa: T201


def texts_and_labels(tokenizer: Any, path: str) -> list[dict[str, Any]]:
    """Encode the rows of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    encoded = tokenizer([row["text"] for row in rows], truncation=True)
    labels = ["ab".index(row["label"]) for row in rows]
    return [
        {**{key: encoded[key][place] for key in encoded}, "labels": label}
        for place, label in enumerate(labels)
    ]


def words_and_tags(tokenizer: Any, path: str) -> list[dict[str, Any]]:
    """Encode sentences, with a tag at the first piece of each word."""
    with open(path, encoding="utf-8") as file:
        blocks = [block.splitlines() for block in file.read().strip().split("\n\n")]
    rows = [[line.split(" ") for line in block] for block in blocks]
    names = sorted({tag for row in rows for _, tag in row})
    encoded = tokenizer(
        [[word for word, _ in row] for row in rows], is_split_into_words=True, truncation=True
    )
    examples = []
    for place, row in enumerate(rows):
        labels, before = [], None
        for word in encoded.word_ids(place):
            is_first = word is not None and word != before
            labels.append(names.index(row[word][1]) if is_first else -100)
            before = word
        examples.append({**{key: encoded[key][place] for key in encoded}, "labels": labels})
    return examples


def questions(tokenizer: Any, path: str) -> list[dict[str, Any]]:
    """Encode questions and contexts in windows, with the tokens of the answers."""
    with open(path, encoding="utf-8") as file:
        paragraphs = json.load(file)["data"][0]["paragraphs"]
    encoded = tokenizer(
        [each["qas"][0]["question"] for each in paragraphs],
        [each["context"] for each in paragraphs],
        truncation="only_second",
        max_length=384,
        stride=128,
        return_offsets_mapping=True,
        return_overflowing_tokens=True,
    )
    examples = []
    for place, source in enumerate(encoded["overflow_to_sample_mapping"]):
        answer = paragraphs[source]["qas"][0]["answers"][0]
        first, last = answer["answer_start"], answer["answer_start"] + len(answer["text"])
        start = end = 0
        kinds = encoded.sequence_ids(place)
        for token, (begin, stop) in enumerate(encoded["offset_mapping"][place]):
            if kinds[token] == 1 and begin == first:
                start = token
            if kinds[token] == 1 and stop == last:
                end = token
        names = ("input_ids", "token_type_ids", "attention_mask")
        positions = {"start_positions": start, "end_positions": end}
        examples.append({**{name: encoded[name][place] for name in names}, **positions})
    return examples


def documents(tokenizer: Any, path: str) -> list[dict[str, Any]]:
    """Encode documents, of which the collator masks words."""
    with open(path, encoding="utf-8") as file:
        texts = [line.strip() for line in file if line.strip()]
    encoded = tokenizer(texts, truncation=True, return_special_tokens_mask=True)
    return [{key: encoded[key][place] for key in encoded} for place in range(len(texts))]


def main(task: str, data: str, folder: str, threads: str) -> None:
    """Train one epoch and print the CPU time at the end of each step, with its tokens."""
    import torch

    torch.set_num_threads(int(threads))
    import transformers
    from examples import MODEL, TAGS

    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL, model_max_length=512)
    encode, name, options, collator = {
        "classify": (
            texts_and_labels,
            "AutoModelForSequenceClassification",
            {"num_labels": 2},
            transformers.DataCollatorWithPadding,
        ),
        "tag": (
            words_and_tags,
            "AutoModelForTokenClassification",
            {"num_labels": len(set(TAGS))},
            transformers.DataCollatorForTokenClassification,
        ),
        "answer": (
            questions,
            "AutoModelForQuestionAnswering",
            {},
            transformers.DataCollatorWithPadding,
        ),
        "masked-lm": (
            documents,
            "AutoModelForMaskedLM",
            {},
            transformers.DataCollatorForLanguageModeling,
        ),
    }[task]
    examples = encode(tokenizer, data)
    model = getattr(transformers, name).from_pretrained(MODEL, **options)
    collate = collator(tokenizer)
    tokens: list[int] = []

    def counting(features: list[dict[str, Any]]) -> Any:
        batch = collate(features)
        tokens.append(int(batch["attention_mask"].sum()))
        return batch

    class Measured(transformers.TrainerCallback):
        """Prints the time at the end of each step."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            count = tokens[state.global_step - 1]
            print("step", time.process_time(), count, memory, flush=True)

    arguments = transformers.TrainingArguments(
        folder,
        per_device_train_batch_size=32,
        num_train_epochs=1,
        learning_rate=5e-5,
        warmup_steps=0.1,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    transformers.Trainer(
        model,
        arguments,
        train_dataset=examples,
        data_collator=counting,
        callbacks=[Measured()],
    ).train()


if __name__ == "__main__":
    main(*sys.argv[1:])
