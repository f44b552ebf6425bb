import gzip
import json

import pytest

from ptbert.training.squad_files import GoldAnswer, read_questions

CONTEXT = "Ada lived in London. Ada died in London."


def question(key="q1", text="Where?", answers=(("London", 13),), **more):
    found = [{"text": each, "answer_start": start} for each, start in answers]
    return {"id": key, "question": text, "answers": found, **more}


def squad(*questions, context=CONTEXT):
    return {"version": "1.1", "data": [{"paragraphs": [{"context": context, "qas": questions}]}]}


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "squad.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_questions_of_both_versions(written):
    second = question("q2", "Who?", (), is_impossible=True, plausible_answers=[])
    one, two = read_questions(
        written(squad(question(answers=(("London", 13), ("London", 33))), second))
    )
    assert one[1:] == ("q1", "Where?", CONTEXT, (("London", 13), ("London", 33)), None)
    assert one.answers[1] == GoldAnswer("London", 33)
    assert two[1:] == ("q2", "Who?", CONTEXT, (), True)
    assert two.place.endswith("squad.json', article 1, paragraph 1, question 'q2'")


def test_a_compressed_file_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "squad.json.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(squad(question())).encode()))
    assert len(read_questions(path)) == 1


def test_without_labels_answers_may_be_missing(written):
    bare = {"id": "q1", "question": "Where?"}
    [found] = read_questions(written(squad(bare)), labelled=False)
    assert (found.answers, found.is_impossible) == ((), None)
    with pytest.raises(
        ValueError, match="question 'q1' has no 'answers'; give it, as SQuAD's files"
    ):
        read_questions(written(squad(bare)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"squad.json' is no JSON \(Expecting value.*; give a file in SQuAD's format: {"),
        ("[" * 100_000, "is no JSON .*recursion.*; give a file in SQuAD's format"),
        ('{"data": [], "data": [1]}', r"is no JSON .the key 'data' has two values: \[\] and \[1\]"),
        ("[1]", r"squad.json' is not in SQuAD's format; that is {\"data\": \["),
        ({"rows": []}, "is not in SQuAD's format; that is"),
        ({"data": []}, "squad.json' has no questions; give a file that has"),
        (squad(), "has no questions; give a file that has"),
        ({"data": {}}, "squad.json' has {} as its 'data'; give a list"),
        ({"data": [3]}, "article 1 has 3 where an object with 'paragraphs' is needed; correct it"),
        ({"data": [{}]}, "article 1 has no 'paragraphs'; give it, as SQuAD's files do"),
        (squad(question(), context=None), "paragraph 1 has None as its 'context'; give a text"),
        (squad({"id": 7}), "paragraph 1, question 1 has 7 as its 'id'; give a text"),
        (squad({"id": "q1"}), "question 'q1' has no 'question'; give it"),
        (squad(question(is_impossible=0)), "has 0 as its 'is_impossible'; give a boolean"),
        (squad(question(answers=(("London", True),))), "has True as its 'answer_start'; give a"),
        (squad(question(answers=())), "'q1' has no answers; give answers, or none and \"is_imposs"),
        (squad(question(is_impossible=True)), "'q1' is impossible and has answers; give "),
        (squad(question(answers=((" ", 3),))), "has the answer ' ', which has no words; give"),
        (squad(question(answers=(("Paris", 13),))),
         "'q1' has the answer 'Paris', which is not in its context; correct it, or leave the"),
        (squad(question(answers=(("London", 30),))),
         "has the answer 'London' with answer_start 30, and it is at 33; correct it"),
        (squad(question(answers=(("London", -7),))), "with answer_start -7, and it is at 13"),
        (squad(question(), question()), "question 'q1' has the id of .*'q1'; predictions"),
    ],
)  # fmt: skip
def test_wrong_files_are_told_with_their_place(written, content, message):
    with pytest.raises(ValueError, match=message):
        read_questions(written(content))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="no text file at"):
        read_questions(tmp_path / "squad.json")
