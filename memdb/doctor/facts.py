"""What can be known of a database, as rows with names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Server:
    """Sizes in bytes. `time_outs` are those of a new session, in milliseconds; `counted_days` how old counters are."""

    version: str
    database: str
    role: str
    pgvector: str | None
    pgvector_offered: str | None
    vector_schema: str | None
    others_log_in: bool
    maintenance_work_mem: int
    shared_buffers: int
    cache: int
    workers: int
    shared_memory: str
    time_outs: list[str]
    counted_days: float


@dataclass(frozen=True, slots=True)
class Table:
    """`part` is memories, partition (or what else inherits), side (what else holds users' rows) or history.

    `rows` is -1 where nobody has counted.
    """

    oid: int
    part: str
    name: str
    owner: str
    owner_oid: int
    has_row_security: bool
    rows: float
    pages: int
    visible_pages: int
    live: int
    dead: int
    scans: int
    is_never_vacuumed: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """On a table or a view. `role` is `-` for everybody."""

    table: int
    role: str
    privileges: list[str]
    passes_policies: bool
    logs_in: bool


@dataclass(frozen=True, slots=True)
class Policy:
    table: int
    name: str
    roles: list[str]
    lets_all_through: bool


@dataclass(frozen=True, slots=True)
class View:
    """One that looks with its owner's rights."""

    oid: int
    name: str
    is_materialized: bool


@dataclass(frozen=True, slots=True)
class OpenSchema:
    name: str
    roles: list[str]


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    owner: str
    runs_as_owner: bool
    has_path: bool
    is_of_others: bool


@dataclass(frozen=True, slots=True)
class Definer:
    """A function that works on memories with its owner's rights. `roles` may call it, `-` for everybody."""

    name: str
    owner: str
    roles: list[str]


@dataclass(frozen=True, slots=True)
class Index:
    """`row_width` in bytes, None where this role may not see the statistics; `links` is m of an HNSW index."""

    name: str
    table: int
    method: str
    is_valid: bool
    is_being_built: bool
    is_needed: bool
    bytes: int
    rows: float
    scans: int
    first_column: str | None
    row_width: float | None
    links: int | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Of so many rows: without an embedding, of length zero, one, or another; tasks that are due; recalled ones.

    `days` lie between the first and the last that was made; `whole` says that it is the whole table.
    """

    whole: bool
    rows: int
    without: int
    zero: int
    unit: int
    other: int
    expired: int
    recalled: int
    days: float


@dataclass(frozen=True, slots=True)
class Stale:
    """Of so many rows, those whose text is another than the one of which their embedding was made."""

    rows: int
    stale: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where memdb runs: the folder of its settings, and whether the server is memdb's own."""

    folder: Path
    is_embedded: bool = False
