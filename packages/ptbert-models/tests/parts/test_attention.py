import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ptbert_models.parts.attention import (
    attend,
    causal_padding_bias,
    dropout_of,
    head_size,
    is_known_full,
    merge_heads,
    padding_bias,
    split_head_mask,
    split_heads,
)


@pytest.fixture
def projections():
    torch.manual_seed(0)
    return torch.randn(3, 2, 4, 5, 8).unbind(0)  # query, key, value: (B, H, L, D)


def test_both_paths_agree(projections):
    bias = padding_bias(torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]), torch.float32)

    fused, no_weights = attend(*projections, bias)
    explicit, weights = attend(*projections, bias, need_weights=True)

    assert no_weights is None
    assert weights.shape == (2, 4, 5, 5)
    torch.testing.assert_close(fused, explicit)


def test_both_paths_agree_on_a_row_of_padding_only(projections):
    """A text of padding only gives finite numbers, the same on both paths."""
    bias = padding_bias(torch.zeros(2, 5), torch.float32)

    fused, _ = attend(*projections, bias)
    explicit, _ = attend(*projections, bias, need_weights=True)

    assert fused.isfinite().all()
    torch.testing.assert_close(fused, explicit)


def steps(query, key, value, bias=None):
    scores = query @ key.mT * query.size(-1) ** -0.5 + (0 if bias is None else bias)
    return scores.softmax(-1) @ value


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_second_derivatives_are_those_of_the_formula(projections, causal, biased):
    inputs = [each.double().requires_grad_() for each in projections]
    bias = torch.randn(2, 1, 1, 5, dtype=torch.double) if biased else None
    later = torch.full((5, 5), -10000.0, dtype=torch.double).triu(1) if causal else 0

    def derivatives(context):
        first = torch.autograd.grad(context.square().sum(), inputs, create_graph=True)
        penalty = sum(each.square().sum() for each in first)
        return [*first, *torch.autograd.grad(penalty, inputs)]

    got = derivatives(attend(*inputs, bias, causal=causal)[0])

    want = derivatives(steps(*inputs, later + (0 if bias is None else bias)))
    for left, right in zip(got, want, strict=True):
        torch.testing.assert_close(left, right)


def test_second_derivatives_where_query_key_and_value_are_one_tensor(projections):
    x = projections[0].double().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: attend(x, x, x)[0][0, 0], [x])


@pytest.mark.parametrize("trained", [0, 1, 2])
def test_second_derivatives_of_some_inputs_only(projections, trained):
    inputs = [each.double() for each in projections]
    inputs[trained].requires_grad_()
    found = []
    for attention in (lambda *inputs: attend(*inputs)[0], steps):
        loss = attention(*inputs).square().sum()
        (first,) = torch.autograd.grad(loss, inputs[trained], create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), inputs[trained])[0])
    torch.testing.assert_close(*found)


def test_gradients_alone_are_the_kernel_s(projections):
    inputs = [each.requires_grad_() for each in projections]
    got = torch.autograd.grad(attend(*inputs)[0].sum(), inputs)
    want = torch.autograd.grad(F.scaled_dot_product_attention(*inputs).sum(), inputs)
    assert all(map(torch.equal, got, want))


TRANSFORMS = {
    "hessian": lambda f, x: torch.func.hessian(f)(x),
    "forward mode": lambda f, x: torch.func.jvp(f, (x,), (x + 1,))[1],
    "gradients of gradients": lambda f, x: torch.func.grad(
        lambda x: torch.func.grad(f)(x).square().sum()
    )(x),
    "gradients of single texts": lambda f, x: torch.func.vmap(torch.func.grad(f))(
        torch.stack([x, 2 * x])
    ),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_and_forward_mode_see_the_formula(projections, transform):
    query, key, value = (each[:1, :2, :3, :2].double() for each in projections)

    def of(attention):
        return lambda query: attention(query, key, value).square().sum()

    got = TRANSFORMS[transform](of(lambda *inputs: attend(*inputs)[0]), query)

    torch.testing.assert_close(got, TRANSFORMS[transform](of(steps), query))


def test_dual_numbers_outside_of_transforms(projections):
    query, key, value = (each.double() for each in projections)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(query, key)
        got = torch.autograd.forward_ad.unpack_dual(attend(dual, key, value)[0]).tangent
    want = torch.func.jvp(lambda query: steps(query, key, value), (query,), (key,))[1]
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("queries", [5, 3, 1])
def test_no_query_sees_later_keys(projections, queries):
    """The last query is at the last key, whatever came before."""
    query, key, value = projections
    query = query[..., -queries:, :]

    fused, _ = attend(query, key, value, causal=True)
    explicit, weights = attend(query, key, value, causal=True, need_weights=True)

    assert weights.triu(5 - queries + 1).eq(0).all()
    assert weights.tril(5 - queries).gt(0).sum() == 2 * 4 * sum(range(6 - queries, 6))
    torch.testing.assert_close(fused, explicit)
    torch.testing.assert_close(explicit, weights @ value)


@pytest.mark.parametrize(
    ("queries", "keys", "by_kernel"), [(4, 4, True), (4, 6, False), (3, 4, False), (6, 6, True)]
)
def test_the_kernel_masks_where_its_mask_is_right(monkeypatch, queries, keys, by_kernel):
    """There are as many heads and features as queries in the first two cases."""
    seen = {}
    kernel = F.scaled_dot_product_attention

    def recording(*inputs, **options):
        seen.update(options)
        return kernel(*inputs, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", recording)
    query, key = torch.randn(4, 4, queries, 4), torch.randn(4, 4, keys, 4)

    context, _ = attend(query, key, key, causal=True)
    explicit, _ = attend(query, key, key, causal=True, need_weights=True)

    assert seen["is_causal"] == by_kernel
    assert (seen["attn_mask"] is None) == by_kernel
    torch.testing.assert_close(context, explicit)


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_bias_and_the_causal_mask_add_up(projections, need_weights):
    mask = torch.tensor([[0, 1, 1, 1, 1], [1, 1, 1, 1, 1]])

    together, _ = attend(
        *projections,
        padding_bias(mask, torch.float32),
        causal=True,
        need_weights=need_weights,
    )
    once, _ = attend(
        *projections, causal_padding_bias(mask, 5, torch.float32), need_weights=need_weights
    )

    torch.testing.assert_close(together[:, :, 1:], once[:, :, 1:])
    assert together.isfinite().all()


def test_scale_replaces_the_square_root(projections):
    fused, _ = attend(*projections, scale=0.5)
    explicit, _ = attend(*projections, scale=0.5, need_weights=True)
    other, _ = attend(*projections)

    torch.testing.assert_close(fused, explicit)
    assert not torch.allclose(fused, other)


def test_weights_are_returned_after_the_head_mask(projections):
    (mask,) = split_head_mask(torch.tensor([1, 0, 1, 1]), 1, 4, torch.float32)

    context, weights = attend(*projections, head_mask=mask)

    assert weights[:, 1].eq(0).all()
    assert context[:, 1].eq(0).all()
    torch.testing.assert_close(weights[:, 0].sum(-1), torch.ones(2, 5))


def test_dropped_weights_are_scaled_up(projections):
    torch.manual_seed(0)
    _, weights = attend(*projections, dropout=0.5, need_weights=True)
    _, undropped = attend(*projections, need_weights=True)

    kept = weights != 0
    assert 0 < kept.sum() < kept.numel()
    torch.testing.assert_close(weights[kept], 2 * undropped[kept])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32])
