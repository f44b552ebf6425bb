"""Many texts at once: their ids end to end, as rows of a batch, and in several processes."""
