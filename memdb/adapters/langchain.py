"""LangChain's VectorStore over the memories of one user. Needs the extra `langchain`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import values
from memdb.adapters.keys import LANGCHAIN, LANGGRAPH
from memdb.adapters.pool import Pool, Work
from memdb.errors import InvalidMemory, UsageError
from memdb.models.ids import new_id
from memdb.schemas import MemoryCreate, MemorySimilarityQuery, Where
from memdb.store import MemoryStore
from memdb.values import MemoryType, UserKey

Scored = list[tuple[Document, float]]
Metadatas: TypeAlias = list[dict[str, Any]] | None


class MemdbVectorStore(VectorStore):
    """The memories of a user as documents. Searches see the tiers `memory_types`, or all; what is added is of one.

    Ids are UUIDs, or any texts: these stand for a UUID of their own for each user. Documents that are added under an id
    take the place of what this user has there. Distances are cosine distances, 0 to 2.

    Searches take `filter`, which is what `extra_data` of a MemorySimilarityQuery is, and its `where` and
    `max_distance`.
    """

    def __init__(
        self,
        embedding: Embeddings,
        *,
        pool: Pool,
        user_id: UserKey,
        memory_type: MemoryType | str,
        memory_types: Iterable[MemoryType | str] | None = None,
    ) -> None:
        self._embedding = embedding
        self._pool = pool
        self._user_id = values.user_id(user_id, pool.shape.users)
        self._tier = values.tier(memory_type)
        self._tiers = None if memory_types is None else [values.tier(each) for each in memory_types]
        self._ids = uuid5(NAMESPACE_URL, f"{LANGCHAIN}:{self._user_id}")

    @property
    def embeddings(self) -> Embeddings:
        return self._embedding

    def add_documents(
        self, documents: list[Document], *, ids: Sequence[str | None] | None = None, **_: Any
    ) -> list[str]:
        """Stores the documents under `ids`, or their own, or new ones; all or none. Returns their ids.

        Raises UnknownUser, and InvalidMemory for what cannot be stored.
        """
        embedded = self._embedding.embed_documents([document.page_content for document in documents])
        return self._pool.run(self._add(documents, ids, embedded), self._user_id)

    async def aadd_documents(
        self, documents: list[Document], *, ids: Sequence[str | None] | None = None, **_: Any
    ) -> list[str]:
        embedded = await self._embedding.aembed_documents([document.page_content for document in documents])
        return await self._pool.arun(self._add(documents, ids, embedded), self._user_id)

    def add_texts(
        self, texts: Iterable[str], metadatas: Metadatas = None, *, ids: list[str] | None = None, **_: Any
    ) -> list[str]:
        """As add_documents does. Raises ValueError where there is another number of metadatas or ids than of texts."""
        return self.add_documents(_as_documents(texts, metadatas, ids))

    async def aadd_texts(
        self, texts: Iterable[str], metadatas: Metadatas = None, *, ids: list[str] | None = None, **_: Any
    ) -> list[str]:
        return await self.aadd_documents(_as_documents(texts, metadatas, ids))

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Deletes documents of this user; ids that are not there are none. Raises UsageError without ids."""
        return self._pool.run(self._delete(ids), self._user_id)

    async def adelete(self, ids: list[str] | None = None, **_: Any) -> bool:
        return await self._pool.arun(self._delete(ids), self._user_id)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Those of the documents that this user has, in the order of the ids."""
        return self._pool.run(self._get(ids), self._user_id)

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        return await self._pool.arun(self._get(ids), self._user_id)

    def similarity_search(self, query: str, k: int = 4, **conditions: Any) -> list[Document]:
        return _documents(self.similarity_search_with_score(query, k, **conditions))

    async def asimilarity_search(self, query: str, k: int = 4, **conditions: Any) -> list[Document]:
        return _documents(await self.asimilarity_search_with_score(query, k, **conditions))

    def similarity_search_with_score(self, query: str, k: int = 4, **conditions: Any) -> Scored:
        """The nearest documents with their distances, nearest first."""
        return self._pool.run(self._nearest(self._embedding.embed_query(query), k, **conditions), self._user_id)

    async def asimilarity_search_with_score(self, query: str, k: int = 4, **conditions: Any) -> Scored:
        embedding = await self._embedding.aembed_query(query)
        return await self._pool.arun(self._nearest(embedding, k, **conditions), self._user_id)

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **conditions: Any) -> list[Document]:
        return _documents(self._pool.run(self._nearest(embedding, k, **conditions), self._user_id))

    async def asimilarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **conditions: Any
    ) -> list[Document]:
        return _documents(await self._pool.arun(self._nearest(embedding, k, **conditions), self._user_id))

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **conditions: Any
    ) -> list[Document]:
        embedding = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, **conditions)

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **conditions: Any
    ) -> list[Document]:
        embedding = await self._embedding.aembed_query(query)
        return await self.amax_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, **conditions)

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **conditions: Any
    ) -> list[Document]:
        """Of the `fetch_k` nearest, `k` that are unlike each other (Carbonell and Goldstein, SIGIR 1998)."""
        return self._pool.run(self._diverse(embedding, k, fetch_k, lambda_mult, **conditions), self._user_id)

    async def amax_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **conditions: Any
    ) -> list[Document]:
        work = self._diverse(embedding, k, fetch_k, lambda_mult, **conditions)
        return await self._pool.arun(work, self._user_id)

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return self._cosine_relevance_score_fn

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: Metadatas = None,
        *,
        ids: list[str] | None = None,
        **options: Any,
    ) -> Self:
        """A store with these texts. `options` are what the class itself takes."""
        store = cls(embedding, **options)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: Metadatas = None,
        *,
        ids: list[str] | None = None,
        **options: Any,
    ) -> Self:
        store = cls(embedding, **options)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    def _add(
        self, documents: list[Document], ids: Sequence[str | None] | None, embedded: Sequence[Sequence[float]]
    ) -> Work[list[str]]:
        names = [document.id for document in documents] if ids is None else ids
        memories = [self._memory(*parts) for parts in zip(documents, names, embedded, strict=True)]

        async def work(session: AsyncSession) -> list[str]:
            store = MemoryStore(session, self._pool.model)
            await (store.upsert_many(memories) if any(names) else store.add_many(memories))
            return [name or str(memory.id) for name, memory in zip(names, memories, strict=True)]

        return work

    def _delete(self, ids: list[str] | None) -> Work[bool]:
        if ids is None:
            raise UsageError("delete needs ids, and does not take their absence for all", hint="Name each document.")

        async def work(session: AsyncSession) -> bool:
            store = MemoryStore(session, self._pool.model)
            await store.delete(map(self._memory_id, ids), user_id=self._user_id)
            return True

        return work

    def _get(self, ids: Sequence[str]) -> Work[list[Document]]:
        async def work(session: AsyncSession) -> list[Document]:
            store = MemoryStore(session, self._pool.model)
            return list(map(_document, await store.get_many(map(self._memory_id, ids), user_id=self._user_id)))

        return work

    def _nearest(self, embedding: Any, k: int, **conditions: Any) -> Work[Scored]:
        question = self._question(embedding, k, **conditions)

        async def work(session: AsyncSession) -> Scored:
            found = await MemoryStore(session, self._pool.model).nearest(question)
            return [(_document(memory), memory.distance) for memory in found]

        return work

    def _diverse(
        self, embedding: Any, k: int, fetch_k: int, lambda_mult: float, **conditions: Any
    ) -> Work[list[Document]]:
        question = self._question(embedding, fetch_k, **conditions)

        async def work(session: AsyncSession) -> list[Document]:
            store = MemoryStore(session, self._pool.model)
            near = [memory.id for memory in await store.nearest(question)]
            found = await store.get_many(near, user_id=self._user_id, embeddings=True)
            embeddings = [memory.embedding or [] for memory in found]
            chosen = maximal_marginal_relevance(np.asarray(embedding), embeddings, lambda_mult, k)
            return [_document(found[place]) for place in chosen]

        return work

    def _question(
        self,
        embedding: Any,
        k: int,
        *,
        filter: dict[str, Any] | None = None,
        where: Sequence[Where] = (),
        max_distance: float = 2.0,
    ) -> MemorySimilarityQuery[Any]:
        return self._pool.question(
            user_id=self._user_id,
            embedding=embedding,
            memory_types=self._tiers,
            extra_data=filter or {},
            where=list(where),
            max_distance=max_distance,
            limit=k,
        )

    def _memory(self, document: Document, name: str | None, embedding: Sequence[float]) -> MemoryCreate[Any]:
        id = self._memory_id(name) if name else new_id()
        if taken := document.metadata.keys() & {
            LANGCHAIN,
            LANGGRAPH,
        }:  # it may come from anywhere, and would be an item
            raise InvalidMemory(
                f'metadata of a document have the key "{min(taken)}", under which adapters keep what is theirs',
                hint="Give it another name.",
            )
        kept = {LANGCHAIN: {"id": name}} if name and name != str(id) else {}
        return self._pool.memory(
            id=id,
            user_id=self._user_id,
            memory_type=self._tier,
            content=document.page_content,
            embedding=embedding,
            extra_data=document.metadata | kept,
        )

    def _memory_id(self, name: str) -> UUID:
        try:
            return UUID(name)
        except ValueError:
            return uuid5(self._ids, values.text(name, "the id of a document", blank=True))


def _as_documents(texts: Iterable[str], metadatas: Metadatas, ids: Sequence[str | None] | None) -> list[Document]:
    """LangChain's own leaves out texts that have no id, and all that a generator yields."""
    told = list(texts)
    parts = zip(told, metadatas or [{} for _ in told], ids or [None] * len(told), strict=True)
    return [Document(text, metadata=metadata, id=id) for text, metadata, id in parts]


def _document(memory: Any) -> Document:
    """What a memory says, whoever has stored it."""
    metadata = dict(memory.extra_data or {})
    kept = metadata.pop(LANGCHAIN, None)
    name = kept.get("id") if isinstance(kept, dict) else None
    return Document(memory.content, id=name or str(memory.id), metadata=metadata)


def _documents(scored: Scored) -> list[Document]:
    return [document for document, _ in scored]
