"""BertAdam, OpenAIAdam and their learning rate schedules for PyTorch."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-optim")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
