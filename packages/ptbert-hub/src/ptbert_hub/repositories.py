"""Repositories of the Hugging Face Hub: their names, and the addresses of their files"""

import re
from dataclasses import dataclass
from urllib.parse import quote

HUB = "https://huggingface.co"
"""What the address of a file begins with in a cache, wherever its bytes come from."""


@dataclass(frozen=True)
class RepositoryFile:
    """A file of one commit of a repository, which never changes.

    Args:
        repository: ``owner/name``.
        commit: 40 hexadecimal digits.
        path: where it is in the repository.
    """

    repository: str
    commit: str
    path: str

    @property
    def address(self) -> str:
        """What it is known by in a cache."""
        return f"{HUB}/{self.repository}/resolve/{self.commit}/{self.path}"


def is_repository(name: str) -> bool:
    """Whether the Hub allows a name for a repository, and it has an owner.

    Names that end like model files are paths: nobody should be asked for a file that is missing.

    Example:
        >>> is_repository("google-bert/bert-base-uncased"), is_repository("./model")
        (True, False)
        >>> is_repository("gpt2-large"), is_repository("data/vocab.txt")
        (False, False)
    """
    owner, _, rest = name.partition("/")
    return (
        len(name) <= 96
        and all(_PART.fullmatch(part) for part in (owner, rest))
        and not re.search(r"--|\.\.", name)
        and not name.lower().endswith(_ENDINGS)
    )


def is_file_name(name: object) -> bool:
    """Whether it is the plain name of a file, as repositories of models have them.

    Example:
        >>> is_file_name("model-00001-of-00002.safetensors"), is_file_name("../x"), is_file_name("")
        (True, False, False)
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def repository_file(address: str) -> RepositoryFile | None:
    """Return the file of a commit that an address is for; None for any other address.

    Example:
        >>> commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
        >>> repository_file(f"https://huggingface.co/openai-community/gpt2/resolve/{commit}/a.txt")
        RepositoryFile(repository='openai-community/gpt2', \
commit='607a30d783dfa663caf39e06633721c8d4cfcd7e', path='a.txt')
        >>> repository_file("https://huggingface.co/openai-community/gpt2/resolve/main/a.txt")
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    name, commit, path = found.groups()
    is_right = is_repository(name) and all(map(is_file_name, path.split("/")))
    return RepositoryFile(name, commit, path) if is_right else None


def listing_address(endpoint: str, repository: str, revision: str) -> str:
    """Return where a server says what the commit of a revision is, and which files it has.

    Example:
        >>> listing_address(HUB, "google-bert/bert-base-cased", "refs/pr/1")
        'https://huggingface.co/api/models/google-bert/bert-base-cased/revision/refs%2Fpr%2F1'
    """
    return f"{endpoint}/api/models/{repository}/revision/{quote(revision, safe='')}"


def is_listing(address: str) -> bool:
    """Whether an address is that of a listing, which may end like a file as its revision does.

    Example:
        >>> is_listing("https://huggingface.co/api/models/user/model/revision/v1.bin")
        True
        >>> is_listing("https://example.org/user/model/v1.bin")
        False
    """
    return _LISTING.search(address) is not None


def is_of_repository(address: str, repository: str) -> bool:
    """Whether an address is that of a file or of a listing of a repository, on any server."""
    file = repository_file(address)
    if file is not None:
        return file.repository == repository
    return f"/api/models/{repository}/revision/" in address


_PART = re.compile("[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")
_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9._+=-]{0,149}")
_ADDRESS = re.compile(f"{re.escape(HUB)}/([^/]+/[^/]+)/resolve/([0-9a-f]{{40}})/(.+)")
_LISTING = re.compile("/api/models/[^/]+/[^/]+/revision/[^/?#]+$")
_ENDINGS = (
    *(".git", ".bin", ".pt", ".pth", ".ckpt", ".safetensors", ".h5", ".msgpack", ".npy", ".index"),
    *(".json", ".txt", ".model", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zip"),
)
