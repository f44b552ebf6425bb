"""Time the question whether a short cut past the 12 layers of BERT can be noticed.

``python benchmarks/untouched.py`` prints the CPU time of the answer when nothing has changed since
it was asked last, after going from training to evaluation or back, and after another change, when
all modules are compared.
"""

import time
from collections.abc import Callable

from ptbert_models import BertConfig, BertModel
from ptbert_models.bert.bare import is_usual


def shortest(run: Callable[[], object], change: Callable[[], object], repeats: int) -> float:
    """The shortest CPU time of a run, in microseconds; the change before it does not count."""
    times = []
    for _ in range(repeats):
        change()
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times) * 1e6


# The 12 layers of BERT-base, but narrow: the question does not depend on sizes.
bert = BertModel(BertConfig(100, hidden_size=48, num_attention_heads=12, intermediate_size=64))
if not is_usual(bert):
    raise SystemExit("the model was changed; nothing to measure")


def many() -> None:
    """Ask a hundred times, because once is too short to be measured."""
    for _ in range(100):
        is_usual(bert)


def switch() -> None:
    """Go from training to evaluation, or back."""
    bert.train(not bert.training)


def mark() -> None:
    """Set an attribute that nothing reads."""
    vars(bert.pooler)["mark"] = object()


again = shortest(many, lambda: None, 30) / 100
switched = shortest(lambda: is_usual(bert), switch, 50)
anew = shortest(lambda: is_usual(bert), mark, 50)
print(  # noqa: T201
    f"nothing changed: {again:.0f} µs; after train() or eval(): {switched:.0f} µs; "
    f"after another change: {anew:.0f} µs"
)
