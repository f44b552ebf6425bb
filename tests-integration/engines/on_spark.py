"""encode_shard and count_words under Spark, as the README shows."""

import os
import sys
from operator import add

import pytest
from pyspark.sql import SparkSession

from ptbert_tokenizers import encode_shard

pytestmark = pytest.mark.filterwarnings("default")  # of the engine


@pytest.fixture(scope="module")
def spark():
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else its workers are the first Python found
    session = (
        SparkSession.builder.master("local[2,4]")  # two processes; four tries for a task
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


def test_spark_makes_the_same_bytes_also_if_a_worker_is_killed(
    spark, corpus, shards, expected, contents_of, encode_and_be_killed_once
):
    rows = spark.sparkContext.parallelize(shards, len(shards))

    made = rows.map(lambda shard: tuple(encode_and_be_killed_once(*shard))).collect()

    assert [documents for _, documents, _, _ in made] == [500] * len(shards)
    assert contents_of(corpus / "out") == expected


def test_the_recipe_of_the_readme_runs(spark, corpus, shards, expected, contents_of):
    vocabulary = str(corpus / "vocab.txt")
    rows = spark.sparkContext.parallelize(shards, len(shards))

    rows.map(lambda shard: encode_shard(*shard, vocabulary)).collect()

    assert contents_of(corpus / "out") == expected


def test_counts_of_shards_are_added(spark, shards, expected_counts, count_shard):
    sources = spark.sparkContext.parallelize([source for source, _ in shards], 3)
    assert sources.map(count_shard).reduce(add) == expected_counts
