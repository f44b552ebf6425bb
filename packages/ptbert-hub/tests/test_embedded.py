import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ptbert_hub import CATALOG, EMBEDDED, NotFound, UnknownName, WrongFamily, embedded, locate
from ptbert_hub.embedded import embedded_folder
from ptbert_hub.errors import RevisionNotFound
from ptbert_hub.locating import Place
from ptbert_hub.model_files import embedded_files
from ptbert_hub.snapshots import pinned

NAME = "ptbert-tiny-bert"
FILES = {
    "ptbert_of_models": ["config.json", "model.safetensors", "README.md"],
    "ptbert_of_tokens": ["vocab.txt", "tokenizer_config.json"],
}


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two packages that have the files of a model, in place of the real ones."""
    site = tmp_path / "site"
    for package, files in FILES.items():
        folder = site / package / "embedded" / NAME
        folder.mkdir(parents=True)
        (site / package / "__init__.py").write_text("raise AssertionError('was imported')")
        for file in files:
            (folder / file).write_text(file)
    monkeypatch.setattr(
        embedded, "PACKAGES", {"model": "ptbert-of-models", "tokenizer": "ptbert-of-tokens"}
    )
    monkeypatch.syspath_prepend(site)
    embedded_folder.cache_clear()
    yield site
    embedded_folder.cache_clear()


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_name_of_an_embedded_model_is_one_and_no_checkpoint_of_2019(name):
    assert locate(name) == Place(name, is_embedded=True)
    assert locate(name, family=EMBEDDED[name], revision="main") == locate(name)
    assert name not in CATALOG


def test_such_a_name_counts_more_than_a_folder_and_a_path_is_the_folder():
    Path(NAME).mkdir()

    assert locate(NAME).is_embedded
    for path in (f"./{NAME}", f"{NAME}/", Path(NAME)):
        assert locate(path) == Place(os.fspath(path), path=Path(NAME))


def test_it_is_of_one_family():
    with pytest.raises(WrongFamily, match="'ptbert-tiny-bert' is a checkpoint of the bert family,"):
        locate(NAME, family="gpt2")


def test_it_has_no_revisions():
    with pytest.raises(RevisionNotFound, match=r"has no revision 'v1\.0' - leave the revision out"):
        locate(NAME, revision="v1.0")


def test_it_is_suggested_and_listed():
    with pytest.raises(UnknownName, match=r"did you mean 'ptbert-tiny-bert'\?") as caught:
        locate("ptbert-tiny-bart")
    assert str(caught.value).endswith(", ".join([*CATALOG, *EMBEDDED]))
    with pytest.raises(UnknownName, match="'ptbert-tiny-gpt2', of the gpt2 family"):
        locate("ptbert-tiny-gpt3", family="transfo_xl")


def test_a_package_has_its_part_of_the_files_and_is_not_imported(packages):
    for part, package in (("model", "ptbert_of_models"), ("tokenizer", "ptbert_of_tokens")):
        assert embedded_folder(NAME, part) == packages / package / "embedded" / NAME
    assert not FILES.keys() & sys.modules.keys()


def test_files_of_all_kinds_are_found_in_both_packages(packages):
    names = [path.name for path in embedded_files(NAME)]
    assert names == ["model.safetensors", "config.json", "vocab.txt", "tokenizer_config.json"]
    assert [path.name for path in embedded_files(NAME, ["config"])] == ["config.json"]
    with pytest.raises(NotFound, match=r"'ptbert-tiny-bert' has no corpus - that would be one of"):
        embedded_files(NAME, ["corpus"])


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(embedded, "PACKAGES", {"model": "ptbert-nowhere"})
    embedded_folder.cache_clear()
    with pytest.raises(NotFound, match=r"which is not installed - .*pip install ptbert-nowhere$"):
        embedded_folder(NAME, "model")


def test_a_package_that_lacks_the_files_is_named(packages):
    with pytest.raises(NotFound, match=r"lacks the folder .*--force-reinstall ptbert-of-models$"):
        embedded_folder("ptbert-tiny-gpt2", "model")


ZIPPED = """
import os, sys
from ptbert_hub import embedded
embedded.PACKAGES = {"model": "ptbert_of_models"}
folder = embedded.embedded_folder("ptbert-tiny-bert", "model")
assert folder is embedded.embedded_folder("ptbert-tiny-bert", "model")
if os.fork() == 0:
    sys.exit(0)  # runs what is registered for the end
os.wait()
print(folder, *sorted(path.name for path in folder.iterdir()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_files_in_a_zip_are_copied_until_the_process_ends(packages, tmp_path):
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in packages.rglob("*"):
            file.write(path, path.relative_to(packages))
    found = subprocess.run(
        [sys.executable, "-c", ZIPPED],
        env=os.environ | {"PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, *names = found.stdout.split()
    assert names == sorted(FILES["ptbert_of_models"])
    assert not Path(folder).exists()


def test_there_is_nothing_to_pin():
    assert pinned(NAME).revision is None
