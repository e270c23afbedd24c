"""The one place that knows whether a database is spread over a Citus cluster, how, and which of its servers answer.

On a server without Citus nothing is asked: `database.names`, with which every command begins, has seen that.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from memdb import database
from memdb.database import Connection, query
from memdb.errors import DatabaseError


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
    """A table that is spread by `column`, or, where that is None, of which each server has a copy.

    Tables of one `colocation` have the rows of one user on the same server.
    """

    oid: int
    schema: str
    name: str
    column: str | None
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
        return found if found is not None and found.column is not None else None


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


def silent(connection: Connection, nodes: Sequence[Node]) -> list[Node]:
    """Those of the servers that the coordinator cannot connect to now."""
    with database.own_names(connection):
        reachable = query("distribution", "reachable")
        return [node for node in nodes if not connection.value(reachable, [node.host, node.port])]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a shard, or a worker, has answered; `value` is None, and `reason` says why, where it has not."""

    of: str
    value: Any
    reason: str = ""


def ask_shards(connection: Connection, table: int, statement: str) -> Iterator[Answer]:
    """The answers of each shard of a table to a statement of one value, in which %s stands for the shard."""
    with database.own_names(connection):
        rows = connection.execute(query("distribution", "on_shards"), [table, statement]).fetchall()
    for shard, succeeded, result in rows:
        yield Answer(str(shard), result, "") if succeeded else Answer(str(shard), None, result)


def ask_workers(connection: Connection, statement: str) -> Iterator[Answer]:
    """The answers of each worker to a statement of one value."""
    with database.own_names(connection):
        rows = connection.execute(query("distribution", "on_workers"), [statement]).fetchall()
    for host, port, succeeded, result in rows:
        node = f"{host}:{port}"
        yield Answer(node, result, "") if succeeded else Answer(node, None, result)


def indexes(connection: Connection, table: int) -> tuple[dict[str, dict[str, Any]], list[Answer]]:
    """The indexes of each shard by its number, with `valid` and `bytes` by their names without that number; and the
    shards that could not be asked."""
    answers = list(ask_shards(connection, table, query("distribution", "indexes_of_shard")))
    found = {answer.of: json.loads(answer.value) for answer in answers if answer.value is not None}
    return found, [answer for answer in answers if answer.value is None]
