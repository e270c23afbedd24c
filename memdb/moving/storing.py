"""Rows of a file on their way into the tables, some at a time."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import psycopg

from memdb import users
from memdb.database import Connection
from memdb.errors import DataError, InvalidMemory
from memdb.moving import arriving, nested, statements
from memdb.moving.file import File, Row
from memdb.moving.header import EMBEDDED
from memdb.moving.statements import Columns, OnConflict
from memdb.moving.tables import Place, Table
from memdb.reading.fields import excerpt
from memdb.shape import UserKey
from memdb.words import listed

# As PostgreSQL writes them in JSON, which goes on after the year 9999, and before the year 1.
_TIME = re.compile(
    r"-?infinity|\d{4,6}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d(:?\d\d(:\d\d)?)?)( BC)?", re.ASCII
)
_REFUSED = (psycopg.IntegrityError, psycopg.DataError, psycopg.errors.RaiseException)
_ROWS, _BYTES = 100, 4_000_000  # of a batch, whichever comes first


@dataclass
class Storing:
    """`owners` has the key that is used here for each user of the file, `salt` is what new ids follow from, too.

    `stored` counts rows that are new, or were overwritten, by table. `mentioned` are users of whom the file has rows
    beside memories of others.
    """

    connection: Connection
    place: Place
    file: File
    owners: Mapping[str, UserKey]
    salt: str
    on_conflict: OnConflict
    with_embeddings: bool
    stored: dict[str, int] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Which number here a row has that the file has by another, where rows refer to it."""
    archived: dict[tuple[str, str], str] = field(default_factory=dict)
    """The same of rows in the archive, and of what these refer to that no row before them has."""

    def add(self, batch: list[Row]) -> None:
        """Stores rows of one table. Raises DataError for those that cannot be stored."""
        table = next(table for table in self.place.tables if table.name == batch[0].table)
        given = statements.columns(
            self.place.target,
            table,
            self.file.header.tables[table.name].columns,
            with_embedding=table.name in EMBEDDED and self.with_embeddings,
        )
        kinds = dict(zip(table.columns, table.kinds, strict=True))
        objects = [arriving.values(self.file, row) for row in batch]
        self._require_times(table, given.plain, batch, objects)
        self.mentioned |= {str(each.get("user_id")) for each in objects if "user_id" in given.plain}
        statement = statements.insert(self.place, table, given, self.on_conflict)
        with self._explained(batch):
            mapped = {name: [self._mapped(kinds[name], each.get(name)) for each in objects] for name in given.mapped}
            kept = _last_of_each(table.key, objects, mapped)
            batch = [batch[place] for place in kept]
            mapped = {name: [values[place] for place in kept] for name, values in mapped.items()}
            self._number(table, given, batch, mapped)
            parameters = self._parameters(batch, mapped)
            if table.has_owner:
                self._require_own(table, mapped["id"], mapped["user_id"])
            done = self.connection.execute(statement.encode(), parameters).rowcount
            if table.key and not table.has_owner and "memory_id" not in table.key:
                self._require_stored(table, done, mapped["memory_id"])
        self.stored[table.name] = self.stored.get(table.name, 0) + done

    def _number(self, table: Table, given: Columns, batch: list[Row], mapped: dict[str, list[Any]]) -> None:
        """Gives rows their numbers here, and what refers to them: those which are there have theirs already."""
        are_new = {*table.counted} & {*mapped} and self._are_new(mapped["memory_id"])
        for column, numbering in zip(table.counted, table.numbering, strict=True):
            if column in mapped:
                old = mapped[column]
                there = {} if are_new else self._there(table, given, column, self._parameters(batch, mapped))
                mapped[column] = self._next(numbering, len(old))
                for was, number in zip(old, mapped[column], strict=True):
                    self.numbers[f"{table.name}.{column}", was] = str(there.get(was, number))
        for name, of in zip(table.columns, table.numbers, strict=True):
            if of and name in mapped and name not in table.counted:
                mapped[name] = [self._numbered(table, name, of, was) for was in mapped[name]]

    def _there(self, table: Table, given: Columns, column: str, rows: Mapping[str, Any]) -> dict[str, Any]:
        statement = statements.there(self.place, table, given, column)
        return dict(self.connection.execute(statement.encode(), rows).fetchall())

    def _are_new(self, memory_ids: list[str | None]) -> bool:
        """Whether nothing was beside these memories: looking takes long without an index. Overwritten ones look new."""
        return self.on_conflict != "overwrite" and self._beside_new(memory_ids) == len(memory_ids)

    def _beside_new(self, memory_ids: list[str | None]) -> Any:
        return self.connection.value(self.place.target.query("moving", "beside_new"), [memory_ids])

    def _numbered(self, table: Table, name: str, of: str, was: str | None) -> str | None:
        if was is not None and (of, was) not in self.numbers:
            raise DataError(
                f"{self.file.path}: {name} of a row of {table.name} is {excerpt(was)}, and no row before it "
                f"has that as {of}",
                hint="Nothing was imported. If the file is of one user, export all. Tables that refer to each other "
                "cannot be imported.",
            )
        return None if was is None else self.numbers[of, was]

    def _next(self, numbering: str, wanted: int) -> list[str]:
        return [str(number) for (number,) in self.connection.execute(statements.numbers(numbering, wanted).encode())]

    def _give(self, table: Table, column: str, old: list[str]) -> None:
        """Rows in the archive get their numbers here, so that they come back beside those which have theirs."""
        of, numbering = f"{table.name}.{column}", table.numbering[table.counted.index(column)]
        if not (new := [was for was in old if (of, was) not in self.archived]):
            return
        self.archived |= {(of, was): number for was, number in zip(new, self._next(numbering, len(new)), strict=True)}

    def _archived(self, of: str, was: str | None) -> str | None:
        """What a row in the archive refers to may come later in the file, or be gone: no other row gets its number."""
        if was is None:
            return None
        if (of, was) in self.numbers and (of, was) not in self.archived:
            return self.numbers[of, was]
        for table in self.place.tables:
            for column in table.counted:
                if of == f"{table.name}.{column}":
                    self._give(table, column, [was])
        return self.archived.get((of, was))

    @staticmethod
    def _parameters(batch: list[Row], mapped: Mapping[str, list[Any]]) -> dict[str, Any]:
        return {
            "rows": f"[{b','.join(row.json for row in batch).decode()}]",
            "embedding": [row.embedding for row in batch],
            **{f"mapped{place}": values for place, values in enumerate(mapped.values())},
        }

    def _require_times(
        self, table: Table, types: Mapping[str, str], batch: list[Row], objects: list[dict[str, Any]]
    ) -> None:
        """Raises DataError for what the server would take for another time each day, or in each time zone."""
        names = [
            name for name, type in types.items() if type.startswith("timestamp") and type.endswith("with time zone")
        ]
        for row, each in zip(batch, objects, strict=True):
            for name in names:
                value = each.get(name)
                if value is not None and not (isinstance(value, str) and _TIME.fullmatch(value)):
                    raise DataError(
                        f"{self.file.path}, line {row.line}: {name} of {table.name} is no time with an offset: "
                        f"{excerpt(value)}",
                        hint="Nothing was imported. Write it as 2026-01-31T12:00:00+00:00.",
                    )

    def _mapped(self, kind: str, value: Any) -> str | None:
        if value is None:
            return None
        if kind == "number" and isinstance(value, tuple):
            return self._archived(*value)
        if kind == "beside":
            nested.numbers(value, self.place.tables, self._give)
            return json.dumps(nested.beside(value, self.place.tables, self._mapped))
        if kind == "mentioned":
            self.mentioned.add(str(value))
        if kind == "noted":
            return json.dumps(nested.noted(value, self._mapped))
        if kind in ("user", "reference"):
            known = str(value) in self.owners
            return str(self.owners[str(value)] if known else self._other(value, goes_along=kind == "user"))
        return str(uuid5(UUID(value), self.salt)) if kind == "id" and self.on_conflict == "new-ids" else str(value)

    def _other(self, user: Any, *, goes_along: bool) -> UserKey:
        """Somebody who has nothing in the file, and is mentioned beside a memory."""
        try:
            key = users.key(user, self.place.target.shape.users)
            if goes_along:
                self.mentioned.add(str(key))
            return key
        except InvalidMemory as error:
            raise DataError(f"{self.file.path} mentions a user who has no key here: {error}") from None

    def _require_own(self, table: Table, ids: list[str | None], owners: list[str | None]) -> None:
        """Raises DataError where another user has one of the ids: no import changes whose a memory is."""
        for each in filter(None, (table, self.place.counterpart(table))):
            statement = self.place.target.query("moving", "of_others", table=[self.place.target.schema, each.name])
            id = self.connection.value(statement.encode(), {"ids": ids, "users": owners})
            if id is not None:
                raise DataError(
                    f"the id {id} in {self.file.path} is that of another user's row in {each.name}",
                    hint="Nothing was imported. Give the rows new ids: --on-conflict new-ids.",
                )

    def _require_stored(self, table: Table, done: int, memory_ids: list[str | None]) -> None:
        """Raises DataError where another memory has a row by the same key: that stays, and this one would be lost."""
        if done < self._beside_new(memory_ids):
            raise DataError(
                f"{self.file.path} has rows of {table.name} whose {listed(table.key)} others have here, beside other "
                "memories",
                hint="Nothing was imported. Change those here, or in the database it came from.",
            )

    @contextmanager
    def _explained(self, batch: list[Row]) -> Iterator[None]:
        """Raises DataError where rows do not fit into the table, which may have constraints and triggers of its own."""
        try:
            yield
        except DataError:
            raise
        except (*_REFUSED, AttributeError, TypeError, ValueError) as error:
            primary = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
            raise DataError(
                f"{self.file.path}, lines {batch[0].line} to {batch[-1].line}: the database refuses a row of "
                f"{batch[0].table}: {excerpt(ValueError(primary))}",
                hint="Nothing was imported. Correct what the tables here ask for, or the database it came from.",
            ) from None


def _last_of_each(key: Sequence[str], objects: list[dict[str, Any]], mapped: Mapping[str, list[Any]]) -> list[int]:
    """The places of rows, without those whose key comes again: two users may have become one.

    Among batches, too, the last one is kept.
    """
    found = {
        tuple(str(mapped[name][place] if name in mapped else each.get(name)) for name in key) or place: place
        for place, each in enumerate(objects)
    }
    return sorted(found.values())


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows of one table, as many as are stored at once."""
    batch, size = list[Row](), 0
    for row in rows:
        if batch and (row.table != batch[0].table or len(batch) == _ROWS or size > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row.json) + len(row.embedding or "")
    if batch:
        yield batch
