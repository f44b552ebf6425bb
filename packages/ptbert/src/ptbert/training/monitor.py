"""What people see of a training while it runs: its log, a bar, lines, and TensorBoard."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np

from ptbert.training.counts import number_of
from ptbert.training.evaluation import Evaluation
from ptbert.training.history import read_history
from ptbert.training.output import Output
from ptbert.training.settings import Settings
from ptbert.training.tensorboard import TensorBoard
from ptbert_hub.progress import counting_bar

logger = logging.getLogger(__name__)

_FORGOTTEN = 0.95  # the share with which the steps before count for the speed that is shown
_FEWEST, _MOST = 20, 100  # steps after the warmup by which the training is judged
_NO_BETTER = 0.98  # of the loss of chance; a loss above this share has learned nothing
_PLATEAU = 1.25  # times the loss of chance; below it a model of texts from nothing may stay long


def beginning(settings: Settings, *, examples: int, parameters: int, rate: float, done: int) -> str:
    """Return the line that says what begins.

    Args:
        settings: of the training.
        examples: how many there are.
        parameters: how many numbers are trained.
        rate: the largest learning rate.
        done: how many steps were done before.
    """
    steps = number_of(math.ceil(examples / settings.batch_size), "step")
    return (
        f"{settings.output}: {number_of(examples, 'example')}, {steps} an epoch, "
        f"{parameters / 1e6:.1f} million parameters, learning rate {rate:.3g}"
    ) + (f"; going on after step {done}" if done else "")


class Monitor:
    """Tells what happens in a training. Only the first process should have one.

    Args:
        output: has the log.
        settings: of the training.
        steps: how many there are.
        done: how many were done before.
        chance: the loss of the best prediction that does not look at the examples.
        stays_at_chance: whether a model from nothing stays at that loss for long before it learns.
    """

    def __init__(
        self,
        output: Output,
        settings: Settings,
        *,
        steps: int,
        done: int,
        chance: float,
        stays_at_chance: bool = False,
    ) -> None:
        self._output, self._epochs, self._chance = output, settings.epochs, chance
        self._from_nothing = settings.from_nothing
        self._waits = settings.from_nothing and stays_at_chance
        self._bar = counting_bar(steps, unit="steps", done=done)
        self._board = TensorBoard(output.tensorboard, done)
        self._tokens = self._seconds = 0.0
        warm = math.ceil(steps * settings.warmup)
        self._judged = range(warm, warm + min(max(warm, _FEWEST), _MOST))

    def step(
        self,
        step: int,
        epoch: int,
        *,
        loss: float,
        rate: float,
        tokens: int,
        seconds: float,
        examples: str = "",
    ) -> None:
        """Tell of a step.

        Args:
            step: its number, from 1.
            epoch: its number, from 1.
            loss: of the whole step.
            rate: the learning rate.
            tokens: of the whole step, without padding.
            seconds: how long it took.
            examples: checksum of those that the processes had.
        """
        self._output.log(
            step=step,
            epoch=epoch,
            loss=loss,
            rate=rate,
            tokens=tokens,
            examples=examples,
            seconds=round(seconds, 4),
        )
        self._tokens = self._tokens * _FORGOTTEN + tokens
        self._seconds = self._seconds * _FORGOTTEN + seconds
        speed = self._tokens / max(self._seconds, 1e-9)
        self._board.write(step, {"loss": loss, "rate": rate, "tokens_per_second": speed})
        if self._bar is not None:
            self._bar.set_description_str(f"epoch {epoch} of {self._epochs}", refresh=False)
            shown = f"loss {loss:.4f}, rate {rate:.2g}, {speed:,.0f} tokens/s"
            self._bar.set_postfix_str(shown, refresh=False)
            self._bar.update()
        if step == self._judged.stop:
            losses = read_history(self._output.log_path).losses_in(self._judged)
            self._warn_of_chance(f"step {step}, after the warmup", losses)

    def epoch(self, step: int, epoch: int, found: Evaluation | None) -> None:
        """Tell of the end of an epoch.

        Args:
            step: the last one of the epoch.
            epoch: its number, from 1.
            found: its evaluation, if there is one.
        """
        history = read_history(self._output.log_path)
        losses = history.losses_of(epoch)
        self._warn_of_chance(
            f"epoch {epoch}", losses[len(losses) // 2 :], is_last=epoch == self._epochs
        )
        lines = [f"epoch {epoch}  step {step}  training loss {history.mean_loss(epoch):.4f}"]
        if found is not None:
            self._output.log(step=step, epoch=epoch, validation=found.metrics)
            self._board.write(
                step, {f"validation/{name}": value for name, value in found.metrics.items()}
            )
            lines[0] += f"  validation: {found}"
            lines += found.table
        self.tell(logging.INFO, "\n".join(lines))

    def tell(self, level: int, text: str) -> None:
        """Log a text, which is not written into the bar."""
        if self._bar is None:
            logger.log(level, "%s", text)
        else:
            with self._bar.external_write_mode():
                logger.log(level, "%s", text)

    def close(self) -> None:
        """Remove the bar."""
        self._board.close()
        if self._bar is not None:
            self._bar.close()

    def _warn_of_chance(self, when: str, losses: Sequence[float], *, is_last: bool = False) -> None:
        """Warn if losses are those of a model that does not see the examples.

        A model from nothing begins far above chance. It is judged by enough losses to see that they
        do not fall any more. A model of texts then learns how frequent each token is, which is the
        level of chance, and stays there until it finds out what their context says. So that level
        is judged at the end only.
        """
        if not losses:  # the log was deleted
            return
        loss = float(np.mean(losses))
        first, second = np.array_split(losses, 2)
        falls = len(losses) < _FEWEST or np.mean(second) < _NO_BETTER * np.mean(first)
        if loss <= _NO_BETTER * self._chance or (self._from_nothing and falls):
            return
        told = f"{when}: the loss {loss:.4f} is at the level of chance ({self._chance:.4f}), so "
        if not (self._waits and loss < _PLATEAU * self._chance):
            self.tell(
                logging.WARNING,
                f"{told}nothing was learned; train longer (--epochs), or try another "
                "--learning-rate",
            )
        elif is_last:
            self.tell(
                logging.WARNING,
                f"{told}the model knows how frequent the tokens are and nothing of their context "
                "yet; train longer (--epochs, or more text)",
            )
