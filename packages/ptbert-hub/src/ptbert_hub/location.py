"""Where the cache is, and what the environment says about the network.

Everything here reads the environment when it is called, never at import.
"""

import os
from pathlib import Path

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "pytorch_model.bin"
WORK_FOLDER = ".ptbert-hub"
"""Sub-folder for locks, partial downloads and unpacked archives.

2019 programs take any ``<hash>.*`` at the top of a cache for data, so nothing else may stand there.
"""


def default_cache() -> Path:
    """Return the folder that downloads go to when no ``cache_dir`` is given.

    The first that is set: ``PYTORCH_PRETRAINED_BERT_CACHE``, then ``pytorch_pretrained_bert``
    under ``ENV_TORCH_HOME``, ``TORCH_HOME``, ``ENV_XDG_CACHE_HOME``/torch,
    ``XDG_CACHE_HOME``/torch, ``~/.cache/torch``.

    Example:
        >>> os.environ["PYTORCH_PRETRAINED_BERT_CACHE"] = "/data/models"
        >>> default_cache().as_posix()
        '/data/models'
        >>> del os.environ["PYTORCH_PRETRAINED_BERT_CACHE"]
    """
    named = os.environ.get("PYTORCH_PRETRAINED_BERT_CACHE")
    return expanded(named) if named else torch_home() / "pytorch_pretrained_bert"


def search_path() -> list[Path]:
    """Folders that may already hold a file: the default cache first, then read-only layers.

    The layers are the folders of the releases of 2019 and what ``PTBERT_HUB_CACHE_RO`` lists.
    """
    listed = os.environ.get("PTBERT_HUB_CACHE_RO", "").split(os.pathsep)
    folders = [
        default_cache(),
        torch_home() / "pytorch_pretrained_bert",
        Path.home() / ".pytorch_pretrained_bert",
        torch_home() / "pytorch_transformers",
        torch_home() / "transformers",
        *(expanded(folder) for folder in listed if folder),
    ]
    return list(dict.fromkeys(folders))


def torch_home() -> Path:
    """Return PyTorch's cache home."""
    for variable, below in _TORCH_HOMES:
        if value := os.environ.get(variable):
            return expanded(value) / below
    return Path.home() / ".cache" / "torch"


_TORCH_HOMES = (
    ("ENV_TORCH_HOME", ""),
    ("TORCH_HOME", ""),
    ("ENV_XDG_CACHE_HOME", "torch"),
    ("XDG_CACHE_HOME", "torch"),
)


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` with ``~`` and ``$VARIABLES`` filled in."""
    return Path(os.path.expandvars(os.fspath(path))).expanduser()


def is_offline() -> bool:
    """Whether a variable forbids the network: ours, or either of Hugging Face's."""
    return any(is_set(name) for name in OFFLINE_VARIABLES)


OFFLINE_VARIABLES = ("PTBERT_HUB_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def hub_endpoint() -> str:
    """Return the address of the Hugging Face Hub, or of the mirror named by ``HF_ENDPOINT``."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def hub_blobs(repository: str) -> Path:
    """Return where the Hugging Face client keeps files of ``repository`` under their digest."""
    home = expanded(os.environ.get("HF_HOME") or "~/.cache/huggingface")
    cache = expanded(os.environ.get("HF_HUB_CACHE") or home / "hub")
    return cache / f"models--{repository.replace('/', '--')}" / "blobs"


def is_set(name: str) -> bool:
    """Whether the environment says yes to the switch ``name``."""
    return os.environ.get(name, "").strip().upper() in {"1", "TRUE", "YES", "ON"}


def work_folder(cache_dir: str | os.PathLike[str] | None) -> Path:
    """Return the folder for locks, partial downloads and unpacked archives of a cache."""
    return (default_cache() if cache_dir is None else expanded(cache_dir)) / WORK_FOLDER
