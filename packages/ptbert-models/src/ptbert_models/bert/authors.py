"""Reading the TensorFlow checkpoints of BERT's authors.

Source:
    github.com/google-research/bert: modeling.py, run_pretraining.py, run_classifier.py,
    run_squad.py.
"""

from __future__ import annotations

import os
from typing import TypeVar

from torch import Tensor

from ptbert_models.pretrained import PreTrainedModel, load_tensorflow_weights
from ptbert_models.tensorflow import open_checkpoint
from ptbert_models.tensorflow.translation import translate

RENAMES = (
    (r"^output_(weights|bias)$", r"classifier/\1"),
    (r"^cls/squad/output_(weights|bias)$", r"qa_outputs/\1"),
    (r"^cls/predictions/output_bias$", "cls/predictions/bias"),
    (r"^cls/seq_relationship/output_(weights|bias)$", r"cls/seq_relationship/\1"),
    (r"/layer_(\d+)/", r"/layer/\1/"),
    (r"_embeddings$", "_embeddings/weight"),
    (r"/(kernel|gamma|weights)$", "/weight"),
    (r"/beta$", "/bias"),
)
TRANSPOSED = r"/kernel$"  # dense layers are (in, out) there and (out, in) here

Model = TypeVar("Model", bound=PreTrainedModel)


def read_bert_checkpoint(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a TensorFlow checkpoint of BERT, bare or with any of its heads, as a state dict.

    Args:
        path: see ``ptbert_models.tensorflow.open_checkpoint``.
    """
    return translate(open_checkpoint(path), RENAMES, transposed=TRANSPOSED)


def load_tf_weights_in_bert(model: Model, tf_checkpoint_path: str | os.PathLike[str]) -> Model:
    """Fill a BERT model from a TensorFlow checkpoint; TensorFlow is not needed.

    Weights that the checkpoint lacks keep their values and are named in one warning.

    Args:
        model: any of the eight models.
        tf_checkpoint_path: the checkpoint's prefix, one of its files, or its folder.

    Returns:
        The model.

    Raises:
        OSError: if the checkpoint is missing or damaged.
        ValueError: if its weights do not fit.
    """
    return load_tensorflow_weights(model, tf_checkpoint_path)
