import pytest

from ptbert.__main__ import main
from ptbert_hub import url_to_filename

URL = "http://127.0.0.1:9/config.json"  # nobody listens there


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(folder))
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    (folder / url_to_filename(URL)).write_text("{}")
    (folder / f"{url_to_filename(URL)}.json").write_text(f'{{"url": "{URL}", "etag": null}}')
    return folder


def exit_code(*words):
    with pytest.raises(SystemExit) as stop:
        main(words)
    return stop.value.code


def test_the_cache_is_listed(cache, capsys):
    assert exit_code("cache", "ls") == 0
    assert URL in capsys.readouterr().out


def test_download_prints_where_files_are(cache, capsys):
    assert exit_code("download", URL) == 0
    assert capsys.readouterr().out == f"{cache / url_to_filename(URL)}\n"


def test_errors_of_the_hub_name_this_command(cache, capsys):
    assert exit_code("download", "bert-base-cased") == 1
    error = capsys.readouterr().err
    assert error.startswith("ptbert download: ")
    assert "bert-base-cased" in error


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("NAME", "fetch NAME"),
        ("ONE TWO --file config --file merges", "fetch ONE TWO --file=config --file=merges"),
        ("NAME --force --cache-dir FOLDER", "fetch NAME --force --cache-dir=FOLDER"),
    ],
)
def test_options_reach_the_hub(words, given, monkeypatch):
    calls = []
    monkeypatch.setattr("ptbert_hub.__main__.main", lambda *a, **k: calls.append((a, k)) or 0)

    assert exit_code("download", *words.split()) == 0

    assert calls == [((given.split(),), {"program": "ptbert download"})]


def test_help_of_a_command_of_the_cache_names_it(cache, capsys):
    assert exit_code("cache", "ls", "--help") == 0
    assert capsys.readouterr().out.startswith("usage: ptbert cache ls ")


def test_the_exit_code_is_that_of_the_hub(cache, capsys):
    assert exit_code("cache", "path", "gpt2") == 1
    assert exit_code("cache", "nonsense") == 2
