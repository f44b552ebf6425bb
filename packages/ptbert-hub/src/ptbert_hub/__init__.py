"""Download, verify and cache published model files, safely and together."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-hub")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
