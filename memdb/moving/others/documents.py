"""A JSON document, or one in each line, that another system wrote; by what it holds, it is known which."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from memdb import __version__, files
from memdb.errors import DataError
from memdb.moving import header
from memdb.moving.file import File, Row
from memdb.moving.header import Header, Held
from memdb.moving.others import langgraph, letta, mem0
from memdb.moving.others.memory import Memory
from memdb.reading.fields import excerpt
from memdb.values import MemoryType

_SYSTEMS = {"mem0": mem0, "Letta": letta, "LangGraph": langgraph}
_COLUMNS = ("id", "user_id", "memory_type", "content", "metadata", "created_at")
_NO_EMBEDDINGS = "They came without embeddings: have them made by the model that is used here."
_OTHERS = (
    "memdb import reads what memdb export wrote, and what mem0, Letta and LangGraph's store give (docs/moving.md); "
    "memdb seed --from loads other files."
)


@dataclass(frozen=True)
class Document(File):
    """All of it, in memory."""

    path: Path
    header: Header
    memories: list[Memory]
    tier: str
    notes: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """One of the table memories for each."""
        for number, memory in enumerate(self.memories, start=1):
            row = {
                "id": str(memory.id),
                "user_id": memory.user,
                "memory_type": self._tier_of(memory),
                "content": memory.content,
                "metadata": memory.metadata,
                "created_at": _with_offset(memory.created_at) or self.header.exported_at,
            }
            yield Row(number, "memories", json.dumps(row).encode(), None)

    def _tier_of(self, memory: Memory) -> str:
        said = memory.metadata.get("memory_type")
        return str(said) if said in [*MemoryType] else self.tier


def read(path: Path, user: str | None, tier: str) -> Document:
    """Raises DataError for what cannot be read, or no known system wrote; or which does not say whose it is."""
    document = _load(path)
    for system, module in _SYSTEMS.items():
        try:
            records = module.records(document)
            found = [*module.memories(records or [], user)]
            notes = module.notes(document)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise DataError(
                f"{path} looks like one of {system}, and has a value that is none of theirs: {excerpt(error)}",
                hint="Nothing was imported. Export it again, or correct it.",
            ) from None
        if found:
            return _document(path, system, found, user, tier, notes)
        if records is not None and document:
            raise DataError(f"{path} is one of {system}, and has no memories", hint="Export it again, or leave it out.")
    raise DataError(f"{path} is not a file with memories that memdb knows", hint=_OTHERS)


def _document(
    path: Path, system: str, found: list[Memory], user: str | None, tier: str, notes: tuple[str, ...]
) -> Document:
    kept = [memory for memory in found if not _is_gone(memory)]
    if user is None and any(memory.user is None for memory in kept):
        raise DataError(
            f"{path} does not say whose memories these of {system} are", hint="Say who gets them: --user ID."
        )
    whose = [memory if memory.user else replace(memory, user=user) for memory in kept]
    _require_one_of_each(path, whose)
    about = Header(
        memdb=__version__,
        format=header.FORMAT,
        exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        user_type="text",
        embedding=None,
        model=None,
        tables={"memories": Held(len(whose), _COLUMNS)},
    )
    told = (f"They are {system}'s.", *notes, *_of_those(found, kept), _NO_EMBEDDINGS)
    return Document(path, about, whose, tier, told)


def _with_offset(time: str | None) -> str | None:
    """Without one, these systems mean UTC. What is no time stays, to be refused."""
    try:
        moment = datetime.fromisoformat(time or "")
    except (TypeError, ValueError):
        return time
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _is_gone(memory: Memory) -> bool:
    """The system does not find it any more, or it says nothing."""
    has_expired = memory.expires_at is not None and memory.expires_at <= datetime.now(UTC)
    return memory.is_deleted or has_expired or not memory.content.strip()


def _of_those(found: list[Memory], kept: list[Memory]) -> Iterator[str]:
    if gone := len(found) - len(kept):
        yield f"Left out, as they had expired there, were deleted, or say nothing: {gone:,}."
    if expiring := sum(memory.expires_at is not None for memory in kept):
        yield f"Would expire there, and here only if you say so (expire_memories of the set retention): {expiring:,}."


def _require_one_of_each(path: Path, memories: list[Memory]) -> None:
    """Raises DataError where two that differ have the same id: one of them would be lost."""
    known = dict[UUID, Memory]()
    for memory in memories:
        if known.setdefault(memory.id, memory) != memory:
            raise DataError(
                f"{path} has two memories with the id {memory.id}", hint="Nothing was imported. Take one of them out."
            )


def _load(path: Path) -> Any:
    try:
        return files.read_json(path)
    except ValueError:
        pass
    try:
        with path.open("rb") as file:
            return [json.loads(line) for line in file if line.strip()]
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not a file with memories that memdb knows", hint=_OTHERS) from None
