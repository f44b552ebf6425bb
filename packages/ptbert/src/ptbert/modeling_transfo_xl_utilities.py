"""The adaptive softmax of Transformer-XL under the names of 2019."""

from ptbert_models.transfo_xl import LogUniformSampler, ProjectedAdaptiveLogSoftmax, sample_logits

__all__ = ["LogUniformSampler", "ProjectedAdaptiveLogSoftmax", "sample_logits"]
