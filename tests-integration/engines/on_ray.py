"""encode_shard, encode_batch and count_words under Ray, by tasks and by Ray Data."""

import numpy as np
import pytest
import ray
import ray.data

from ptbert_tokenizers import BertTokenizer, WordCounts, encode_shard

pytestmark = pytest.mark.filterwarnings("default")  # of the engine


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def test_tasks_make_the_same_bytes_also_if_a_worker_is_killed(
    corpus, shards, expected, contents_of, encode_and_be_killed_once
):
    task = ray.remote(encode_and_be_killed_once)

    made = ray.get([task.remote(*shard) for shard in shards])

    assert [shard.documents for shard in made] == [500] * len(shards)
    assert contents_of(corpus / "out") == expected


def test_ray_data_makes_the_same_bytes(corpus, shards, expected, contents_of):
    vocabulary = str(corpus / "vocab.txt")
    rows = ray.data.from_items([{"input": i, "output": o} for i, o in shards])

    made = rows.map(lambda row: encode_shard(row["input"], row["output"], vocabulary)._asdict())

    assert sum(row["documents"] for row in made.take_all()) == 500 * len(shards)
    assert contents_of(corpus / "out") == expected


def test_maps_of_ray_data_take_batches(corpus):
    tokenizer = BertTokenizer(corpus / "vocab.txt")
    lines = (corpus / "0.txt").read_text().splitlines()

    def encoded(rows):
        return dict(tokenizer.encode_batch(list(rows["text"]), max_len=16, padding="max_len"))

    table = ray.data.from_items([{"text": line} for line in lines])
    mapped = table.map_batches(encoded, batch_size=100).take_all()

    expected = tokenizer.encode_batch(lines, max_len=16, padding="max_len").input_ids
    assert np.array_equal(
        sorted(row["input_ids"].tolist() for row in mapped), sorted(expected.tolist())
    )


def test_counts_of_shards_are_added(shards, expected_counts, count_shard):
    task = ray.remote(count_shard)
    counts = ray.get([task.remote(source) for source, _ in shards])
    assert sum(counts) == WordCounts.merged(counts) == expected_counts
