"""Who loads whom, seen from a fresh interpreter."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("package", "absent"),
    [
        ("ptbert", {"torch", "numpy", "requests"}),
        ("ptbert_hub", {"torch", "numpy", "ptbert_tokenizers", "ptbert_models", "requests"}),
        ("ptbert_tokenizers", {"torch", "numpy", "ptbert_models", "ptbert_optim", "ptbert"}),
        ("ptbert_models", {"ptbert_tokenizers", "ptbert_optim", "ptbert"}),
        ("ptbert_optim", {"ptbert_hub", "ptbert_tokenizers", "ptbert_models", "ptbert"}),
    ],
)
def test_importing_a_package_leaves_out(package, absent):
    code = f"import sys, {package}; print(sorted({absent!r} & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert loaded.strip() == "[]"