def test_masks_of_every_type_mean_the_same(dtype):
    mask = torch.tensor([[1, 0]], dtype=dtype)
    assert padding_bias(mask, torch.float32).flatten().tolist() == [0, -10000]


@pytest.mark.parametrize("shape", [(3,), (1, 1, 3)])
def test_a_mask_of_the_wrong_shape_is_refused(shape):
    mask = torch.ones(shape)
    assert not is_known_full(mask)
    with pytest.raises(ValueError, match=r"attention_mask has shape \(.*3,?\); give one row"):
        padding_bias(mask, torch.float32)


def test_a_head_mask_may_differ_by_layer():
    first, second = split_head_mask(torch.tensor([[1, 0], [0, 1]]), 2, 2, torch.float32)

    assert first.shape == (1, 2, 1, 1)
    assert first.flatten().tolist() == [1, 0]
    assert second.flatten().tolist() == [0, 1]


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 2), (2, 2, 2)])
def test_a_head_mask_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"this model takes \(2,\).* or \(2, 2\)"):
        split_head_mask(torch.ones(shape), 2, 2, torch.float32)


@pytest.mark.parametrize("heads", [5, 0, -1])
def test_heads_must_share_the_width(heads):
    message = f"hidden_size=768 cannot be shared by heads={heads}; choose a hidden_size that"
    with pytest.raises(ValueError, match=message):
        head_size(768, heads, names=("hidden_size", "heads"))


def test_one_head_has_the_whole_width():
    assert head_size(768, 1, names=("hidden_size", "heads")) == 768


def test_heads_take_turns_in_the_features():
    features = torch.arange(2 * 3 * 8).view(2, 3, 8)
    heads = split_heads(features, 4)
    assert heads.shape == (2, 4, 3, 2)
    assert heads[1, 2, 0].tolist() == features[1, 0, 4:6].tolist()
    assert torch.equal(merge_heads(heads), features)


def test_a_mask_without_values_is_not_known_to_be_full():
    assert is_known_full(torch.ones(1, 2))
    assert not is_known_full(torch.tensor([[1, 0]]))
    assert not is_known_full(torch.ones(1, 2, device="meta"))


def test_a_rate_stands_for_a_plain_dropout_only():
    """The kernel drops with a rate; a module with hooks, or of a program, has to be called."""

    class Mine(nn.Dropout):
        pass

    plain, hooked, mine = nn.Dropout(0.3), nn.Dropout(0.3), Mine(0.3)
    hooked.register_forward_hook(lambda *_: None)
    assert [dropout_of(module) for module in (plain, hooked, mine)] == [0.3, hooked, mine]
    assert dropout_of(plain.eval()) == 0.0


@pytest.mark.parametrize("scale", [None, 0.25])
def test_the_formula_does_not_overflow_where_the_kernel_does_not(scale):
    query = key = torch.full((1, 1, 2, 64), 40.0, dtype=torch.float16)
    key = key * torch.tensor([[1.0], [-1.0]], dtype=torch.float16)
    value = torch.randn(1, 1, 2, 64, generator=torch.Generator().manual_seed(0)).half()

    by_kernel, _ = attend(query, key, value, scale=scale)
    by_formula, weights = attend(query, key, value, scale=scale, need_weights=True)

    assert not (query @ key.mT).isfinite().all()
    assert weights.tolist() == [[[[1.0, 0.0], [1.0, 0.0]]]]
    assert torch.equal(by_kernel, by_formula)
