"""The conversion of GPT-2's TensorFlow checkpoints, under its name of 2019."""

from ptbert_models.convert import convert_gpt2_checkpoint_to_pytorch

__all__ = ["convert_gpt2_checkpoint_to_pytorch"]
