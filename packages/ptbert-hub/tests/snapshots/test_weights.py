"""The weights of a repository: in one file, in several, as numbers alone or as pickles."""

import json

import pytest
from hubserver import LARGE

from ptbert_hub import (
    BadContent,
    DownloadOptions,
    NotFound,
    OfflineMiss,
    open_snapshot,
)
from ptbert_hub.model_files import fetch_files, fetch_weights


def indexed(names):
    weight_map = {f"layer.{number}": name for number, name in enumerate(names)}
    return json.dumps({"metadata": {}, "weight_map": weight_map}).encode()


def test_weights_in_several_files_are_fetched_together(hub, cache):
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = indexed([*names, names[0]])
    hub.create(
        "user/large", {"model.safetensors.index.json": index, names[0]: b"1", names[1]: b"2"}
    )

    weights = fetch_weights(open_snapshot("user/large", cache))

    assert weights.name == "model.safetensors.index.json"
    assert [weights.with_name(name).read_bytes() for name in names] == [b"1", b"2"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "", ".", 3, None, "x.index.json"])
def test_an_index_that_names_something_else_is_refused(hub, cache, name):
    hub.create("user/large", {"pytorch_model.bin.index.json": indexed([name])})

    with pytest.raises(BadContent, match="has no 'weight_map' from weights to plain names of fil"):
        fetch_weights(open_snapshot("user/large", cache))
    assert not [path for path in hub.asked() if "resolve" in path and "index" not in path]


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_an_index_that_is_not_json_is_named(hub, cache, content):
    hub.create("user/large", {"pytorch_model.bin.index.json": content})

    with pytest.raises(BadContent, match=r"pytorch_model.bin.index.json' is no index of weights: "):
        fetch_weights(open_snapshot("user/large", cache))


def test_a_missing_part_is_named(hub, cache):
    hub.create("user/large", {"pytorch_model.bin.index.json": indexed(["part.bin"])})

    with pytest.raises(
        NotFound, match=r"\(commit .*\) has no file 'part.bin', which its pytorch_m"
    ):
        fetch_weights(open_snapshot("user/large", cache))


def test_numbers_alone_are_preferred_to_pickles_where_they_can_be_read(hub, cache, monkeypatch):
    hub.create("user/both", {"pytorch_model.bin": b"\x80pickle", "model.safetensors": LARGE})
    for is_there, name in ((True, "model.safetensors"), (False, "pytorch_model.bin")):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, there=is_there: there or None)
        assert fetch_weights(open_snapshot("user/both", cache)).name == name


def test_weights_that_are_there_are_used_without_the_network(hub, cache, monkeypatch):
    """For example pickles, fetched where safetensors is not installed."""
    hub.create("user/both", {"pytorch_model.bin": b"\x80pickle", "model.safetensors": LARGE})
    offline = DownloadOptions(local_files_only=True)
    open_snapshot("user/both", cache)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    with pytest.raises(OfflineMiss, match=r"model.safetensors is not in the cache"):
        fetch_weights(open_snapshot("user/both", cache, offline))
    with monkeypatch.context() as bare:
        bare.setattr("importlib.util.find_spec", lambda name: None)
        fetch_weights(open_snapshot("user/both", cache))

    found = fetch_weights(open_snapshot("user/both", cache, offline))

    assert found.name == "pytorch_model.bin"


def test_a_repository_without_weights_says_what_it_has(hub, cache):
    hub.create("user/onnx", {"config.json": b"{}", "onnx/model.onnx": b"x", "tf_model.h5": b"x"})

    with pytest.raises(NotFound) as caught:
        fetch_files(open_snapshot("user/onnx", cache))
    assert (
        "has none of model.safetensors, model.safetensors.index.json, pytorch_model.bin, "
        "pytorch_model.bin.index.json; it has weights for other libraries: Keras (tf_model.h5), "
        "ONNX (onnx/model.onnx) - take another repository or revision"
    ) in str(caught.value)
    assert not [path for path in hub.asked() if "resolve" in path and "config" not in path]
