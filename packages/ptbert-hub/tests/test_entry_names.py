import hashlib
import json

import pytest

from ptbert_hub import filename_to_url, url_to_filename

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
