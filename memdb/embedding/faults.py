"""What is wrong with the embeddings that are there."""

from collections import Counter
from dataclasses import dataclass, replace

from memdb import target
from memdb.database import Connection
from memdb.embedding import needs
from memdb.embedding.needs import Scope
from memdb.target import Target

_MOST_USERS = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """So many memories whose embeddings have a fault, by tier, and of so many users; `most` have the most of them."""

    kind: str
    memories: int
    tiers: dict[str, int]
    users: int
    most: dict[str, int]


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the embeddings of so many `memories`; one may have several faults.

    The `model` is the one that was asked for, or else that of most, which is None where none is known or nothing wrong.
    Nobody has to say what made an embedding: `ok` also where some are unknown.
    """

    model: str | None
    memories: int
    found: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        return all(fault.kind == "unknown" for fault in self.found)


def check(connection: Connection, model: str | None = None, scope: Scope = Scope()) -> Faults:
    """What is wrong with embeddings, which are all read. "other-model" is any but `model`, by default but most have.

    Where a model that has taken over answers, its embeddings are looked at by default.
    Raises DatabaseError without the set embeddings, and where row-level security hides memories from this role.
    """
    with connection.transaction():
        found = needs.enter(connection, model)
        if model is None and (answering := target.serving(connection, found)) is not None:
            model, found = answering.model, needs.of_model(connection, found, answering.model)
            needs.require_seen(connection, found)
        needs.settings(connection)
        given = {"model": model, "user": needs.user(scope, found), "kinds": None}
        rows = connection.execute(_counted(found), given).fetchall()
        total = connection.value(needs.statement(found, "total").encode(), given)
    kinds = ("missing", "stale", *needs.ALSO)
    each = {kind: [(tier, user, number) for name, tier, user, _, number in rows if name == kind] for kind in kinds}
    right = rows[0][3] if rows else model
    return Faults(right, total, tuple(_fault(kind, counts) for kind, counts in each.items() if counts))


def chosen(connection: Connection, model: str, scope: Scope) -> Scope:
    """The scope with those memories by name that only a comparison with all others finds."""
    kinds = [kind for kind in scope.also if kind in needs.COMPARED]
    if not kinds:
        return scope
    with connection.transaction():
        found = needs.enter(connection, model)
        needs.settings(connection)
        given = {"model": model, "user": needs.user(scope, found), "kinds": kinds}
        rows = connection.execute(needs.statement(found, "faults"), given)
        ids = dict.fromkeys([*scope.memories, *(id for id, *_ in rows)])
    return replace(scope, also=[kind for kind in scope.also if kind not in kinds], memories=[*ids])


def _counted(found: Target) -> bytes:
    return needs.statement(found, "counted").replace("{faults}", needs.statement(found, "faults")).encode()


def _fault(kind: str, counts: list[tuple[str, str, int]]) -> Fault:
    tiers, users = Counter[str](), Counter[str]()
    for tier, user, number in counts:
        tiers[tier] += number
        users[user] += number
    return Fault(kind, tiers.total(), dict(sorted(tiers.items())), len(users), dict(users.most_common(_MOST_USERS)))
