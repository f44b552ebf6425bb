import pytest
import torch

from ptbert_models.parts.inputs import check_ids


def check(ids):
    check_ids(ids, 5, name="ids", remedy="shorten it")


@pytest.mark.parametrize("ids", [torch.tensor([[0, 4]]), torch.zeros(0, 2, dtype=torch.long)])
def test_ids_with_a_row_pass(ids):
    check(ids)


@pytest.mark.parametrize(("wrong", "named"), [([0, 5], 5), ([-2, 9], -2)])
def test_an_id_without_a_row_is_named_with_the_limit(wrong, named):
    with pytest.raises(ValueError, match=f"ids holds {named}, and this model takes 0 to 4; shorte"):
        check(torch.tensor(wrong))


def test_ids_without_values_pass():
    check(torch.zeros(2, dtype=torch.long, device="meta"))
