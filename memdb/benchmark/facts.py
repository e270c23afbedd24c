"""What the table of memories and its indexes take, and what of it is in use."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from memdb import trust
from memdb.database import Connection, query
from memdb.distribution import shards
from memdb.distribution.shards import Parts
from memdb.target import Target


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """`buffered_share` is how much of it is in shared buffers, 0 to 1; None where nobody can tell.

    `scans` counts since `Facts.counting_since`; `needed` says that a constraint needs the index, used or not.
    `definition` is the statement that makes it.
    """

    name: str
    method: str
    bytes: int
    bytes_per_memory: float
    scans: int
    valid: bool
    needed: bool
    buffered_share: float | None
    options: str | None
    definition: str
    comment: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Sizes in bytes. `table_bytes` is the heap, `toast_bytes` what is stored out of line, embeddings mostly.

    `visible_share` is how much of the heap a vacuum has marked as visible to everybody, 0 to 1: an index alone answers
    for that. `fast_search`: whether search_memories is there, whatever was measured. `table` has the embeddings.

    `counting_since` is when the server last began to count scans; None: when the database was made.
    `database_settings` are those of pgvector that `alter database` has given to this one.
    """

    memories: int
    table_bytes: int
    toast_bytes: int
    indexes_bytes: int
    bytes_per_memory: float
    indexes: tuple[IndexFacts, ...]
    counting_since: datetime | None
    buffers_known: bool
    database_settings: dict[str, str] = field(default_factory=dict)
    visible_share: float = 1.0
    fast_search: bool = False
    table: str = "memories"

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.table_bytes + self.toast_bytes + self.indexes_bytes

    @property
    def since(self) -> str:
        """`counting_since` in words."""
        return (
            f"since {self.counting_since:%Y-%m-%d %H:%M}" if self.counting_since else "since the database was created"
        )

    @property
    def vector_index(self) -> IndexFacts | None:
        """The largest index for approximate search."""
        return next((index for index in self.indexes if index.method == "hnsw"), None)


def read(connection: Connection, target: Target) -> Facts:
    """The facts of this snapshot. Sizes and counts are those of now."""
    memories = connection.value(target.query("benchmark", "count"))
    sizes = connection.execute(target.query("benchmark", "table_facts"), {"memories": target.embeddings})
    ((table, toast, indexes, visible),) = sizes
    each = max(memories, 1)
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute(query("benchmark", "index_facts"), {"memories": target.embeddings}).fetchall()
    buffered, definitions = _buffered(connection, [row["file"] for row in rows]), _definitions(connection, target)
    if (parts := shards.parts(connection, target.memories)) is not None:
        table, toast, indexes, visible = _over_shards(parts, rows)
        buffered = None
    found = []
    for row in rows:
        definition, share = definitions[row.pop("oid")], _share(buffered, row.pop("file"), row["bytes"])
        found.append(
            IndexFacts(**row, bytes_per_memory=row["bytes"] / each, buffered_share=share, definition=definition)
        )
    since = connection.value(query("benchmark", "counting_since"))
    total = (table + toast + indexes) / each
    settings = dict(connection.execute(query("benchmark", "database_settings")).fetchall())
    function = bool(connection.value(query("benchmark", "find_search_memories"), {"memories": target.memories}))
    known, place = buffered is not None, target.beside or "memories"
    return Facts(memories, table, toast, indexes, total, tuple(found), since, known, settings, visible, function, place)


def _over_shards(parts: Parts, rows: list[dict[str, Any]]) -> tuple[int, int, int, float]:
    """The sizes of the table, and, in the rows, those of its indexes. Which buffers they are in, no worker tells."""
    for row in rows:
        row |= {figure: parts.sum_of_index(row["name"], figure) for figure in ("bytes", "scans")}
    rows.sort(key=lambda row: (-row["bytes"], row["name"]))
    toast, visible = parts.sum("toast"), parts.sum("visible_pages") / max(1, parts.sum("pages"))
    return parts.sum("bytes") - toast, toast, sum(row["bytes"] for row in rows), min(1.0, visible)


def _definitions(connection: Connection, target: Target) -> dict[int, str]:
    with connection.transaction(force_rollback=True):  # going back to a savepoint puts the search_path back
        connection.execute("select set_config('search_path', %s, true)", [target.search_path])
        memories = {"memories": target.embeddings}
        return dict(connection.execute(query("benchmark", "index_definitions"), memories).fetchall())


def _buffered(connection: Connection, files: list[int]) -> dict[int, int] | None:
    """Bytes in shared buffers by file, from pg_buffercache; None where that is not installed or not allowed."""
    found = connection.execute(query("benchmark", "find_buffercache")).fetchone()
    if found is None:
        return None
    schema, view = found
    if not trust.may_read(connection, [view]):
        return None
    return dict(connection.execute(query("benchmark", "buffered", buffers=[schema]), [files]).fetchall())


def _share(buffered: dict[int, int] | None, file: int, size: int) -> float | None:
    if buffered is None or not size:
        return None
    return min(buffered.get(file, 0) / size, 1.0)
