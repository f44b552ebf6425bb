"""Every environment variable that the hub reads.

Each is read when it is asked for, never at import, so a program may set it at any time. The names
of proxies (``HTTP_PROXY``, ``HTTPS_PROXY``, ``NO_PROXY``) are read by ``requests``.
"""

import os
from contextlib import suppress
from pathlib import Path

OFFLINE_VARIABLES = ("PTBERT_HUB_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
CERTIFICATE_VARIABLES = (
    "PTBERT_HUB_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
)


def default_cache() -> Path:
    """Return the folder that downloads go to when no ``cache_dir`` is given.

    That is ``PYTORCH_PRETRAINED_BERT_CACHE`` if it is set, else the folder
    ``pytorch_pretrained_bert`` in PyTorch's cache folder (see ``torch_home``).

    Example:
        >>> os.environ["PYTORCH_PRETRAINED_BERT_CACHE"] = "/data/models"
        >>> default_cache().as_posix()
        '/data/models'
        >>> del os.environ["PYTORCH_PRETRAINED_BERT_CACHE"]
    """
    named = os.environ.get("PYTORCH_PRETRAINED_BERT_CACHE")
    return expand(named) if named else torch_home() / "pytorch_pretrained_bert"


def torch_home() -> Path:
    """Return PyTorch's cache folder.

    The first that is set: ``ENV_TORCH_HOME``, ``TORCH_HOME``, ``ENV_XDG_CACHE_HOME``/torch,
    ``XDG_CACHE_HOME``/torch; else ``~/.cache/torch``. The names with ``ENV_`` are those of the
    documentation of 2019, the others those that the programs of 2019 read.
    """
    return _first_folder(
        {
            "ENV_TORCH_HOME": "",
            "TORCH_HOME": "",
            "ENV_XDG_CACHE_HOME": "torch",
            "XDG_CACHE_HOME": "torch",
        },
        "~/.cache/torch",
    )


def client_cache() -> Path:
    """Return the cache folder of the Hugging Face client, which is only read.

    The first that is set: ``HF_HUB_CACHE``, ``HUGGINGFACE_HUB_CACHE``, ``HF_HOME``/hub,
    ``XDG_CACHE_HOME``/huggingface/hub; else ``~/.cache/huggingface/hub``.
    """
    return _first_folder(
        {
            "HF_HUB_CACHE": "",
            "HUGGINGFACE_HUB_CACHE": "",
            "HF_HOME": "hub",
            "XDG_CACHE_HOME": "huggingface/hub",
        },
        "~/.cache/huggingface/hub",
    )


def _first_folder(below: dict[str, str], otherwise: str) -> Path:
    """The folder below that of the first variable that is set."""
    found = ((os.environ.get(name), rest) for name, rest in below.items())
    named = next((expand(folder) / rest for folder, rest in found if folder), None)
    return named or expand_if_known(otherwise)


def search_path() -> list[Path]:
    """Return the folders that may already hold a file, the default cache first.

    The others are the cache folders of the releases of 2019 and those that
    ``PTBERT_HUB_CACHE_RO`` lists, separated as in ``PATH``.
    """
    listed = os.environ.get("PTBERT_HUB_CACHE_RO", "").split(os.pathsep)
    folders = [
        default_cache(),
        torch_home() / "pytorch_pretrained_bert",
        expand_if_known("~/.pytorch_pretrained_bert"),
        torch_home() / "pytorch_transformers",
        torch_home() / "transformers",
        *(expand_if_known(folder) for folder in listed if folder),
    ]
    return list(dict.fromkeys(folders))


def expand(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` with ``~`` and ``$VARIABLES`` filled in.

    Raises:
        ValueError: if ``~`` or ``~user`` stands for a home folder that is not known.
    """
    expanded = expand_if_known(path)
    if needs_home(expanded):
        raise ValueError(
            f"{os.fspath(path)!r} begins with a home folder that is not known; write the whole "
            "path, or set HOME"
        )
    return expanded


def needs_home(path: Path) -> bool:
    """Whether a path begins with a home folder that is not known."""
    return path.parts[:1] != () and path.parts[0].startswith("~")


def expand_if_known(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` with the home folders and ``$VARIABLES`` that are known filled in."""
    return Path(os.path.expanduser(os.path.expandvars(path)))


def is_offline() -> bool:
    """Whether one of :data:`OFFLINE_VARIABLES` forbids the network."""
    return any(_is_set(name) for name in OFFLINE_VARIABLES)


def revalidation() -> str:
    """Return ``PTBERT_HUB_REVALIDATE``: when to ask for a newer version; empty if it is not set."""
    return os.environ.get("PTBERT_HUB_REVALIDATE", "")


def accepts_unverifiable() -> bool:
    """Whether ``PTBERT_HUB_ALLOW_UNVERIFIABLE`` accepts a body whose end cannot be told."""
    return _is_set("PTBERT_HUB_ALLOW_UNVERIFIABLE")


def mirrors() -> list[str]:
    """Return the addresses in ``PTBERT_HUB_MIRROR``, separated by commas or spaces.

    Example:
        >>> os.environ["PTBERT_HUB_MIRROR"] = "https://one.org/files, file:///mnt/models"
        >>> mirrors()
        ['https://one.org/files', 'file:///mnt/models']
        >>> del os.environ["PTBERT_HUB_MIRROR"]
    """
    return os.environ.get("PTBERT_HUB_MIRROR", "").replace(",", " ").split()


def uses_mirrors_only() -> bool:
    """Whether ``PTBERT_HUB_MIRROR_ONLY`` forbids every other source."""
    return _is_set("PTBERT_HUB_MIRROR_ONLY")


def hub_endpoint() -> str:
    """Return the address of the Hugging Face Hub, or of the mirror named by ``HF_ENDPOINT``."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def hub_token() -> str | None:
    """Return the token for the Hugging Face Hub, if there is one.

    The first of ``HF_TOKEN``, ``HUGGING_FACE_HUB_TOKEN``, and the file that the Hub's client keeps:
    ``HF_TOKEN_PATH``, else ``HF_HOME``/token, ``XDG_CACHE_HOME``/huggingface/token or
    ``~/.cache/huggingface/token``.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(name, "").strip():
            return token
    places = {"HF_TOKEN_PATH": "", "HF_HOME": "token", "XDG_CACHE_HOME": "huggingface/token"}
    path = _first_folder(places, "~/.cache/huggingface/token")
    with suppress(OSError, ValueError), open(path, encoding="ascii") as file:
        return file.read(1 << 12).strip() or None
    return None


def hides_token() -> bool:
    """Whether ``HF_HUB_DISABLE_IMPLICIT_TOKEN`` allows a token only where one is asked for."""
    return _is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN")


def s3_server() -> str | None:
    """Return the server for ``s3://`` addresses if it is not Amazon's.

    ``AWS_ENDPOINT_URL_S3`` counts before ``AWS_ENDPOINT_URL``.
    """
    server = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    return server.rstrip("/") or None


def certificates() -> str | None:
    """Return the file of trusted certificates: the first of :data:`CERTIFICATE_VARIABLES`."""
    return next((path for name in CERTIFICATE_VARIABLES if (path := os.environ.get(name))), None)


def shows_progress() -> bool | None:
    """Return what ``PTBERT_HUB_PROGRESS`` says: True for always, False for never, else None.

    ``TQDM_POSITION=-1`` and ``HF_HUB_DISABLE_PROGRESS_BARS=1`` mean never too.
    """
    choice = os.environ.get("PTBERT_HUB_PROGRESS", "auto")
    if choice == "0" or os.environ.get("TQDM_POSITION") == "-1":
        return False
    if choice != "1" and _is_set("HF_HUB_DISABLE_PROGRESS_BARS"):
        return False
    return True if choice == "1" else None


def is_first_rank() -> bool:
    """Whether this process is the first of a distributed run (``RANK``, ``LOCAL_RANK``)."""
    return all(os.environ.get(name, "0") in {"", "0"} for name in ("RANK", "LOCAL_RANK"))


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").strip().upper() in {"1", "TRUE", "YES", "ON"}
