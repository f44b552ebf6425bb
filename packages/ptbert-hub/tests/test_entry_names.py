import hashlib
import json
import os
import re
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ptbert_hub
from ptbert_hub import filename_to_url, url_to_filename
from ptbert_hub.entry_names import path_in
from ptbert_hub.errors import CorruptCache

AMAZON = "https://s3.amazonaws.com/models.huggingface.co/bert/"


def test_a_name_is_the_digest_of_the_address_and_of_the_tag_as_sent():
    url, etag = "http://a/b", '"1234"'

    assert url_to_filename(url) == hashlib.sha256(b"http://a/b").hexdigest()
    assert url_to_filename(url, etag) == (
        hashlib.sha256(b"http://a/b").hexdigest() + "." + hashlib.sha256(b'"1234"').hexdigest()
    )


def test_the_name_seen_in_public_logs_of_2019_comes_out():
    """huggingface/transformers issue 2323 shows this entry of a user's cache."""
    name = url_to_filename(
        AMAZON + "bert-base-uncased-vocab.txt", '"64800d5d8528ce344256daf115d4965e"'
    )

    assert name.startswith("26bc1ad6c0ac742e9b52263248f6d0f00068293b33709fae12320c0e35ccfbbb.")
    assert name.rpartition(".")[2].startswith("542ce428")
    assert name.endswith("9a084")


def test_the_archive_name_seen_in_public_logs_of_2019_comes_out():
    """huggingface/transformers issue 44."""
    assert url_to_filename(AMAZON + "bert-base-uncased.tar.gz").startswith("9c41111e")


def test_an_entry_knows_its_address_and_tag(cache):
    cache.mkdir()
    (cache / "name").touch()
    (cache / "name.json").write_text(json.dumps({"url": "http://a/b", "etag": '"1"'}))

    assert filename_to_url("name", cache) == ("http://a/b", '"1"')


def test_a_missing_entry_or_record_is_an_environment_error(cache):
    cache.mkdir()
    with pytest.raises(EnvironmentError, match=r"file .*name' not found"):
        filename_to_url("name", cache)
    (cache / "name").touch()
    with pytest.raises(EnvironmentError, match=r"name.json' not found or not readable"):
        filename_to_url("name", cache)


# The one function that makes paths

WORDS = [
    "..",
    ".",
    "/",
    "\\",
    "\0",
    "~",
    "C:",
    "a" * 64,
    "0" * 64,
    ".json",
    ".part",
    "\n",
    "%2e",
    "é",
]
ANYTHING = st.text() | st.lists(st.sampled_from(WORDS), max_size=6).map("".join)


@given(ANYTHING | ANYTHING.map(lambda text: "0" * 64 + text))
@settings(max_examples=1000, deadline=None)
def test_a_path_is_directly_in_its_folder_or_there_is_none(name):
    folder = Path("cache") / ".ptbert-hub"
    try:
        path = path_in(folder, name)
    except CorruptCache:
        return
    assert path.parent == folder
    assert path.name == name
    assert os.path.normpath(path) == str(path)
    assert re.fullmatch("[0-9a-zA-Z.-]+", name)
    assert PureWindowsPath("c:\\cache", name).parent == PureWindowsPath("c:\\cache")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "0" * 63,
        "0" * 65,
        "A" * 64,
        "0" * 64 + "/x",
        "0" * 64 + "/../x",
        "/" + "0" * 64,
        "0" * 64 + "\n",
        "0" * 64 + "\x00",
        "0" * 64 + "..",
        "0" * 64 + ".",
        "../" + "0" * 64,
        "0" * 64 + "." + "x" * 65,
        "0" * 64 + ".é",
        "0" * 64 + ":stream",
        "٠" * 64,
    ],
)
def test_what_has_not_the_exact_form_of_a_name_is_no_path(name):
    with pytest.raises(CorruptCache, match="is not the name of a file in a cache"):
        path_in(Path("cache"), name)


def test_every_name_that_is_used_makes_a_path():
    key, tag = "0" * 64, "0123456789abcdef-123-0123456789abcdef"
    for name in (
        key,
        f"{key}.{key}",
        f"{key}.{key}.json",
        f"{key}.lock",
        f"{key}.{tag}.1.part.json",
    ):
        assert path_in(Path("cache"), name) == Path("cache") / name


def test_no_other_module_knows_where_the_work_folder_is():
    sources = Path(ptbert_hub.__file__).parent.glob("*.py")
    knowing = [
        path.name for path in sources if re.search('WORK_FOLDER|ptbert-hub"', path.read_text())
    ]

    assert sorted(set(knowing) - {"__main__.py", "__init__.py"}) == [
        "entry_names.py",
        "transport.py",
    ]
