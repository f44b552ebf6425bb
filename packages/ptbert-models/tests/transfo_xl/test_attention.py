import pytest
import torch
import torch.nn.functional as F

from ptbert_models.transfo_xl import (
    DecoderLayer,
    MultiHeadAttn,
    PositionalEmbedding,
    PositionwiseFF,
    RelLearnableMultiHeadAttn,
    RelMultiHeadAttn,
    RelPartialLearnableMultiHeadAttn,
    attention,
    mixing,
)
from ptbert_models.transfo_xl.memory import hidden_positions

HEADS, WIDTH, FEATURES = 2, 6, 4
QUERIES, MEMORY, TEXTS = 3, 4, 2
KEYS = QUERIES + MEMORY


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def segment():
    return torch.randn(QUERIES, TEXTS, WIDTH)


@pytest.fixture
def memory():
    return torch.randn(MEMORY, TEXTS, WIDTH)


def randomized(module):
    for parameter in module.parameters():
        parameter.data.normal_()
    return module.eval()


def written_out(layer, segment, memory, content_bias, position_score):
    """The paper's attention, one number after the other; ``position_score(query, head, d)``."""
    context = torch.cat([memory, segment])
    projected = (context @ layer.qkv_net.weight.T).view(KEYS, TEXTS, 3, HEADS, FEATURES)
    query, key, value = projected.unbind(2)
    mixed = torch.zeros(QUERIES, TEXTS, HEADS, FEATURES)
    for i in range(QUERIES):
        for text in range(TEXTS):
            for head in range(HEADS):
                q = query[MEMORY + i, text, head]
                scores = []
                for j in range(MEMORY + i + 1):
                    content = (q + content_bias[head]) @ key[j, text, head]
                    scores.append(content + position_score(q, head, MEMORY + i - j))
                weights = (torch.stack(scores) / FEATURES**0.5).softmax(0)
                mixed[i, text, head] = weights @ value[: MEMORY + i + 1, text, head]
    output = segment + mixed.flatten(2) @ layer.o_net.weight.T
    return F.layer_norm(output, (WIDTH,), layer.layer_norm.weight, layer.layer_norm.bias, 1e-12)


def test_relative_attention_is_the_papers_formula(segment, memory):
    layer = randomized(RelPartialLearnableMultiHeadAttn(HEADS, WIDTH, FEATURES, 0.1))
    distances = PositionalEmbedding(WIDTH)(torch.arange(KEYS - 1, -1, -1))
    positions = (distances[:, 0] @ layer.r_net.weight.T).view(KEYS, HEADS, FEATURES).flip(0)

    output = layer(segment, distances, hidden_positions(QUERIES, MEMORY)[..., None], memory)

    expected = written_out(
        layer,
        segment,
        memory,
        layer.r_w_bias,
        lambda q, head, d: (q + layer.r_r_bias[head]) @ positions[d, head],
    )
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)


def test_learned_relative_attention_is_the_same_with_tables(segment, memory):
    layer = randomized(RelLearnableMultiHeadAttn(HEADS, WIDTH, FEATURES, 0.1))
    vectors, biases = torch.randn(KEYS, HEADS, FEATURES), torch.randn(KEYS, HEADS)
    content_bias = torch.randn(HEADS, FEATURES)

    mask = hidden_positions(QUERIES, MEMORY)
    output = layer(segment, vectors, content_bias, biases, mask, memory)

    expected = written_out(
        layer,
        segment,
        memory,
        content_bias,
        lambda q, head, d: q @ vectors[KEYS - 1 - d, head] + biases[KEYS - 1 - d, head],
    )
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)


