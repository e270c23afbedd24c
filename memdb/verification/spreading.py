"""Whether memories are spread over a Citus cluster as they should be: by user, all of one user's on one worker, each
shard on a worker that answers, with all indexes."""

from collections.abc import Collection, Iterable, Iterator

from memdb import distribution
from memdb.catalog import Key, Objects
from memdb.database import Connection
from memdb.distribution import Cluster, Table, shards
from memdb.verification.comparison import Difference
from memdb.words import count, listed

_MEMORIES, _OWNER = "memories", "user_id"


def check(
    connection: Connection, schema: str, expected: Objects, found: Objects, applied: Collection[str]
) -> tuple[list[Difference], list[str]]:
    """What departs, and what to say of it; nothing where nothing is spread, and nothing should be."""
    cluster = distribution.read(connection)
    if cluster is None:
        return [], []
    spread = {table.name: table for table in cluster.tables.values() if table.schema == schema}
    memories = spread.get(_MEMORIES)
    if (memories is None or memories.by is None) and not any(id.endswith(distribution.SPREADS) for id in applied):
        return [], []
    gone = distribution.silent(connection, cluster.workers)
    differences = [
        *(_silent(node.address) for node in gone),
        *_of_tables(_owned(expected, found), spread, memories),
        *_of_placements(connection, spread.values()),
        *([] if gone else _of_indexes(connection, expected, spread)),
    ]
    return differences, [_note(cluster, spread.values(), complete=not gone)]


def _owned(expected: Objects, found: Objects) -> list[str]:
    """The tables with rows of users."""
    return sorted(key.within for key in expected if key.kind == "column" and key.name == _OWNER and key in found)


def _of_tables(names: Iterable[str], spread: dict[str, Table], memories: Table | None) -> Iterator[Difference]:
    """Each table with rows of users, compared with memories."""
    for name in names:
        table = spread.get(name)
        if table is None or table.by != _OWNER:
            yield _different(
                "table",
                name,
                {"spread by": _OWNER},
                {"spread by": table.by if table is not None else None},
                "-- the set citus spreads it: take that back to before this table came, and migrate again"
                if name != _MEMORIES
                else "-- the set citus spreads it: memdb rollback, then memdb migrate",
            )
        elif memories is not None and table.colocation != memories.colocation:
            yield _different(
                "table",
                name,
                {"shards": "with those of memories"},
                {"shards": "elsewhere"},
                f"select update_distributed_table_colocation('{name}', colocate_with => '{_MEMORIES}');",
            )


def _of_placements(connection: Connection, tables: Iterable[Table]) -> Iterator[Difference]:
    by_oid = {table.oid: table for table in tables}
    for oid, number in distribution.unplaced(connection, list(by_oid)):
        yield _different(
            "table",
            by_oid[oid].name,
            {"shards on a worker in use": by_oid[oid].shards},
            {"shards on a worker in use": by_oid[oid].shards - number},
            "-- bring the worker that has them back into use: select citus_activate_node('HOST', PORT)",
        )


def _of_indexes(connection: Connection, expected: Objects, spread: dict[str, Table]) -> Iterator[Difference]:
    """Each index that is expected, on each shard of its table."""
    for name, table in spread.items():
        found = shards.parts(connection, table.oid)
        if found is None:  # each server has a copy
            continue
        indexes = (key.name for key, item in expected.items() if key.kind == "index" and item["table"] == name)
        for index in sorted(indexes):
            valid = sum(part.valid for shard in found.shards if (part := shard.index(index)) is not None)
            if valid < table.shards:
                yield _different(
                    "index",
                    index,
                    {"valid on shards": table.shards},
                    {"valid on shards": valid},
                    f"-- drop index concurrently if exists {index}, and build it again with the statement of its "
                    "migration",
                )


def _silent(address: str) -> Difference:
    return Difference(
        "object",
        f"worker {address}",
        "missing",
        {"answers": True},
        None,
        "-- start it; if it is lost for good, have its standby take its place: select citus_update_node(…)",
    )


def _different(kind: str, name: str, expected: dict[str, object], found: dict[str, object], mend: str) -> Difference:
    return Difference(kind, Key.of(kind, name).identity, "different", expected, found, mend)


def _note(cluster: Cluster, tables: Iterable[Table], *, complete: bool) -> str:
    spread = [f"{table.name} by {table.by} ({count(table.shards, 'shard')})" for table in tables if table.by]
    copied = [table.name for table in tables if table.by is None]
    everywhere = f"; on each server: {listed(copied)}" if copied else ""
    looked = "The indexes of every shard were looked at." if complete else "Their indexes were not looked at."
    return f"Spread over {count(len(cluster.workers), 'worker')}: {listed(spread)}{everywhere}. {looked}"
