"""BERT, GPT, GPT-2 and Transformer-XL as PyTorch models, with the names and numbers of 2019."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-models")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
