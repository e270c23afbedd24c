"""What reads like something of PostgreSQL's, an extension's or the migrations', and is something else."""

from collections.abc import Container
from typing import NamedTuple

from memdb.catalog import reading
from memdb.catalog.keys import Key
from memdb.database import Connection, patience, query

_KINDS = {"function": ("function", "aggregate"), "type": ("enum", "domain", "type"), "view": ("view", "table")}
_MADE_BY_MIGRATIONS = "object"  # operators and the like, of which no more is known than that they are there


class LookAlike(NamedTuple):
    """An object that uses one which its definition does not tell from another: `used` in words, with its schema."""

    key: Key
    used: str
    candidates: tuple[Key, ...]

    def is_among(self, expected: Container[Key]) -> bool:
        """Whether migrations make what is used."""
        return any(key in expected for key in self.candidates)


def find(connection: Connection, schema: str) -> list[LookAlike]:
    """All of them in a database of which `schema` is the target. Reads in a read-only transaction."""
    with connection.transaction(force_rollback=True):  # which also takes back the settings
        connection.execute(f"set transaction read only; set local search_path = ''; {patience(connection)}")
        rows = connection.execute(query("lookalikes", "found"), {"home": schema}).fetchall()
        qualifiers = connection.execute(query("lookalikes", "qualifiers"), {"home": schema}).fetchall() if rows else []
    clean = reading.cleaner(name for (name,) in qualifiers)

    def key(kind: str, identity: str) -> Key:
        return reading.clean_key(Key.of(kind, identity), clean)

    return [
        LookAlike(
            key(kind, identity),
            f"{used_kind} {used}",
            (
                *(key(known, clean(used_object)) for known in _KINDS.get(used_kind, ())),
                key(_MADE_BY_MIGRATIONS, f"{used_kind} {used}"),
            ),
        )
        for kind, identity, used_kind, used, used_object in rows
    ]
