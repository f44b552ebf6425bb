"""Time BERT on padded batches beside transformers, in float32 and in bfloat16.

16 texts of 10 to 128 tokens, padded to 128: all hidden states, the scores of an answer, the class
scores, and training steps of a tagger and of an answerer. Ours leaves out padding, where a program
has to ask for that with ``leave_out_padding``. Then 8 texts of 128 tokens in both types. All models
have the same random weights and no dropout, and run one after the other in every round, so that the
ratios count. CPU time of the process is measured. The run fails unless both give the same numbers
at real tokens; in bfloat16 they may differ by what this type rounds.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
import transformers
from timing import begun, compare
from torch import Tensor, nn

import ptbert_models

OURS, TODAY = "ptbert", "transformers"
LENGTH, TAGS = 128, 9
RATES = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
LENGTHS = torch.linspace(10, LENGTH, 16).long()
MASK = (torch.arange(LENGTH) < LENGTHS[:, None]).long()
IDS = torch.randint(1000, 30000, MASK.shape, generator=torch.Generator().manual_seed(1)) * MASK
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.15}  # bfloat16 keeps 8 bits of a number

Runs = dict[str, Callable[[], Tensor]]


def models(name: str, layers: int, dtype: torch.dtype, **arguments: int) -> list[nn.Module]:
    """Return one model of each library, with the same weights; ours leaves out padding."""
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": layers, **RATES}
    ours = getattr(ptbert_models, name)(ptbert_models.BertConfig(30522, **sizes), **arguments)
    today = getattr(transformers, name)(transformers.BertConfig(**sizes, **arguments))
    today.load_state_dict(ours.state_dict(), strict=False)
    ours.leave_out_padding = True
    return [model.to(dtype) for model in (ours, today)]


def hidden_states(layers: int, dtype: torch.dtype) -> Runs:
    """Compute the states of the last layer at real tokens."""
    ours, today = (model.eval() for model in models("BertModel", layers, dtype))
    real = MASK.bool()

    def run_today() -> Tensor:
        return today(IDS, MASK, output_hidden_states=True).last_hidden_state[real]

    return {OURS: lambda: ours(IDS, None, MASK)[0][-1][real], TODAY: run_today}


def full_texts(layers: int, dtype: torch.dtype) -> Runs:
    """Compute the states of 8 texts without padding."""
    ours, today = (model.eval() for model in models("BertModel", layers, dtype))
    ids = torch.randint(1000, 30000, (8, LENGTH))
    mask = torch.ones_like(ids)

    def run_today() -> Tensor:
        return today(ids, mask, output_hidden_states=True).last_hidden_state

    return {OURS: lambda: ours(ids, None, mask)[0][-1], TODAY: run_today}


def class_scores(layers: int, dtype: torch.dtype) -> Runs:
    """Compute the scores of two classes."""
    name = "BertForSequenceClassification"
    ours, today = (model.eval() for model in models(name, layers, dtype, num_labels=2))
    return {OURS: lambda: ours(IDS, None, MASK), TODAY: lambda: today(IDS, MASK).logits}


def among_real(scores: Tensor) -> Tensor:
    """Replace the scores of padding by the lowest number, so that it is never chosen."""
    return scores.masked_fill(MASK == 0, torch.finfo(scores.dtype).min)


def answers(layers: int, dtype: torch.dtype) -> Runs:
    """Compute where an answer begins."""
    ours, today = (model.eval() for model in models("BertForQuestionAnswering", layers, dtype))
    return {
        OURS: lambda: ours(IDS, None, MASK)[0].masked_fill(MASK == 0, 0),
        TODAY: lambda: today(IDS, MASK).start_logits.masked_fill(MASK == 0, 0),
    }


def trained(model: nn.Module, loss: Callable[[], Tensor]) -> Tensor:
    """Compute a loss and its gradients."""
    model.zero_grad()
    value = loss()
    value.backward()
    return value.detach()


def tagging_step(layers: int, dtype: torch.dtype) -> Runs:
    """Train a tagger on every real token."""
    name = "BertForTokenClassification"
    ours, today = (model.train() for model in models(name, layers, dtype, num_labels=TAGS))
    tags = torch.where(MASK == 1, IDS % TAGS, -100)
    return {
        OURS: partial(trained, ours, lambda: ours(IDS, None, MASK, labels=tags)),
        TODAY: partial(trained, today, lambda: today(IDS, MASK, labels=tags).loss),
    }


def answering_step(layers: int, dtype: torch.dtype) -> Runs:
    """Train an answerer, whose loss is about real tokens."""
    ours, today = (model.train() for model in models("BertForQuestionAnswering", layers, dtype))
    begin, end = LENGTHS // 3, LENGTHS // 2

    def loss_today() -> Tensor:
        output = today(IDS, MASK)
        return (
            F.cross_entropy(among_real(output.start_logits), begin)
            + F.cross_entropy(among_real(output.end_logits), end)
        ) / 2

    return {
        OURS: partial(trained, ours, lambda: ours(IDS, None, MASK, begin, end)),
        TODAY: partial(trained, today, loss_today),
    }


INFERENCE = {
    "Hidden states, 16 texts of 10 to 128 tokens": hidden_states,
    "Answers, 16 texts of 10 to 128 tokens": answers,
    "Class scores, 16 texts of 10 to 128 tokens": class_scores,
    "Hidden states, 8 x 128 tokens": full_texts,
}
TRAINING = {
    "Training step of a tagger, 16 texts of 10 to 128 tokens": tagging_step,
    "Training step of an answerer, 16 texts of 10 to 128 tokens": answering_step,
}


def same(outputs: dict[str, Tensor], name: str, output: Tensor) -> None:
    """Raise unless the numbers are those of the first model."""
    expected = outputs.setdefault("first", output)
    room = TOLERANCE[output.dtype]
    message = f"{name} gives other numbers"
    torch.testing.assert_close(output, expected, atol=room, rtol=room, msg=lambda m: message + m)


def main() -> None:
    """Run all tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = begun(parser, rounds=5, layers=12)
    for title, task in TRAINING.items():
        runs = task(arguments.layers, torch.float32)
        compare(title, runs, arguments.rounds, partial(same, {}))
    for dtype in TOLERANCE:
        for title, task in INFERENCE.items():
            runs = task(arguments.layers, dtype)
            with torch.inference_mode():
                name = f"{title}, {dtype}".replace("torch.", "")
                compare(name, runs, arguments.rounds, partial(same, {}))


if __name__ == "__main__":
    main()
