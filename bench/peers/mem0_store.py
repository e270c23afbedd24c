"""mem0's store for PostgreSQL, which `Memory.search` asks; that adds a search for words, and needs a language model."""

import os
from pathlib import Path

# Before mem0 is imported: it reports its use otherwise, and keeps a file in the home directory.
os.environ["MEM0_TELEMETRY"] = "False"
os.environ["MEM0_DIR"] = str(Path(__file__).parents[2] / ".venv" / "peers" / "mem0_store" / "settings")

from mem0.vector_stores.pgvector import PGVector

from bench.peers.serving import Adapter

_FILL = """
insert into mem0 (id, vector, payload)
select id, embedding, metadata || jsonb_build_object(
    'data', content, 'text_lemmatized', lower(content), 'hash', md5(content), 'user_id', user_id,
    'created_at', created_at, 'updated_at', created_at
)
from memories
"""


class Store(Adapter):
    def __init__(self, url: str) -> None:
        self.url = url

    def create(self) -> str:
        self._open(hnsw=False).create_col()
        return _FILL

    def index(self) -> None:
        self.store = self._open(hnsw=True)
        self.store.create_col()  # makes what is not there

    def search(self, user: str, embedding: list[float], k: int) -> list[float]:
        # The score is never below 0, so memories that point away from the question come back at distance 1.
        found = self.store.search("", embedding, top_k=k, filters={"user_id": user})
        return [1 - memory.score for memory in found]

    def _open(self, *, hnsw: bool) -> PGVector:
        """With mem0's defaults, but for the place. Its tables have to be in `public`."""
        return PGVector(
            dbname=None,
            user=None,
            password=None,
            host=None,
            port=None,
            collection_name="mem0",
            embedding_model_dims=1536,
            diskann=False,
            hnsw=hnsw,
            connection_string=self.url,
        )
