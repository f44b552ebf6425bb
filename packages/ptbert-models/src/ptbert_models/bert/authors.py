"""Reading the TensorFlow checkpoints of BERT's authors.

Source:
    github.com/google-research/bert: modeling.py, run_pretraining.py, run_classifier.py,
    run_squad.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from torch import Tensor

from ptbert_models.opening import load_tensorflow_weights
from ptbert_models.pretrained import PreTrainedModel
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


def seen_values(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return the values of a configuration that the variables of a checkpoint show.

    The number of heads does not show.

    Args:
        shapes: the shapes of the variables by name.

    Example:
        >>> seen_values({"bert/embeddings/word_embeddings": (9, 8), "bert/encoder/layer_1/x": ()})
        {'num_hidden_layers': 2, 'vocab_size': 9, 'hidden_size': 8}
    """
    found = (re.match(r"^bert/encoder/layer_(\d+)/", name) for name in shapes)
    layers = [int(each[1]) for each in found if each]
    seen = {"num_hidden_layers": max(layers) + 1} if layers else {}
    for name, keys in (
        ("bert/embeddings/word_embeddings", ("vocab_size", "hidden_size")),
        ("bert/embeddings/position_embeddings", ("max_position_embeddings", "hidden_size")),
        ("bert/embeddings/token_type_embeddings", ("type_vocab_size", "hidden_size")),
        ("bert/encoder/layer_0/intermediate/dense/bias", ("intermediate_size",)),
    ):
        seen |= zip(keys, shapes.get(name, ()), strict=False)
    return seen


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
