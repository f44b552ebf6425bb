import pickle

import pytest

from ptbert_hub import errors

BUILTINS = {
    "NotFound": FileNotFoundError,
    "UnknownName": FileNotFoundError,
    "WrongFamily": ValueError,
    "AccessDenied": PermissionError,
    "NetworkError": ConnectionError,
    "Timeout": TimeoutError,
    "OfflineMiss": FileNotFoundError,
    "CacheReadOnly": PermissionError,
    "BadSource": ValueError,
    "UnsafeArchive": ValueError,
}
CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.HubError)
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_error_is_an_os_error_and_the_expected_builtin(cls):
    assert issubclass(cls, OSError)
    assert issubclass(cls, BUILTINS.get(cls.__name__, OSError))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_an_error_can_be_pickled(cls):
    error = cls("what", hint="do this", url="http://a", path="/p", errno=28)
    error.retry_after = 3.0

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is cls
    assert str(again) == "what - do this"
    assert (again.url, again.path, again.errno, again.hint) == ("http://a", "/p", 28, "do this")
    assert again.retry_after == 3.0


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {line.split("──")[-1].split()[0] for line in errors.__doc__.splitlines() if "─" in line}

    assert drawn == {cls.__name__ for cls in CLASSES}
