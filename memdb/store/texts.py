"""Of which texts embeddings were made, where a trigger of the application has put others in place of them."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, Uuid, column, func, literal, table, update
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.store import beside
from memdb.store.failures import translated

NOTED = "memory_embedding_sources"


async def note(session: AsyncSession, model: Any, name: str, texts: Mapping[UUID, str]) -> None:
    """Corrects what a function has just noted in the table of this name, which is the text that is stored: the
    embedding of another one is stale."""
    if not texts:
        return
    schema = next(iter(await beside.schema(session, model)), None)
    noted = table(name, column("memory_id", Uuid), column("content_hash", LargeBinary), schema=schema)
    hashes = [hashlib.sha256(text.encode()).digest()[:16] for text in texts.values()]
    given = func.unnest(literal([*texts], ARRAY(Uuid)), literal(hashes, ARRAY(LargeBinary)))
    made = given.table_valued(column("id", Uuid), column("hash", LargeBinary)).render_derived("made")
    corrected = (
        update(noted)
        .where(noted.c.memory_id == made.c.id, noted.c.content_hash != made.c.hash)
        .values(content_hash=made.c.hash)
    )
    with translated():
        await session.execute(corrected, bind_arguments={"mapper": model})
