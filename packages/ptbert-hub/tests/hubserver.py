"""A server on loopback that plays the Hugging Face Hub, and one that plays its storage."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from faultserver import FaultServer, Reply

TOKEN = "hf_abcdefgh"
NAME = "user/model"  # what most tests ask for, and its files
LARGE = bytes(range(256)) * 20
FILES = {"config.json": b'{"a": 1}', "model.safetensors": LARGE, "vocab.txt": b"[PAD]\n[UNK]\n"}


def read(snapshot, *names):
    """Return the content of files of a commit, and ``None`` for those that it lacks."""
    return [path and path.read_bytes() for path in map(snapshot.fetch, names)]


@dataclass
class Repository:
    """A repository: its commits, and what is at the head of each branch and tag."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    is_private: bool = False
    is_gated: bool = False

    def push(self, files: dict[str, bytes], revision: str = "main") -> str:
        """Add a commit with exactly these files to a branch, and return its name."""
        text = repr((len(self.commits), sorted(files.items())))
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.refs[revision] = commit
        return commit


class HubServer:
    """Plays the Hub. ``requests`` is its log, ``storage`` the server that large files come from.

    Args:
        large: files of at least so many bytes are stored with LFS.
    """

    def __init__(self, large: int = 1000):
        self.large = large
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.lies: dict[str, str] = {}  # path of a file → the tag that it is given
        self.before = lambda request: None  # called first; may answer
        self.contents: dict[str, bytes] = {}  # what the storage has
        self.server, self.storage = FaultServer(), FaultServer(host="127.0.0.2")
        self.server.replies, self.storage.replies = self._answer, self._stored

    def __enter__(self):
        self.server.__enter__()
        self.storage.__enter__()
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)
        self.storage.__exit__(*error)

    @property
    def address(self):
        return self.server.address

    @property
    def requests(self):
        return self.server.requests

    def asked(self):
        """What was asked for so far, without the part that all addresses have."""
        return [request.path for request in self.requests]

    def forget(self):
        """Empty the logs."""
        self.server.requests.clear()
        self.storage.requests.clear()

    def create(self, name: str, files: dict[str, bytes], **settings) -> Repository:
        """Make a repository with one commit on its branch ``main``."""
        repository = self.repositories[name] = Repository(**settings)
        repository.push(files)
        return repository

    def _answer(self, request):
        if (reply := self.before(request)) is not None:
            return reply
        path, token = urlsplit(request.path).path, request.headers.get("authorization")
        if token not in {None, f"Bearer {TOKEN}"}:
            return _refusal(401, "", "Invalid credentials in Authorization header")
        found = re.fullmatch("/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path)
        wanted = re.fullmatch("/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if not (found or wanted):
            return _refusal(404, "", "Sorry, we can't find the page you are looking for.")
        name, revision = (found or wanted)[1], unquote((found or wanted)[2] or "main")
        if name in self.renamed:
            place = request.path.replace(name, self.renamed[name], 1)
            return Reply(status=307, headers={"Location": place})
        repository = self.repositories.get(name)
        if repository is None or (repository.is_private and not token):
            if token:
                return _refusal(404, "RepoNotFound", "Repository not found")
            return _refusal(401, "RepoNotFound", "Invalid username or password.")
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            return _refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        files = repository.commits[commit]
        return (
            self._listing(request, name, commit, files)
            if found
            else self._file(request, repository, commit, files, unquote(wanted[3]))
        )

    def _listing(self, request, name, commit, files):
        siblings = [{"rfilename": path} for path in files]
        body = json.dumps(
            {"_id": "1", "id": name, "modelId": name, "sha": commit, "siblings": siblings}
        ).encode()
        tag = f'W/"{hashlib.md5(body).hexdigest()[:12]}"'
        if request.headers.get("if-none-match") == tag:
            return Reply(status=304, headers={"ETag": tag}, length=None)
        return Reply(body, headers={"ETag": tag, "Content-Type": "application/json"})

    def _file(self, request, repository, commit, files, path):
        if repository.is_gated:
            status = 403 if "authorization" in request.headers else 401
            return _refusal(status, "GatedRepo", "Access to this model is restricted.")
        if path not in files:
            return _refusal(404, "EntryNotFound", "Entry not found", commit)
        content, headers = files[path], {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        sha256 = self.lies.get(path, hashlib.sha256(content).hexdigest())
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        if len(content) < self.large:
            headers["ETag"] = f'"{self.lies.get(path, git)}"'
            return _part(request, content, headers)
        headers |= {"X-Linked-Size": str(len(content)), "X-Linked-ETag": f'"{sha256}"'}
        place = f"{self.storage.address}/{sha256}?Signature=secret"
        self.contents[f"/{sha256}"] = content
        return Reply(b"Found.", 302, {**headers, "ETag": f'"{sha256}"', "Location": place})

    def _stored(self, request):
        content = self.contents[urlsplit(request.path).path]
        return _part(request, content, {"ETag": f'"{hashlib.md5(content).hexdigest()}"'})


def _refusal(status, code, message, commit=None):
    headers = {"X-Error-Message": message, "WWW-Authenticate": "Bearer"}
    headers |= {"X-Error-Code": code} if code else {}
    headers |= {"X-Repo-Commit": commit} if commit else {}
    return Reply(json.dumps({"error": message}).encode(), status, headers)


def _part(request, content, headers):
    """The content, or the rest of it that is asked for."""
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Reply(status=304, headers=headers, length=None)
    start, tag = request.start, request.headers.get("if-range", headers["ETag"])
    if not start or tag != headers["ETag"]:
        return Reply(content, headers=headers)
    headers = {**headers, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
    return Reply(content[start:], 206, headers)
