"""The conversion of Transformer-XL's TensorFlow checkpoints, under its name of 2019."""

from ptbert_models.convert import convert_transfo_xl_checkpoint_to_pytorch

__all__ = ["convert_transfo_xl_checkpoint_to_pytorch"]
