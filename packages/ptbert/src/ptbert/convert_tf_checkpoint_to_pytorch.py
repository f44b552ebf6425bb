"""The conversion of BERT's TensorFlow checkpoints, under its name of 2019."""

from ptbert_models.convert import convert_tf_checkpoint_to_pytorch

__all__ = ["convert_tf_checkpoint_to_pytorch"]
