"""The same answers, faster. Without this room the tokenizers would only be slower."""
