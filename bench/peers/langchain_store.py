"""LangChain's PGVectorStore, with the user in a column of its own, as its how-to has metadata that is filtered by."""

from uuid import UUID

from langchain_core.embeddings import FakeEmbeddings
from langchain_postgres import Column, PGEngine, PGVectorStore
from langchain_postgres.v2.indexes import HNSWIndex

from bench.peers.serving import Adapter

_TABLE = "langchain_vectorstore"
_FILL = f"""
insert into {_TABLE} (langchain_id, content, embedding, user_id, langchain_metadata)
select id, content, embedding, user_id, metadata
from memories
"""


class Store(Adapter):
    def __init__(self, url: str) -> None:
        self.engine = PGEngine.from_connection_string(url.replace("postgresql:", "postgresql+asyncpg:", 1))

    def create(self) -> str:
        self.engine.init_vectorstore_table(_TABLE, 1536, metadata_columns=[Column("user_id", "uuid", nullable=False)])
        return _FILL

    def index(self) -> None:
        self.store = PGVectorStore.create_sync(
            engine=self.engine,
            table_name=_TABLE,
            embedding_service=FakeEmbeddings(size=1536),  # has to be there, but nothing is embedded
            metadata_columns=["user_id"],
        )
        self.store.apply_vector_index(HNSWIndex())

    def search(self, user: str, embedding: list[float], k: int) -> list[float]:
        found = self.store.similarity_search_with_score_by_vector(embedding, k=k, filter={"user_id": UUID(user)})
        return [distance for _, distance in found]
