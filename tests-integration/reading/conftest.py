"""The pages of ``reading/`` can be imported, and examples run in an empty folder."""

import gzip
import json
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).parents[2]

RECORDED = ROOT / "packages/ptbert-tokenizers/tests/data"

sys.path[:0] = [str(ROOT / "reading"), str(Path(__file__).parent)]

settings.register_profile("patient", deadline=None, max_examples=50)  # a busy machine is no failure
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


@pytest.fixture
def same_weights():
    """Return a function that gives random weights to a model, and the same to its page.

    In double precision, so that nothing but rounding can hide in the tolerance.
    """

    def give(real, page):
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in real.parameters():
                weight.normal_(std=0.3, generator=generator)
        page.load_state_dict(real.state_dict(), strict=True)
        return real.double().eval(), page.double().eval()

    return give


@pytest.fixture
def random_ids():
    """Return a function that makes numbers of tokens below a limit."""
    generator = torch.Generator().manual_seed(1)
    return lambda limit, *shape: torch.randint(limit, shape, generator=generator)


@pytest.fixture(scope="session")
def published():
    """Return a function that reads a published vocabulary or its merges."""
    return lambda name: gzip.decompress((RECORDED / f"{name}.gz").read_bytes()).decode()


@pytest.fixture(scope="session")
def recorded():
    """Return a function that reads what was recorded in 2019: ``texts`` and their ``tokens``."""
    return cache(
        lambda name: json.loads(gzip.decompress((RECORDED / f"{name}.json.gz").read_bytes()))
    )
