"""Stores a memory and finds it, in the database of MEMDB_DATABASE_URL. A model would make the embeddings."""

import asyncio
import os

from memdb.models import MemoryType, User
from memdb.schemas import MemoryCreate, MemorySimilarityQuery
from memdb.store import MemoryStore, create_engine, sessions

embedding = [0.1] * 1536


async def main() -> None:
    async with sessions(create_engine(os.environ["MEMDB_DATABASE_URL"])).begin() as session:
        session.add(user := User())
        await session.flush()
        store = MemoryStore(session)
        said, tier = "I prefer working in the morning", MemoryType.PERSONAL
        await store.add(MemoryCreate(user_id=user.id, memory_type=tier, content=said, embedding=embedding))
        for found in await store.nearest(MemorySimilarityQuery(user_id=user.id, embedding=embedding, limit=3)):
            print(f"{found.distance:.2f} {found.content}")


asyncio.run(main())
