"""Training vocabularies: words are counted, and from the counts come words or pieces of words"""
