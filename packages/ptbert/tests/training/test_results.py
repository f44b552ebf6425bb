"""The commands, and what they write."""

import json
import resource

import pytest

from ptbert import BertForSequenceClassification, BertTokenizer
from ptbert.__main__ import main
from ptbert.training import evaluate, loop, predict, predict_file, train
from ptbert.training.checkpoints import newest_checkpoint

from .conftest import read_log


def words(settings, **options):
    given = {"data": settings.data, "output": settings.output, "batch-size": "8", "device": "cpu"}
    given |= {"learning-rate": "0.01", "validation": settings.validation} | options
    return ["train", "classify", settings.model, *(f"--{k}={v}" for k, v in given.items() if v)]


def error(capsys):
    lines = capsys.readouterr().err.splitlines()
    return lines[-1]


def test_train_evaluate_and_predict_on_the_command_line(settings, tmp_path, capsys):
    assert main(words(settings, epochs="20")) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{settings.output}  step ")
    assert "accuracy 1.0000" in captured.out

    assert main(["evaluate", settings.output, "--data", settings.data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "accuracy  1.0000" in lines
    assert lines[-4:] == [
        "| label \\ predicted | animal | thing |",
        "|---|---|---|",
        "| animal | 12 | 0 |",
        "| thing | 0 | 12 |",
    ]

    assert main(["predict", settings.output, "a cat"]) == 0
    label, share, text = capsys.readouterr().out.rstrip("\n").split("\t")
    assert (label, text) == ("animal", "a cat")
    assert 0.5 < float(share) <= 1


def test_the_result_opens_like_any_model(settings, tmp_path):
    train(settings)
    model = BertForSequenceClassification.from_pretrained(settings.output)
    assert model.config.id2label == {"0": "animal", "1": "thing"}
    assert model.config.label2id == {"animal": 0, "thing": 1}
    tokenizer = BertTokenizer.from_pretrained(settings.output)
    assert tokenizer.tokenize("The cat") == ["the", "cat"]
    readme = (tmp_path / "out" / "README.md").read_text()
    assert ", 24 examples" in readme
    assert "| label \\ predicted | animal | thing |" in readme


def test_predictions_of_a_file_need_no_labels(settings, tmp_path, capsys):
    train(settings)
    (tmp_path / "new.jsonl").write_text('{"text": "a cat"}\n{"text": "the key"}\n')
    assert main(["predict", settings.output, str(tmp_path / "new.jsonl")]) == 0
    assert [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()] == [
        "a cat",
        "the key",
    ]
    assert predict_file(settings.output, tmp_path / "new.jsonl") == predict(
        settings.output, ["a cat", "the key"]
    )


def test_each_prediction_is_a_line_whatever_the_text_is(settings, tmp_path, capsys):
    train(settings.replaced(epochs=1))
    (tmp_path / "new.csv").write_text('text\n"a\tcat\non a mat"\nthe key\n')
    assert main(["predict", settings.output, str(tmp_path / "new.csv")]) == 0
    assert [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()] == [
        "a cat on a mat",
        "the key",
    ]
    long = " ".join(["a cat"] * 1000)  # longer than the name of a file can be
    assert main(["predict", settings.output, long]) == 0
    assert capsys.readouterr().out.split("\t")[2] == f"{long}\n"


def test_what_cannot_be_predicted_is_told(settings, tmp_path, capsys):
    train(settings.replaced(epochs=1))
    assert main(["predict", settings.output, "nowhere/new.csv"]) == 1
    assert "no file at 'nowhere/new.csv'; check the path" in error(capsys)
    with pytest.raises(TypeError, match="texts is one string; give a list of texts"):
        predict(settings.output, "a cat")
    for wrong in (("a", "b", "c"), None):
        with pytest.raises(ValueError, match="is neither a text nor a pair of texts; give one of"):
            predict(settings.output, [wrong])


def test_half_a_character_in_a_file_does_not_stop_the_other_predictions(settings, tmp_path, capsys):
    train(settings.replaced(epochs=1))
    (tmp_path / "new.jsonl").write_text('{"text": "a \\ud83d cat"}\n{"text": "the key"}\n')
    assert main(["predict", settings.output, str(tmp_path / "new.jsonl")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[2] for line in lines] == ["a ? cat", "the key"]


def test_a_label_that_cannot_be_written_is_told_before_the_training(settings, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "a", "label": "b"}\n{"text": "c", "label": "\\ud83d"}\n')
    message = r"line 2, has the label '\\ud83d', which is no Unicode text; correct it"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(data=str(path), validation=""))


def test_pairs(settings, tmp_path, capsys):
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"q": "where is a cat ?", "a": f"the {word} is on the mat", "label": int(word == "cat")}
        for word in ("cat", "key")
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows * 8))
    pairs = settings.replaced(data=str(path), validation=str(path), text="q", pair="a", epochs=1)
    train(pairs)
    assert evaluate(settings.output, path).metrics.keys() == {"loss", "accuracy", "macro_f1", "mcc"}
    assert main(["predict", settings.output, "where ?", "--pair", "the mat"]) == 0
    capsys.readouterr()
    assert main(["predict", settings.output, "where ?"]) == 1
    assert "trained on pairs of texts, and 'where ?' is not one" in error(capsys)


