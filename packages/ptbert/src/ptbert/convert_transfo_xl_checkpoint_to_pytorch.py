"""The conversion of Transformer-XL's TensorFlow checkpoints and corpora, under its name of 2019."""

from ptbert.corpora.authors_corpus import convert_transfo_xl_checkpoint_to_pytorch

__all__ = ["convert_transfo_xl_checkpoint_to_pytorch"]

if __name__ == "__main__":
    import sys

    from ptbert.commands.conversions_2019 import run_with_options

    sys.exit(run_with_options(convert_transfo_xl_checkpoint_to_pytorch))
