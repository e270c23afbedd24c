"""What is known of the database that is examined: asked once, when the first check needs it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from memdb import database, pooling, shipped, target, trust
from memdb.database import Connection, query
from memdb.distribution.shards import Parts
from memdb.distribution.shards import parts as parts_of
from memdb.doctor import shards
from memdb.doctor.facts import (
    Definer,
    Function,
    Grant,
    Index,
    OpenSchema,
    Place,
    Policy,
    Sample,
    Server,
    Stale,
    Table,
    View,
)
from memdb.doctor.shards import Servers
from memdb.errors import ConnectionFailed, DatabaseError, LockTimeout, MemdbError, WorkerLost
from memdb.ledger import status as ledger
from memdb.ledger.sqlfiles import Sets
from memdb.target import Beside, Target
from memdb.verification import verify as verification
from memdb.verification.snapshot import Patches

SAMPLE = 1000  # rows
_FEW = 4 * SAMPLE
_SECONDS = 2
TASK_DAYS = 30

_Known = TypeVar("_Known")


class CannotLook(Exception):
    """Why a check has nothing to say."""


class NoMemories(CannotLook):
    """There is no such table."""

    def __init__(self) -> None:
        super().__init__('there is no table "memories" yet')


@dataclass
class Patient:
    """A database within one transaction that only reads. What fails once fails alike for each check that needs it."""

    connection: Connection
    sets: Sets
    place: Place
    patches: Callable[[], Patches]
    chosen: tuple[str, ...] = ()
    _failed: dict[str, CannotLook] = field(default_factory=dict)
    _parts: dict[int, Parts | None] = field(default_factory=dict)

    def know(self, name: str) -> Any:
        """An attribute. Raises CannotLook where it could not be found out."""
        if name in self._failed:
            raise self._failed[name]
        try:
            with database.translated_errors():
                return getattr(self, name)
        except CannotLook as reason:
            self._failed[name] = reason
        except WorkerLost as error:
            self._failed[name] = CannotLook(error.message)
        except ConnectionFailed:
            raise
        except MemdbError as error:
            self._failed[name] = CannotLook(_in_words(error))
        raise self._failed[name]

    def look_around(self) -> None:
        """Finds out, before the transaction begins, what needs connections or transactions of its own."""
        for name in ("is_pooled", "status", "verification"):
            with suppress(CannotLook):
                self.know(name)

    @cached_property
    def is_pooled(self) -> bool:
        return pooling.is_transaction_pooled(self.connection)

    @cached_property
    def status(self) -> ledger.Status:
        return ledger.status(self.connection, self.sets, chosen=self.chosen)

    @cached_property
    def verification(self) -> verification.Verification:
        return verification.verify(self.connection, self.sets, self.patches())

    @cached_property
    def names(self) -> database.Names:
        """Where the names of whoever asks lead."""
        return database.names(self.connection)

    @cached_property
    def server(self) -> Server:
        return self._rows(Server, "server")[0]

    @cached_property
    def target(self) -> Target:
        found = target.find(self.connection, self.names)
        if found is None:
            raise NoMemories
        target.require_own(found)
        return found

    @property
    def has_memories(self) -> bool:
        try:
            self.know("target")
        except CannotLook:
            return False
        return True

    @cached_property
    def tables(self) -> list[Table]:
        found: Target = self.know("target")
        history = (None if "status" in self._failed else self.status.history) or found.schema
        given = {"memories": found.memories, "users": found.users, "schema": found.schema, "history": history}
        tables = self._rows(Table, "tables", given | {"users_may_be_made": found.users_may_be_made})
        return [shards.table_over(self.parts(table.oid), table) for table in tables]

    def parts(self, table: int) -> Parts | None:
        """The shards of a table; None on one server."""
        if table not in self._parts:
            self._parts[table] = parts_of(self.connection, table)
        return self._parts[table]

    @property
    def shards(self) -> int:
        """On how many parts memories are, each with indexes of its own."""
        parts = self.parts(self.memories.oid)
        return 1 if parts is None else max(1, len(parts.shards))

    @cached_property
    def servers(self) -> Servers:
        """Those of the cluster; none without Citus."""
        return shards.servers(self.connection)

    @property
    def memories(self) -> Table:
        """The table itself."""
        tables: list[Table] = self.know("tables")
        return tables[0]

    @cached_property
    def grants(self) -> list[Grant]:
        views: list[View] = self.know("views")
        return self._rows(Grant, "grants", {"tables": [item.oid for item in (*self.know("tables"), *views)]})

    @cached_property
    def policies(self) -> list[Policy]:
        return self._rows(Policy, "policies", self._of_tables())

    @cached_property
    def views(self) -> list[View]:
        return self._rows(View, "views", {"tables": [table.oid for table in self.with_rows_of_users]})

    @cached_property
    def indexes(self) -> list[Index]:
        indexes = self._rows(Index, "indexes", self._of_tables())
        return [shards.index_over(self.parts(index.table), index) for index in indexes]

    @cached_property
    def open_schemas(self) -> list[OpenSchema]:
        schemas = [self.target.schema, self.target.vector_schema, *self.names.path]
        given = {"schemas": schemas, "owner": self.memories.owner_oid}
        return self._rows(OpenSchema, "open_schemas", given)

    @cached_property
    def functions(self) -> list[Function]:
        schema = sql.Identifier(self.target.schema).as_string()
        return self._rows(Function, "functions", {"schema": schema, "owner": self.memories.owner_oid})

    @cached_property
    def definers(self) -> list[Definer]:
        views: list[View] = self.know("views")
        tables = [table.oid for table in self.with_rows_of_users] + [view.oid for view in views]
        return self._rows(Definer, "definers", {"tables": tables, "memories": self.memories.oid})

    @property
    def with_rows_of_users(self) -> list[Table]:
        return [table for table in self.know("tables") if table.part != "history"]

    @cached_property
    def sample(self) -> Sample:
        rows = self.enter()
        given = self._sampled(rows) | {"days": TASK_DAYS}
        (found,) = self._asked(self._of_sample("sample"), given)
        return Sample(_is_few(rows), *found)

    @cached_property
    def stale(self) -> Stale:
        """Of a sample, those whose text is another than the one that was embedded; none without the set embeddings."""
        rows, found = self.enter(), self.target
        if self.serving is not None:
            ((looked_at, stale),) = self._asked(self._of_sample("stale_beside"), self._sampled(rows))
            return Stale(looked_at, stale)
        there = self._asked(query("doctor_rows", "embedding_sources"), {"memories": found.memories})
        if not there:
            return Stale(0, 0)
        ((sources, may_read),) = there
        if not may_read:
            raise CannotLook("this role may not read memory_embedding_sources")
        trust.require_owners(self.connection, [sources])
        statement = self._of_sample("stale")
        ((looked_at, stale),) = self._asked(statement, self._sampled(rows))
        return Stale(looked_at, stale)

    @cached_property
    def serving(self) -> Beside | None:
        """The table of the model that answers, where that has taken over from the one of which memories has some."""
        table = target.serving(self.connection, self.target)
        if table is not None:
            trust.require_owners(self.connection, [table.oid])
        return table

    def _of_sample(self, block: str) -> str:
        """A block about memories that are looked at, with the embeddings of the model that answers."""
        blocks, found, table = shipped.queries("doctor_rows"), self.target, self.serving
        rows = blocks["looked_at" if table is None else "looked_at_beside"]
        return found.filled_in(
            blocks[block].replace("{looked_at}", rows),
            beside=[found.schema, "memories" if table is None else table.name],
            send=[found.vector_schema, f"{found.embedding_type}_send"],
        )

    @cached_property
    def oldest_tasks(self) -> int:
        """How many of the memories that were recalled longest ago are tasks that are due; 0 without an index."""
        self.enter()
        indexes: list[Index] = self.know("indexes")
        by_recall = [i for i in indexes if i.first_column == "accessed_at" and i.is_valid and i.method == "btree"]
        if not any(index.table == self.memories.oid for index in by_recall):
            return 0
        statement = self.target.query("doctor_rows", "oldest")
        ((number,),) = self._asked(statement, {"most": SAMPLE, "days": TASK_DAYS})
        return int(number)

    def enter(self) -> float:
        """How many rows there are, about, once it is known that reading them calls nothing of others."""
        found: Target = self.know("target")
        with self.connection.transaction():
            require_readable(self.connection, found)
        rows = self.memories.rows
        return rows if rows >= 0 else float(self.memories.pages * 2)

    def _sampled(self, rows: float) -> dict[str, Any]:
        """Which part of the table a sample is."""
        if _is_few(rows):
            return {"percent": 100, "most": _FEW}
        return {"percent": percent(rows), "most": 2 * SAMPLE}

    def _of_tables(self) -> dict[str, Any]:
        return {"tables": [table.oid for table in self.know("tables")]}

    def _rows(self, kind: type[_Known], block: str, given: dict[str, Any] | None = None) -> list[_Known]:
        with self.connection.transaction():  # a savepoint, so that a failure is that of one question
            return self.connection.rows(kind, query("doctor", block), given)

    def _asked(self, statement: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        with self.connection.transaction():
            return self.connection.execute(statement.encode(), given).fetchall()


def _in_words(error: MemdbError) -> str:
    """Why a question was not answered, as the end of a sentence."""
    if isinstance(error, LockTimeout):
        return "others hold a lock that is needed"
    if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
        return f"it takes longer than {_SECONDS} seconds, or than this role may take (statement_timeout)"
    return error.message.split("\n")[0]


def _is_few(rows: float) -> bool:
    """So few that all of them are looked at."""
    return 0 <= rows <= _FEW


def percent(rows: float) -> float:
    """Of the pages of a table with so many rows, how many hold a sample."""
    return min(100.0, 120 * SAMPLE / max(rows, 1))


def begin(connection: Connection) -> None:
    """Reads only, each statement for two seconds at most, and names lead to memdb's own, until the transaction ends.

    A worker of a cluster that has not answered by half of that time is one that does not answer: Citus would wait for
    30 seconds, and the statement would end before anybody knew why. A server without Citus minds no such setting.
    """
    milliseconds = 1000 * _SECONDS
    connection.execute(
        f"set transaction read only; set local statement_timeout = {milliseconds}; set local lock_timeout = "
        f"{milliseconds // 2}; set local jit = off; set local citus.node_connection_timeout = {milliseconds // 2}"
    )
    database.keep_to_own_names(connection)


def require_readable(connection: Connection, found: Target) -> None:
    """Raises DatabaseError where this role may not read memories, or as a superuser had better not.

    Rows that policies hide from this role are refused by the server from now on, not left out.
    """
    may = connection.value(query("doctor_rows", "may_read"), {"memories": found.memories, "schema": found.schema})
    if not may:
        raise DatabaseError(
            "this role may not read memories", hint="Connect as their owner, or as a role that may select from them."
        )
    connection.execute(query("doctor_rows", "settings"))
    trust.require_owners(connection, [found.memories])