def test_absolute_attention_is_the_plain_one(segment, memory):
    layer = randomized(MultiHeadAttn(HEADS, WIDTH, FEATURES, 0.1))
    context = torch.cat([memory, segment])
    key, value = (context @ layer.kv_net.weight.T).view(KEYS, TEXTS, 2, HEADS, -1).unbind(2)
    query = (segment @ layer.q_net.weight.T).view(QUERIES, TEXTS, HEADS, -1)
    scores = torch.einsum("ibhd,jbhd->bhij", query, key) / FEATURES**0.5
    mixed = torch.einsum("bhij,jbhd->ibhd", scores.softmax(-1), value).flatten(2)

    expected = layer.layer_norm(segment + mixed @ layer.o_net.weight.T)
    torch.testing.assert_close(layer(segment, None, memory), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("queries", [1, 3])
def test_few_and_many_queries_give_the_same_numbers(queries):
    query = torch.randn(TEXTS, HEADS, queries, FEATURES)
    context = torch.randn(KEYS, TEXTS, WIDTH)
    weights = torch.randn(2, HEADS * FEATURES, WIDTH)
    bias = torch.randn(TEXTS, HEADS, queries, KEYS)

    for given in (bias, bias[:, :1], bias[:1, :1], None):
        few, many = (
            way(query, context, *weights, given, scale=0.3, dropout=0.0)
            for way in (mixing.mix_few, mixing.mix_many)
        )
        torch.testing.assert_close(few, many, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("training", [False, True])
def test_distances_are_scored_alike_by_projecting_them_or_the_queries(
    monkeypatch, segment, memory, training
):
    layer = randomized(RelPartialLearnableMultiHeadAttn(HEADS, WIDTH, FEATURES, dropout=0))
    layer.train(training)
    distances = torch.randn(KEYS, 1, WIDTH)
    found = []
    for way in (True, False):
        monkeypatch.setattr(attention, "is_cheaper_for_queries", lambda *sizes, way=way: way)
        layer.zero_grad()
        result = layer(segment, distances, None, memory)
        result.square().sum().backward()
        gradients = {name: value.grad for name, value in layer.named_parameters()}
        found.append((result, gradients))

    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-4)
    assert found[0][1]["r_net.weight"].abs().max() > 0


def test_one_new_token_never_projects_all_distances(monkeypatch, memory):
    layer = randomized(RelPartialLearnableMultiHeadAttn(HEADS, WIDTH, FEATURES, dropout=0))
    rows = []
    original = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional,
        "linear",
        lambda x, *others: rows.append(x.size(0)) or original(x, *others),
    )

    layer(torch.randn(1, 1, WIDTH), torch.randn(MEMORY + 1, 1, WIDTH), None, memory[:, :1])

    assert rows == [1, 1]  # the query, and the output


@pytest.mark.parametrize("queries", [1, QUERIES])
@pytest.mark.parametrize("kind", [RelPartialLearnableMultiHeadAttn, RelLearnableMultiHeadAttn])
def test_scores_fit_into_half_precision_where_products_do_not(kind, queries, memory):
    features = 64  # so that a product is 8 times its score
    layer = randomized(kind(HEADS, WIDTH, features, dropout=0))
    segment, keys = torch.randn(queries, TEXTS, WIDTH), queries + MEMORY
    table = torch.randn(keys, *((1, WIDTH) if layer.has_biases else (HEADS, features)))
    query, _ = attention.query_and_source(layer, segment, memory)
    if layer.has_biases:
        products = attention.scores_of_distances(layer, query + layer.r_r_bias[:, None], table)
        more = []
    else:
        products = query @ table.permute(1, 2, 0)
        more = [torch.zeros(HEADS, features), torch.zeros(keys, HEADS)]

    table = table * 100_000 / products.abs().max()
    given = (each.half() for each in (segment, table, *more))
    found = layer.half()(*given, None, memory.half())

    assert found.isfinite().all()


@pytest.mark.parametrize(
    ("queries", "keys", "features", "width", "way"),
    # Multiplications of one head, without those that both ways share:
    # few: two times queries * width * (features + keys);
    # many: two times keys * features * (width + queries).
    [
        (1, 64, 8, 16, "mix_few"),  # 1152 and 8704
        (64, 64, 8, 16, "mix_many"),  # 73728 and 40960
        (12, 64, 8, 16, "mix_few"),  # 13824 and 14336
        (13, 64, 8, 16, "mix_many"),  # 14976 and 14848
        (3, 64, 16, 8, "mix_few"),  # 1920 and 11264
        (20, 5, 16, 8, "mix_many"),  # 3360 and 2240
        (2, 2, 2, 2, "mix_many"),  # 16 and 16
    ],
)
def test_the_cheaper_way_is_taken(monkeypatch, queries, keys, features, width, way):
    taken = []
    for name in ("mix_few", "mix_many"):
        original = getattr(mixing, name)
        spy = lambda *args, name=name, original=original, **kwargs: (  # noqa: E731
            taken.append(name) or original(*args, **kwargs)
        )
        monkeypatch.setattr(mixing, name, spy)

    mixing.mix(
        torch.randn(1, 2, queries, features),
        torch.randn(keys, 1, width),
        torch.randn(2 * features, width),
        torch.randn(2 * features, width),
        None,
        scale=1.0,
        dropout=0.0,
    )

    assert taken == [way]


