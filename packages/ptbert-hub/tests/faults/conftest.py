import os

import pytest


@pytest.fixture
def report(capsys):
    """Print a measured figure although pytest captures output; also into `PTBERT_HUB_FIGURES`."""

    def line(text):
        with capsys.disabled():
            os.write(1, f"\n    {text}\n".encode())
        if path := os.environ.get("PTBERT_HUB_FIGURES"):
            with open(path, "a") as file:
                file.write(text + "\n")

    return line
