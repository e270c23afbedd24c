"""Memories as objects of a session: which of them are meant, and how they are read."""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, cast
from uuid import UUID

from sqlalchemy import ScalarResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.elements import ColumnElement
from typing_extensions import TypeVar

from memdb import values
from memdb.models import MemoryMixin
from memdb.models.owners import shape_of
from memdb.store import expiry, statements
from memdb.store.failures import translated
from memdb.store.successors import Embeddings

MemoryModel = TypeVar("MemoryModel", bound=MemoryMixin[Any])


class Objects(Generic[MemoryModel]):
    """The memories of one class in a session."""

    def __init__(
        self, session: AsyncSession, model: type[MemoryModel], *, embeddings: Embeddings | None = None
    ) -> None:
        self._session = session
        self._model = model
        self._embeddings = embeddings
        self._shape = shape_of(model) if embeddings is None else embeddings.shape_of(model)

    def _known(self, id: UUID | None) -> MemoryModel | None:
        """The object that the session has of a memory."""
        key = identity_key(self._model, (id,))
        return cast("MemoryModel | None", self._session.sync_session.identity_map.get(key))

    async def _read(self, statement: Any) -> ScalarResult[Any]:
        """Objects as the database has them, once it has what was changed in the session."""
        with translated():
            await self._session.flush()
            try:
                return await self._session.scalars(statement, execution_options={"populate_existing": True})
            except DBAPIError:
                await expiry.learn_anew(self._session, self._model)
                raise

    async def _shown(self, statement: Any, *, embeddings: bool) -> Sequence[MemoryModel]:
        """Objects with their embeddings, or without."""
        if not embeddings:
            statement = statement.options(defer(self._model.embedding, raiseload=True))
        found = (await self._read(statement)).all()
        for memory in found:
            if not embeddings and "embedding" in memory.__dict__:
                self._session.expire(memory, ["embedding"])
        return found

    async def _there(self, statement: Any) -> Any:
        """Of these memories, those that have not expired."""
        return statement.where(*await expiry.unexpired(self._session, self._model))

    def _of(self, statement: Any, memory_ids: Iterable[UUID], user_id: values.UserKey | None) -> Any:
        statement = statement.where(statements.among(self._model.id, memory_ids))
        if user_id is None:
            return statement
        return statement.where(self._is_of(user_id))

    def _is_of(self, user_id: values.UserKey) -> ColumnElement[bool]:
        """Raises InvalidMemory for what is no id of these users."""
        return self._model.user_id == values.user_id(user_id, self._shape.users)
