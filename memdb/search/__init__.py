"""Searching one user's memories by words, by meaning, or by both, and why one of them is found, or is not."""
