"""Reading the weights that OpenAI published: GPT-2 as TensorFlow checkpoints, GPT as numpy files.

Source:
    github.com/openai/gpt-2: src/model.py; github.com/openai/finetune-transformer-lm: train.py.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0, read_magic
from torch import Tensor

from ptbert_models.errors import CheckpointNotFound, CorruptCheckpoint
from ptbert_models.files.checkpoint import SHAPES_NAME
from ptbert_models.files.json_files import read_json
from ptbert_models.opening import load_tensorflow_weights
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.tensorflow import open_checkpoint
from ptbert_models.tensorflow.translation import to_tensor, translate

Model = TypeVar("Model", bound=PreTrainedModel)

GPT2_RENAMES = (
    (r"^model/h(\d+)/", r"h/\1/"),
    (r"^model/", ""),
    (r"^(wte|wpe)$", r"\1/weight"),
    (r"/[wg]$", "/weight"),
    (r"/b$", "/bias"),
)

# The order of GPT's arrays: embeddings of positions and of tokens, then these of each layer.
GPT_LAYER = (
    "attn.c_attn.weight",
    "attn.c_attn.bias",
    "attn.c_proj.weight",
    "attn.c_proj.bias",
    "ln_1.weight",
    "ln_1.bias",
    "mlp.c_fc.weight",
    "mlp.c_fc.bias",
    "mlp.c_proj.weight",
    "mlp.c_proj.bias",
    "ln_2.weight",
    "ln_2.bias",
)


_SHARD = re.compile(r"params_([0-9]{1,4})\.npy")
_MOST_DIMENSIONS = 8


def read_gpt2_checkpoint(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a TensorFlow checkpoint of GPT-2 as a state dict.

    Args:
        path: see ``ptbert_models.tensorflow.open_checkpoint``.
    """
    state = translate(open_checkpoint(path), GPT2_RENAMES)
    return {key: _matrix(tensor) for key, tensor in state.items()}


