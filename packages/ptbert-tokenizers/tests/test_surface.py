"""The public names, and what importing them must not bring along."""

import json
import subprocess
import sys

import ptbert_tokenizers

PUBLIC = [
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


def test_public_names() -> None:
    assert ptbert_tokenizers.__all__ == PUBLIC
    assert all(hasattr(ptbert_tokenizers, name) for name in PUBLIC)


def test_import_loads_neither_torch_nor_numpy() -> None:
    program = (
        "import json, sys; before = set(sys.modules); import ptbert_tokenizers; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    loaded = {name.partition(".")[0] for name in json.loads(answer.stdout)}
    assert not loaded & {"torch", "numpy", "spacy", "ftfy", "ptbert_models", "ptbert"}
