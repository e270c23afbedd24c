"""LangGraph's BaseStore over the memories of one user. Needs the extra `langgraph`."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchOp,
    ensure_embeddings,
    get_text_at_path,
)
from sqlalchemy import ARRAY, Integer, Text, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import values
from memdb.adapters import items
from memdb.adapters.items import Address, Lifetime, Put
from memdb.adapters.keys import LANGGRAPH
from memdb.adapters.pool import Pool, Work
from memdb.errors import InvalidMemory, UsageError
from memdb.schemas import MemoryCreate, MemoryQuery, Where
from memdb.store import MemoryStore, expiry, statements
from memdb.values import MemoryType, UserKey

_LOCK, _LOCKS = 0x6D656D64, 64
"""Advisory locks for those who write items: enough that they seldom wait, and few for a server to keep."""

Embedded = dict[str, list[float]]
Found = Sequence[tuple[Any, float | None]]
"""Memories that keep items, with their scores."""


class MemdbStore(BaseStore):
    """Items of a user, kept as memories of a tier.

    With `index`, as LangGraph has it, items are found by meaning: each text of its `fields`, or of those that a put
    names, by an embedding of its own. Its `dims` are those of the memories, and a score is the cosine similarity.

    In a batch, reads see what was there before, and of several puts under one key the last counts. It is done as a
    whole or not at all. A ttl needs the set retention: the item is not there any more when it has passed since it was
    put, or last read with `refresh_ttl`.
    """

    supports_ttl = True

    def __init__(
        self, pool: Pool, *, user_id: UserKey, memory_type: MemoryType | str, index: IndexConfig | None = None
    ) -> None:
        self.index_config = index
        self._pool = pool
        self._user_id = values.user_id(user_id, pool.shape.users)
        self._tier = values.tier(memory_type)
        self._root = uuid5(NAMESPACE_URL, f"{LANGGRAPH}:{self._user_id}")
        if index is not None:
            _require_fitting(index, pool.shape.dimensions)
            self._embeddings = ensure_embeddings(index["embed"])
            self._fields = index.get("fields") or ["$"]

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Does the operations; results are in their order. Raises UnknownUser, and InvalidMemory."""
        ops = list(ops)
        puts, asked = self._puts(ops), self._questions(ops)
        told = _texts(puts)
        embedded = dict(zip(told, self._embeddings.embed_documents(told), strict=True)) if told else {}
        questions = {text: self._embeddings.embed_query(text) for text in asked}
        return self._pool.run(self._work(ops, questions, puts, embedded), self._user_id)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        ops = list(ops)
        puts, asked = self._puts(ops), self._questions(ops)
        told = _texts(puts)
        embedded = dict(zip(told, await self._embeddings.aembed_documents(told), strict=True)) if told else {}
        questions = {text: await self._embeddings.aembed_query(text) for text in asked}
        return await self._pool.arun(self._work(ops, questions, puts, embedded), self._user_id)

    def _puts(self, ops: Iterable[Op]) -> dict[Address, Put]:
        """The last put at each address."""
        puts = {}
        for op in ops:
            if isinstance(op, PutOp):
                value = None if op.value is None else dict(op.value)
                puts[Address(tuple(op.namespace), op.key)] = Put(value, self._found_by(value, op.index), op.ttl)
        return puts

    def _found_by(self, value: dict[str, Any] | None, index: Literal[False] | list[str] | None) -> list[str]:
        """The texts by which a search finds the item."""
        if self.index_config is None or value is None or index is False:
            return []
        fields = self._fields if index is None else index
        texts = [text for field in fields for text in get_text_at_path(value, field)]
        return [text for text in dict.fromkeys(texts) if text.strip()]

    def _questions(self, ops: Iterable[Op]) -> list[str]:
        asked = [op.query for op in ops if isinstance(op, SearchOp) and op.query]
        return list(dict.fromkeys(asked)) if self.index_config is not None else []

    def _work(
        self, ops: Sequence[Op], questions: Embedded, puts: dict[Address, Put], embedded: Embedded
    ) -> Work[list[Result]]:
        ids = [self._id(op) for op in ops if isinstance(op, GetOp)]
        memories = [memory for address, put in puts.items() for memory in self._memories(address, put, embedded)]

        async def work(session: AsyncSession) -> list[Result]:
            store = MemoryStore(session, self._pool.model)
            there = await store.get_many(ids, user_id=self._user_id) if ids else []
            read = {memory.id: memory for memory in there}
            results: list[Result] = []
            refreshed: list[Any] = []
            for op in ops:
                match op:
                    case GetOp():
                        memory = read.get(self._id(op))
                        results.append(None if memory is None else items.read(memory))
                        refreshed += [memory] if memory is not None and op.refresh_ttl else []
                    case SearchOp():
                        found = await self._search(store, op, questions.get(op.query or ""))
                        results.append([items.found(memory, score) for memory, score in found])
                        refreshed += [memory for memory, _ in found] if op.refresh_ttl else []
                    case ListNamespacesOp():
                        results.append(await self._namespaces(session, op))
                    case _:
                        results.append(None)
            await self._expire(store, (items.lifetime(memory, self._root) for memory in refreshed))
            if puts:
                await store.delete(await self._stale(session, puts), user_id=self._user_id)
                await store.upsert_many(memories)
                await self._expire(store, (items.put_for(address, put, self._root) for address, put in puts.items()))
            return results

        return work

    def _id(self, op: GetOp) -> UUID:
        return Address(tuple(op.namespace), op.key).id(self._root)

    def _memories(self, address: Address, put: Put, embedded: Embedded) -> Iterable[MemoryCreate[Any]]:
        """Those that keep an item."""
        now = datetime.now(UTC)
        ids = address.ids(self._root, len(put.contents))
        embeddings = [embedded.get(text) for text in put.texts] or [None]
        for place, (id, content, embedding) in enumerate(zip(ids, put.contents, embeddings, strict=False)):
            yield self._pool.memory(
                id=id,
                user_id=self._user_id,
                memory_type=self._tier,
                content=content,
                embedding=embedding,
                extra_data=items.written(address, put, now, ids, place),
                created_at=now,
            )

    async def _expire(self, store: MemoryStore[Any], lifetimes: Iterable[Lifetime]) -> None:
        """Those that have the same time together, and always in the same order, so that nobody waits for ever."""
        together: dict[timedelta, list[UUID]] = {}
        for ids, lifetime in lifetimes:
            if lifetime is not None:
                together.setdefault(lifetime, []).extend(ids)
        for lifetime, ids in sorted(together.items()):
            await store.expire(ids, datetime.now(UTC) + lifetime, user_id=self._user_id)

    async def _search(self, store: MemoryStore[Any], op: SearchOp, question: list[float] | None) -> Found:
        item, where = items.asked(op.namespace_prefix, op.filter)
        asked = MemoryQuery[Any].model_construct(
            user_id=self._user_id,
            extra_data={LANGGRAPH: item if question is not None else item | {"text": 0}},
            where=where,
            limit=op.limit,
            offset=op.offset,
        )
        if question is not None:
            return await self._nearest(store, asked.checked(), question)
        return [(memory, None) for memory in await store.list(asked)]

    async def _nearest(self, store: MemoryStore[Any], asked: MemoryQuery[Any], question: list[float]) -> Found:
        """Items by their nearest texts. Where some come with several, the next are asked for without these."""
        wanted = asked.offset + asked.limit
        found: dict[str, tuple[Any, float]] = {}
        while len(found) < wanted:
            others = [Where([LANGGRAPH, "item"], none_of=list(found))] if found else []
            near = await store.nearest(
                self._pool.question(
                    user_id=self._user_id,
                    embedding=question,
                    extra_data=asked.extra_data,
                    where=[*asked.where, *others],
                    limit=wanted,
                )
            )
            for memory in near:
                found.setdefault(items.item_of(memory), (memory, 1 - memory.distance))
            if len(near) < wanted:
                break
        return [*found.values()][asked.offset : wanted]

    async def _namespaces(self, session: AsyncSession, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        if min(op.limit, op.offset) < 0:
            raise InvalidMemory(
                f"limit is {op.limit} and offset is {op.offset}", hint="Both count namespaces: give 0 or more."
            )
        model = self._pool.model
        kept = func.jsonb_extract_path(model.extra_data, LANGGRAPH, "namespace")
        asked = select(cast(kept, Text)).where(model.user_id == self._user_id, kept.is_not(None)).distinct()
        asked = asked.where(*await expiry.unexpired(session, model))
        there = [items.namespace(json.loads(text)) for text in await session.scalars(asked)]
        conditions = op.match_conditions or ()
        met = {each[: op.max_depth] for each in there if all(items.matches(each, it) for it in conditions)}
        return sorted(met)[op.offset : op.offset + op.limit]

    async def _stale(self, session: AsyncSession, puts: dict[Address, Put]) -> list[UUID]:
        """Memories that the items will not need any more. Nobody else writes these items until the transaction ends."""
        ids = [address.id(self._root) for address in puts]
        locks = sorted({id.int % _LOCKS for id in ids})
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.unnest(literal(locks, ARRAY(Integer))))))
        model = self._pool.model
        texts = cast(func.jsonb_extract_path_text(model.extra_data, LANGGRAPH, "texts"), Integer).label("texts")
        mine = select(model.id, texts).where(statements.among(model.id, ids), model.user_id == self._user_id)
        before = {row.id: row.texts for row in await session.execute(mine)}
        return [
            id
            for address, put in puts.items()
            for id in address.ids(self._root, before.get(address.id(self._root), 0))[len(put.contents) :]
        ]


def _texts(puts: dict[Address, Put]) -> list[str]:
    return list(dict.fromkeys(text for put in puts.values() for text in put.texts))


def _require_fitting(index: IndexConfig, dimensions: int) -> None:
    if further := sorted(index.keys() - {"dims", "embed", "fields"}):
        raise UsageError(
            f"index has {further[0]!r}, which is not a choice here", hint="Memories are compared by cosine distance."
        )
    if index["dims"] != dimensions:
        raise UsageError(
            f"index has embeddings of {index['dims']} dimensions, and these memories have {dimensions}",
            hint="Use the model that the memories are made for; docs/shapes.md says how to have others.",
        )
