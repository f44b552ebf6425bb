"""Reading and writing files: vocabularies, settings, text, ids."""
