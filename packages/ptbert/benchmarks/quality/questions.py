"""Questions about invented people, in SQuAD's format."""

from __future__ import annotations

import random
from typing import Any

SYLLABLES = (
    "ba bel cor dan der el fen gar hol in jor kas lin mar nor os per ri sa tal ul ven wes yor"
)
TOWN_ENDS = ("ford", "haven", "mouth", "stead", "wick", "burgh", "field", "dale")
JOBS = (
    "baker", "carpenter", "chemist", "clockmaker", "dentist", "farmer", "gardener", "glazier",
    "judge", "librarian", "mason", "midwife", "miller", "nurse", "painter", "pilot", "plumber",
    "printer", "sailor", "shepherd", "surgeon", "tailor", "teacher", "weaver",
)  # fmt: skip
INSTRUMENTS = ("cello", "clarinet", "drums", "flute", "guitar", "harp", "oboe", "piano", "violin")
FACTS = {
    "born in": ("{name} was born in {value}.", "The town where {name} was born is {value}."),
    "birth": ("{name} came into the world in {value}.", "In {value}, {name} was born."),
    "job": ("{name} worked as a {value}.", "By trade {name} was a {value}."),
    "moved to": ("{name} later moved to {value}.", "{value} became the home of {name}."),
    "married": ("{name} married {value}.", "The spouse of {name} was {value}."),
    "plays": ("{name} played the {value}.", "In the evening {name} practised the {value}."),
}
QUESTIONS = {
    "born in": ("Where was {name} born?", "In which town was {name} born?"),
    "birth": ("When was {name} born?", "In which year was {name} born?"),
    "job": ("What was the job of {name}?", "How did {name} earn a living?"),
    "moved to": ("Where did {name} move?", "To which town did {name} move later?"),
    "married": ("Who was married to {name}?", "Whom did {name} marry?"),
    "plays": ("Which instrument did {name} play?", "What did {name} play?"),
}


def squad_of_people(count: int, seed: int) -> dict[str, Any]:
    """Return invented questions, each with a context of its own, as the content of a SQuAD file.

    A context tells five facts about one person, in any order, and one of them is asked for. So no
    place in the context is often right, and no answer is frequent.

    Args:
        count: how many questions.
        seed: other seeds give other people.
    """
    chance = random.Random(seed)
    paragraphs = []
    for number in range(count):
        name = _name(chance)
        kinds = chance.sample(list(FACTS), 5)
        asked = chance.choice(kinds)
        context, answer, start = "", "", 0
        for kind in kinds:
            value = _value(kind, chance)
            before, after = chance.choice(FACTS[kind]).format(name=name, value="\0").split("\0")
            if kind == asked:
                answer, start = value, len(context) + len(before)
            context += f"{before}{value}{after} "
        question = chance.choice(QUESTIONS[asked]).format(name=name)
        found = {"text": answer, "answer_start": start}
        asked_here = {"id": f"{seed}-{number}", "question": question, "answers": [found]}
        paragraphs.append({"context": context.strip(), "qas": [asked_here]})
    return {"version": "1.1", "data": [{"title": "People", "paragraphs": paragraphs}]}


def _name(chance: random.Random) -> str:
    return " ".join("".join(chance.choices(SYLLABLES.split(), k=2)).capitalize() for _ in range(2))


def _value(kind: str, chance: random.Random) -> str:
    if kind == "birth":
        return str(chance.randint(1800, 1999))
    if kind == "job":
        return chance.choice(JOBS)
    if kind == "plays":
        return chance.choice(INSTRUMENTS)
    if kind == "married":
        return _name(chance)
    return chance.choice(SYLLABLES.split()).capitalize() + chance.choice(TOWN_ENDS)
