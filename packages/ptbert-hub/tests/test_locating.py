import dataclasses
import os
from pathlib import Path

import pytest

from ptbert_hub import CATALOG, EMBEDDED, UnknownName, WrongFamily, locate
from ptbert_hub.locating import Place, existing_path


@pytest.mark.parametrize("name", CATALOG)
def test_every_known_name_is_a_checkpoint(name):
    assert locate(name) == Place(name, checkpoint=CATALOG[name])


def test_a_known_name_counts_more_than_a_folder_of_that_name():
    Path("gpt2").mkdir()

    assert locate("gpt2").path is None


@pytest.mark.parametrize("name", ["./gpt2", "gpt2/", "gpt2/.", Path("gpt2"), Path("./gpt2")])
def test_a_path_is_the_folder_although_a_known_model_has_its_name(name):
    Path("gpt2").mkdir()

    assert locate(name) == Place(os.fspath(name), path=Path("gpt2"))


def test_a_path_with_nothing_there_may_be_a_known_name():
    assert locate(Path("gpt2")).checkpoint is CATALOG["gpt2"]


@pytest.mark.parametrize("kind", ["weights", "archive"])
def test_the_address_of_published_weights_is_that_checkpoint(kind):
    row = CATALOG["bert-base-cased"]
    url = getattr(row, kind)

    assert locate(url) == Place(url, checkpoint=row, address=url)


@pytest.mark.parametrize(
    "url",
    ["https://example.org/x", "s3://bucket/key", CATALOG["gpt2"].vocabulary],
)
def test_any_other_address_is_an_address(url):
    assert locate(url) == Place(url, address=url)


def test_files_and_folders_are_paths(tmp_path):
    (tmp_path / "vocab.txt").touch()

    assert locate(tmp_path) == Place(str(tmp_path), path=tmp_path)
    assert locate(tmp_path / "vocab.txt").path == tmp_path / "vocab.txt"
    assert locate((tmp_path / "vocab.txt").as_uri()).path == tmp_path / "vocab.txt"


def test_home_and_variables_are_filled_in_unless_the_name_exists_as_written(own_home, monkeypatch):
    monkeypatch.setenv("DATA", "models")
    (own_home / "models").mkdir()

    assert locate("~/models").path == own_home / "models"
    assert locate("$DATA").path == Path("models")
    Path("$DATA").mkdir()
    assert locate("$DATA").path == Path("$DATA")


def test_the_prefix_of_a_tensorflow_checkpoint_is_a_path(tmp_path):
    (tmp_path / "model.ckpt-7.index").touch()

    assert locate(tmp_path / "model.ckpt-7").path == tmp_path / "model.ckpt-7"
    assert existing_path(str(tmp_path / "model.ckpt-7")) is None


def test_an_unknown_name_gets_the_guess_first_and_the_list_last():
    with pytest.raises(UnknownName) as caught:
        locate("bert-base-uncase")
    assert str(caught.value) == (
        "'bert-base-uncase' is neither a known checkpoint nor an existing file or folder "
        f"(looked in {os.getcwd()!r}) - did you mean 'bert-base-uncased'? "
        f"known checkpoints: {', '.join([*CATALOG, *EMBEDDED])}"
    )
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("name", ["./no/such/folder", "", "x" * 5000, "file:///no/such/file"])
def test_without_a_similar_name_the_path_is_to_be_checked(name):
    with pytest.raises(UnknownName, match=r"- check the path or the spelling; known checkpoints"):
        locate(name)


def test_with_a_family_only_its_names_are_offered():
    with pytest.raises(UnknownName, match=r"did you mean 'gpt2'\? known checkpoints: gpt2, gpt2-m"):
        locate("gpt3", family="gpt2")
    with pytest.raises(UnknownName, match=r"known checkpoints: transfo-xl-wt103$"):
        locate("gpt2-mediun", family="transfo_xl")


def test_a_checkpoint_of_another_family_is_refused():
    assert locate("gpt2", family="gpt2").checkpoint is CATALOG["gpt2"]
    with pytest.raises(
        ValueError, match="'gpt2' is a checkpoint of the gpt2 family, not of bert"
    ) as caught:
        locate("gpt2", family="bert")
    assert str(caught.value).endswith(" - use the classes of the gpt2 family")
    assert isinstance(caught.value, WrongFamily)


def test_what_was_found_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        locate("gpt2").name = "gpt2-medium"


def test_a_name_is_looked_for_as_it_is_written_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~literal").mkdir()

    assert locate("~literal").path == Path("~literal")
    for name in ("~nosuchuser", "~nosuchuser/model", "http://[::1"):
        if "://" in name:
            assert locate(name).address == name
        else:
            with pytest.raises(UnknownName, match="neither a known checkpoint nor an existing"):
                locate(name)


def test_a_name_of_another_family_is_suggested_where_none_of_the_own_is_near():
    with pytest.raises(UnknownName, match="did you mean 'gpt2', of the gpt2 family"):
        locate("gpt-2", family="bert")


@pytest.mark.parametrize("row", CATALOG.values(), ids=lambda row: row.name)
def test_the_name_of_a_repository_leads_to_the_checkpoint(row):
    assert locate(row.repository) == Place(row.repository, row)
    assert locate(row.repository, revision=row.revision).checkpoint is row


@pytest.mark.parametrize("row", CATALOG.values(), ids=lambda row: row.name)
def test_with_another_revision_a_published_name_stands_for_its_repository(row):
    for name in (row.name, row.repository):
        assert locate(name, revision="v1.0") == Place(name, repository=row.repository)


def test_any_other_owner_and_name_is_a_repository():
    assert locate("user/model") == Place("user/model", repository="user/model")
    assert locate("user/model", revision="v1.0").repository == "user/model"
    for name in ("gpt2-large", "user/model/file", "./user/model", "data/vocab.txt"):
        with pytest.raises(UnknownName):
            locate(name)


@pytest.mark.parametrize("name", ["user/model", "google-bert/bert-base-uncased"])
def test_an_existing_path_comes_before_a_repository(own_home, name):
    (own_home / name).mkdir(parents=True)

    assert locate(name) == Place(name, path=Path(name))
    assert locate(name, revision="v1.0").path == Path(name)


def test_a_repository_of_another_family_is_refused():
    for revision in (None, "v1.0"):
        with pytest.raises(WrongFamily, match="is a checkpoint of the gpt2 family, not of bert"):
            locate("openai-community/gpt2", family="bert", revision=revision)


def test_a_name_is_unknown_also_in_a_folder_that_was_deleted(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(UnknownName, match="an existing file or folder - check the path"):
        locate("./no/such/folder")


@pytest.mark.parametrize("name", ["file://[::1", "a\0b", "\udcff", "file://", "~nobody/x", "://"])
def test_an_odd_name_is_an_unknown_one(name):
    if name == "://":
        assert locate(name).address == name
    else:
        with pytest.raises(UnknownName, match="neither a known checkpoint nor an existing"):
            locate(name)
