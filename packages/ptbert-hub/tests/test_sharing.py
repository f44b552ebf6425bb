"""Group H: folders that several users share, and what others may have put there."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from archive_builder import MODEL, tar
from faultserver import get
from workers import unfinished

import ptbert_hub
from ptbert_hub import atomic_write, extract_archive, get_from_cache, records
from ptbert_hub.errors import CacheReadOnly, CacheWriteError
from ptbert_hub.files import create, make_folder, open_own
from ptbert_hub.writers import claim

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions are those of POSIX")
root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to be two users"
)


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(cache):
    """The permissions of files, and of folders, in a cache."""
    places = [path for path in cache.rglob("*") if not path.is_symlink()]
    return tuple(
        {stat.S_IMODE(path.stat().st_mode) for path in places if path.is_dir() == is_folder}
        for is_folder in (False, True)
    )


def used(served, tmp_path, cache):
    """A cache in which there is a file, a record, a lock and an unpacked archive."""
    get(served, cache)
    extract_archive(tar(tmp_path / "m", MODEL), cache)
    assert len(list(cache.rglob("*"))) > 10
    return modes(cache)


@pytest.mark.parametrize("mode", [0o2777, 0o2775, 0o2770, 0o777], ids=oct)
def test_in_a_shared_folder_everything_has_its_permissions(served, tmp_path, umask, cache, mode):
    cache.mkdir()
    cache.chmod(mode)

    assert used(served, tmp_path, cache) == ({mode & 0o666}, {mode | 0o2000})


def test_in_a_folder_of_ones_own_the_umask_decides(served, tmp_path, umask, cache):
    if umask & 0o020:  # else the group may write into the folder
        assert used(served, tmp_path, cache) == ({0o666 & ~umask}, {0o777 & ~umask})


def test_in_a_folder_with_the_sticky_bit_files_are_only_their_users(served, tmp_path, umask, cache):
    cache.mkdir()
    cache.chmod(0o1777)

    assert used(served, tmp_path, cache) == ({0o666 & ~umask}, {0o3777})


@root_only
def test_in_a_shared_folder_everything_has_its_group(served, tmp_path, cache):
    cache.mkdir()
    os.chown(cache, -1, 54_321)
    cache.chmod(0o770)

    used(served, tmp_path, cache)

    assert {path.stat().st_gid for path in cache.rglob("*")} == {54_321}


def test_files_that_a_program_writes_elsewhere_follow_the_umask(tmp_path, umask):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    with atomic_write(folder / "vocab.txt"):
        pass

    assert stat.S_IMODE((folder / "vocab.txt").stat().st_mode) == 0o666 & ~umask


FETCH = "import sys; from ptbert_hub import get_from_cache; print(get_from_cache(*sys.argv[1:]))"


@pytest.fixture
def as_user(which):
    """Run code as another user with the usual umask; skip where that user cannot read this code."""
    which("setpriv")
    path = os.pathsep.join([str(Path(ptbert_hub.__file__).parents[1]), *filter(None, sys.path)])
    python = next(
        (
            name
            for name in (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3")
            if os.path.exists(name)
            and not subprocess.run(
                [
                    "setpriv",
                    "--reuid",
                    "2001",
                    "--clear-groups",
                    name,
                    "-c",
                    "import ptbert_hub.cache",
                ],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
                cwd="/",
                check=False,
                capture_output=True,
            ).returncode
        ),
        None,
    ) or pytest.skip("another user cannot run this interpreter or read this library")

    def run(user, *arguments, code=FETCH, **environment):
        command = ["setpriv", f"--reuid={user}", "--regid=5555", "--clear-groups"]
        return subprocess.run(
            ["sh", "-c", 'umask 022; exec "$@"', "sh", *command, python, "-c", code, *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": "/nowhere", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
        )

    return run


@pytest.fixture
def open_folder():
    """A folder that every user may enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="ptbert-hub-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@root_only
@pytest.mark.parametrize("mode", [0o2777, 0o2775], ids=oct)
def test_two_users_with_the_usual_umask_share_a_cache(served, open_folder, as_user, mode):
    cache = open_folder / "cache"
    cache.mkdir()
    os.chown(cache, -1, 5555)
    cache.chmod(mode)

    for user in (2001, 2002):
        done = as_user(user, served.url(f"of-{user}.dat"), str(cache))
        assert done.returncode == 0, done.stderr
        done = as_user(user, served.url("the-same.dat"), str(cache))
        assert done.returncode == 0, done.stderr
        served.become(served.content + b"x")  # a newer version, which replaces nothing of theirs


@root_only
def test_one_user_continues_the_download_of_another(served, open_folder, as_user):
    cache = open_folder / "cache"
    cache.mkdir()
    cache.chmod(0o2777)
    before = os.umask(0)
    try:
        with claim() as tag:
            unfinished(served, cache, tag, 1_000_000)
    finally:
        os.umask(before)

    done = as_user(2001, served.url(), str(cache))

    assert done.returncode == 0, done.stderr
    assert served.requests[0].headers["range"] == "bytes=1000000-"


# A copy in a folder that cannot be written


