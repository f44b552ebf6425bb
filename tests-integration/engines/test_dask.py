"""encode_shard and count_words under Dask."""

import signal

import distributed
import pytest

from ptbert_tokenizers import WordCounts, encode_shard, merge_token_files

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process"),
    pytest.mark.filterwarnings("default"),  # of the engine, about the worker that ended
]


@pytest.fixture
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found


def test_dask_makes_the_same_bytes_also_if_a_worker_is_killed(
    client, corpus, shards, expected, contents_of, encode_and_be_killed_once
):
    futures = [client.submit(encode_and_be_killed_once, *shard) for shard in shards]
    distributed.wait(futures, timeout=120)
    made = client.gather(futures)

    assert [shard.documents for shard in made] == [500] * len(shards)
    assert contents_of(corpus / "out") == expected
    merge_token_files([output for _, output in shards], corpus / "all.npy")
    encode_shard([source for source, _ in shards], corpus / "at_once.npy", corpus / "vocab.txt")
    for ending in (".npy", ".bounds.npy"):
        at_once = (corpus / f"at_once{ending}").read_bytes()
        assert (corpus / f"all{ending}").read_bytes() == at_once


def test_a_run_that_is_started_twice_makes_the_same_bytes(
    client, corpus, shards, expected, contents_of
):
    vocabulary = str(corpus / "vocab.txt")
    twice = [
        client.submit(encode_shard, *shard, vocabulary, pure=False)
        for shard in shards
        for _ in range(2)
    ]

    assert {shard.documents for shard in client.gather(twice)} == {500}

    assert contents_of(corpus / "out") == expected


def test_counts_of_shards_are_added(client, shards, expected_counts, count_shard):
    futures = client.map(count_shard, [source for source, _ in shards])
    assert client.submit(sum, futures).result() == expected_counts
    assert client.submit(WordCounts.merged, futures).result() == expected_counts
