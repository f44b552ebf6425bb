"""The tasks give what the pipelines of transformers give, where both define the same.

The models are tiny and random, the vocabulary is a real one.
"""

import gzip
import random
from pathlib import Path

import pytest
import torch
import transformers

from ptbert import Answerer, Classifier, FillMask, Tagger

VOCABULARY = (
    Path(__file__).parents[1]
    / "packages/ptbert-tokenizers/tests/data/bert-base-uncased.vocab.txt.gz"
)
TEXTS = [
    "Jim Henson was a nice puppet",
    "The U.S. and Franco-British relations, antidisestablishmentarianism!",
    "Zażółć gęślą jaźń; Ελληνικά and 東京タワー 🙂 it's 3.14%",
    "one",
    "",
    "  spaces\tand\nlines \u00a0 unbelievable tokenizers  ",
]
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vocabulary")
    text = gzip.decompress(VOCABULARY.read_bytes())
    (folder / "vocab.txt").write_bytes(text)
    return folder


@pytest.fixture(scope="module")
def theirs(vocabulary):
    return transformers.BertTokenizerFast(str(vocabulary / "vocab.txt"), model_max_length=64)


@pytest.fixture
def opened(vocabulary, theirs, tmp_path):
    """Returns a model of transformers and the task that opens its folder."""

    def make(task, name, seed=0, **values):
        torch.manual_seed(seed)
        config = transformers.BertConfig(
            vocab_size=len(theirs),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=32,
            max_position_embeddings=64,
            initializer_range=0.2,
            **values,
        )
        model = getattr(transformers, name)(config).eval()
        model.save_pretrained(tmp_path)
        theirs.save_pretrained(tmp_path)
        (tmp_path / "vocab.txt").write_bytes((vocabulary / "vocab.txt").read_bytes())
        return model, task.from_pretrained(tmp_path)

    return make


def pipeline(task, model, tokenizer, **options):
    return transformers.pipeline(task, model=model, tokenizer=tokenizer, **options)


def close(number):
    return pytest.approx(number, abs=1e-5)


@pytest.mark.parametrize(
    ("problem_type", "number"),
    [
        (None, 3),
        (None, 1),
        ("single_label_classification", 4),
        ("multi_label_classification", 3),
        ("regression", 1),
        ("regression", 2),
    ],
)
def test_classes_are_those_of_the_pipeline(opened, theirs, problem_type, number):
    model, ours = opened(
        Classifier,
        "BertForSequenceClassification",
        problem_type=problem_type,
        id2label={index: f"label {index}" for index in range(number)},
    )
    reference = pipeline("text-classification", model, theirs, top_k=None)

    expected = reference(TEXTS)
    pairs = reference([{"text": text, "text_pair": "and another"} for text in TEXTS])

    for found, wanted in ((ours.rank(TEXTS), expected), (ours.rank(TEXTS, "and another"), pairs)):
        assert [[(each.label, close(each.score)) for each in row] for row in found] == [
            [(each["label"], each["score"]) for each in row] for row in wanted
        ]
    best = pipeline("text-classification", model, theirs)(TEXTS)
    assert [label for label, _ in ours(TEXTS)] == [each["label"] for each in best]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strategy", ["first", "average", "max"])
def test_spans_are_those_of_the_pipeline(opened, theirs, strategy, seed):
    model, ours = opened(
        Tagger, "BertForTokenClassification", seed, id2label=dict(enumerate(LABELS))
    )
    reference = pipeline("token-classification", model, theirs, aggregation_strategy=strategy)

    for text in TEXTS:
        found = ours(text, strategy=strategy)
        assert [(span.label, span.start, span.end, close(span.score)) for span in found] == [
            (each["entity_group"], each["start"], each["end"], float(each["score"]))
            for each in (reference(text) if text else [])
        ]


@pytest.mark.parametrize("seed", range(3))
def test_candidates_are_those_of_the_pipeline(opened, theirs, seed):
    model, ours = opened(FillMask, "BertForMaskedLM", seed)
    reference = pipeline("fill-mask", model, theirs)
    words = ["paris", "dog", "the"]

    for text in ("Paris is the [MASK] of France.", "[MASK]!"):
        for options, theirs_too in (({}, {}), ({"targets": words}, {"targets": words})):
            (found,) = ours(text, top_k=3, **options)
            assert [(each.token, close(each.score)) for each in found] == [
                (each["token_str"].replace(" ", ""), each["score"])
                for each in reference(text, top_k=3, **theirs_too)
            ]
    found = ours("[MASK] and [MASK], too", top_k=2)
    expected = reference("[MASK] and [MASK], too", top_k=2)
    assert [[close(each.score) for each in mask] for mask in found] == [
        [each["score"] for each in mask] for mask in expected
    ]


@pytest.mark.parametrize("seed", range(5))
def test_answers_are_the_best_spans_of_the_model_of_transformers(opened, theirs, seed):
    """transformers 5 has no pipeline for questions; its model and tokenizer are the reference."""
    model, ours = opened(Answerer, "BertForQuestionAnswering", seed)
    words = random.Random(seed).choices([*map(chr, range(97, 123)), "henson", "unhappiness"], k=30)
    question, context = "Who was it?", " ".join(words)
    batch = theirs(question, context, return_tensors="pt", return_offsets_mapping=True)
    offsets = batch.pop("offset_mapping")[0].tolist()
    with torch.no_grad():
        output = model(**batch)
    inside = [k for k, kind in enumerate(batch.sequence_ids(0)) if kind == 1]
    starts, ends = output.start_logits[0], output.end_logits[0]
    total = starts[[0, *inside]].logsumexp(0) + ends[[0, *inside]].logsumexp(0)
    best = max(
        ((starts[a] + ends[b]).item(), a, b) for a in inside for b in inside if a <= b < a + 30
    )
    text_words = batch.word_ids(0)
    held = [k for k in inside if text_words[best[1]] <= text_words[k] <= text_words[best[2]]]

    answer = ours(question, context)

    assert (answer.start, answer.end) == (offsets[held[0]][0], offsets[held[-1]][1])
    assert answer.score == close((torch.tensor(best[0]) - total).exp().item())
