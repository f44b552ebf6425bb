import torch

from ptbert_models.parts.attention import MASKED
from ptbert_models.transfo_xl.memory import hidden_positions, mask_bias, updated_memory


def test_a_token_sees_all_before_it():
    # two in the memory, three new
    expected = [[0, 0, 0, 1, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert hidden_positions(3, 2).int().tolist() == expected


def test_a_window_is_the_same_for_all():
    # every token sees three positions, itself included
    expected = [[0, 0, 0, 1, 1], [1, 0, 0, 0, 1], [1, 1, 0, 0, 0]]
    assert hidden_positions(3, 2, window=3).int().tolist() == expected


def test_a_short_memory_hides_nothing():
    assert torch.equal(hidden_positions(3, 2, window=5), hidden_positions(3, 2))


def test_masks_of_all_types_and_shapes_make_the_same_bias():
    mask = hidden_positions(2, 1)
    expected = torch.tensor([[0, 0, MASKED], [0, 0, 0]])
    for given in (mask, mask.byte(), mask.float(), mask[..., None]):
        assert torch.equal(mask_bias(given, torch.float32), expected[None, None])


def test_a_mask_may_differ_between_texts():
    mask = torch.zeros(2, 3, 4, dtype=torch.bool)
    mask[1, 2, 3] = True

    bias = mask_bias(mask, torch.float32)

    assert bias.shape == (4, 1, 2, 3)
    assert bias.nonzero().tolist() == [[3, 0, 1, 2]]


def test_the_memory_keeps_the_last_positions():
    memory, hidden = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0], requires_grad=True)

    updated = updated_memory(memory, hidden, mem_len=4)

    assert updated.tolist() == [2, 3, 4, 5]
    assert not updated.requires_grad


def test_an_extended_context_stays_out_of_the_memory():
    memory, hidden = torch.tensor([1, 2, 3]), torch.tensor([4, 5])
    assert updated_memory(memory, hidden, mem_len=3, ext_len=1).tolist() == [2, 3, 4]
    # a segment that is all extended context adds nothing and takes nothing away
    assert updated_memory(memory, hidden, mem_len=3, ext_len=5).tolist() == [1, 2, 3]
