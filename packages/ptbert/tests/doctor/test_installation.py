"""What ``ptbert doctor`` says about an installation, and what it keeps to itself."""

import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version

import pytest

from ptbert.__main__ import main
from ptbert.doctor import installation as module
from ptbert.doctor.installation import installation
from ptbert_hub import settings


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch, tmp_path):
    """A home folder of its own, a disk with room, and no settings but those of the test."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HF_ENDPOINT", "HF_TOKEN")
    names += ("PTBERT_HUB_MIRROR", "PTBERT_HUB_MIRROR_ONLY")
    for name in (*names, *settings.OFFLINE_VARIABLES, *settings.CERTIFICATE_VARIABLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("PYTORCH_PRETRAINED_BERT_CACHE", "TORCH_HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "alice"
    (home / ".cache" / "torch" / "pytorch_pretrained_bert").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 40)  # whatever else fills the disk
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    return home


def test_the_report_is_made_for_a_bug_report(capsys):
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for name in ("ptbert", "ptbert-hub", "torch", "numpy"):
        assert f"{name} " in printed
        assert version(name) in printed
    assert "no problems found" in printed


def test_no_secret_and_no_home_folder_is_printed(monkeypatch, capsys):
    monkeypatch.setenv("HTTPS_PROXY", "http://alice:hunter2@proxy.example:8080")
    monkeypatch.setenv("HTTP_PROXY", "alice:hunter2@proxy.example:8080")
    monkeypatch.setenv("HF_ENDPOINT", "https://alice:hunter2@mirror.example?token=hunter2")
    monkeypatch.setenv("PTBERT_HUB_MIRROR", "https://alice:hunter2@mirror.example/files")
    monkeypatch.setenv("HF_TOKEN", "hunter2")
    for words in (["doctor"], ["doctor", "--json"]):
        assert main(words) == 0
        printed = capsys.readouterr().out
        assert "hunter2" not in printed
        assert "alice" not in printed
        assert "proxy.example:8080" in printed
        assert "folder" in printed
        assert "~" in printed
    facts = json.loads(printed)
    assert facts["network"]["token"] == "set"
    (problem,) = facts["problems"]
    assert (
        problem == "the proxy 'proxy.example:8080' has no scheme; write http://proxy.example:8080"
    )


def test_a_distribution_that_does_not_fit_is_a_problem(monkeypatch):
    monkeypatch.setattr(
        module, "version", lambda name: "0.1" if name == "ptbert-hub" else version(name)
    )
    found = [each for each in installation()["problems"] if each.startswith("ptbert needs")]
    (wanted,) = [each for each in requires("ptbert") if each.startswith("ptbert-hub")]
    (problem,) = found
    assert problem.startswith(f"ptbert needs ptbert-hub {wanted.removeprefix('ptbert-hub')}")
    assert problem.endswith("and 0.1 is installed; pip install --upgrade ptbert")


def test_what_is_not_installed_is_a_problem(monkeypatch):
    def installed(name):
        if name == "regex":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(module, "version", installed)
    (problem,) = installation()["problems"]
    assert problem.endswith("needs regex, which is not installed; pip install regex")


def test_a_broken_torch_is_a_problem_and_no_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    facts = installation()
    assert "devices" not in facts["devices"]
    (problem,) = facts["problems"]
    assert problem.startswith("torch cannot be imported (ModuleNotFoundError")


def test_a_full_disk_is_a_problem(monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    (problem,) = installation()["problems"]
    assert problem.startswith("1.0 MiB are free in ~")
    assert "ptbert cache prune" in problem


def test_a_cache_that_cannot_be_written_is_a_problem(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "file" / "below"))
    facts = installation()
    assert facts["cache"]["writable"] is False
    (problem,) = facts["problems"]
    assert "set PYTORCH_PRETRAINED_BERT_CACHE to another folder" in problem


def test_offline_without_a_cache_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "new"))
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    facts = installation()
    assert facts["network"]["offline because of"] == ["TRANSFORMERS_OFFLINE"]
    (problem,) = facts["problems"]
    assert "unset TRANSFORMERS_OFFLINE" in problem


def test_certificates_that_are_not_there_are_a_problem(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    (problem,) = installation()["problems"]
    assert "'/no/such.pem' is not there" in problem


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("HF_ENDPOINT", "hub.example/", "write https://hub.example"),
        (
            "PTBERT_HUB_MIRROR",
            "https://a.example ftp://b.example",
            "names 'ftp://b.example' - give",
        ),
        ("PTBERT_HUB_MIRROR", "https://a.example/{file}", "'https://a.example/{file}'"),
        ("PTBERT_HUB_MIRROR", "file:///no/folder", "'file:///no/folder', and no folder is there"),
        ("PTBERT_HUB_MIRROR_ONLY", "1", "unset PTBERT_HUB_MIRROR_ONLY, or name a mirror"),
    ],
)
def test_sources_that_cannot_be_asked_are_a_problem(monkeypatch, name, value, wanted):
    monkeypatch.setenv(name, value)
    (problem,) = installation()["problems"]
    assert wanted in problem


def test_sources_that_can_be_asked_are_no_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:8000")
    monkeypatch.setenv("PTBERT_HUB_MIRROR", f"{tmp_path.as_uri()},file:///any/{{repo}}/{{path}}")
    monkeypatch.setenv("PTBERT_HUB_MIRROR_ONLY", "1")
    assert installation()["problems"] == []


def test_the_caches_of_2019_are_named(quiet_environment):
    (quiet_environment / ".pytorch_pretrained_bert").mkdir()
    (other,) = installation()["cache"]["other caches"]
    assert other.startswith("~")
    assert ".pytorch_pretrained_bert (" in other
