"""Memories that are stored together: their ids, in order, and which of them is meant when one is refused."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from memdb.errors import InvalidMemory
from memdb.models.ids import new_id
from memdb.schemas import MemoryCreate
from memdb.store.failures import Refusal, taken


class Batch:
    """Takes memories one by one, gives an id to those that have none, and remembers which came when."""

    def __init__(self, memories: Iterable[MemoryCreate]) -> None:
        self.ids: list[UUID] = []
        self._memories = memories
        self._given: set[int] = set()
        self._users: dict[UUID, int] = {}

    def __iter__(self) -> Iterator[tuple[UUID, MemoryCreate]]:
        """Each as it is stored. Raises InvalidMemory for the first that cannot be, and says which it is."""
        for position, given in enumerate(self._memories):
            try:
                memory = given.checked()
            except InvalidMemory as error:
                raise InvalidMemory(f"{_name(position, given.id)}: {error.message}", hint=error.hint) from None
            if memory.id is not None:
                self._given.add(position)
            self.ids.append(memory.id or new_id())
            self._users.setdefault(memory.user_id, position)
            yield self.ids[-1], memory

    def refuse_ids_of_others(self, piece: Sequence[tuple[UUID, MemoryCreate]], owners: Mapping[UUID, UUID]) -> None:
        """Of the memories taken last, none may have an id that is stored for another user, whoever that is."""
        for position, (id, memory) in enumerate(piece, len(self.ids) - len(piece)):
            if owners.get(id) != memory.user_id:
                raise taken(id, self.name(position), hint="Give it an id of its own, which nobody can have used.")

    def name(self, position: int) -> str:
        """`memory 7 (counted from 0)`, and its id, where the caller knows that."""
        return _name(position, self.ids[position] if position in self._given else None)

    def refused(self, refusal: Refusal) -> str:
        """Which memory the server means: it counts the rows of COPY, and names ids and users; nothing if unknown."""
        line = re.search(r"^COPY [^,]+, \D*(\d+)", refusal.context, re.MULTILINE)
        named = re.search(r"\((id|user_id)\)=\((.*?)\)", refusal.detail)
        if named is not None:
            id = UUID(named[2])
            position = self._users.get(id) if named[1] == "user_id" else self._last(id)
        else:
            position = int(line[1]) - 1 if line else None
        return "" if position is None else self.name(position)

    def _last(self, id: UUID) -> int | None:
        return len(self.ids) - 1 - self.ids[::-1].index(id) if id in self.ids else None


def _name(position: int, id: UUID | None) -> str:
    return f"memory {position} (counted from 0{'' if id is None else f', id {id}'})"