@root_only
@pytest.mark.parametrize("server_says", ["the same", "a newer version", "nothing"])
@pytest.mark.parametrize("kind", ["ours", "of 2019"])
def test_a_copy_in_a_folder_of_somebody_else_is_used(
    served, open_folder, as_user, kind, server_says
):
    cache = open_folder / "cache"
    path = get(served, cache)
    if kind == "of 2019":
        shutil.rmtree(cache / ".ptbert-hub")
        records.record_path(path).write_text(f'{{"url": "{served.url()}", "etag": null}}')
    for place in (cache, *cache.rglob("*")):
        place.chmod(0o555 if place.is_dir() else 0o444)
    url, old = served.url(), served.content
    if server_says == "a newer version":
        served.become(b"newer")
    if server_says == "nothing":
        served.__exit__()

    done = as_user(2001, url, str(cache))

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == old


def test_without_a_copy_the_error_says_how_to_have_both(served, cache, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(CacheReadOnly) as caught:
        get(served, cache)
    assert str(caught.value) == (
        f"'{cache}' cannot be written (Permission denied) - name a folder of your own in "
        "PYTORCH_PRETRAINED_BERT_CACHE, and this one in PTBERT_HUB_CACHE_RO to go on reading it"
    )


def test_that_advice_is_right(served, cache, tmp_path, monkeypatch):
    path = get(served, cache)
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("PTBERT_HUB_CACHE_RO", str(cache))

    assert get_from_cache(served.url()) == str(path)
    assert Path(get_from_cache(served.url("new.dat"))).parent == tmp_path / "own"


@pytest.mark.parametrize("number", [28, 30, 13, 5, 122])
@pytest.mark.parametrize("where", ["mkdir", "open", "write", "fsync", "replace"])
def test_where_nothing_can_be_written_the_copy_is_used(
    served, cache, monkeypatch, number, where, caplog
):
    path = get(served, cache)
    old = served.content
    served.become(b"newer")
    shutil.rmtree(cache / ".ptbert-hub")
    real = os.open

    def fail(*arguments, **_):
        if where == "open" and not arguments[1] & os.O_CREAT:
            return real(*arguments)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path if where == "mkdir" else os, where, fail)

    assert get(served, cache) == path
    assert path.read_bytes() == old
    assert "using the cached copy of" in caplog.text


# What others may have put there


def test_a_file_is_never_written_through_a_link(tmp_path):
    precious, link = tmp_path / "precious", tmp_path / "link"
    precious.write_text("keep me")
    link.symlink_to(precious)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "new")

    for action in (create, open_own):
        for place in (link, dangling):
            with pytest.raises(OSError, match=r"exists|symbolic links"):
                action(place)
    with pytest.raises(FileExistsError), atomic_write(tmp_path / "x", temporary=link):
        pass
    assert precious.read_text() == "keep me"
    assert not (tmp_path / "new").exists()
    assert link.is_symlink()  # what another user put there is not removed


def test_a_link_at_the_place_of_the_tag_is_left_alone(served, cache, tmp_path):
    (cache / ".ptbert-hub").mkdir(parents=True)
    (cache / ".ptbert-hub/CACHEDIR.TAG").symlink_to(tmp_path / "new")

    assert get(served, cache).read_bytes() == served.content
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["", "locks", "partial", "extracted", "quarantine"])
def test_a_link_at_the_place_of_a_work_folder_is_not_followed(served, cache, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = cache / ".ptbert-hub" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(elsewhere)

    if name in {"", "locks", "partial"}:
        with pytest.raises(CacheWriteError, match=r"it is no folder\) - check the disk"):
            get(served, cache)
    if name in {"", "locks", "extracted"}:
        with pytest.raises(CacheWriteError, match="it is no folder"):
            extract_archive(tar(tmp_path / "m", MODEL), cache)
    if name == "quarantine":
        path = get(served, cache, revalidate="never")
        path.write_bytes(b"damaged")
        assert get(served, cache, revalidate="never").read_bytes() == served.content
    assert list(elsewhere.iterdir()) == []


def test_a_partial_file_that_is_replaced_by_a_link_is_not_written_through(served, cache, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (cache / ".ptbert-hub/partial").mkdir(parents=True)

    def replace_by_link(request):
        for path in (cache / ".ptbert-hub/partial").glob("*.part"):
            path.unlink()
            path.symlink_to(precious)

    with claim() as tag:
        partial = unfinished(served, cache, tag, 0)
        replace_by_link(None)
        with pytest.raises(CacheWriteError):
            partial.append(lambda size: b"evil")
    assert precious.read_text() == "keep me"


def test_make_folder_accepts_what_is_there_and_nothing_else(tmp_path):
    make_folder(tmp_path / "a")
    make_folder(tmp_path / "a")
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file")


# Lock files


def test_lock_files_follow_the_umask(served, cache, umask):
    get(served, cache)

    lock = next((cache / ".ptbert-hub/locks").iterdir())
    shared = 0o666 & ~umask
    assert stat.S_IMODE(lock.stat().st_mode) == shared


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_at_the_place_of_a_lock_does_not_block(served, cache):
    get(served, cache)
    lock = next((cache / ".ptbert-hub/locks").iterdir())
    lock.unlink()
    os.mkfifo(lock)

    assert get(served, cache, force=True).read_bytes() == served.content
