import pytest

from ptbert.__main__ import main
from ptbert.sentences import SentenceEncoder
from ptbert.tasks.fill_mask import FillMask
from ptbert.tasks.writer import Writer


@pytest.mark.parametrize("revision", [None, "v1.0"])
@pytest.mark.parametrize(
    ("words", "reader"),
    [
        (["generate", "user/model", "a"], Writer),
        (["fill-mask", "user/model", "[MASK]"], FillMask),
        (["features", "user/model", "text.txt", "--query", "a"], SentenceEncoder),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_a_revision_of_a_repository_can_be_named(
    words, reader, revision, monkeypatch, tmp_path, capsys
):
    def from_pretrained(name, *, revision, **options):
        raise OSError(f"{name} at {revision}")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("A text.")
    monkeypatch.setattr(reader, "from_pretrained", from_pretrained)

    assert main([*words, *(["--revision", revision] if revision else [])]) == 1

    assert f"user/model at {revision}\n" in capsys.readouterr().err
