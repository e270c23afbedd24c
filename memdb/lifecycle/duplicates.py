"""Memories of a user that say the same, or nearly: groups of them, of which one would be kept."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from memdb import distribution, users
from memdb.database import Connection, query
from memdb.errors import DataError
from memdb.lifecycle import entering
from memdb.lifecycle.entering import Needed
from memdb.shape import UserKey
from memdb.target import Target

NEEDED = Needed(
    sets=("deduplication",),
    functions=(
        "memory_content_key",
        "exact_duplicates",
        "near_duplicates",
        "near_duplicate_distance",
        "memory_embedding_for_duplicates",
    ),
    tables=(),
)
HIDDEN = "only some of the duplicates would be found"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose duplicates are looked for, and which.

    `user` None is everybody. Near ones are no farther apart than `max_distance`, or than each user's own memories tell.
    `only` names the memories that are kept, and with them their groups. Up to `most` groups are told in full.
    """

    user: object = None
    near: bool = False
    max_distance: float | None = None
    only: frozenset[UUID] = frozenset()
    most: int = 20


@dataclass(frozen=True, slots=True)
class Member:
    """A memory of a group. `distance` is that to the one that is kept, where they are near; `content` may be cut."""

    id: UUID
    memory_type: str
    content: str
    created_at: datetime
    key: UUID
    distance: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Memories of a user of which the first would be kept."""

    user: UserKey
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How near a user's memories must be (`max_distance`), and the distances that this rests on.

    None where fewer than 20 memories have embeddings.
    """

    user: UserKey
    memories: int
    random: float | None
    neighbour: float | None
    same_text: float | None
    max_distance: float | None


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found: `groups` in all, of which `shown` are told, and how many memories more than needed, by tier."""

    near: bool
    groups: int
    superfluous: dict[str, int]
    shown: tuple[Group, ...]
    calibrations: tuple[Calibration, ...]
    user: UserKey | None
    named: bool


def find(connection: Connection, asked: Asked = Asked()) -> Duplicates:
    """The duplicates of one user, or of all. Reads only.

    Raises UsageError for what is no key of a user, DataError for a user without memories, DatabaseError where the set
    is not applied, row-level security hides rows from this role, or somebody else's code would run.
    """
    groups, superfluous, shown, calibrations = 0, Counter[str](), list[Group](), list[Calibration]()
    key, whose = owners(connection, asked)
    for owner in whose:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            found = _enter(connection)
            if asked.near:
                calibrations.append(_calibration(connection, found, owner))
            for ids, distances in _groups(connection, found, asked, owner):
                if asked.only and ids[0] not in asked.only:
                    continue
                groups += 1
                superfluous.update(_tiers(connection, found, owner, ids[1:]))
                if len(shown) < asked.most:
                    shown.append(Group(owner, _members(connection, found, owner, ids, distances)))
    return Duplicates(
        asked.near, groups, dict(sorted(superfluous.items())), tuple(shown), tuple(calibrations), key, bool(asked.only)
    )


def owners(connection: Connection, asked: Asked) -> tuple[UserKey | None, list[UserKey]]:
    """The user who was asked for, and who can have duplicates of that kind. Raises as find does."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        found = _enter(connection)
        key = None if asked.user is None else users.asking(asked.user, found.shape.users)
        if key is not None and connection.value(found.query("duplicates", "has_memories"), {"user": key}) is None:
            raise DataError(f"user {key} has no memories", hint="Check the id.")
        block = "users_of_embeddings" if asked.near else "users_of_exact"
        if asked.near and distribution.is_spread(connection, found.memories):
            block = "users_of_embeddings_in_shards"
        return key, [owner for (owner,) in connection.execute(found.query("duplicates", block), {"user": key})]


def _enter(connection: Connection) -> Target:
    found = entering.enter(connection, NEEDED, hidden=HIDDEN)
    connection.execute(query("moving", "settings"))  # a limit meant for an application's queries is too short here
    return found


def _groups(
    connection: Connection, found: Target, asked: Asked, owner: UserKey
) -> Iterator[tuple[list[UUID], list[float | None]]]:
    """The ids of each group, the one that is kept first, and their distances to that."""
    if asked.near:
        given = {"user": owner, "max_distance": asked.max_distance}
        with connection.cursor("near") as pairs:
            pairs.execute(found.query("duplicates", "near").encode(), given)
            near = nearest(pairs)
        for kept, others in near.items():
            yield [kept, *(id for id, _ in others)], [None, *(distance for _, distance in others)]
    else:
        for (ids,) in connection.execute(found.query("duplicates", "exact"), {"user": owner}):
            yield ids, [None] * len(ids)


def nearest(pairs: Iterable[tuple[UUID, UUID, float]]) -> dict[UUID, list[tuple[UUID, float]]]:
    """Groups from pairs, nearest first: each memory beside one that is kept, and near to that one itself.

    So no chain of near ones joins two that are far apart.
    """
    groups, taken = dict[UUID, list[tuple[UUID, float]]](), set[UUID]()
    for kept, other, distance in pairs:
        if kept not in taken and other not in taken and other not in groups:
            groups.setdefault(kept, []).append((other, distance))
            taken.add(other)
    return groups


def _calibration(connection: Connection, found: Target, owner: UserKey) -> Calibration:
    ((memories, *distances),) = connection.execute(found.query("duplicates", "calibration"), {"user": owner})
    return Calibration(owner, memories, *distances)


def _members(
    connection: Connection, found: Target, owner: UserKey, ids: Sequence[UUID], distances: Sequence[float | None]
) -> tuple[Member, ...]:
    known = dict(zip(ids, distances, strict=True))
    rows = connection.execute(found.query("duplicates", "members"), {"user": owner, "ids": list(ids)})
    return tuple(Member(id, tier, content, made, key, known[id]) for id, tier, content, made, key in rows)


def _tiers(connection: Connection, found: Target, owner: UserKey, ids: Sequence[UUID]) -> dict[str, int]:
    given = {"user": owner, "ids": list(ids)}
    rows: list[Any] = connection.execute(found.query("duplicates", "tiers"), given).fetchall()
    return dict(rows)
