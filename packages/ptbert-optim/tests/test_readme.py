import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_run(capsys):
    names = {}
    blocks = re.findall(
        r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    for block in blocks:
        exec(block, names)

    assert len(blocks) == 2
    assert len(capsys.readouterr().out.split()) == 3


def test_the_pictures_exist():
    address = "https://raw.githubusercontent.com/ptbert/ptbert/main/packages/ptbert-optim/"
    pictures = re.findall(rf"\({re.escape(address)}(docs/\S+\.png)\)", README.read_text("utf-8"))

    assert len(pictures) == 5
    assert all((README.parent / picture).is_file() for picture in pictures)
