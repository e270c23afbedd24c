"""Memories that are stored together: their ids, in order, and which of them is meant when one is refused."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, islice
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from memdb import values
from memdb.errors import InvalidMemory
from memdb.models.ids import new_id
from memdb.models.owners import shape_of
from memdb.schemas import MemoryCreate
from memdb.schemas.shapes import WithEmbedding
from memdb.shape import Shape
from memdb.store.failures import Refusal, taken


class Batch:
    """Takes memories one by one, gives an id to those that have none, and remembers which came when."""

    def __init__(
        self, memories: Iterable[MemoryCreate[Any]], model: Any, positions: Sequence[int] | None = None
    ) -> None:
        """`positions` are those that the memories had among all that were given, where some are left out."""
        self.ids: list[UUID] = []
        self._positions = positions
        self._model = model
        self._memories = memories
        self._given: set[int] = set()
        self._users: dict[values.UserKey, int] = {}

    def __iter__(self) -> Iterator[tuple[UUID, MemoryCreate]]:
        """Each as it is stored. Raises InvalidMemory for the first that cannot be, and says which it is."""
        for position, given in enumerate(self._memories):
            try:
                memory = as_stored(given, self._model)
            except InvalidMemory as error:
                named = self._named(position, getattr(given, "id", None))
                raise InvalidMemory(f"{named}: {error.message}", hint=error.hint) from None
            if memory.id is not None:
                self._given.add(position)
            self.ids.append(memory.id or new_id())
            self._users.setdefault(memory.user_id, position)
            yield self.ids[-1], memory

    def has_further_fields(self) -> bool:
        """Whether the first memory, which all others follow, has fields of an application's own."""
        memories = iter(self._memories)
        first = list(islice(memories, 1))
        self._memories = chain(first, memories)
        return any(map(_further, first))

    def refuse_further_fields(self, memory: MemoryCreate[Any]) -> None:
        """The memory taken last may have none where it goes by a way that has no columns for them."""
        if names := _further(memory):
            raise InvalidMemory(
                f"{self.name(len(self.ids) - 1)} has fields that the first lacks: {', '.join(sorted(names))}",
                hint="Use one class for all of them.",
            )

    def refuse_ids_of_others(
        self, piece: Sequence[tuple[UUID, MemoryCreate]], owners: Mapping[UUID, values.UserKey]
    ) -> None:
        """Of the memories taken last, none may have an id that is stored for another user, whoever that is."""
        for position, (id, memory) in enumerate(piece, len(self.ids) - len(piece)):
            if owners.get(id) != memory.user_id:
                raise taken(id, self.name(position), hint="Give it an id of its own that nobody else can have used.")

    def name(self, position: int) -> str:
        """`memory 7 (counted from 0)`, and its id, where the caller knows that."""
        return self._named(position, self.ids[position] if position in self._given else None)

    def _named(self, position: int, id: UUID | None) -> str:
        of_all = position if self._positions is None else self._positions[position]
        return f"memory {of_all} (counted from 0{'' if id is None else f', id {id}'})"

    def refused(self, refusal: Refusal) -> str:
        """Which memory the server means: it counts the rows of COPY, and names ids and users; nothing if unknown."""
        line = re.search(r"^COPY [^,]+, \D*(\d+)", refusal.context, re.MULTILINE)
        if refusal.value:
            key = shape_of(self._model).users.python_type
            is_of_user = refusal.column == "user_id"
            position = self._users.get(key(refusal.value)) if is_of_user else self._last(UUID(refusal.value))
        else:
            position = int(line[1]) - 1 if line else None
        return "" if position is None else self.name(position)

    def _last(self, id: UUID) -> int | None:
        return len(self.ids) - 1 - self.ids[::-1].index(id) if id in self.ids else None


def as_stored(given: MemoryCreate[Any], model: Any) -> MemoryCreate[Any]:
    """The memory as it is now, with values that the model has columns for.

    Raises InvalidMemory for what is no MemoryCreate, has fields that the model has not, since they would be lost, or is
    of another shape than the model's memories are.
    """
    if not isinstance(given, MemoryCreate):
        raise InvalidMemory(
            f"a memory is not a MemoryCreate but {type(given).__name__}", hint="Create a MemoryCreate from it."
        )
    further = _further(given)
    if lost := further and further - set(inspect(model).attrs.keys()):
        raise InvalidMemory(
            f"{type(given).__name__} has fields that {model.__name__} lacks: {', '.join(sorted(lost))}",
            hint="Map a column for each, or leave the fields out.",
        )
    memory, shape = given.checked(), shape_of(model)
    memory.user_id = values.user_id(memory.user_id, shape.users)
    if memory.embedding is not None:
        require_fitting(memory, memory.embedding, shape)
    return memory


def require_fitting(schema: WithEmbedding, embedding: Any, shape: Shape) -> None:
    """Raises InvalidMemory where the embedding of a schema is none in this shape."""
    if schema.embedding_type != shape.embedding:  # else the schema has looked at it
        values.embedding(embedding, shape)


def _further(memory: MemoryCreate[Any]) -> Set[str]:
    """Fields of an application's own schema beside those of MemoryCreate."""
    kind = type(memory)
    is_own = kind is not MemoryCreate and isinstance(memory, MemoryCreate)
    return kind.model_fields.keys() - MemoryCreate.model_fields.keys() if is_own else frozenset()
