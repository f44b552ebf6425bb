"""The conversion of OpenAI's files of GPT, under its name of 2019."""

from ptbert_models.convert import convert_openai_checkpoint_to_pytorch

__all__ = ["convert_openai_checkpoint_to_pytorch"]

if __name__ == "__main__":
    import sys

    from ptbert.commands.conversions_2019 import run_with_options

    sys.exit(run_with_options(convert_openai_checkpoint_to_pytorch))
