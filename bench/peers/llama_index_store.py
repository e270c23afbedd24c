"""LlamaIndex's PGVectorStore with an HNSW index, and the user as a key of the metadata that is indexed."""

import json
from typing import Any

from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.core.vector_stores.utils import node_to_metadata_dict
from llama_index.vector_stores.postgres import PGVectorStore

from bench.peers.serving import Adapter

_HNSW = {"hnsw_m": 16, "hnsw_ef_construction": 64, "hnsw_ef_search": 40, "hnsw_dist_method": "vector_cosine_ops"}


class Store(Adapter):
    def __init__(self, url: str) -> None:
        self.url = url

    def create(self) -> str:
        self._open(hnsw=None).add([])  # the first call makes the table
        return _fill()

    def index(self) -> None:
        self.store = self._open(hnsw=dict(_HNSW))
        self.store.add([])

    def search(self, user: str, embedding: list[float], k: int) -> list[float]:
        filters = MetadataFilters(filters=[MetadataFilter(key="user_id", value=user)])
        query = VectorStoreQuery(query_embedding=embedding, similarity_top_k=k, filters=filters)
        return [1 - similarity for similarity in self.store.query(query).similarities]

    def _open(self, *, hnsw: dict[str, Any] | None) -> PGVectorStore:
        return PGVectorStore.from_params(
            connection_string=self.url.replace("postgresql:", "postgresql+psycopg2:", 1),
            async_connection_string=self.url.replace("postgresql:", "postgresql+asyncpg:", 1),
            table_name="llama_index",
            embed_dim=1536,
            hnsw_kwargs=hnsw,
            indexed_metadata_keys={("user_id", "text")},
        )


def _fill() -> str:
    """The metadata holds the whole node once more, as the library writes it, so it is taken from a sample."""
    node = TextNode(id_="the id", metadata={"user_id": "the user", "source": "chat", "conversation_id": 0})
    sample = json.dumps(node_to_metadata_dict(node, remove_text=True))
    return f"""
        insert into data_llama_index (text, metadata_, node_id, embedding)
        select
            content, replace(replace($json${sample}$json$, 'the id', id::text), 'the user', user_id::text)::json,
            id, embedding
        from memories
    """
