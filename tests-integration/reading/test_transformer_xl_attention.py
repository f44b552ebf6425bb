import pytest
import torch
import transformer_xl_attention as xl

from ptbert_models import TransfoXLConfig, TransfoXLModel


def assert_equal(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("new", [1, 2, 5])
@pytest.mark.parametrize("memory", [0, 1, 7])
def test_the_shift_gives_what_the_definition_gives(new, memory):
    torch.manual_seed(0)
    total = memory + new
    query = torch.randn(2, 3, new, 4, dtype=torch.float64)
    positions = torch.randn(total, 3, 4, dtype=torch.float64)

    defined = xl.position_scores(query, positions)
    shifted = xl.position_scores_by_shift(query, positions)

    is_seen = torch.ones(new, total).tril(memory).bool()
    assert_equal(shifted[..., is_seen], defined[..., is_seen])


def test_the_definition_takes_the_vector_of_the_distance():
    """Two queries, a memory of one: the first query stands at place 1, the second at place 2."""
    query = torch.ones(1, 1, 2, 1)
    positions = torch.tensor([10.0, 11.0, 12.0]).view(3, 1, 1)  # of the distances 0, 1 and 2

    scores = xl.position_scores(query, positions)[0, 0]

    assert scores[0, :2].tolist() == [11, 10]
    assert scores[1].tolist() == [12, 11, 10]


@pytest.mark.parametrize("untie", [True, False])
def test_every_layer_attends_as_in_the_real_model(random_ids, untie):
    config = TransfoXLConfig(
        30,
        cutoffs=[6, 14],
        d_model=16,
        d_embed=16,
        n_head=4,
        d_head=6,
        d_inner=24,
        div_val=2,
        n_layer=3,
        mem_len=7,
        clamp_len=100,  # no distance here is as long
        same_length=False,
        attn_type=0,
        untie_r=untie,
    )
    real = TransfoXLModel(config).eval()
    calls = []
    with torch.no_grad():
        for weight in real.parameters():
            weight.normal_(std=0.3)
        for layer in real.layers:
            layer.dec_attn.register_forward_hook(lambda *call: calls.append(call), with_kwargs=True)

        memory = torch.zeros(3, 0, 2, 16).unbind()
        for segment in random_ids(30, 2, 12).split((5, 4, 3), dim=1):
            _, memory = real(segment, memory)

    lengths = []
    for attention, (x, _), more, output in calls:
        page = xl.RelativeAttention(width=16, heads=4, head_width=6)
        page.load_state_dict(attention.state_dict(), strict=True)
        found = page(x.transpose(0, 1), more["mems"].transpose(0, 1))  # it has the time first
        torch.testing.assert_close(found.transpose(0, 1), output, rtol=1e-5, atol=1e-5)
        lengths.append((more["mems"].size(0), x.size(0)))
    assert lengths == [(0, 5)] * 3 + [(5, 4)] * 3 + [(7, 3)] * 3


def test_no_gradient_reaches_the_memory():
    memory = torch.randn(1, 3, 8, requires_grad=True)
    segment = torch.randn(1, 2, 8, requires_grad=True)

    xl.RelativeAttention(width=8, heads=2, head_width=4)(segment, memory).sum().backward()

    assert memory.grad is None
    assert segment.grad is not None
