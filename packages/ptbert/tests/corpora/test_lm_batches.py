import doctest
import random

import pytest
import torch

from ptbert.corpora import corpus, lm_batches
from ptbert.corpora.lm_batches import LMMultiFileIterator, LMOrderedIterator, LMShuffledIterator
from ptbert_tokenizers import TransfoXLTokenizer


@pytest.mark.parametrize("module", [lm_batches, corpus])
def test_examples_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def as_lists(batches):
    return [(inputs.tolist(), targets.tolist(), length) for inputs, targets, length in batches]


def test_context_stands_before_each_segment_but_the_first():
    batches = LMOrderedIterator(torch.arange(23), bsz=3, bptt=4, ext_len=2)

    assert as_lists(batches) == [
        (
            [[0, 1, 2, 3], [7, 8, 9, 10], [14, 15, 16, 17]],
            [[1, 2, 3, 4], [8, 9, 10, 11], [15, 16, 17, 18]],
            4,
        ),
        ([[2, 3, 4, 5], [9, 10, 11, 12], [16, 17, 18, 19]], [[5, 6], [12, 13], [19, 20]], 2),
    ]
    assert (batches.n_step, batches.n_batch) == (7, 2)


def test_random_lengths_cover_the_corpus_once():
    random.seed(1)
    batches = LMOrderedIterator(torch.arange(1000), bsz=2, bptt=20)

    parts = list(batches.get_varlen_iter(std=5, min_len=5, max_deviation=3))

    lengths = [length for *_, length in parts]
    assert len(set(lengths)) > 3
    assert max(lengths) <= 20 + 15
    assert 16 < sum(lengths) / len(lengths) < 23  # now and then half the length
    assert min(lengths[:-1]) >= 5
    targets = torch.cat([targets for _, targets, _ in parts], dim=1)
    assert torch.equal(targets[0], torch.arange(1, 1 + targets.size(1)))
    assert targets.size(1) >= 498


def test_random_lengths_have_a_limit():
    random.seed(1)
    batches = LMOrderedIterator(torch.arange(2000), bsz=1, bptt=20)

    lengths = [length for *_, length in batches.get_varlen_iter(std=5, max_deviation=1)]

    assert max(lengths) == 20 + 5  # a sixth of the lengths would be longer


def test_a_corpus_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="3 tokens cannot be cut into bsz=2 parts of at least 2"):
        LMOrderedIterator(torch.arange(3), bsz=2, bptt=4)


@pytest.mark.parametrize(("sizes", "message"), [((0, 1), "bsz=0"), ((1, 0), "bptt=0")])
def test_sizes_are_positive(sizes, message):
    with pytest.raises(ValueError, match=f"{message} must be at least 1"):
        LMOrderedIterator(torch.arange(9), *sizes)


SENTENCES = [torch.tensor(s) for s in ([1, 2, 3], [4, 5], [6, 7, 8, 9], [10], [11, 12, 13])]


def test_sentences_follow_each_other_without_a_target_across():
    """Row 0 reads 1 2 and then 6 7 8; row 1 reads 4 and then what comes next."""
    ((inputs, targets, _),) = as_lists(LMShuffledIterator(SENTENCES, bsz=2, bptt=3))

    assert inputs == [[1, 2, 4], [6, 7, 8]]
    assert targets == [[2, 3, 5], [7, 8, 9]]


def test_a_sentence_goes_on_in_the_next_batch():
    first, second = as_lists(LMShuffledIterator([torch.arange(7)], bsz=1, bptt=3))

    assert first == ([[0, 1, 2]], [[1, 2, 3]], 3)
    assert second == ([[3, 4, 5]], [[4, 5, 6]], 3)


def test_sentences_have_context_too():
    first, second = as_lists(LMShuffledIterator(SENTENCES, bsz=1, bptt=3, ext_len=2))[:2]

    assert first == ([[1, 2, 4]], [[2, 3, 5]], 3)
    assert second == ([[2, 4, 6, 7, 8]], [[7, 8, 9]], 3)


def test_shuffling_changes_the_order_only():
    random.seed(0)
    sentences = [torch.tensor([i, i]) for i in range(20)]
    seen = as_lists(LMShuffledIterator(sentences, bsz=1, bptt=1, shuffle=True))
    order = [inputs[0][0] for inputs, *_ in seen]
    assert order != sorted(order)
    assert sorted(order) == list(range(20))


def test_files_are_read_one_by_one(tmp_path):
    tokenizer = TransfoXLTokenizer(special=["<S>"])
    tokenizer.count_sents([["a", "b", "c"]])
    tokenizer.build_vocab()
    for name, text in (("one", "a b\n"), ("two", "c a\n")):
        (tmp_path / name).write_text(text)

    batches = LMMultiFileIterator([tmp_path / "one", tmp_path / "two"], tokenizer, 1, 3)

    assert as_lists(batches) == [
        ([[0, 1, 2]], [[1, 2, 0]], 3),
        ([[0, 3, 1]], [[3, 1, 0]], 3),
    ]
