"""The BERT, GPT, GPT-2 and Transformer-XL tokenizers of 2019, exact and fast, without torch."""

from ptbert_tokenizers.bert import BertTokenizer
from ptbert_tokenizers.errors import BadVocabulary, MissingVocabulary, UnknownId, UnknownToken
from ptbert_tokenizers.vocabulary import load_vocab
from ptbert_tokenizers.wordpiece import BasicTokenizer, WordpieceTokenizer, whitespace_tokenize

__all__ = [
    "BadVocabulary",
    "BasicTokenizer",
    "BertTokenizer",
    "MissingVocabulary",
    "UnknownId",
    "UnknownToken",
    "WordpieceTokenizer",
    "__version__",
    "load_vocab",
    "whitespace_tokenize",
]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-tokenizers")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
