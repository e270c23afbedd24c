"""A small memory service on memdb: `MEMDB_DATABASE_URL=… uvicorn examples.memory_service:app`.

It stores what a user says, finds it again by meaning, and tells how it is. Whoever calls it computes the embeddings.

Users have UUIDs here, and embeddings 1536 numbers. For others, take models and schemas of your own ("Other users, other
embeddings" in docs/models.md), and give MemoryStore the class of memories: MemoryStore(session, Memory).
"""

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.errors import DataError
from memdb.models import DIMENSIONS, Memory, MemoryType, User
from memdb.schemas import MemoryCreate, MemoryQuery, MemoryResponse, MemorySimilarityQuery, MemoryWithDistance
from memdb.store import MemoryStore, create_engine, sessions


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    engine = create_engine(
        os.environ["MEMDB_DATABASE_URL"], transaction_pooler="MEMDB_TRANSACTION_POOLER" in os.environ
    )
    app.state.sessions = sessions(engine)
    yield
    await engine.dispose()


app = FastAPI(title="Memory service", lifespan=lifespan)


async def transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """One transaction for each request, committed when it succeeds, and before the answer is sent."""
    async with request.app.state.sessions.begin() as session:
        yield session


Session = Annotated[AsyncSession, Depends(transaction, scope="function")]


@app.exception_handler(DataError)
async def refuse_memory(_: Request, error: DataError) -> Response:
    return refusal({"detail": error.message, "hint": error.hint})


@app.exception_handler(RequestValidationError)
async def refuse_request(_: Request, error: RequestValidationError) -> Response:
    """FastAPI's own answer repeats what was sent, and fails where that is no JSON, such as NaN."""
    return refusal({"detail": [{"loc": fault["loc"], "msg": fault["msg"]} for fault in error.errors()]})


def refusal(body: object) -> Response:
    """With escapes for what is not ASCII: half of an emoji in the name of a field has no other form."""
    return Response(json.dumps(body), status_code=422, media_type="application/json")


@app.get("/health")
async def health(session: Session) -> dict[str, object]:
    """Whether the extension is there, how long a search takes, and how many memories each tier has."""
    version = await session.scalar(text("select extversion from pg_extension where extname = 'vector'"))
    if version is None:
        raise HTTPException(503, "the database has no extension vector: run memdb migrate")
    counted = await session.execute(select(Memory.memory_type, func.count()).group_by(Memory.memory_type))
    counts = {tier.value: count for tier, count in counted}
    someone = await session.scalar(select(Memory.user_id).limit(1))
    query = MemorySimilarityQuery(user_id=someone or UUID(int=0), embedding=[1.0] * DIMENSIONS)
    started = time.perf_counter()
    await MemoryStore(session).nearest(query)
    return {
        "status": "ok",
        "pgvector": version,
        "vector_query_ms": round((time.perf_counter() - started) * 1000, 2),
        "memories": {tier.value: counts.get(tier.value, 0) for tier in MemoryType},
    }


@app.post("/users", status_code=201)
async def add_user(session: Session) -> dict[str, UUID]:
    user = User()
    session.add(user)
    await session.flush()
    return {"id": user.id}


@app.post("/memories", status_code=201)
async def add_memory(memory: MemoryCreate, session: Session) -> MemoryResponse:
    return MemoryResponse.model_validate(await MemoryStore(session).add(memory))


@app.post("/memories/list")
async def list_memories(query: MemoryQuery, session: Session) -> list[MemoryResponse]:
    return [MemoryResponse.model_validate(memory) for memory in await MemoryStore(session).list(query)]


@app.post("/memories/search")
async def search(
    query: MemorySimilarityQuery, session: Session, request: Request, later: BackgroundTasks
) -> list[MemoryWithDistance]:
    """The nearest memories. That they were recalled is noted after the answer has been sent."""
    found = await MemoryStore(session).nearest(query)
    later.add_task(note_recall, request, [memory.id for memory in found])
    return [MemoryWithDistance.model_validate(memory) for memory in found]


async def note_recall(request: Request, memory_ids: list[UUID]) -> None:
    async with request.app.state.sessions.begin() as session:
        await MemoryStore(session).touch(memory_ids)


@app.delete("/users/{user_id}/memories/{memory_id}", status_code=204)
async def delete_memory(user_id: UUID, memory_id: UUID, session: Session) -> None:
    if not await MemoryStore(session).delete([memory_id], user_id=user_id):
        raise HTTPException(404, "this user has no such memory")