def test_biases_may_be_shared_between_layers():
    first = RelPartialLearnableMultiHeadAttn(HEADS, WIDTH, FEATURES, 0.1)
    second = RelPartialLearnableMultiHeadAttn(
        HEADS, WIDTH, FEATURES, 0.1, r_r_bias=first.r_r_bias, r_w_bias=first.r_w_bias
    )
    assert second.r_w_bias is first.r_w_bias


def test_the_shared_base_does_not_run(segment):
    with pytest.raises(NotImplementedError, match="use one of them"):
        RelMultiHeadAttn(HEADS, WIDTH, FEATURES, 0.1)(segment)


def test_normalizing_first_leaves_the_residual_alone(segment):
    network = randomized(PositionwiseFF(WIDTH, 9, 0.1, pre_lnorm=True))
    core = network.CoreNet(network.layer_norm(segment))
    torch.testing.assert_close(network(segment), segment + core)


def test_the_arguments_of_2019_reach_the_attention(segment):
    layer = DecoderLayer(HEADS, WIDTH, FEATURES, 9, 0.1, dropatt=0.5, pre_lnorm=True)
    assert layer.dec_attn.dropatt.p == 0.5
    assert layer.pos_ff.pre_lnorm
    assert not torch.equal(layer(segment), layer(segment))


def test_normalizing_first_normalizes_keys_and_values_only(segment, memory):
    """In absolute attention, as the authors did."""
    layer = randomized(MultiHeadAttn(HEADS, WIDTH, FEATURES, 0.1, pre_lnorm=True))
    context = layer.layer_norm(torch.cat([memory, segment]))
    key, value = (context @ layer.kv_net.weight.T).view(KEYS, TEXTS, 2, HEADS, -1).unbind(2)
    query = (segment @ layer.q_net.weight.T).view(QUERIES, TEXTS, HEADS, -1)
    scores = torch.einsum("ibhd,jbhd->bhij", query, key) / FEATURES**0.5
    mixed = torch.einsum("bhij,jbhd->ibhd", scores.softmax(-1), value).flatten(2)

    expected = segment + mixed @ layer.o_net.weight.T
    torch.testing.assert_close(layer(segment, None, memory), expected, atol=1e-5, rtol=1e-4)


def test_no_mask_is_a_mask_that_hides_nothing(segment):
    layer = randomized(RelPartialLearnableMultiHeadAttn(HEADS, WIDTH, FEATURES, 0.1))
    last, distances = segment[-1:], PositionalEmbedding(WIDTH)(torch.arange(QUERIES - 1, -1, -1))
    nothing = torch.zeros(1, QUERIES, dtype=torch.bool)

    torch.testing.assert_close(
        layer(last, distances, None, segment[:-1]), layer(last, distances, nothing, segment[:-1])
    )


@pytest.mark.parametrize(
    "attention", [MultiHeadAttn, RelPartialLearnableMultiHeadAttn, RelLearnableMultiHeadAttn]
)
def test_weights_are_not_dropped_and_inputs_not_normalized_unless_asked(attention):
    layer = attention(HEADS, WIDTH, FEATURES, 0.1)
    assert (layer.dropatt.p, layer.pre_lnorm) == (0, False)
    assert not DecoderLayer(HEADS, WIDTH, FEATURES, 9, 0.1).pos_ff.pre_lnorm
    assert not PositionwiseFF(WIDTH, 9, 0.1).pre_lnorm
