"""The BERT, GPT, GPT-2 and Transformer-XL tokenizers of 2019, exact and fast, without torch."""

from ptbert_tokenizers.batches.batch import Batch
from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.bert import BertTokenizer
from ptbert_tokenizers.corpora.documents import read_documents
from ptbert_tokenizers.errors import (
    BadVocabulary,
    MissingVocabulary,
    UnknownId,
    UnknownToken,
    WorkerDied,
)
from ptbert_tokenizers.files.vocabulary import load_vocab
from ptbert_tokenizers.gpt2 import GPT2Tokenizer
from ptbert_tokenizers.openai import OpenAIGPTTokenizer
from ptbert_tokenizers.plain.added_tokens import AddedToken
from ptbert_tokenizers.plain.wordpiece import whitespace_tokenize
from ptbert_tokenizers.quick.basic_tokenizer import BasicTokenizer
from ptbert_tokenizers.quick.known_pieces import WordpieceTokenizer
from ptbert_tokenizers.shards import Shard, encode_shard
from ptbert_tokenizers.streaming import TextStreamer
from ptbert_tokenizers.token_files.dividing import merge_token_files, split_token_file
from ptbert_tokenizers.token_files.formats import open_tokens
from ptbert_tokenizers.token_files.tokens import Tokens
from ptbert_tokenizers.training.counts import WordCounts, count_words
from ptbert_tokenizers.training.from_texts import (
    train_bpe,
    train_byte_bpe,
    train_wordpiece,
    train_words,
)
from ptbert_tokenizers.training.trained import TrainedVocabulary, train_vocabulary
from ptbert_tokenizers.transfo_xl import TransfoXLTokenizer

__all__ = [
    "AddedToken",
    "BadVocabulary",
    "BasicTokenizer",
    "Batch",
    "BertTokenizer",
    "FlatIds",
    "GPT2Tokenizer",
    "MissingVocabulary",
    "OpenAIGPTTokenizer",
    "Shard",
    "TextStreamer",
    "Tokens",
    "TrainedVocabulary",
    "TransfoXLTokenizer",
    "UnknownId",
    "UnknownToken",
    "WordCounts",
    "WordpieceTokenizer",
    "WorkerDied",
    "__version__",
    "count_words",
    "encode_shard",
    "load_vocab",
    "merge_token_files",
    "open_tokens",
    "read_documents",
    "split_token_file",
    "train_bpe",
    "train_byte_bpe",
    "train_vocabulary",
    "train_wordpiece",
    "train_words",
    "whitespace_tokenize",
]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-tokenizers")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