def seen_values(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return the values of a configuration that the variables of a checkpoint of GPT-2 show.

    The number of heads does not show.

    Args:
        shapes: the shapes of the variables by name.

    Example:
        >>> seen_values({"model/wte": (9, 8), "model/h0/ln_1/g": (8,), "model/h1/ln_1/g": (8,)})
        {'n_layer': 2, 'vocab_size': 9, 'n_embd': 8}
    """
    found = (re.match(r"^model/h(\d+)/", name) for name in shapes)
    layers = [int(each[1]) for each in found if each]
    seen = {"n_layer": max(layers) + 1} if layers else {}
    seen |= zip(("vocab_size", "n_embd"), shapes.get("model/wte", ()), strict=False)
    return seen | dict(zip(("n_positions", "n_embd"), shapes.get("model/wpe", ()), strict=False))


def read_openai_shards(folder: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the numpy files that OpenAI published for GPT as a state dict.

    Args:
        folder: where ``params_shapes.json`` and ``params_0.npy`` to ``params_9.npy`` are.

    Raises:
        CheckpointNotFound: if a file is missing.
        CorruptCheckpoint: if a file is damaged, or the files do not fit each other.
    """
    folder = Path(folder)
    numbered = ((_SHARD.fullmatch(path.name), path) for path in folder.glob("params_*.npy"))
    shards = [
        path for _, path in sorted((int(found[1]), path) for found, path in numbered if found)
    ]
    if not shards or not (folder / SHAPES_NAME).is_file():
        raise CheckpointNotFound(
            f"{str(folder)!r} lacks {SHAPES_NAME}, or params_0.npy and the files after it; "
            "give the folder with the files that OpenAI published"
        )
    shapes = _read_shapes(folder / SHAPES_NAME)
    keys = _gpt_keys(len(shapes), folder)
    numbers = np.concatenate([_read_shard(path) for path in shards])
    ends = list(accumulate(map(math.prod, shapes)))  # whole numbers of Python have no largest one
    if ends[-1] != numbers.size:
        raise CorruptCheckpoint(
            f"{str(folder)!r}: the {len(shards)} files hold {numbers.size} numbers, and "
            f"{SHAPES_NAME} asks for {ends[-1]}; download the folder again"
        )
    arrays = np.split(numbers, ends[:-1])
    return {
        key: _matrix(to_tensor(array.reshape(shape)))
        for key, array, shape in zip(keys, arrays, shapes, strict=True)
    }


def _read_shapes(path: Path) -> list[list[int]]:
    try:
        shapes = read_json(path)
    except ValueError as error:
        raise CorruptCheckpoint(f"{str(path)!r} is not JSON; download it again") from error
    if not isinstance(shapes, list) or not all(map(_is_shape, shapes)):
        raise CorruptCheckpoint(
            f"{str(path)!r} is not a list of shapes, such as [[512, 768], [768]]; download it again"
        )
    return shapes


def _is_shape(value: Any) -> bool:
    is_short_list = isinstance(value, list) and len(value) <= _MOST_DIMENSIONS
    return is_short_list and all(type(n) is int and 0 < n < 1 << 63 for n in value)


def _gpt_keys(count: int, folder: Path) -> list[str]:
    layers, rest = divmod(count - 2, len(GPT_LAYER))
    if layers < 1 or rest:
        raise CorruptCheckpoint(
            f"{str(folder / SHAPES_NAME)!r} lists {count} arrays, which are not two embeddings and "
            f"{len(GPT_LAYER)} for each layer; download it again"
        )
    embeddings = ["positions_embed.weight", "tokens_embed.weight"]
    return embeddings + [f"h.{layer}.{key}" for layer in range(layers) for key in GPT_LAYER]


def _read_shard(path: Path) -> Any:
    try:
        with open(path, "rb") as file:
            version = read_magic(file)
            read_header = read_array_header_1_0 if version == (1, 0) else read_array_header_2_0
            shape, is_fortran, kind = read_header(file)
            if kind.kind != "f" or kind.itemsize not in {2, 4, 8}:
                raise ValueError(f"it holds {kind}, not numbers of floating point")
            if not all(type(n) is int and n >= 0 for n in shape):
                raise ValueError(f"it has the shape {shape}")
            count, left = math.prod(shape), os.fstat(file.fileno()).st_size - file.tell()
            if count * kind.itemsize > left:
                raise ValueError(f"it ends before its {count} numbers")
            numbers = np.fromfile(file, kind, count)
            return numbers.reshape(shape, order="F" if is_fortran else "C").ravel()
    except Exception as error:  # NumPy raises a dozen classes for damaged headers
        raise CorruptCheckpoint(
            f"{str(path)!r} is not a numpy file, or it is cut off ({error}); download it again"
        ) from error


def _matrix(tensor: Tensor) -> Tensor:
    """Drop the width 1 of a convolution, which TensorFlow computes: (1, in, out) → (in, out)."""
    return tensor.squeeze(0) if tensor.dim() == 3 else tensor


def load_tf_weights_in_gpt2(model: Model, gpt2_checkpoint_path: str | os.PathLike[str]) -> Model:
    """Fill a GPT-2 model from a TensorFlow checkpoint; TensorFlow is not needed.

    Weights that the checkpoint lacks keep their values and are named in one warning.

    Args:
        model: any of the three models.
        gpt2_checkpoint_path: the checkpoint's prefix, one of its files, or its folder.

    Returns:
        The model.

    Raises:
        OSError: if the checkpoint is missing or damaged.
        ValueError: if its weights do not fit.
    """
    return load_tensorflow_weights(model, gpt2_checkpoint_path)


def load_tf_weights_in_openai_gpt(
    model: Model, openai_checkpoint_folder_path: str | os.PathLike[str]
) -> Model:
    """Fill an OpenAI GPT model from the numpy files that OpenAI published.

    Args:
        model: any of the three models, without special tokens, which OpenAI's files do not have.
        openai_checkpoint_folder_path: where ``params_shapes.json`` and ``params_*.npy`` are.

    Returns:
        The model.

    Raises:
        OSError: if a file is missing or damaged.
        ValueError: if the weights do not fit.
    """
    return load_tensorflow_weights(model, openai_checkpoint_folder_path)