def test_numbers(settings, tmp_path):
    path = tmp_path / "numbers.tsv"
    rows = [f"{'the ' * n}cat\t{n / 4}" for n in range(1, 9)] * 3
    path.write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    result = train(
        settings.replaced(
            data=str(path),
            validation=str(path),
            regression=True,
            epochs=30,
            checkpoint_minutes=10.0,
        )
    )
    assert result["pearson"] > 0.9
    config = BertForSequenceClassification.from_pretrained(settings.output).config
    assert (config.num_labels, config.problem_type) == (1, "regression")
    (line,) = predict(settings.output, ["the the cat"])
    number, text = line.split("\t")
    assert text == "the the cat"
    assert 0 < float(number) < 2


def test_the_number_minus_100_is_learned_like_any_other(settings, tmp_path):
    # It is also the label that other tasks leave out.
    path = tmp_path / "numbers.tsv"
    path.write_text("text\tlabel\na cat\t-100\nthe key\t-100\n")
    result = train(
        settings.replaced(data=str(path), validation=str(path), regression=True, epochs=1)
    )
    assert result["mse"] == pytest.approx(result["loss"], rel=1e-4)
    assert result["mse"] > 5000


def test_settings_of_a_file_and_options(settings, tmp_path):
    (tmp_path / "mine.toml").write_text(settings.replaced(epochs=1).to_toml())
    assert main(["train", "classify", "--settings", str(tmp_path / "mine.toml"), "--seed=3"]) == 0
    text = (tmp_path / "out" / "settings.toml").read_text()
    assert "seed = 3\n" in text
    assert "epochs = 1\n" in text
    assert max(line["step"] for line in read_log(tmp_path / "out")) == 3


def test_long_texts_are_cut_and_told(settings, data, caplog):
    data.write_text(data.read_text() + f"{'the ' * 30}cat,animal\n")
    train(settings.replaced(epochs=1))
    assert "texts of more than 12 tokens, which were cut: 1 of 25" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,b\n", "all examples of '.*' have the label 'b'; give examples of at least"),
        ("text,label\na,b\nc,\n", "line 3, has no label; give one, or leave the row out"),
        ("text,label\n" + "".join(f"a,{n / 7}\n" for n in range(50)),
         "has 50 different labels in 50 examples; to learn numbers, give --regression"),
        ("text,label\na,b\nc,b \n", "all examples of '.*' have the label 'b'; give examples of"),
        ("sentence,label\na,b\n", "line 2, has no column 'text', only 'sentence', 'label'"),
        (None, "no text file at"),
    ],
)  # fmt: skip
def test_wrong_data_are_told_on_one_line(settings, data, capsys, content, message):
    data.unlink()
    if content is not None:
        data.write_text(content)
    assert main(words(settings, validation="")) == 1
    line = error(capsys)
    assert line.startswith("ptbert train: ")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(line)


