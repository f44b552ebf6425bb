"""Converting checkpoints: from the files of the models' authors, and between PyTorch's formats.

Each function of 2019 converts one family, ``convert_checkpoint`` converts all. The result has the
weights of the checkpoint and no others. Weights of heads that the model class lacks are kept.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import torch
from torch import Tensor

from ptbert_hub import CONFIG_NAME, DownloadOptions, atomic_write
from ptbert_hub.options import ORDINARY
from ptbert_models.bert import BertForPreTraining
from ptbert_models.config import PreTrainedConfig
from ptbert_models.files.json_files import read_json_object
from ptbert_models.files.loading import fill
from ptbert_models.files.shards import bytes_of
from ptbert_models.files.weights import MAX_SHARD_SIZE, with_later_names, write_weights
from ptbert_models.gpt import GPT2Config, GPT2Model, OpenAIGPTConfig, OpenAIGPTModel
from ptbert_models.inspection import open_any_checkpoint
from ptbert_models.opening import completed_config
from ptbert_models.parts.initialization import NoInitialization
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.transfo_xl import TransfoXLLMHeadModel

logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]
_SHOWN = 2  # names of weights in a message


def convert_checkpoint(
    source: PathLike,
    folder: PathLike,
    *,
    safe_serialization: bool = False,
    max_shard_size: int | str = MAX_SHARD_SIZE,
    config_file: PathLike | None = None,
    cache_dir: PathLike | None = None,
    options: DownloadOptions = ORDINARY,
) -> Path:
    """Convert a checkpoint of any family and format into a folder that ``from_pretrained`` reads.

    Old names of weights become today's. If the folder has other weights, they are removed, because
    they would belong to another model.

    Args:
        source: see ``ptbert_models.inspection.open_any_checkpoint``.
        folder: where to write; it is created if it does not exist.
        safe_serialization: write ``model.safetensors`` instead of ``pytorch_model.bin``.
        max_shard_size: bytes of weights, or a text such as "5GB"; if there are more, they are
            written to several files.
        config_file: the configuration; None to look for it beside the source. TensorFlow
            checkpoints of Transformer-XL need none.
        cache_dir: where downloads are kept instead of the usual cache.
        options: how to download.

    Returns:
        The path of the weights that were written, or of their index.

    Raises:
        OSError: if the source cannot be read, or the folder cannot be written to.
        ValueError: if the source is for another kind of model, or is in the folder itself.
    """
    bytes_of(max_shard_size)  # fails before anything is read
    opened = open_any_checkpoint(
        source, config_file=config_file, cache_dir=cache_dir, options=options
    )
    target = Path(folder)
    origin = opened.path if opened.path.is_dir() else opened.path.parent
    if target.exists() and target.samefile(origin):
        raise ValueError(
            f"{os.fspath(folder)!r} is where the source is, which would be overwritten; "
            "give another folder"
        )
    weights = dict(opened.weights)
    if opened.is_authors:
        weights = _named(opened.family.published, opened.config, weights, source)
    fits = opened.fits()
    best = fits[0].model if fits else opened.family.published
    target.mkdir(parents=True, exist_ok=True)
    path = write_weights(
        with_later_names(weights, best.later_names(opened.config)),
        target,
        safe_serialization=safe_serialization,
        max_shard_size=max_shard_size,
    )
    opened.config.naming(best).to_json_file(target / CONFIG_NAME)
    return path


def convert_tf_checkpoint_to_pytorch(
    tf_checkpoint_path: PathLike, bert_config_file: PathLike, pytorch_dump_path: PathLike
) -> None:
    """Convert a TensorFlow checkpoint of BERT.

    Args:
        tf_checkpoint_path: the checkpoint's prefix, one of its files, or its folder.
        bert_config_file: the configuration, ``bert_config.json`` beside published checkpoints.
        pytorch_dump_path: the weights file to write.

    Raises:
        OSError: if the checkpoint is missing or damaged.
        ValueError: if configuration and checkpoint do not fit each other.
    """
    config = completed_config(
        BertForPreTraining, read_json_object(bert_config_file), tf_checkpoint_path
    )
    state = read_authors_weights(BertForPreTraining, config, tf_checkpoint_path)
    _save(state, Path(pytorch_dump_path))


def convert_openai_checkpoint_to_pytorch(
    openai_checkpoint_folder_path: PathLike,
    openai_config_file: PathLike,
    pytorch_dump_folder_path: PathLike,
) -> None:
    """Convert the numpy files that OpenAI published for GPT.

    Args:
        openai_checkpoint_folder_path: where ``params_shapes.json`` and ``params_*.npy`` are.
        openai_config_file: the configuration; the published model's when empty.
        pytorch_dump_folder_path: the folder to write weights and configuration into.

    Raises:
        OSError: if a file is missing or damaged.
        ValueError: if configuration and files do not fit each other.
    """
    path = os.fspath(openai_config_file)
    config = OpenAIGPTConfig(path) if path else OpenAIGPTConfig()
    state = read_authors_weights(OpenAIGPTModel, config, openai_checkpoint_folder_path)
    _save_folder(state, config.naming(OpenAIGPTModel), pytorch_dump_folder_path)


def convert_gpt2_checkpoint_to_pytorch(
    gpt2_checkpoint_path: PathLike, gpt2_config_file: PathLike, pytorch_dump_folder_path: PathLike
) -> None:
    """Convert a TensorFlow checkpoint of GPT-2.

    Args:
        gpt2_checkpoint_path: the checkpoint's prefix, one of its files, or its folder.
        gpt2_config_file: the configuration; that of the published small model when empty.
        pytorch_dump_folder_path: the folder to write weights and configuration into.

    Raises:
        OSError: if the checkpoint is missing or damaged.
        ValueError: if configuration and checkpoint do not fit each other.
    """
    config: PreTrainedConfig = GPT2Config()
    if os.fspath(gpt2_config_file):
        config = completed_config(
            GPT2Model, read_json_object(gpt2_config_file), gpt2_checkpoint_path
        )
    state = read_authors_weights(GPT2Model, config, gpt2_checkpoint_path)
    _save_folder(state, config.naming(GPT2Model), pytorch_dump_folder_path)


def convert_transfo_xl_checkpoint_to_pytorch(
    tf_checkpoint_path: PathLike,
    transfo_xl_config_file: PathLike,
    pytorch_dump_folder_path: PathLike,
) -> None:
    """Convert a TensorFlow checkpoint of Transformer-XL.

    Args:
        tf_checkpoint_path: the checkpoint's prefix, one of its files, or its folder.
        transfo_xl_config_file: the configuration. Where it says nothing, or is empty, sizes are
            those of the checkpoint, and the rest is that of the published model.
        pytorch_dump_folder_path: the folder to write weights and configuration into.

    Raises:
        OSError: if the checkpoint is missing or damaged.
        ValueError: if configuration and checkpoint do not fit each other.
    """
    values = read_json_object(transfo_xl_config_file) if os.fspath(transfo_xl_config_file) else {}
    config = completed_config(TransfoXLLMHeadModel, values, tf_checkpoint_path)
    state = read_authors_weights(TransfoXLLMHeadModel, config, tf_checkpoint_path)
    _save_folder(state, config.naming(TransfoXLLMHeadModel), pytorch_dump_folder_path)


def read_authors_weights(
    model_class: type[PreTrainedModel], config: PreTrainedConfig, path: PathLike
) -> dict[str, Tensor]:
    """Read a checkpoint of a model's authors, and return its weights under the names of 2019.

    Args:
        model_class: the model that decides about names and shapes.
        config: its sizes.
        path: the checkpoint.
    """
    return _named(model_class, config, model_class.read_tensorflow(path, config), path)


def _named(
    model_class: type[PreTrainedModel],
    config: PreTrainedConfig,
    weights: dict[str, Tensor],
    path: PathLike,
) -> dict[str, Tensor]:
    """Return weights under the names that the model saves them by, with those that it lacks."""
    with NoInitialization():  # what the checkpoint does not fill is left out below
        model = model_class(config)
    plan = model.plan_loading(weights)
    fill(model, plan, take=True)
    state = {k: v for k, v in model.state_dict().items() if k not in plan.report.missing}
    if missing := list(plan.report.missing):
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        logger.warning(
            "%s has no %s%s, so the converted file has none either; this is usual for a model that "
            "was fine-tuned for a task of its own",
            path,
            ", ".join(missing[:_SHOWN]),
            more,
        )
    return state | {name: weights[name] for name in plan.report.unused}


def _save(state: dict[str, Tensor], path: Path) -> None:
    with atomic_write(path) as file:
        torch.save(state, file)


def _save_folder(state: dict[str, Tensor], config: PreTrainedConfig, folder: PathLike) -> None:
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    write_weights(state, target, safe_serialization=False)
    config.to_json_file(target / CONFIG_NAME)
