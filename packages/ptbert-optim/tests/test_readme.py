import re
from pathlib import Path

import torch
from torch import nn

README = Path(__file__).parents[1] / "README.md"


class LossModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.LayerNorm = nn.LayerNorm(3)

    def forward(self, batch):
        return self.LayerNorm(self.linear(batch)).square().mean()


def test_the_examples_run(capsys):
    model = LossModel()
    names = {
        "torch": torch,
        "model": model,
        "batches": [torch.randn(2, 4) for _ in range(3)],
        "epochs": 2,
        "any_optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
    }

    blocks = re.findall(
        r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    for block in blocks:
        exec(block, names)

    assert len(blocks) == 2
    assert len(capsys.readouterr().out.split()) == 3


def test_the_pictures_exist():
    pictures = re.findall(r"\((docs/\S+\.png)\)", README.read_text("utf-8"))

    assert len(pictures) == 5
    assert all((README.parent / picture).is_file() for picture in pictures)
