"""A corpus in shards, and what one process makes of it."""

import os
import signal

import pytest

from ptbert_tokenizers import count_words, encode_shard, read_documents

SHARDS = 6


@pytest.fixture
def corpus(tmp_path):
    """A vocabulary, and six shards of a corpus."""
    words = [f"{first}{second}" for first in "abcdefgh" for second in "ijklmnop"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    for shard in range(SHARDS):
        lines = (" ".join(words[shard + i : shard + i + i % 20]) for i in range(500))
        (tmp_path / f"{shard}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def shards(corpus):
    """Inputs and outputs of the shards."""
    (corpus / "out").mkdir()
    return [
        (str(corpus / f"{shard}.txt"), str(corpus / "out" / f"{shard}.npy"))
        for shard in range(SHARDS)
    ]


@pytest.fixture
def expected(corpus):
    """The files that one process makes."""
    folder = corpus / "expected"
    folder.mkdir()
    for shard in range(SHARDS):
        encode_shard(corpus / f"{shard}.txt", folder / f"{shard}.npy", corpus / "vocab.txt")
    return contents(folder)


@pytest.fixture
def expected_counts(corpus):
    """The words that one process counts."""
    sources = [corpus / f"{shard}.txt" for shard in range(SHARDS)]
    return count_words(read_documents(sources), "wordpiece")


@pytest.fixture
def contents_of():
    """Reads all files of a folder."""
    return contents


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".tmp"}


@pytest.fixture
def encode_and_be_killed_once(corpus):
    """Encodes a shard; the first process that comes to shard 3 dies after its ids have appeared."""
    vocabulary, flag = str(corpus / "vocab.txt"), str(corpus / "killed")

    def task(source, output):  # engines send it as a whole, because no worker can import it
        import ptbert_tokenizers.shards as module

        if source.endswith("3.txt") and not os.path.exists(flag):
            open(flag, "w").close()
            module.write_manifest = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        return module.encode_shard(source, output, vocabulary)

    yield task
    assert os.path.exists(flag)


@pytest.fixture
def count_shard():
    """Counts the words of a shard."""

    def task(source):
        return count_words(read_documents([source]), "wordpiece")

    return task
