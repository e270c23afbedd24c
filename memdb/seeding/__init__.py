"""Realistic memories, made up or from files: embeddings, texts, readers, and the load itself."""

import os

# The threads of a matrix product would spin on the cores that the server needs. It is read when numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
