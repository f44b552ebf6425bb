"""Batches of texts: equal to those of transformers, and models take them as they are."""

import random

import pytest
import torch
import transformers

import ptbert

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh", "##b", "##c", "##h", "ab"]
WORDS = ["a", "b", "abc", "abb", "z", "h", "gh", "dd", "[SEP]", "a.b"]

OPTIONS = [
    {},
    {"padding_side": "left"},
    {"pad_to_multiple_of": 8},
    {"pad_to_multiple_of": 4, "padding_side": "left", "max_len": 16},
    {"max_len": 8},
    {"max_len": 9, "stride": 2},
    {"max_len": 9, "stride": 2, "padding_side": "left"},
    {"max_len": 12, "padding": "max_len"},
    {"max_len": 12, "padding": "max_len", "pad_to_multiple_of": 6, "padding_side": "left"},
    {"add_special_tokens": False},
]


@pytest.fixture
def both(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS) + "\n")
    theirs = transformers.BertTokenizer(vocab={token: id for id, token in enumerate(TOKENS)})
    return ptbert.BertTokenizer(tmp_path / "vocab.txt"), theirs


def texts_of(seed, *, split):
    draw = random.Random(seed)
    texts = [draw.choices(WORDS, k=draw.randint(1, 9)) for _ in range(6)]
    return texts if split else [" ".join(words) for words in texts]


def their_batch(tokenizer, texts, options):
    asked = {name.replace("max_len", "max_length"): value for name, value in options.items()}
    asked["padding"] = "max_length" if "padding" in asked else True
    return tokenizer(
        *texts,
        **asked,
        truncation="only_first" if "max_length" in asked else False,
        return_overflowing_tokens="stride" in asked,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_tensors="np",
    )


@pytest.mark.parametrize("split", [False, True], ids=["texts", "words"])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_batch_is_that_of_transformers(both, options, sides, split):
    ours, theirs = both
    for seed in range(5):
        texts = [texts_of(seed + 100 * side, split=split) for side in range(sides)]
        if sides == 2 and "max_len" in options:  # of two long ones, each library cuts others
            texts[1] = [["a"]] * 6 if split else ["a"] * 6
        how = {**options, "truncation": "only_first"}

        batch = ours.encode_batch(
            *texts,
            **how,
            is_split_into_words=split,
            return_offsets=True,
            return_special_tokens_mask=True,
        )
        wanted = their_batch(theirs, texts, options | {"is_split_into_words": split})

        assert batch.input_ids.tolist() == wanted["input_ids"].tolist()
        assert batch.attention_mask.tolist() == wanted["attention_mask"].tolist()
        assert batch.token_type_ids.tolist() == wanted["token_type_ids"].tolist()
        assert batch.special_tokens_mask.tolist() == wanted["special_tokens_mask"].tolist()
        assert batch.offsets.tolist() == wanted["offset_mapping"].tolist()
        if split:
            numbers = [wanted.word_ids(row) for row in range(len(batch.input_ids))]
            assert batch.word_index.tolist() == [
                [-1 if number is None else number for number in row] for row in numbers
            ]


def hidden_states(output):
    """The last hidden states in the output of a bare model."""
    first = output[0] if isinstance(output, tuple) else output
    return first[-1] if isinstance(first, list) else first


@pytest.mark.parametrize("side", ["right", "left"])
def test_models_take_a_batch_as_it_is(tmp_path, side):
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS) + "\n")
    torch.manual_seed(0)
    bert = ptbert.BertModel(
        ptbert.BertConfig(
            len(TOKENS),
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=8,
        )
    ).eval()
    tokenizer = ptbert.BertTokenizer(tmp_path / "vocab.txt")

    batch = tokenizer.encode_batch(["a b c d", "e"], ["f", "g h"], padding_side=side)
    with torch.no_grad():
        layers, pooled = bert(**batch.inputs(torch.from_numpy))

    assert layers[-1].shape == (2, batch.input_ids.shape[1], 8)
    assert pooled.isfinite().all()


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", ["GPT2", "OpenAIGPT"])
def test_padding_does_not_change_what_gpt_sees(tmp_path, family, side):
    (tmp_path / "vocab.json").write_text(
        '{"a": 0, "b": 1, "Ġ": 2, "a</w>": 3, "b</w>": 4, "<unk>": 5}', encoding="utf-8"
    )
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = getattr(ptbert, f"{family}Tokenizer").from_pretrained(tmp_path)
    torch.manual_seed(0)
    config = getattr(ptbert, f"{family}Config")(
        6, n_positions=16, n_ctx=16, n_embd=8, n_layer=2, n_head=2
    )
    model = getattr(ptbert, f"{family}Model")(config).eval()

    batch = tokenizer.encode_batch(["a b a b", "b"], padding_side=side)
    with torch.no_grad():
        together = hidden_states(model(**batch.inputs(torch.from_numpy)))
        for row, text in enumerate(["a b a b", "b"]):
            alone = hidden_states(model(torch.tensor([tokenizer.encode(text)])))
            real = together[row][torch.from_numpy(batch.attention_mask[row]) == 1]
            torch.testing.assert_close(real, alone[0], atol=1e-5, rtol=1e-5)


def test_transformer_xl_takes_a_batch_too():
    tokenizer = ptbert.TransfoXLTokenizer(special=["<eos>", *"abc"])
    tokenizer.build_vocab()
    config = ptbert.TransfoXLConfig(
        4, cutoffs=[], d_model=8, d_embed=8, n_head=2, d_head=4, d_inner=8, n_layer=1, div_val=1
    )
    model = ptbert.TransfoXLModel(config).eval()

    batch = tokenizer.encode_batch(["a b", "c"])

    assert model(**batch.inputs(torch.from_numpy))[0].shape == (2, 2, 8)
