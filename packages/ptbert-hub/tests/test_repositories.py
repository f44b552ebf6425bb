"""Which names are repositories, and the addresses of their files."""

import pytest

from ptbert_hub.repositories import (
    HUB,
    RepositoryFile,
    is_file_name,
    is_of_repository,
    is_repository,
    listing_address,
    repository_file,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "name", ["user/model", "A_1/b-2.3", "_a/b", "a/b_", "u/" + "m" * 94, "user/model.v2"]
)
def test_names_that_the_hub_allows_are_repositories(name):
    assert is_repository(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "gpt2-large",
            "./model",
            "../model",
            "~/model",
            "/user/model",
            "user/model/",
            "a/b/c",
        ),
        *("user//model", "-a/b", "a/-b", "a/.b", "a/b.", "a/b--c", "a..b/c", "a/b.git", "é/b"),
        *("a b/c", "a/b\n", "a/b\0", "u/" + "m" * 95, "user\\model", "a/b?c", "a/b#c", "a:b/c"),
    ],
)
def test_other_names_are_not(name):
    assert not is_repository(name)


@pytest.mark.parametrize(
    "name", ["data/vocab.txt", "runs/model.bin", "a/model.SAFETENSORS", "a/b.tar.gz", "a/m.ckpt"]
)
def test_the_path_of_a_missing_file_is_no_repository(name):
    assert not is_repository(name)


@pytest.mark.parametrize(
    "path", ["config.json", "onnx/model.onnx", "model-00001-of-00002.safetensors"]
)
def test_a_file_of_a_commit_is_known_by_its_address(path):
    file = RepositoryFile("user/model", COMMIT, path)

    assert file.address == f"https://huggingface.co/user/model/resolve/{COMMIT}/{path}"
    assert repository_file(file.address) == file


@pytest.mark.parametrize(
    "address",
    [
        f"{HUB}/user/model/resolve/main/config.json",
        f"{HUB}/user/model/resolve/{COMMIT.upper()}/config.json",
        f"{HUB}/user/model/resolve/{COMMIT}/../config.json",
        f"{HUB}/user/model/resolve/{COMMIT}/a//b",
        f"{HUB}/user/model/resolve/{COMMIT}/.git",
        f"{HUB}/user/model/resolve/{COMMIT}/config.json?x=1",
        f"{HUB}/user/model/resolve/{COMMIT}/%2e%2e",
        f"{HUB}/../model/resolve/{COMMIT}/config.json",
        f"{HUB}/datasets/user/model/resolve/{COMMIT}/config.json",
        f"https://example.org/user/model/resolve/{COMMIT}/config.json",
    ],
)
def test_any_other_address_is_not_one_of_a_file_that_never_changes(address):
    assert repository_file(address) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", ".hidden", "-a", "a b", "a\0", "é", "a" * 151, None, 3]
)
def test_only_plain_names_are_names_of_files(name):
    assert not is_file_name(name)


def test_the_addresses_of_a_repository_are_told_from_those_of_others():
    file = RepositoryFile("user/model", COMMIT, "config.json").address
    listing = listing_address("http://127.0.0.1:1", "user/model", "a/b")

    assert listing == "http://127.0.0.1:1/api/models/user/model/revision/a%2Fb"
    for address in (file, listing):
        assert is_of_repository(address, "user/model")
        assert not is_of_repository(address, "user/mode")
        assert not is_of_repository(address, "ser/model")
    assert not is_of_repository("https://example.org/user/model", "user/model")