def test_a_label_that_the_training_data_lack_is_told(settings, tmp_path, capsys):
    other = tmp_path / "dev.csv"
    other.write_text("text,label\na cat,plant\n")
    assert main(words(settings, validation=str(other))) == 1
    assert (
        "line 2, has the label 'plant', which the training data do not have; they have 'animal'"
        in error(capsys)
    )


@pytest.mark.parametrize("value", ["nan", "inf", "many", "1e39"])
def test_a_number_that_is_none_is_told(settings, data, capsys, value):
    data.write_text(f"text,label\na cat,{value}\n")
    assert main([*words(settings, validation=""), "--regression"]) == 1
    assert f"line 2, has {value!r} as its number; give a finite one" in error(capsys)


def test_a_length_that_the_model_does_not_take_is_told(settings, capsys):
    assert main(words(settings, **{"max-length": "13"})) == 1
    assert "--max-length 13 is more than the 12 tokens that" in error(capsys)


def test_an_unknown_device_is_told(settings, capsys):
    assert main(words(settings, device="abacus")) == 1
    assert "--device 'abacus' cannot be used" in error(capsys)


def test_a_missing_option_is_told(settings, capsys):
    assert main(["train", "classify", settings.model, "--output=out"]) == 1
    assert "there is no --data; give one, or set data in --settings FILE" in error(capsys)
    assert main(["train", "classify", "--data=d.csv", "--output=out"]) == 1
    assert "there is no MODEL; give one" in error(capsys)


def test_a_result_is_not_used_while_it_is_trained_anew(settings, monkeypatch, capsys):
    train(settings.replaced(epochs=1))
    monkeypatch.setattr(loop, "parts_of_step", None)
    with pytest.raises(TypeError):
        train(settings, restart=True)
    assert main(["predict", settings.output, "a cat"]) == 1
    assert (
        "has no result.json, so it is no result of ptbert train; give its output folder, or let"
        in error(capsys)
    )


def test_a_model_of_another_family_is_told(gpt2_folder, data, tmp_path, capsys):
    files = [f"--data={data}", f"--output={tmp_path / 'out'}"]
    assert main(["train", "classify", str(gpt2_folder), *files]) == 1
    assert "is of the family gpt2, and the task classify needs bert; give such" in error(capsys)


def test_a_folder_that_is_no_result_is_told(model_folder, capsys):
    assert main(["predict", str(model_folder), "a cat"]) == 1
    assert "has no settings.toml, so it is no result of ptbert train" in error(capsys)


def test_a_full_disk_while_saving_loses_nothing(settings, tmp_path, monkeypatch, capsys):
    parts = loop.parts_of_step

    def fill_the_disk(*arguments):
        if (tmp_path / "out" / "checkpoints" / "step-00000003").exists():
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
        return parts(*arguments)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(loop, "parts_of_step", fill_the_disk)
    try:
        with pytest.raises(
            OSError, match=r"the checkpoint of step 4 cannot be written .*File too large"
        ):
            train(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert newest_checkpoint(tmp_path / "out" / "checkpoints").step == 3
    monkeypatch.undo()
    assert train(settings)["step"] > 0


@pytest.mark.filterwarnings("error")
def test_numbers_whose_squares_overflow_are_told_with_their_rows(settings, tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("text,label\na,1e38\nb,-1e38\n")
    message = (
        r"the loss of step 1 is inf; its 2 examples: '.*', line \d, '.*', line \d; no step was"
    )
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(data=str(path), validation="", regression=True))
