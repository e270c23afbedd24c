"""The one place that knows whether a database is spread over a Citus cluster, how, and which of its servers answer.

On a server without Citus nothing is asked: `database.names`, with which every command begins, has seen that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from psycopg import sql

from memdb import database
from memdb.database import Connection, query
from memdb.errors import DatabaseError

T = TypeVar("T")

SPREADS = "_distribute_memories"
"""How the name of the migration of the set citus ends that spreads memories."""


@dataclass(frozen=True, slots=True)
class Node:
    """A server of the cluster. That of `group` 0 is the coordinator; the others are workers."""

    id: int
    group: int
    host: str
    port: int
    is_active: bool
    keeps_shards: bool

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is spread `by` a column, or, where that is None, of which each server has a copy.

    Tables of one `colocation` have the rows of one user on the same server.
    """

    oid: int
    schema: str
    name: str
    by: str | None
    colocation: int
    shards: int


@dataclass(frozen=True)
class Cluster:
    """The servers, and the tables that are spread over them, by their oids. `own_group` is that of this server."""

    own_group: int
    nodes: tuple[Node, ...]
    tables: dict[int, Table]

    @property
    def coordinator(self) -> Node | None:
        """None where it has told the workers no address of its own."""
        return next((node for node in self.nodes if node.group == 0), None)

    @cached_property
    def workers(self) -> tuple[Node, ...]:
        """Those that keep shards."""
        return tuple(node for node in self.nodes if node.keeps_shards)

    def spread(self, oid: int) -> Table | None:
        """The table where it is spread by a column."""
        found = self.tables.get(oid)
        return found if found is not None and found.by is not None else None


def read(connection: Connection) -> Cluster | None:
    """None where there is no Citus. Raises DatabaseError on a worker, which knows only a part."""
    if connection.has_citus is None:
        database.names(connection)
    if not connection.has_citus:
        return None
    with database.own_names(connection):
        own_group, nodes = connection.execute(query("distribution", "cluster")).fetchone() or (0, [])
        tables = connection.rows(Table, query("distribution", "tables"))
    cluster = Cluster(own_group, tuple(Node(**node) for node in nodes), {table.oid: table for table in tables})
    _require_coordinator(cluster)
    return cluster


def require_coordinator(connection: Connection) -> None:
    """Raises DatabaseError on a worker of a cluster, where nothing of the schema may be read or changed."""
    read(connection)


def spread_tables(connection: Connection) -> list[Table]:
    """All that are spread by a column."""
    cluster = read(connection)
    return [] if cluster is None else [table for table in cluster.tables.values() if table.by is not None]


def columns(connection: Connection) -> dict[str, str]:
    """The column by which each table is spread, by its bare name."""
    return {table.name: table.by for table in spread_tables(connection) if table.by is not None}


def is_spread(connection: Connection, table: int) -> bool:
    """Whether the rows of a table are on several servers."""
    cluster = read(connection)
    return cluster is not None and cluster.spread(table) is not None


def _require_coordinator(cluster: Cluster) -> None:
    if cluster.own_group == 0:
        return
    coordinator = cluster.coordinator
    where = f" at {coordinator.address}" if coordinator else ""
    raise DatabaseError(
        f"this server is a worker of a Citus cluster (group {cluster.own_group}): it has no history of migrations, and "
        "no command here sees the whole",
        hint=f"Connect to the coordinator{where}.",
    )


def reach_workers(connection: Connection, settings: Mapping[str, str]) -> None:
    """Until the transaction ends, has workers use these settings, too: else they are those of this session only. Does
    nothing without Citus.

    Citus hands on what is written as SET, with the whole text that it is sent, and what is not local stays with the
    connections to workers. So it does for these statements only.
    """
    if not connection.has_citus:
        return
    handing_on = "citus.propagate_set_commands"
    for name, value in [(handing_on, "local"), *settings.items(), (handing_on, "none")]:
        connection.execute(sql.SQL("set local {} = {}").format(sql.Identifier(*name.split(".")), _written(name, value)))


def _written(name: str, value: str) -> sql.Composable:
    """A path is a list of names, not one."""
    return sql.SQL(value) if name == "search_path" else sql.Literal(value)


def silent(connection: Connection, nodes: Sequence[Node]) -> list[Node]:
    """Those of the servers that the coordinator cannot connect to now."""
    with database.own_names(connection):
        reachable = query("distribution", "reachable")
        return [node for node in nodes if not connection.value(reachable, [node.host, node.port])]


def is_copied(connection: Connection, table: int) -> bool:
    """Whether each server of a cluster has a copy of a table."""
    cluster = read(connection)
    found = None if cluster is None else cluster.tables.get(table)
    return found is not None and found.by is None


def keep_copies_writable(connection: Connection, table: int) -> None:
    """Until the transaction ends, nothing is done to several shards at once, after which Citus would not change a table
    of which each server has a copy. Does nothing for any other."""
    if is_copied(connection, table):
        reach_workers(connection, {"citus.multi_shard_modify_mode": "sequential"})


def unplaced(connection: Connection, tables: Sequence[int]) -> list[tuple[int, int]]:
    """Those of these tables of which shards are on no server that is in use, and how many."""
    with database.own_names(connection):
        return [(oid, number) for oid, number in connection.execute(query("distribution", "unplaced"), [list(tables)])]


def by_shard(connection: Connection, table: int, values: Sequence[T], type: Sequence[str]) -> list[list[T]]:
    """Values of the column by which a table is spread, of a `type` with its schema, those of one shard together: what
    Citus does on one shard at a time only can be done for all of them. Else one list."""
    if not values or not is_spread(connection, table):
        return [list(values)]
    statement = query("distribution", "by_shard", type=type)
    return [list(found) for (found,) in connection.execute(statement, {"values": list(values), "table": table})]
