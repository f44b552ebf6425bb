import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ptbert_models.parts.inputs import Ids, check_ids, is_recorded, places_of, read_together


def check(ids):
    check_ids(Ids(ids, 5, "ids", "shorten it"))


@pytest.mark.parametrize("ids", [torch.tensor([[0, 4]]), torch.zeros(0, 2, dtype=torch.long)])
def test_ids_with_a_row_pass(ids):
    check(ids)


@pytest.mark.parametrize(("wrong", "named"), [([0, 5], 5), ([-2, 9], -2)])
def test_an_id_without_a_row_is_named_with_the_limit(wrong, named):
    with pytest.raises(ValueError, match=f"ids holds {named}, and this model takes 0 to 4; shorte"):
        check(torch.tensor(wrong))


def test_ids_without_values_pass():
    check(torch.zeros(2, dtype=torch.long, device="meta"))


def test_of_several_ids_the_wrong_ones_are_named_and_others_counted():
    good, bad = Ids(torch.tensor([0, 4]), 5, "good", ""), Ids(torch.tensor([7]), 7, "bad", "")
    none = Ids(torch.zeros(0, dtype=torch.int32), 5, "none", "")

    assert check_ids(good, none, counted=[torch.tensor([True, False, True])]) == [2]
    with pytest.raises(ValueError, match="bad holds 7, and this model takes 0 to 6"):
        check_ids(none, good, bad)


def test_numbers_of_several_types_and_devices_are_read():
    assert read_together() == []
    assert read_together(torch.tensor(2**40), torch.tensor(True), torch.tensor(3).int()) == [
        2**40, 1, 3,
    ]  # fmt: skip


@pytest.mark.parametrize("is_cpu", [True, False])
@pytest.mark.parametrize("chosen", [[], [False], [True, True], [False, True, False, True] * 50])
def test_places_come_in_ascending_order_on_every_device(monkeypatch, is_cpu, chosen):
    monkeypatch.setattr(torch.Tensor, "is_cpu", is_cpu)
    expected = [place for place, is_chosen in enumerate(chosen) if is_chosen]

    places = places_of(torch.tensor(chosen, dtype=torch.bool), len(expected))

    assert places.tolist() == expected


def test_what_another_thread_compiles_is_not_recorded_here(monkeypatch):
    """While a thread compiles, PyTorch's flag is set for the process."""
    monkeypatch.setattr(torch.compiler, "_is_compiling_flag", True)
    assert not is_recorded()
    with FakeTensorMode():  # as in an export without Dynamo
        assert is_recorded()
