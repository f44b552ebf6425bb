"""What a program may say about its downloads."""

import pytest

from ptbert_hub import AccessDenied, BadSource, DownloadOptions
from ptbert_hub.options import is_revision

TOKEN = "hf_abcdefgh"


@pytest.mark.parametrize(
    "name", ["main", "v1.0", "refs/pr/1", "feature/x-y_z", "0123456", "ö", "a" * 200]
)
def test_names_that_git_allows_are_revisions(name):
    assert is_revision(name)
    assert DownloadOptions(revision=name).revision == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/main", "main/", "a//b", "..", "a..b", "../main", "a/../b", ".hidden", "a/.b"),
        *("a.lock", "a/b.lock/c", "a.", "-a", "a b", "a\n", "a\0", "a~1", "a^", "a:b", "a?", "a*"),
        *("a[b", "a\\b", "a@{1}", "a" * 201, "\x7f", "\udcff", "a\ud800"),
    ],
)
def test_any_other_revision_is_refused(name):
    with pytest.raises(BadSource, match="is not the name of a branch, a tag or a commit - leave"):
        DownloadOptions(revision=name)


def test_values_of_the_wrong_type_are_refused():
    for wrong in ({"revision": 3}, {"token": 3}, {"proxies": "http://proxy"}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            DownloadOptions(**wrong)
    with pytest.raises(TypeError, match="proxies must be a dictionary"):
        DownloadOptions(proxies={"https": 3})


def test_a_download_is_not_both_forced_and_forbidden():
    with pytest.raises(ValueError, match="force_download=True needs the network"):
        DownloadOptions(force_download=True, local_files_only=True)


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "é", "\0", "a" * 5000])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(token):
    with pytest.raises(BadSource, match="the token for the Hugging Face Hub is empty, or") as found:
        DownloadOptions(token=token)
    assert token.strip() == "" or token not in str(found.value)


def test_no_secret_is_shown():
    options = DownloadOptions(token=TOKEN, proxies={"https": "http://me:secret@proxy"})
    assert TOKEN not in repr(options)
    assert "secret" not in repr(options)


def test_the_token_comes_from_the_argument_the_environment_or_the_file(own_home, monkeypatch):
    assert DownloadOptions().bearer() is None
    file = own_home / ".cache/huggingface/token"
    file.parent.mkdir(parents=True)
    file.write_text("hf_file\n")
    assert DownloadOptions().bearer() == "hf_file"
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", "hf_old")
    assert DownloadOptions().bearer() == "hf_old"
    monkeypatch.setenv("HF_TOKEN", "hf_new")
    assert DownloadOptions(token=True).bearer() == "hf_new"
    assert DownloadOptions(token=f" {TOKEN}\n").bearer() == TOKEN
    assert DownloadOptions(token=False).bearer() is None


@pytest.mark.parametrize(
    ("variable", "below"),
    [("HF_TOKEN_PATH", ""), ("HF_HOME", "token"), ("XDG_CACHE_HOME", "huggingface/token")],
)
def test_the_variables_of_the_client_say_where_its_token_is(tmp_path, monkeypatch, variable, below):
    place = tmp_path / "place"
    file = place / below if below else place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(TOKEN)
    monkeypatch.setenv(variable, str(place))

    assert DownloadOptions().bearer() == TOKEN


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_an_unreadable_file_has_no_token(tmp_path, monkeypatch, content):
    (tmp_path / "token").write_bytes(content)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))

    assert DownloadOptions().bearer() is None


def test_a_token_that_must_be_there_and_is_not_is_an_error():
    with pytest.raises(AccessDenied, match="token=True, and neither HF_TOKEN nor the file"):
        DownloadOptions(token=True).bearer()


def test_a_token_is_sent_only_where_one_is_asked_for_if_the_client_is_told_so(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")

    assert DownloadOptions().bearer() is None
    assert DownloadOptions(token=True).bearer() == TOKEN
