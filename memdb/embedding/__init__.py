"""Embeddings of memories that are there: which are missing or stale, how they are filled, what is wrong with them."""
