"""Time BERT-base beside the library of 2019, transformers, and its matrix products alone.

Three tasks: all hidden states of 8 texts of 128 tokens; the class scores of 16 texts of 10 to 128
tokens, padded to 128; a training step on masked tokens, 8 texts of 128 tokens with 15 % of them
labelled. All models have the same random weights and no dropout, and run one after the other in
every round, so that the ratios count. CPU time of the process is measured. The run fails unless all
give the same numbers.
"""

import argparse
from functools import partial

import torch
import torch.nn.functional as F
import transformers
from pytorch_pretrained_bert import modeling as bert_2019
from timing import begun, compare
from torch import Tensor, nn

import ptbert_models

OURS, OF_2019, TODAY, PRODUCTS = "ptbert", "library of 2019", "transformers", "products alone"
LENGTH = 128
RATES = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def models(name: str, layers: int, **arguments: int) -> dict[str, nn.Module]:
    """Return one model of each library, with the same weights."""
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": layers, **RATES}
    ours = getattr(ptbert_models, name)(ptbert_models.BertConfig(30522, **sizes), **arguments)
    of_2019 = getattr(bert_2019, name)(bert_2019.BertConfig(30522, **sizes), **arguments)
    config = transformers.BertConfig(**sizes, **arguments)
    today = getattr(transformers, name)(config)
    of_2019.load_state_dict(ours.state_dict())
    today.load_state_dict(ours.state_dict(), strict=False)
    if hasattr(today, "cls"):
        today.cls.predictions.bias.data.copy_(ours.cls.predictions.bias.data)
    return {OURS: ours, OF_2019: of_2019, TODAY: today}


def products(model: nn.Module, rows: int) -> None:
    """Multiply ``rows`` tokens with every matrix of the layers, and do nothing else."""
    inputs = {size: torch.ones(rows, size) for size in (768, 3072)}
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.out_features in inputs:
            F.linear(inputs[module.in_features], module.weight, module.bias)


def same(outputs: dict[str, Tensor], name: str, output: Tensor) -> None:
    """Raise unless the numbers are those of the first model."""
    if name != PRODUCTS:
        expected = outputs.setdefault("first", output)
        torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-3)


def hidden_states(layers: int, rounds: int) -> None:
    """Time all hidden states, without padding."""
    contestants = {k: v.eval() for k, v in models("BertModel", layers).items()}
    ids = torch.randint(1000, 30000, (8, LENGTH))
    mask = torch.ones_like(ids)

    def run(name: str) -> Tensor:
        if name == TODAY:
            output = contestants[name](ids, mask, output_hidden_states=True)
            return output.last_hidden_state
        return contestants[name](ids, None, mask)[0][-1]

    runs = {name: partial(run, name) for name in contestants}
    runs[PRODUCTS] = partial(products, contestants[OURS].encoder, 8 * LENGTH)
    with torch.inference_mode():
        compare("Hidden states, 8 x 128 tokens", runs, rounds, partial(same, {}))


def class_scores(layers: int, rounds: int) -> None:
    """Time class scores of texts of different lengths."""
    contestants = {
        k: v.eval()
        for k, v in models("BertForSequenceClassification", layers, num_labels=2).items()
    }
    lengths = torch.linspace(10, LENGTH, 16).long()
    ids = torch.randint(1000, 30000, (16, LENGTH))
    mask = (torch.arange(LENGTH) < lengths[:, None]).long()

    def run(name: str) -> Tensor:
        if name == TODAY:
            return contestants[name](ids, mask).logits
        return contestants[name](ids, None, mask)

    runs = {name: partial(run, name) for name in contestants}
    runs[PRODUCTS] = partial(products, contestants[OURS].bert.encoder, int(lengths.sum()))
    title = f"Class scores, 16 texts of 10 to 128 tokens ({int(lengths.sum())} of 2048 are real)"
    with torch.inference_mode():
        compare(title, runs, rounds, partial(same, {}))


def training_step(layers: int, rounds: int) -> None:
    """Time forward and backward of the masked-token loss."""
    contestants = {k: v.train() for k, v in models("BertForMaskedLM", layers).items()}
    ids = torch.randint(1000, 30000, (8, LENGTH))
    labels = torch.where(torch.rand(ids.shape) < 0.15, ids, -1)

    def run(name: str) -> Tensor:
        model = contestants[name]
        model.zero_grad()
        if name == TODAY:
            loss = model(ids, labels=labels.masked_fill(labels == -1, -100)).loss
        else:
            loss = model(ids, masked_lm_labels=labels)
        loss.backward()
        return loss.detach()

    runs = {name: partial(run, name) for name in contestants}
    compare("Training step on masked tokens, 8 x 128 tokens", runs, rounds, partial(same, {}))


def main() -> None:
    """Run all tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = begun(parser, rounds=5, layers=12)
    for task in (hidden_states, class_scores, training_step):
        task(arguments.layers, arguments.rounds)


if __name__ == "__main__":
    main()
