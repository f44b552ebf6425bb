"""The conversion of OpenAI's files of GPT, under its name of 2019."""

from ptbert_models.convert import convert_openai_checkpoint_to_pytorch

__all__ = ["convert_openai_checkpoint_to_pytorch"]
