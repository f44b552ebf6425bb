"""A model folder small enough for every test."""

import pytest
import torch

from ptbert import CONFIG_NAME, WEIGHTS_NAME, BertConfig, BertModel

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the key is in drawer a cat sleeps on mat where ? . ##s"


@pytest.fixture
def model_folder(tmp_path):
    """A folder with a tiny BERT and its vocabulary."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    folder = tmp_path / "model"
    folder.mkdir()
    words = WORDS.split()
    config = BertConfig(
        len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    torch.save(BertModel(config).state_dict(), folder / WEIGHTS_NAME)
    config.to_json_file(folder / CONFIG_NAME)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    return folder
