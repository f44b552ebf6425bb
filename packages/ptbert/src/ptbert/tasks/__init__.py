"""Tasks in one line: small classes over a model and its tokenizer, from texts to plain values."""
