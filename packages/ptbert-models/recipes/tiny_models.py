"""Finish the models that come with the packages: weights of 16 bits, vocabularies and cards.

::

    python packages/ptbert-models/recipes/tiny_models.py WORK [--embed]

``steps.py`` makes what is in the folder WORK. Two complete model
folders are written there, ``ptbert-tiny-bert`` and ``ptbert-tiny-gpt2``; with ``--embed`` their
files are also put into the packages.
"""

import argparse
import copy
import json
import platform
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from cards import CARDS, Facts
from ngrams import Trigram, unigram_losses

from ptbert.training.evaluation import evaluation
from ptbert.training.processes import joined
from ptbert.training.results import Result, open_result

PACKAGES = Path(__file__).parents[2]
MOST_BYTES = 4_000_000  # of a model with its vocabulary
DROPOUT = 0.1  # for those who train further; these trainings see each text a few times only
TOKENIZER_FILES = ("vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json")
IGNORED = -100  # where a label is not learned


class Model(NamedTuple):
    """One of the models."""

    name: str
    work: str  # the end of the names of its folders
    trainings: tuple[str, ...]  # the folders of its trainings, the last one at the end
    rates: tuple[str, ...]  # of dropout, in its configuration


MODELS = (
    Model(
        "ptbert-tiny-bert",
        "bert",
        ("short_bert", "trained_bert"),
        ("hidden_dropout_prob", "attention_probs_dropout_prob"),
    ),
    Model(
        "ptbert-tiny-gpt2", "gpt2", ("trained_gpt2",), ("resid_pdrop", "embd_pdrop", "attn_pdrop")
    ),
)


def measured(result: Result, held_out: Path, dtype: torch.dtype) -> dict[str, float]:
    """Return the metrics of a result on a text, with its weights rounded to a type of numbers."""
    exact = {name: tensor.clone() for name, tensor in result.model.state_dict().items()}
    rounded = {name: tensor.to(dtype).float() for name, tensor in exact.items()}
    result.model.load_state_dict(rounded)
    try:
        with joined("cpu") as processes:
            examples = encoded(result, held_out)
            return evaluation(result.task, result.model, examples, processes).metrics
    finally:
        result.model.load_state_dict(exact)


def encoded(result: Result, path: Path) -> Any:
    """Return a text as the examples of a result's task."""
    return result.task.encode([str(path)], result.tokenizer, result.max_length)


def baselines(result: Result, train: Path, held_out: Path) -> dict[str, float]:
    """Return what counting the training text gives for the tokens a model is measured on."""
    learned, measured_on = encoded(result, train), encoded(result, held_out)
    size = measured_on.tokens
    if hasattr(measured_on, "stream"):
        texts = [
            each.stream.tokens(0, len(each.stream)).astype(np.int64)
            for each in (learned, measured_on)
        ]
        trigram = Trigram(texts[0], size)
        unigram = unigram_losses(texts[0], texts[1][2:], size)
        return {
            "unigram perplexity": float(np.exp(unigram.mean())),
            "trigram perplexity": float(np.exp(trigram.losses(texts[1]).mean())),
        }
    ids = learned.pieces.lines.ids.astype(np.int64)
    masked = []
    for index in range(len(measured_on)):
        batch = result.task.batch(measured_on, np.array([index]), None, torch.device("cpu"))
        masked.append(batch.labels[batch.labels != IGNORED].numpy())
    tokens = np.concatenate(masked)
    return {
        "unigram perplexity": float(np.exp(unigram_losses(ids, tokens, size).mean())),
        "unigram accuracy": float((tokens == np.bincount(ids).argmax()).mean()),
    }


def finish(model: Model, work: Path, target: Path) -> None:
    """Write the complete folder of a model."""
    trained = work / model.trainings[-1]
    result = open_result(trained)
    exact = result.task.settings.replaced(precision="float32")
    result = result._replace(task=type(result.task)(exact))
    held_out = work / "texts/held_out.txt"
    found = {
        str(dtype).removeprefix("torch."): measured(result, held_out, dtype)
        for dtype in (torch.float32, torch.float16, torch.bfloat16)
    }
    config = copy.deepcopy(result.model.config)
    for rate in model.rates:
        setattr(config, rate, DROPOUT)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    result.tokenizer.max_len = result.max_length
    result.tokenizer.save_vocabulary(str(target))
    (target / "special_tokens.txt").unlink(missing_ok=True)  # it is empty
    logs = [
        [json.loads(line) for line in (work / folder / "log.jsonl").open()]
        for folder in model.trainings
    ]
    facts = Facts(
        name=model.name,
        settings=result.task.settings,
        found=found,
        baselines=baselines(result, work / "texts/train.txt", held_out),
        minutes=sum(line.get("seconds", 0) for log in logs for line in log) / 60,
        steps=sum(log[-1]["step"] for log in logs),
        parameters=sum(each.numel() for each in result.model.parameters()),
        processor=processor(),
        torch=torch.__version__,
    )
    shipped = type(result.model).from_pretrained(trained, config=config, dtype="float16")
    shipped.save_pretrained(target, safe_serialization=True)
    (target / "README.md").write_text(CARDS[model.work](facts, target), encoding="utf-8")
    size = sum(path.stat().st_size for path in target.iterdir())
    if size > MOST_BYTES:
        raise SystemExit(f"{target} has {size} bytes, which is more than {MOST_BYTES}")


def embed(folder: Path) -> None:
    """Put the files of a model folder into the packages."""
    for package in ("models", "tokenizers"):
        place = PACKAGES / f"ptbert-{package}/src/ptbert_{package}/embedded" / folder.name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for file in folder.iterdir():
            if (file.name in TOKENIZER_FILES) == (package == "tokenizers"):
                shutil.copy(file, place)


def processor() -> str:
    """Return the name of the processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    """Finish both models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path, help="the folder with texts and trainings")
    parser.add_argument("--embed", action="store_true", help="put them into the packages, too")
    options = parser.parse_args()
    for model in MODELS:
        target = options.work / model.name
        finish(model, options.work, target)
        if options.embed:
            embed(target)


if __name__ == "__main__":
    main()
