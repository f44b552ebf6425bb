"""Using the result of a training: measuring it on a file, and predicting."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ptbert.training.evaluation import Evaluation, evaluation, scored
from ptbert.training.kinds import TASKS
from ptbert.training.output import RESULT_NAME, SETTINGS_NAME
from ptbert.training.preparation import longest_input
from ptbert.training.processes import Processes, joined
from ptbert.training.settings import Settings, read_settings
from ptbert.training.task import Task
from ptbert.training.text_task import TextTask
from ptbert_hub import CONFIG_NAME
from ptbert_models.files.json_files import read_json_object
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer


class Result(NamedTuple):
    """What a training wrote, opened."""

    task: Task
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizer
    max_length: int


def open_result(folder: str | os.PathLike[str]) -> Result:
    """Open the folder that a training wrote.

    Raises:
        FileNotFoundError: if the folder has no result.
    """
    place = Path(folder)
    needed = (SETTINGS_NAME, RESULT_NAME, CONFIG_NAME)
    missing = [name for name in needed if not (place / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{str(place)!r} has no {missing[0]}, so it is no result of ptbert train; give its "
            "output folder, or let the training end first"
        )
    source = place / SETTINGS_NAME
    settings = Settings.from_mapping(read_settings(source), str(source))
    config = read_json_object(place / CONFIG_NAME)
    task = TASKS[settings.task].of_result(settings, config, str(place))
    tokenizer = load_tokenizer(place)
    model = task.model_class(tokenizer.family).from_pretrained(place)
    return Result(task, model, tokenizer, longest_input(settings, model))


def evaluate(
    folder: str | os.PathLike[str], data: str | os.PathLike[str], *, device: str = ""
) -> Evaluation:
    """Measure the result of a training on a file of examples.

    Args:
        folder: the output of a training.
        data: a file with the same columns as the training data.
        device: where to compute; a GPU if there is one when empty.

    Raises:
        ValueError: for a file or a row that cannot be used.
        OSError: if something cannot be read.
    """
    with joined(device) as processes:
        result = _moved(open_result(folder), processes)
        read = result.task.read(os.fspath(data))
        examples = result.task.encode_for_evaluation(read, result.tokenizer, result.max_length)
        return evaluation(result.task, result.model, examples, processes)


def predict(
    folder: str | os.PathLike[str],
    texts: Sequence[str | tuple[str, ...]],
    *,
    device: str = "",
) -> list[str]:
    """Return a line for each text, with what the result of a training predicts.

    Args:
        folder: the output of a training.
        texts: texts; or pairs where the model was trained on pairs, questions with their contexts,
            or texts each with its choices.
        device: where to compute; a GPU if there is one when empty.

    Raises:
        TypeError: if ``texts`` is one string.
        ValueError: for pairs where texts are needed, or the reverse.
        OSError: if the folder cannot be read.
    """
    if isinstance(texts, str):
        raise TypeError("texts is one string; give a list of texts")
    with joined(device) as processes:
        result = _moved(open_result(folder), processes)
        examples = [result.task.example(each) for each in texts]
        return _predictions(result, examples, processes)


def predict_file(
    folder: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    format: str = "",
    device: str = "",
) -> list[str]:
    """Return a line for each example of a file, which needs no labels; see ``predict``.

    Args:
        folder: the output of a training.
        data: the file.
        format: ``"lines"`` for a text on each line, ``"columns"`` for a word on each line, or
            ``"table"`` or ``"squad"``; told by the ending of the file when empty.
        device: where to compute; a GPU if there is one when empty.

    Raises:
        ValueError: if it is not known which format the file has, or for a row that cannot be used.
        OSError: if something cannot be read.
    """
    with joined(device) as processes:
        result = _moved(open_result(folder), processes)
        examples = result.task.read_to_predict(os.fspath(data), format)
        return _predictions(result, examples, processes)


def _predictions(result: Result, examples: Sequence[Any], processes: Processes) -> list[str]:
    if isinstance(result.task, TextTask):
        return result.task.written(result.model, result.tokenizer, examples)
    encoded = result.task.encode_for_evaluation(examples, result.tokenizer, result.max_length)
    scores, _ = scored(result.task, result.model, encoded, processes)
    return result.task.predictions(scores, encoded, examples)


def _moved(result: Result, processes: Processes) -> Result:
    result.model.to(processes.device)
    return result
