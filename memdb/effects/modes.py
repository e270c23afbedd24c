"""PostgreSQL's table-level locks: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES."""

from dataclasses import dataclass

STRENGTH = (
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
"""The modes, the weakest first."""

_NAMES = {mode.replace(" ", "") + "LOCK": mode for mode in STRENGTH}


@dataclass(frozen=True, slots=True)
class Lock:
    """`blocks` is what other sessions cannot do meanwhile: schema changes, writes too, or reads and writes."""

    relation: str
    mode: str
    blocks: str

    @classmethod
    def of(cls, relation: str, mode: str) -> "Lock":
        return cls(relation, mode, _blocks(mode))


def mode(name: str) -> str:
    """`ShareRowExclusiveLock`, as pg_locks has it, is SHARE ROW EXCLUSIVE."""
    return _NAMES[name.upper()]


def stronger(one: str, other: str) -> str:
    """The mode that conflicts with more."""
    return max(one, other, key=STRENGTH.index)


def includes(mode: str | None, other: str) -> bool:
    """Whether who holds `mode` has no need of `other`."""
    return mode is not None and stronger(mode, other) == mode


def stops_writers(mode: str) -> bool:
    """Whether nobody can write to what is locked so."""
    return STRENGTH.index(mode) >= STRENGTH.index("SHARE")


def _blocks(mode: str) -> str:
    if mode == "ACCESS EXCLUSIVE":
        return "reads and writes"
    return "writes" if stops_writers(mode) else "schema changes"
