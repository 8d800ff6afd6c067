"""Room: the nouns, and how they are kept."""
