"""The BERT, GPT, GPT-2 and Transformer-XL tokenizers of 2019, exact and fast, without torch."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-tokenizers")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
