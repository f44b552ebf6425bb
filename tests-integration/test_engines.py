"""encode_shard and encode_batch under the engines that people drive them with."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from ptbert_tokenizers import BertTokenizer, encode_shard, merge_token_files

SHARDS = 6


@pytest.fixture
def corpus(tmp_path):
    """A vocabulary, and six shards of a corpus."""
    words = [f"{first}{second}" for first in "abcdefgh" for second in "ijklmnop"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    for shard in range(SHARDS):
        lines = (" ".join(words[shard + i : shard + i + i % 20]) for i in range(500))
        (tmp_path / f"{shard}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".tmp"}


@pytest.fixture
def expected(corpus):
    """What one process makes."""
    folder = corpus / "expected"
    folder.mkdir()
    for shard in range(SHARDS):
        encode_shard(corpus / f"{shard}.txt", folder / f"{shard}.npy", corpus / "vocab.txt")
    return folder


def encode_and_be_killed_once(source, output, tokenizer, flag, encode=encode_shard):
    """Encode a shard; the first process that comes to it dies after the ids have appeared."""
    if source.name == "3.txt" and not flag.exists():
        flag.touch()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ptbert_tokenizers.shards.write_manifest", die)
            encode(source, output, tokenizer)
    return encode(source, output, tokenizer)


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process")
@pytest.mark.filterwarnings("default")  # of the engine, about the worker that ended
def test_dask_makes_the_same_bytes_also_if_a_worker_is_killed(corpus, expected):
    distributed = pytest.importorskip("distributed")
    cloudpickle = pytest.importorskip("cloudpickle")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests
    folder = corpus / "dask"
    folder.mkdir()
    tokenizer = BertTokenizer(corpus / "vocab.txt")
    flag = corpus / "killed"

    def task(source, output):  # sent as a whole, because no worker can import it
        return encode_and_be_killed_once(source, output, tokenizer, flag)

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        futures = [
            client.submit(task, corpus / f"{shard}.txt", folder / f"{shard}.npy")
            for shard in range(SHARDS)
        ]
        distributed.wait(futures, timeout=120)
        made = client.gather(futures)

    assert flag.exists()
    assert [shard.documents for shard in made] == [500] * SHARDS
    assert contents(folder) == contents(expected)
    names = [folder / f"{shard}.npy" for shard in range(SHARDS)]
    merge_token_files(names, corpus / "all.npy")
    sources = [corpus / f"{shard}.txt" for shard in range(SHARDS)]
    encode_shard(sources, corpus / "at_once.npy", tokenizer)
    for ending in (".npy", ".bounds.npy"):
        at_once = (corpus / f"at_once{ending}").read_bytes()
        assert (corpus / f"all{ending}").read_bytes() == at_once


def test_maps_of_datasets_take_batches_and_their_cache_knows_a_tokenizer(corpus):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    tokenizer = BertTokenizer(corpus / "vocab.txt")
    lines = (corpus / "0.txt").read_text().splitlines()
    table = datasets.Dataset.from_dict({"text": lines})

    def encoded(batch):
        return tokenizer.encode_batch(batch["text"], max_len=16, padding="max_len")

    mapped = table.map(encoded, batched=True, remove_columns=["text"])

    expected = tokenizer.encode_batch(lines, max_len=16, padding="max_len")
    assert sorted(mapped.column_names) == sorted(expected)
    for name, array in expected.items():
        assert mapped[name][:] == array.tolist()
    before = datasets.fingerprint.Hasher.hash(partial(tokenizer.encode_batch, max_len=16))
    tokenizer.encode("ai bj ck")  # what a tokenizer remembers is no part of its pickle
    assert datasets.fingerprint.Hasher.hash(partial(tokenizer.encode_batch, max_len=16)) == before
    several = table.map(encoded, batched=True, batch_size=100, num_proc=2, remove_columns=["text"])
    assert several["input_ids"][:] == mapped["input_ids"][:]


@pytest.mark.filterwarnings("default")  # of the engine
def test_ray_makes_the_same_bytes(corpus, expected):
    ray = pytest.importorskip("ray")
    folder, vocabulary = corpus / "ray", corpus / "vocab.txt"
    folder.mkdir()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        task = ray.remote(encode_shard)
        made = [
            task.remote(
                str(corpus / f"{shard}.txt"),
                str(folder / f"{shard}.npy"),
                str(vocabulary),
            )
            for shard in range(SHARDS)
        ]
        ray.get(made)
    finally:
        ray.shutdown()
    assert contents(folder) == contents(expected)


def test_paths_may_be_objects_or_strings(corpus):
    made = encode_shard(Path(corpus / "1.txt"), str(corpus / "1.ds"), corpus / "vocab.txt")
    assert made.output == str(corpus / "1.ds")
