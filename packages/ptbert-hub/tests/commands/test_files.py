"""The commands of ptbert-hub for files of 2019 and of any address."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from command_runner import rows, run

from ptbert_hub import (
    CATALOG,
    get_from_cache,
    records,
    upkeep,
)
from ptbert_hub.errors import NotFound
from ptbert_hub.partials import Partial
from ptbert_hub.writers import claim

ROW = CATALOG["bert-base-cased"]


VOCAB = b"[PAD]\n[UNK]\n"


def test_ls_shows_files_versions_and_leftovers(filled, capsys):
    found = rows(capsys, "ls", "--cache-dir", str(filled))

    assert sorted(row["state"] for row in found) == [
        *("file", "file", "old", "orphan", "partial", "quarantine")
    ]
    published = next(row for row in found if row["name"])
    assert (published["name"], published["file"]) == ("bert-base-cased", "vocabulary")
    assert published["size"] == len(VOCAB)
    assert published["pinned"] is False
    assert published["verified"] == "sniffed"
    assert "127.0.0.1" in published["source"]


def test_ls_prints_checkpoints_and_what_is_unpinned(filled, capsys):
    code, out, _ = run(capsys, "ls", "--cache-dir", str(filled))

    assert code == 0
    line = next(line for line in out.splitlines() if "bert-base-cased vocabulary" in line)
    assert "unpinned" in line
    partial = next(line for line in out.splitlines() if line.startswith("partial"))
    assert partial.endswith(".part")  # what has neither name nor address is shown by its path
    assert f"bytes in {filled}" in out


@pytest.mark.skipif(sys.platform == "win32", reason="du is not there")
def test_the_total_is_what_du_says(filled, which):
    done = subprocess.run(
        [which("du"), "-s", "--block-size=1", str(filled)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert upkeep.disk_usage(filled) == int(done.stdout.split()[0])


def test_an_empty_cache_is_no_error(cache, capsys):
    assert run(capsys, "ls", "--cache-dir", str(cache)) == (0, f"0 bytes in {cache}\n", "")


def test_path_prints_a_path_or_says_how_to_get_it(filled, capsys):
    options = ("--file", "vocabulary", "--cache-dir", str(filled))
    code, out, _ = run(capsys, "path", "bert-base-cased", *options)
    assert code == 0
    assert Path(out.strip()).read_bytes() == VOCAB

    code, out, err = run(capsys, "path", "gpt2", "--file", "merges", "--cache-dir", str(filled))
    assert (code, out) == (1, "")
    assert "is not in the cache and the network is not used" in err
    assert "`ptbert-hub fetch` downloads it" in err


def test_fetch_downloads_and_prints_paths(served, cache, capsys, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    served.content = b"{}"
    code, out, _ = run(
        capsys, "fetch", "gpt2-medium", "--file", "config", "--cache-dir", str(cache)
    )

    assert code == 0
    assert Path(out.strip()).read_bytes() == b"{}"
    run(capsys, "fetch", "gpt2-medium", "--file", "config", "--force", "--cache-dir", str(cache))
    assert len(served.requests) == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["fetch", "bert-base-uncasd"], "did you mean 'bert-base-uncased'?"),
        (["fetch", "resnet"], "known checkpoints: bert-base-uncased"),
        (["fetch", "."], "'.' is a local path, and the cache only has files with an address"),
        (["fetch", "gpt2", "--file", "corpus"], "'gpt2' has no corpus - it has weights"),
        (["rm", "gpt2"], "nothing of"),
        (["export", "x.tar"], "nothing to export"),
        (["export", "user/model"], "comes first - write ptbert-hub export FILE user/model"),
        (["export", "gpt2"], "'gpt2' is the name of a model, and the archive to write comes first"),
        (["import", "none.tar"], "no archive at 'none.tar'"),
    ],
)
def test_errors_take_one_line(cache, capsys, arguments, text):
    code, out, err = run(capsys, *arguments, "--cache-dir", str(cache))

    assert (code, out) == (1, "")
    assert err.startswith("ptbert-hub: ")
    assert text in err
    assert err.count("\n") == 1


def test_an_unknown_home_folder_takes_one_line_too(capsys):
    text = "begins with a home folder that is not known; write the whole path, or set HOME"
    assert run(capsys, "ls", "--cache-dir", "~nosuchuser/x") == (
        1,
        "",
        f"ptbert-hub: '~nosuchuser/x' {text}\n",
    )


def test_verify_finds_a_flipped_bit_whatever_the_time_says(filled, capsys):
    assert run(capsys, "verify", "--cache-dir", str(filled))[0] == 0
    path = Path(rows(capsys, "ls", "--cache-dir", str(filled))[0]["path"])
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    code, out, _ = run(capsys, "verify", "--cache-dir", str(filled))
    assert code == 1
    assert "1 damaged" in out
    assert "problem: its digest is not the right one" in out
    assert path.exists()
    run(capsys, "verify", "--quarantine", "--cache-dir", str(filled))
    assert not path.exists()


def test_verify_takes_names(filled, capsys):
    assert len(rows(capsys, "verify", "bert-base-cased", "--cache-dir", str(filled))) == 1


def test_prune_deletes_only_with_yes(filled, capsys):
    later = time.time() + 8 * upkeep.DAY
    would = upkeep.prune(filled, now=later)

    assert sorted(row.state for row in would) == ["old", "orphan", "partial", "quarantine"]
    assert all(Path(row.path).exists() for row in would)
    done = upkeep.prune(filled, apply=True, now=later)
    assert [row.path for row in done] == [row.path for row in would]
    assert not any(Path(row.path).exists() for row in would)
    assert [row.state for row in upkeep.listing(filled)] == ["file", "file"]
    assert upkeep.prune(filled, now=later) == []


def test_prune_keeps_recent_files(filled, capsys):
    code, out, _ = run(capsys, "prune", "--yes", "--cache-dir", str(filled))

    assert code == 0
    assert "deleted 0 files" in out


def test_prune_leaves_what_is_being_written(cache):
    folder = cache / ".ptbert-hub/partial"
    folder.mkdir(parents=True)
    with claim() as tag:
        writer = Partial(folder, "a" * 64, tag)
        writer.start_over({"url": "s", "size": 9})
        os.utime(writer.path, (1, 1))

        assert upkeep.prune(cache, apply=True, now=time.time()) == []
        assert writer.path.exists()
    assert [row.path for row in upkeep.prune(cache, apply=True)] == [str(writer.path)]


def test_rm_deletes_only_with_yes(filled, capsys):
    options = ("rm", "bert-base-cased", "--cache-dir", str(filled))
    path = Path(rows(capsys, *options)[0]["path"])
    assert path.exists()
    assert "would delete 1 files, 12 bytes; add --yes" in run(capsys, *options)[1]
    assert "deleted 1 files" in run(capsys, *options, "--yes")[1]
    assert not path.exists()
    assert not records.record_path(path).exists()


def test_files_travel_in_an_archive(filled, tmp_path, capsys, monkeypatch):
    archive, other = str(tmp_path / "carry.tar"), tmp_path / "other"
    code, out, _ = run(capsys, "export", str(archive), "--cache-dir", str(filled))
    assert (code, out.splitlines()[-1]) == (0, f"2 files in {archive}")

    assert run(capsys, "import", str(archive), "--cache-dir", str(other))[0] == 0
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    assert Path(get_from_cache(ROW.vocabulary, other)).read_bytes() == VOCAB
    assert list((other / ".ptbert-hub/extracted").iterdir()) == []


def test_export_takes_names(filled, tmp_path, capsys):
    archive = str(tmp_path / "carry.tar")
    run(capsys, "export", str(archive), "bert-base-cased", "--cache-dir", str(filled))

    with tarfile.open(archive) as tar:
        assert len(tar.getnames()) == 2


def everything(folder):
    """Every file and folder with its inode, size and time, and what the small ones hold."""
    return {
        (
            str(path),
            s.st_ino,
            s.st_size,
            s.st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
        for s in [path.lstat()]
    }


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["path", "bert-base-cased", "--file", "vocabulary"],
        ["path", "bert-base-cased", "--file", "config"],
        ["verify"],
        ["verify", "bert-base-cased"],
        ["prune"],
        ["rm", "bert-base-cased"],
        ["export", "carry.tar"],
        ["env"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("state", ["as programs of 2019 left it", "damaged"])
def test_a_command_that_only_looks_writes_nothing(filled, capsys, words, state):
    path = Path(get_from_cache(ROW.vocabulary, filled))
    if state == "damaged":
        path.write_bytes(b"<html>")
    else:
        records.record_path(path).write_text(json.dumps({"url": ROW.vocabulary, "etag": None}))
    before = everything(filled)

    run(capsys, *words, "--cache-dir", str(filled))

    assert everything(filled) == before


def test_looking_does_not_make_a_cache_folder(cache, capsys):
    for words in (["ls"], ["verify"], ["prune"], ["path", "gpt2"], ["export", "carry.tar"]):
        run(capsys, *words, "--cache-dir", str(cache))

    assert not cache.exists()


def test_verify_says_by_what_a_file_of_2019_was_verified(filled, capsys):
    path = Path(get_from_cache(ROW.vocabulary, filled))
    etag = f'"{hashlib.md5(VOCAB).hexdigest()}"'
    records.record_path(path).write_text(json.dumps({"url": ROW.vocabulary, "etag": etag}))

    row = rows(capsys, "verify", "bert-base-cased", "--cache-dir", str(filled))[0]

    assert (row["state"], row["verified"], row["problem"]) == ("good", "md5", None)


def test_a_file_that_was_never_compared_with_a_digest_keeps_saying_so(filled, tmp_path, capsys):
    archive, other = str(tmp_path / "carry.tar"), str(tmp_path / "other")
    run(capsys, "export", str(archive), "bert-base-cased", "--cache-dir", str(filled))
    run(capsys, "import", str(archive), "--cache-dir", other)

    for command, folder in (("verify", str(filled)), ("verify", other), ("ls", other)):
        row = next(row for row in rows(capsys, command, "--cache-dir", folder) if row["name"])
        assert row["verified"] == "sniffed"


def test_env_lists_mirrors_that_are_separated_by_commas(cache, capsys, monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_MIRROR", "https://me:secret@a.org/x,file:///b")

    facts = {row["key"]: row["value"] for row in rows(capsys, "env", "--cache-dir", str(cache))}

    assert facts["mirrors"] == ["https://a.org/x", "file:///b"]


def test_env_prints_the_settings_and_no_secret(capsys, monkeypatch, cache):
    monkeypatch.setenv("HF_TOKEN", "c4n4ry")
    monkeypatch.setenv("HF_ENDPOINT", "https://me:c4n4ry@hub.local")
    code, out, _ = run(capsys, "env", "--cache-dir", str(cache))

    assert code == 0
    assert "token: set" in out
    assert f"cache: {cache}" in out
    assert "endpoint: https://hub.local" in out
    assert "c4n4ry" not in out
    facts = {row["key"]: row["value"] for row in rows(capsys, "env")}
    assert facts["offline"] is False
    assert facts["checkpoints"] == 17


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "ptbert_hub", "--help"], capture_output=True, text=True, check=True
    )

    for command in ["ls", "path", "fetch", "verify", "prune", "rm", "export", "import", "env"]:
        assert f"    {command}" in done.stdout


def test_a_closed_pipe_is_no_traceback(filled):
    done = subprocess.run(
        f"{sys.executable} -m ptbert_hub ls --json --cache-dir {filled} | head -c 1 > /dev/null",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    )

    assert "Traceback" not in done.stderr


def test_addresses_of_a_name_leave_the_corpus_out():
    row = CATALOG["transfo-xl-wt103"]

    assert upkeep.addresses(row.name) == [row.weights, row.config, row.vocabulary]
    assert upkeep.addresses(row.name, ["corpus"]) == [row.corpus]
    with pytest.raises(NotFound, match="has no merges"):
        upkeep.addresses(row.name, ["merges"])


@pytest.mark.parametrize("command", ["path", "fetch"])
def test_files_of_an_embedded_model_are_where_the_packages_have_them(capsys, monkeypatch, command):
    monkeypatch.setattr(
        "ptbert_hub.__main__.embedded_files", lambda name, kinds: [Path(name, "x"), kinds]
    )
    code, out, _ = run(capsys, command, "ptbert-tiny-gpt2", "--file", "config")
    assert (code, out) == (0, "ptbert-tiny-gpt2/x\n['config']\n")


@pytest.mark.parametrize("command", [["verify"], ["rm"], ["export", "x.tar"]])
def test_no_cache_has_anything_of_an_embedded_model(capsys, command):
    code, _, error = run(capsys, *command, "ptbert-tiny-bert")
    assert code == 1
    assert error.endswith(
        "is in a cache - `ptbert-hub path ptbert-tiny-bert` says where its files are\n"
    )


def test_the_name_of_an_embedded_model_is_no_archive_to_write(capsys):
    code, _, error = run(capsys, "export", "ptbert-tiny-bert")
    assert (code, "the archive to write comes first" in error) == (1, True)
