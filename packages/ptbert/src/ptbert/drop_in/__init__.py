"""Drop-in mode: programs that import ``pytorch_pretrained_bert`` get ptbert instead."""
