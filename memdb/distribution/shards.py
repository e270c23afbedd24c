"""What the parts of a spread table hold, and what workers answer: the coordinator knows nothing of it itself."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from memdb import database, distribution
from memdb.database import Connection, query

_LONGEST_NAME = 63  # bytes, of which the last character may not have fitted


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


@dataclass(frozen=True, slots=True)
class ShardIndex:
    """An index of a shard; its `name` has the number of the shard."""

    name: str
    valid: bool
    bytes: int
    rows: float
    scans: int

    def is_of(self, index: str) -> bool:
        """Whether it is the part of a table's index. Citus gives long names a hash in place of their end."""
        own = self.name.rpartition("_")[0]
        is_cut = len(self.name.encode()) > _LONGEST_NAME - 4
        return own == index or (is_cut and index.startswith(own[: -len("_01234567")]))


@dataclass(frozen=True, slots=True)
class Shard:
    """What a part of a table holds and takes: bytes with what is stored beside it, which `toast` counts, and what the
    statistics of its worker say of its rows (-1: nothing)."""

    bytes: int
    toast: int
    rows: float
    pages: int
    visible_pages: int
    live: int
    dead: int
    scans: int
    indexes: tuple[ShardIndex, ...]

    def index(self, name: str) -> ShardIndex | None:
        """The part of a table's index."""
        return next((index for index in self.indexes if index.is_of(name)), None)


@dataclass(frozen=True, slots=True)
class Parts:
    """The shards of a table, each as its worker has answered; `silent` are those of workers that did not."""

    shards: tuple[Shard, ...]
    silent: tuple[Answer, ...]

    def sum(self, figure: str) -> Any:
        """Of all shards, and -1 for rows where no worker has counted any."""
        values = [getattr(shard, figure) for shard in self.shards]
        return -1 if figure == "rows" and values and max(values) < 0 else sum(max(0, value) for value in values)

    def sum_of_index(self, name: str, figure: str) -> Any:
        """The same of an index on each shard; 0 where one has none."""
        return sum(max(0, getattr(index, figure)) for shard in self.shards if (index := shard.index(name)))


def parts(connection: Connection, table: int) -> Parts | None:
    """None where the table is on one server only."""
    if connection.has_citus is False or not distribution.is_spread(connection, table):
        return None
    answers = list(ask_shards(connection, table, query("distribution", "shard")))
    return Parts(
        tuple(_shard(json.loads(answer.value)) for answer in answers if answer.value is not None),
        tuple(answer for answer in answers if answer.value is None),
    )


def _shard(found: dict[str, Any]) -> Shard:
    indexes = tuple(ShardIndex(**index) for index in found.pop("indexes"))
    return Shard(**found, indexes=indexes)


def has_on_all_shards(connection: Connection, table: int, index: str) -> bool:
    """Whether each shard of a table has an index that searches use; true of a table on one server."""
    found = parts(connection, table)
    if found is None:
        return True
    each = [shard.index(index) for shard in found.shards]
    return not found.silent and all(part is not None and part.valid for part in each)


def index_builds(connection: Connection, pid: int) -> dict[str, tuple[Any, ...]]:
    """The shards of which the session `pid` of this server has an index built, by their names, with the phase and what
    pg_stat_progress_create_index counts: blocks done and in all, tuples done and in all."""
    session = connection.value(query("distribution", "session"), [pid])
    answers = ask_workers(connection, query("distribution", "index_builds").replace("{session}", session))
    return {name: tuple(counts) for answer in answers for name, *counts in json.loads(answer.value or "[]")}
