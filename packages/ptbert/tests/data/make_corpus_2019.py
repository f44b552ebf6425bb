"""Write corpus_2019.pt: the corpus of three small texts as an object, as programs of 2019 saved it.

Run with pytorch-pretrained-bert==0.6.2 and torch==1.1.0: python make_corpus_2019.py
"""

import tempfile
from pathlib import Path

import torch
from pytorch_pretrained_bert.tokenization_transfo_xl import TransfoXLCorpus, TransfoXLTokenizer

TEXTS = {"train": "b a a\nC a b\n", "valid": "a b\n", "test": "b\n"}

corpus = TransfoXLCorpus()
corpus.vocab = TransfoXLTokenizer(special=["<eos>"])
corpus.dataset = "wt2"
with tempfile.TemporaryDirectory() as folder:
    for split, text in TEXTS.items():
        (Path(folder) / f"{split}.txt").write_text(text)
        corpus.vocab.count_sents([[*line.split(), "<eos>"] for line in text.splitlines()])
    corpus.vocab.build_vocab()
    for split in TEXTS:
        path = str(Path(folder) / f"{split}.txt")
        setattr(corpus, split, corpus.vocab.encode_file(path, ordered=True))
torch.save(corpus, str(Path(__file__).with_name("corpus_2019.pt")))
