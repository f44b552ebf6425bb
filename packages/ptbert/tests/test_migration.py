"""The programs in the migration guide run, and give what they promise."""

import re
import shutil
from pathlib import Path

import pytest
import torch

from ptbert import BertModel, GPT2Config, GPT2LMHeadModel, TransfoXLLMHeadModel

GUIDE = (Path(__file__).parents[1] / "docs" / "migration.md").read_text(encoding="utf-8")
SECTIONS = {
    int(number): re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for number, text in re.findall(r"### (\d)\. .*?\n(.*?)(?=###|\Z)", GUIDE, re.DOTALL)
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs the programs of a section and gives their names."""
    monkeypatch.chdir(tmp_path)

    def run_section(number, **names):
        (program,) = SECTIONS[number]
        namespace = {"torch": torch, **names}
        exec(program, namespace)
        return namespace

    return run_section


@pytest.fixture
def gpt2(gpt2_folder):
    return GPT2LMHeadModel.from_pretrained(gpt2_folder)


def test_links_lead_to_sections():
    links = re.findall(r"\[(\d)\]\(#(.*?)\)", GUIDE)
    titles = re.findall(r"### (.*)", GUIDE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert {anchor for _, anchor in links} == anchors
    assert all(anchor.startswith(number) for number, anchor in links)


def test_none_instead_of_an_error(run, capsys):
    assert run(1, BertModel=BertModel)["model"] is None
    assert "'no-such-model' is neither a known checkpoint" in capsys.readouterr().out


class Scale:  # what today's torch.load refuses
    value = 2


def test_a_weights_file_that_needs_code(run, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "my_model", dirs_exist_ok=True)
    state = torch.load(folder / "pytorch_model.bin")
    torch.save({**state, "scale": Scale()}, folder / "pytorch_model.bin")
    with pytest.raises(OSError, match="which weights never need, so it was not opened"):
        BertModel.from_pretrained(folder)

    model = run(2, BertModel=BertModel)["model"]

    assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in state.items())


def test_causal_masks_in_a_file(run):
    gpt2 = run(3)["gpt2"]

    state = torch.load("pytorch_model.bin")
    masks = {name: tensor for name, tensor in state.items() if name.endswith(".attn.bias")}
    layers = range(gpt2.config.n_layer)
    assert set(masks) == {f"transformer.h.{layer}.attn.bias" for layer in layers}
    size = gpt2.config.n_ctx
    for mask in masks.values():
        assert mask.shape == (1, 1, size, size)
        assert torch.equal(mask[0, 0], torch.ones(size, size).tril())
    gpt2.load_state_dict(state)  # strictly


def test_losses_grouped_by_cluster(run, transfo_xl_folder):
    model = TransfoXLLMHeadModel.from_pretrained(transfo_xl_folder).eval()
    ids = torch.tensor([[0, 5, 2, 9, 4], [8, 1, 3, 7, 6]])

    names = run(4, transfo_xl=model, ids=ids)

    first, second = model.config.cutoffs
    flat = names["losses"].flatten()
    targets = ids.flatten()
    in_clusters = [targets < first, (targets >= first) & (targets < second), targets >= second]
    assert all(mask.any() for mask in in_clusters)
    assert torch.equal(names["grouped"], torch.cat([flat[mask] for mask in in_clusters]))


def test_equal_blocks(run, gpt2):
    run(5, gpt2=gpt2)
    first, second = (block.state_dict() for block in gpt2.transformer.h)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_gradients_of_gradients(run):
    names = run(8, BertModel=BertModel)
    assert len(names["second"]) == len(list(names["bert"].parameters()))
    assert names["second"][0].abs().sum() > 0


def test_gpt2_without_dropout(run):
    config = run(6, GPT2Config=GPT2Config)["config"]
    assert (config.resid_pdrop, config.embd_pdrop, config.attn_pdrop) == (0, 0, 0)
