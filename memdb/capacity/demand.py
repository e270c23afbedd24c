"""What is asked for: how many memories of which users, kept in which way, on servers of what size."""

from dataclasses import dataclass, fields

from memdb import shipped
from memdb.capacity.skew import USUAL, Skew
from memdb.errors import UsageError
from memdb.ledger import sqlfiles
from memdb.shape import DEFAULT, Shape
from memdb.words import listed

GIB = 2**30
_MOST_USERS, _MOST_MEMORIES = 10**10, 10**12
_LIMITS: dict[str, tuple[float, float]] = {
    "users": (1, _MOST_USERS),
    "memories_per_user": (0.01, 10**7),
    "qps": (0, 10**8),
    "writes": (0, 10**8),
    "content_bytes": (0, 10**6),
    "metadata_bytes": (0, 10**6),
    "active": (0, 1),
    "node_memory_gib": (0.5, 10**5),
    "node_disk_gib": (1, 10**7),
    "node_cores": (1, 10**4),
    "shards": (1, 2**16),
    "nodes": (1, 2**14),
    "random_seed": (0, 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class Demand:
    """`memories_per_user` is the mean; `qps` and `writes` are searches and new memories per second of all users.

    Content and metadata are those of a memory, in bytes; the defaults are the means of what `memdb seed` makes.
    `active` is the share of the memories whose users come back so soon that their rows should stay in memory. `nodes`
    and `shards` follow from the rest where they are None. Raises UsageError for what is no number of that kind, or out
    of range, and for sets that there are none of.
    """

    users: int
    memories_per_user: float
    skew: Skew = USUAL
    qps: float = 0
    writes: float = 0
    sets: tuple[str, ...] = ()
    shape: Shape = DEFAULT
    content_bytes: float = 156
    metadata_bytes: float = 162
    active: float = 0.2
    node_memory_gib: float = 64
    node_disk_gib: float = 1000
    node_cores: int = 16
    nodes: int | None = None
    shards: int | None = None
    random_seed: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name in _LIMITS:
                _require(field.name, getattr(self, field.name), *_LIMITS[field.name])
        if self.memories > _MOST_MEMORIES:
            raise UsageError(
                f"{self.users:,} users with {self.memories_per_user:,.12g} memories each have {self.memories:,}",
                hint=f"At most {_MOST_MEMORIES:,} can be reckoned with.",
            )
        _require_sets(self.sets)

    @property
    def memories(self) -> int:
        return max(round(self.users * self.memories_per_user), 1)


def known_sets() -> tuple[str, ...]:
    """The optional sets that memdb ships."""
    folders = (path.name for path in shipped.sql_directory().iterdir() if path.is_dir())
    return tuple(sorted(name for name in folders if name not in {"core", *sqlfiles.NOT_SETS}))


def _require(name: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:  # NaN is not, either
        raise UsageError(
            f"--{name.removesuffix('_gib').replace('_', '-')} cannot be {value:,.12g}",
            hint=f"It is a number from {least:,.12g} to {most:,.12g}.",
        )


def _require_sets(names: tuple[str, ...]) -> None:
    known = known_sets()
    if unknown := [name for name in names if name not in known and name != "core"]:
        raise UsageError(f"there is no set {listed(unknown)}", hint=f"Sets are {listed(list(known))}.")
