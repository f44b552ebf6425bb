"""Every error about checkpoints; each is also the builtin a caller would guess.

::

    OSError
    └── CheckpointError
        ├── CheckpointNotFound  (FileNotFoundError)         no such name, folder or file
        ├── CorruptCheckpoint                               not a weights file, or cut off
        ├── UnsafeCheckpoint                                a pickle that wants to run code
        ├── NothingLoaded       (ValueError)                not one weight fits the model
        └── ShapeMismatch       (ValueError, RuntimeError)  weights of another size
"""


class CheckpointError(OSError):
    """A checkpoint could not be found, read or fitted into a model."""


class CheckpointNotFound(CheckpointError, FileNotFoundError):
    """There is no checkpoint of that name, or the folder lacks a file."""


class CorruptCheckpoint(CheckpointError):
    """A file is not what its name says, or it is damaged."""


class UnsafeCheckpoint(CheckpointError):
    """A weights file wants to run code of its own when it is opened."""


class NothingLoaded(CheckpointError, ValueError):
    """Not a single weight of a checkpoint belongs to the model."""


class ShapeMismatch(CheckpointError, ValueError, RuntimeError):
    """Weights of a checkpoint have other shapes than the model's."""
