"""The errors of this package. Each is also the built-in error that a caller would expect.

::

    BadVocabulary      (OSError, ValueError)             a vocabulary file with the wrong content
    MissingVocabulary  (FileNotFoundError, ValueError)   no vocabulary file where one was named
    UnknownToken       (KeyError, ValueError)            a token that the vocabulary lacks
    UnknownId          (KeyError, ValueError)            an id that the vocabulary lacks
    WorkerDied         (ChildProcessError)               a worker process that ended unasked
"""

from ptbert_hub.messages import ShortMessage


class BadVocabulary(ShortMessage, OSError, ValueError):
    """The file exists, but its content is not a vocabulary."""


class MissingVocabulary(ShortMessage, FileNotFoundError, ValueError):
    """No file, folder or checkpoint of that name holds the vocabulary."""


class _Missing(ShortMessage, KeyError, ValueError):
    def __str__(self) -> str:  # KeyError shows the repr of its message
        return str(self.args[0])


class UnknownToken(_Missing):
    """A token has no id."""


class UnknownId(_Missing):
    """An id has no token."""


class WorkerDied(ChildProcessError):
    """A process that encodes texts ended before it answered."""
