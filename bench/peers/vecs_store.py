"""Supabase's vecs: a collection in its own schema `vecs`, with the user in the metadata."""

import vecs

from bench.peers.serving import Adapter

_FILL = """
insert into vecs.docs (id, vec, metadata)
select id, embedding, metadata || jsonb_build_object('user_id', user_id, 'content', content)
from memories
"""


class Store(Adapter):
    def __init__(self, url: str) -> None:
        # The driver is named, as SQLAlchemy 2.1 would otherwise take psycopg 3, which vecs does not install.
        self.client = vecs.create_client(url.replace("postgresql:", "postgresql+psycopg2:", 1))

    def create(self) -> str:
        self.docs = self.client.get_or_create_collection(name="docs", dimension=1536)
        return _FILL

    def index(self) -> None:
        self.docs.create_index(method=vecs.IndexMethod.hnsw, measure=vecs.IndexMeasure.cosine_distance)

    def search(self, user: str, embedding: list[float], k: int) -> list[float]:
        filters = {"user_id": {"$eq": user}}
        found = self.docs.query(embedding, limit=k, filters=filters, include_value=True, include_metadata=True)
        return [distance for _, distance, _ in found]
