"""BERT, GPT, GPT-2 and Transformer-XL for PyTorch with the interface of pytorch-pretrained-bert."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
