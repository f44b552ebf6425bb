"""All errors about checkpoints. Each is also the built-in error that a caller would expect.

::

    OSError
    └── CheckpointError
        ├── CheckpointNotFound  (FileNotFoundError)         no such name, folder or file
        ├── CorruptCheckpoint                               not a weights file, or cut off
        ├── UnsafeCheckpoint                                a pickle that would run code
        ├── NothingLoaded       (ValueError)                not one weight fits the model
        │   └── OtherFamily                                 files of another family of models
        ├── MostlyMissing       (ValueError)                most weights of the model are not there
        ├── UnusableWeights     (ValueError)                integers, or two values for one weight
        └── ShapeMismatch       (ValueError, RuntimeError)  weights of another size
"""

from ptbert_hub import messages


class CheckpointError(messages.ShortMessage, OSError):
    """A checkpoint could not be found, read or fitted into a model."""


class CheckpointNotFound(CheckpointError, FileNotFoundError):
    """There is no checkpoint of that name, or the folder lacks a file."""


class CorruptCheckpoint(CheckpointError):
    """A file is damaged, or it is no weights file."""


class UnsafeCheckpoint(CheckpointError):
    """Opening a weights file would run code that is in the file."""


class NothingLoaded(CheckpointError, ValueError):
    """Not a single weight of a checkpoint belongs to the model."""


class OtherFamily(NothingLoaded):
    """A checkpoint is one of another family of models than the class."""


class MostlyMissing(CheckpointError, ValueError):
    """A checkpoint has some weights of the model, but lacks most of them."""


class UnusableWeights(CheckpointError, ValueError):
    """A checkpoint's values cannot be a model's weights, or two of them contradict each other."""


class ShapeMismatch(CheckpointError, ValueError, RuntimeError):
    """Weights of a checkpoint have other shapes than the model's."""
