import os
import re
from pathlib import Path

import pytest

import ptbert_hub
from ptbert_hub import get_from_cache, settings
from ptbert_hub.errors import CacheError, CacheWriteError


def test_without_any_variable_the_cache_is_torchs(own_home):
    assert settings.default_cache() == own_home / ".cache/torch/pytorch_pretrained_bert"


@pytest.mark.parametrize(
    ("variable", "value", "folder"),
    [
        ("XDG_CACHE_HOME", "/xdg", "/xdg/torch/pytorch_pretrained_bert"),
        ("ENV_XDG_CACHE_HOME", "/xdg2", "/xdg2/torch/pytorch_pretrained_bert"),
        ("TORCH_HOME", "/torch", "/torch/pytorch_pretrained_bert"),
        ("ENV_TORCH_HOME", "/torch2", "/torch2/pytorch_pretrained_bert"),
        ("PYTORCH_PRETRAINED_BERT_CACHE", "/models", "/models"),
    ],
)
def test_each_variable_counts_more_than_those_before(variable, value, folder, monkeypatch):
    order = [
        "XDG_CACHE_HOME",
        "ENV_XDG_CACHE_HOME",
        "TORCH_HOME",
        "ENV_TORCH_HOME",
        "PYTORCH_PRETRAINED_BERT_CACHE",
    ]
    for weaker in order[: order.index(variable)]:
        monkeypatch.setenv(weaker, "/weaker")
    monkeypatch.setenv(variable, value)

    assert settings.default_cache() == Path(folder)


def test_home_and_variables_are_filled_in(monkeypatch, own_home):
    monkeypatch.setenv("DATA", "models")
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "~/$DATA")

    assert settings.default_cache() == own_home / "models"


def test_the_constant_of_2019_is_the_folder_as_the_environment_says_now(monkeypatch):
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "/one")
    assert Path("/one") == ptbert_hub.PYTORCH_PRETRAINED_BERT_CACHE
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "/two")
    assert Path("/two") == ptbert_hub.PYTORCH_PRETRAINED_BERT_CACHE


def test_old_folders_and_listed_ones_are_searched_too(monkeypatch, own_home):
    monkeypatch.setenv("PTBERT_HUB_CACHE_RO", "/shared:~/more")
    torch = own_home / ".cache/torch"

    assert settings.search_path() == [
        torch / "pytorch_pretrained_bert",
        own_home / ".pytorch_pretrained_bert",
        torch / "pytorch_transformers",
        torch / "transformers",
        Path("/shared"),
        own_home / "more",
    ]


@pytest.mark.parametrize("variable", settings.OFFLINE_VARIABLES)
def test_each_offline_variable_counts(variable, monkeypatch):
    assert not settings.is_offline()
    monkeypatch.setenv(variable, "0")
    assert not settings.is_offline()
    monkeypatch.setenv(variable, "true")
    assert settings.is_offline()


def test_no_other_module_reads_the_environment():
    source = Path(ptbert_hub.__file__).parent
    reading = re.compile(r"os\.(environ|getenv|path\.expand)|\.expanduser\(")
    readers = [path.name for path in source.glob("*.py") if reading.search(path.read_text())]

    assert readers == ["settings.py"]


def test_the_readme_names_every_variable():
    readme = Path(__file__).parents[1] / "README.md"
    names = re.findall(r'"([A-Z][A-Z0-9]*_[A-Z0-9_]+|RANK)"', Path(settings.__file__).read_text())

    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in readme.read_text()] == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", []),
        ("https://a/x", ["https://a/x"]),
        ("https://a/x,file:///b", ["https://a/x", "file:///b"]),
        (" https://a/x , file:///b ", ["https://a/x", "file:///b"]),
        ("https://a/x file:///b", ["https://a/x", "file:///b"]),
    ],
)
def test_mirrors_are_separated_by_commas_or_spaces(monkeypatch, text, addresses):
    monkeypatch.setenv("PTBERT_HUB_MIRROR", text)

    assert settings.mirrors() == addresses


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    for name in ("HF_ENDPOINT", "HF_TOKEN", "AWS_ENDPOINT_URL", *settings.CERTIFICATE_VARIABLES):
        monkeypatch.setenv(name, "")

    assert settings.hub_endpoint() == "https://huggingface.co"
    assert settings.hub_token() is None
    assert settings.s3_server() is None
    assert settings.certificates() is None


def test_the_first_variable_for_certificates_counts(monkeypatch):
    for name in reversed(settings.CERTIFICATE_VARIABLES):
        monkeypatch.setenv(name, f"/{name}.pem")
        assert settings.certificates() == f"/{name}.pem"


def test_the_s3_variable_counts_more_than_the_one_for_all_of_aws(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all/")
    assert settings.s3_server() == "http://all"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3/")
    assert settings.s3_server() == "http://s3"


@pytest.mark.parametrize(
    ("variable", "value", "answer"),
    [
        ("PTBERT_HUB_PROGRESS", "1", True),
        ("PTBERT_HUB_PROGRESS", "0", False),
        ("PTBERT_HUB_PROGRESS", "auto", None),
        ("TQDM_POSITION", "-1", False),
        ("TQDM_POSITION", "2", None),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1", False),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "0", None),
    ],
)
def test_progress_is_on_off_or_automatic(monkeypatch, variable, value, answer):
    assert settings.shows_progress() is None
    monkeypatch.setenv(variable, value)
    assert settings.shows_progress() is answer


def test_an_unknown_home_folder_is_named(monkeypatch):
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "~nosuchuser/cache")

    with pytest.raises(ValueError, match="'~nosuchuser/cache' begins with a home folder that is"):
        settings.default_cache()


@pytest.fixture
def nobody(monkeypatch):
    """A user without a name and without HOME, as in many containers."""
    pwd = pytest.importorskip("pwd")

    def unknown(_):
        raise KeyError("no such user")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_user_without_a_home_can_name_a_folder(nobody, served, cache, monkeypatch):
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(cache))

    path = get_from_cache(served.url())

    assert Path(path).parent == cache
    assert get_from_cache(served.url()) == path


def test_a_user_without_a_home_can_read(nobody, served, cache, monkeypatch):
    path = get_from_cache(served.url(), cache)
    monkeypatch.setenv("PTBERT_HUB_CACHE_RO", f"{cache}{os.pathsep}~nosuchuser/x")
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")

    assert get_from_cache(served.url()) == path


def test_without_a_home_and_a_folder_the_error_says_what_to_do(nobody, served):
    with pytest.raises(CacheWriteError) as caught:
        get_from_cache(served.url())
    assert str(caught.value) == (
        "there is no folder '~/.cache/torch/pytorch_pretrained_bert', because the home folder is "
        "not known - set HOME, or name a folder in PYTORCH_PRETRAINED_BERT_CACHE"
    )
    assert not Path("~").exists()


def test_the_home_of_nobody_is_a_folder_that_cannot_be_written(served, monkeypatch):
    monkeypatch.setattr(
        os.path, "expanduser", lambda path: str(path).replace("~nobody", "/dev/null")
    )
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "~nobody/cache")

    with pytest.raises(CacheError):
        get_from_cache(served.url())
