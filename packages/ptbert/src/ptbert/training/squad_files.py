"""Questions with their contexts and answers, in SQuAD's files, each with its place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from ptbert_hub.messages import shown
from ptbert_models.files.json_files import without_contradictions
from ptbert_tokenizers.files.lines import read_texts

_KINDS = {
    str: "a text",
    list: "a list",
    dict: "an object",
    int: "a whole number",
    bool: "a boolean",
}
_FORMAT = '{"data": [{"paragraphs": [{"context": "...", "qas": [...]}]}]}'


class GoldAnswer(NamedTuple):
    """An answer that people gave.

    Args:
        text: its words, as the context has them.
        start: their first character in the context.
    """

    text: str
    start: int


class Question(NamedTuple):
    """A question about a context.

    Args:
        place: file, article, paragraph and id, for messages.
        id: by which predictions are named; empty without a file.
        text: the question.
        context: the text that it is about.
        answers: right answers; none if there is none, or none are needed.
        is_impossible: whether the context has no answer; None if the file is of SQuAD 1.1, where
            each question has one.
    """

    place: str
    id: str
    text: str
    context: str
    answers: tuple[GoldAnswer, ...] = ()
    is_impossible: bool | None = None


def read_questions(path: str | os.PathLike[str], *, labelled: bool = True) -> list[Question]:
    """Return the questions of a file in the format of SQuAD 1.1 or 2.0, which may be compressed.

    Args:
        path: the file.
        labelled: whether answers are read; else they may be missing.

    Raises:
        ValueError: if it is no such file, has no questions, or has an answer that is not where the
            file says.
        OSError: if it cannot be read.

    Example:
        >>> question = {"id": "1", "question": "Who?",
        ...             "answers": [{"text": "Ada", "answer_start": 3}]}
        >>> data = [{"paragraphs": [{"context": "By Ada.", "qas": [question]}]}]
        >>> with open("squad.json", "w") as file:
        ...     json.dump({"data": data}, file)
        >>> [found] = read_questions("squad.json")
        >>> found.text, found.answers
        ('Who?', (GoldAnswer(text='Ada', start=3),))
    """
    name = os.fspath(path)
    places: dict[str, str] = {}
    found = []
    for question in _questions(name, _content(name), labelled):
        if question.id in places:
            raise ValueError(
                f"{question.place} has the id of {places[question.id]}; predictions are named by "
                "ids, so give each question its own"
            )
        places[question.id] = question.place
        found.append(question)
    if not found:
        raise ValueError(f"{name!r} has no questions; give a file that has")
    return found


def _content(name: str) -> dict[str, Any]:
    text = "\n".join(read_texts(name))
    try:
        value = json.loads(text, object_pairs_hook=without_contradictions)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{name!r} is no JSON ({error}); give a file in SQuAD's format: {_FORMAT}"
        ) from error
    if not isinstance(value, dict) or "data" not in value:
        raise ValueError(f"{name!r} is not in SQuAD's format; that is {_FORMAT}")
    return value


def _questions(name: str, content: dict[str, Any], labelled: bool) -> Iterator[Question]:
    for number, article in enumerate(_member(content, "data", list, repr(name)), 1):
        in_article = f"{name!r}, article {number}"
        for count, paragraph in enumerate(_member(article, "paragraphs", list, in_article), 1):
            place = f"{in_article}, paragraph {count}"
            context = _member(paragraph, "context", str, place)
            for index, each in enumerate(_member(paragraph, "qas", list, place), 1):
                key = _member(each, "id", str, f"{place}, question {index}")
                yield _question(each, key, context, f"{place}, question {shown(key)}", labelled)


def _question(
    values: dict[str, Any], key: str, context: str, place: str, labelled: bool
) -> Question:
    text = _member(values, "question", str, place)
    if not labelled:
        return Question(place, key, text, context)
    impossible = None
    if "is_impossible" in values:
        impossible = _member(values, "is_impossible", bool, place)
    answers = tuple(
        GoldAnswer(_member(each, "text", str, place), _member(each, "answer_start", int, place))
        for each in _member(values, "answers", list, place)
    )
    if bool(answers) == bool(impossible):
        problem = "is impossible and has answers" if answers else "has no answers"
        raise ValueError(f'{place} {problem}; give answers, or none and "is_impossible": true')
    for answer in answers:
        _check_place(answer, context, place)
    return Question(place, key, text, context, answers, impossible)


def _check_place(answer: GoldAnswer, context: str, place: str) -> None:
    text, start = answer
    if not text.strip():
        raise ValueError(f"{place} has the answer {text!r}, which has no words; give one that has")
    if start >= 0 and context.startswith(text, start):
        return
    others = [at for at in range(len(context)) if context.startswith(text, at)]
    if not others:
        raise ValueError(
            f"{place} has the answer {shown(text)}, which is not in its context; correct it, or "
            "leave the question out"
        )
    nearest = min(others, key=lambda at: abs(at - start))
    raise ValueError(
        f"{place} has the answer {shown(text)} with answer_start {start}, and it is at {nearest}; "
        "correct it"
    )


def _member(values: Any, key: str, kind: type, place: str) -> Any:
    """A value of an object in the file, if it is of the right kind."""
    if not isinstance(values, dict):
        raise ValueError(
            f"{place} has {shown(values)} where an object with {key!r} is needed; correct it"
        )
    if key not in values:
        raise ValueError(f"{place} has no {key!r}; give it, as SQuAD's files do")
    if not isinstance(values[key], kind) or (kind is int and isinstance(values[key], bool)):
        raise ValueError(f"{place} has {shown(values[key])} as its {key!r}; give {_KINDS[kind]}")
    return values[key]
