"""encode_batch in the maps of datasets."""

from functools import partial
from pathlib import Path

import datasets

from ptbert_tokenizers import BertTokenizer, encode_shard


def test_maps_of_datasets_take_batches_and_their_cache_knows_a_tokenizer(corpus):
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


def test_paths_may_be_objects_or_strings(corpus):
    made = encode_shard(Path(corpus / "1.txt"), str(corpus / "1.ds"), corpus / "vocab.txt")
    assert made.output == str(corpus / "1.ds")
