"""What holds for each of the six tasks."""

import json

import numpy as np
import pytest
import torch

from ptbert.__main__ import main
from ptbert.training import Settings, train
from ptbert.training.settings import TASKS

from .conftest import WORDS, digest, write_table
from .test_tag import SENTENCES

SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "the key is in the drawer",
                    "qas": [
                        {
                            "id": str(number),
                            "question": "where is the key ?"[: 8 + number],
                            "answers": [{"text": "drawer", "answer_start": 18}],
                        }
                        for number in range(11)
                    ],
                }
            ]
        }
    ]
}
SWAG = "sent1,sent2,ending0,ending1,label\n" + "".join(
    f"where is {'a cat' * (n % 3)},the,cat{' .' * n},key,{n % 2}\n" for n in range(11)
)
TEXT = "".join(f"{text}\n{'the cat sleeps ' * n}\n\n" for n, text in enumerate(WORDS * 2))

# A number that is added to all scores of a softmax changes nothing. Its gradient is what rounding
# leaves of 0, and Adam makes a step of nearly the learning rate of any gradient.
WITHOUT_EFFECT = dict.fromkeys(TASKS, ("key.bias",)) | {
    "answer": ("key.bias", "qa_outputs.bias"),
    "choose": ("key.bias", "classifier.bias"),
}


@pytest.fixture(params=TASKS)
def each_task(request, tmp_path):
    """Settings for a step of each task, without dropout."""
    task = request.param
    name = "gpt2_folder" if task == "language-model" else "model_folder"
    model = request.getfixturevalue(name)
    names = ["hidden_dropout_prob", "attention_probs_dropout_prob"]
    names = ["embd_pdrop", "attn_pdrop", "resid_pdrop"] if task == "language-model" else names
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | dict.fromkeys(names, 0.0)))
    ending = {"classify": "csv", "tag": "conll", "answer": "json", "choose": "csv"}
    data = tmp_path / f"data.{ending.get(task, 'txt')}"
    if task == "classify":
        write_table(data, range(11))
    else:
        texts = {"tag": SENTENCES * 2, "answer": json.dumps(SQUAD, indent=1), "choose": SWAG}
        data.write_text(texts.get(task, TEXT))
    return Settings(
        task=task,
        model=str(model),
        data=str(data),
        output=str(tmp_path / "out"),
        epochs=1,
        learning_rate=0.001,
        warmup=0.0,
        device="cpu",
        batch_size=64,
        max_length=12,
        checkpoint_minutes=10.0,
    )


def weights(folder):
    state = torch.load(folder / "pytorch_model.bin")
    return {name: each for name, each in state.items() if each.is_floating_point()}


def test_four_parts_of_a_step_are_the_whole_step(each_task, tmp_path):
    for parts in (1, 4):
        train(each_task.replaced(output=str(tmp_path / str(parts)), micro_batches=parts))
    one, four = (weights(tmp_path / name) for name in ("1", "4"))
    for name, each in one.items():
        if not name.endswith(WITHOUT_EFFECT[each_task.task]):
            np.testing.assert_allclose(each, four[name], atol=1e-6, err_msg=name)
    moved = []
    for name, before in weights(tmp_path / "model").items():
        after = next(each for key, each in one.items() if f".{key}".endswith(f".{name}"))
        moved.append(float((after - before).abs().max()) > 0.5 * each_task.learning_rate)
    assert any(moved)  # a first step of Adam has the length of the rate


@pytest.mark.parametrize("length", [1, 2])
def test_inputs_that_have_no_room_for_anything_are_told(each_task, length, capsys):
    if each_task.task == "language-model" and length == 2:
        pytest.skip("two tokens are enough")
    words = ["train", each_task.task, each_task.model, f"--data={each_task.data}"]
    words += [f"--output={each_task.output}", f"--max-length={length}", "--device=cpu"]
    assert main(words) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"ptbert train: --max-length {length} leaves no room for ")
    least = int(told.rpartition(" ")[2])
    assert main([*words[:-2], f"--max-length={least}", "--device=cpu", "--epochs=1"]) == 0


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(each_task, tmp_path):
    plain = tmp_path / each_task.data
    train(each_task)
    other = plain.with_name(f"other{plain.suffix}")
    other.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n"))
    train(each_task.replaced(data=str(other), output=str(tmp_path / "other")))
    assert digest(tmp_path / "out") == digest(tmp_path / "other")


@pytest.mark.parametrize("content", ["", "\n", "\n\n\n", "\0", "{}", "[]", "the", "\udcff"])
def test_a_file_without_examples_is_told_on_one_line(each_task, tmp_path, capsys, content):
    learns_any_text = each_task.task in ("masked-lm", "language-model")
    if learns_any_text and content.strip() and content != "\udcff":
        pytest.skip("any text is an example")
    file = tmp_path / each_task.data
    file.write_bytes(content.encode(errors="surrogateescape"))
    words = ["train", each_task.task, each_task.model, f"--data={file}", "--device=cpu"]
    assert main([*words, f"--output={each_task.output}"]) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"ptbert train: '{file}'")


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json", "conll", "txt"])
def test_a_file_with_the_ending_of_another_format_is_told(each_task, tmp_path, capsys, ending):
    wanted = {
        "classify": ("csv", "tsv", "jsonl"),
        "choose": ("csv", "tsv", "jsonl"),
        "tag": ("conll", "tsv", "txt"),
        "answer": ("json", "txt"),
    }.get(each_task.task, ("txt",))
    if ending in wanted:
        pytest.skip("it is that of a format of the task")
    file = tmp_path / f"other.{ending}"
    file.write_bytes((tmp_path / each_task.data).read_bytes())
    words = ["train", each_task.task, each_task.model, f"--data={file}", "--device=cpu"]
    assert main([*words, f"--output={each_task.output}"]) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert f"'{file}' has the ending '.{ending}', which " in told


def test_a_training_says_no_plural_of_one(each_task, tmp_path, caplog):
    caplog.set_level("INFO", "ptbert.training")
    train(each_task)
    text = caplog.text + (tmp_path / "out" / "README.md").read_text()
    assert "1 step an epoch" in text
    assert "1 step (1 epoch)" in text
    for wrong in ("examples", "steps", "epochs"):
        assert f" 1 {wrong}" not in text
