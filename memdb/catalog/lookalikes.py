"""What reads like something of PostgreSQL's, an extension's or the migrations', and is something else."""

from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

from memdb.catalog.keys import Key

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


def of_rows(rows: Iterable[tuple[str, ...]], clean: Callable[[Key], Key]) -> tuple[LookAlike, ...]:
    """Rows of kind and identity of who uses, those of what is used, and the latter as a key would have it.

    `clean` takes the schemas out of keys that are left out of names.
    """
    return tuple(
        LookAlike(
            clean(Key.of(kind, identity)),
            f"{used_kind} {used}",
            (
                *(clean(Key.of(known, used_object)) for known in _KINDS.get(used_kind, ())),
                clean(Key.of(_MADE_BY_MIGRATIONS, f"{used_kind} {used}")),
            ),
        )
        for kind, identity, used_kind, used, used_object in rows
    )
