"""Files of checkpoints: finding them, reading them, and filling a model with the weights."""
