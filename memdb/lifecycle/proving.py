"""That nothing of a user is left, asked of each table that a delete may have reached."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count as numbers
from typing import Any

import psycopg
from psycopg import sql

from memdb.errors import DatabaseError
from memdb.lifecycle import belongings
from memdb.lifecycle.belongings import Conditions, Reference
from memdb.lifecycle.surveying import Survey
from memdb.words import count

_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What can be asked when the rows are gone.

    `known` are the rows that say themselves whose they are. A row that says only to which other one it belongs cannot
    be told by that when the other one is gone. So `keys` has cursors that still see what was there before, each with
    the foreign keys that led to it.
    """

    survey: Survey
    known: Conditions
    keys: tuple[tuple[psycopg.ServerCursor[Any], tuple[Reference, ...]], ...]

    def require_gone(self) -> None:
        """Raises DatabaseError where a row is left."""
        for oid, meant in self.known.items():
            self._require_none(
                oid, belongings.count(self.survey.connection, self.holders[oid], meant, self.survey.user)
            )
        for cursor, references in self.keys:
            while rows := cursor.fetchmany(_ROWS):
                for each in references:
                    self._require_none(each.holder, self._referring(each, rows))

    @property
    def holders(self) -> Any:
        return self.survey.found.holders

    def _referring(self, reference: Reference, rows: list[Any]) -> int:
        names = [f"k{place}" for place in range(len(reference.types))]
        statement = sql.SQL("select count(*) from {} where ({}) in (select {} from unnest({}) as k ({}))").format(
            self.holders[reference.holder].identifier,
            self.holders[reference.holder].columns(reference.columns),
            _listed(f"{name}::{type.replace('%', '%%')}" for name, type in zip(names, reference.types, strict=True)),
            _listed(f"%({name})s::text[]" for name in names),
            _listed(names),
        )
        given = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        return int(self.survey.connection.value(statement, given))

    def _require_none(self, oid: int, rows: int) -> None:
        if rows:
            raise DatabaseError(
                f"{count(rows, 'row')} of {self.holders[oid]} would be left of user {self.survey.user}, so nothing was "
                "deleted",
                hint="A trigger or a rule keeps them, or a foreign key is not enforced. Look at those of the table.",
            )


@contextmanager
def remembering(survey: Survey, deleted: Collection[int]) -> Iterator[Proof]:
    """For a block that deletes the rows of these tables: what can be asked afterwards."""
    found, known = survey.found, dict(survey.found.own)
    if found.users.oid in survey.going:
        known |= found.user
    by_key = dict[tuple[int, tuple[str, ...]], list[Reference]]()
    for each in found.references:
        if found.refers_to_key(each):
            # As long as the user stays, so does what refers to them and to memories of others, such as a feedback.
            if found.users.oid in survey.going and each.holder in survey.going and each.holder in survey.seen:
                known.setdefault(each.holder, found.referring(each, found.user))
        elif each.target in deleted and each.holder in survey.seen:
            by_key.setdefault((each.target, tuple(each.target_columns)), []).append(each)
    with ExitStack() as stack:
        keys = tuple(
            (stack.enter_context(_cursor(survey, *of, number)), tuple(references))
            for number, (of, references) in zip(numbers(), by_key.items(), strict=False)
        )
        yield Proof(survey, known, keys)


def _cursor(survey: Survey, oid: int, columns: tuple[str, ...], number: int) -> psycopg.ServerCursor[Any]:
    """The keys of rows that go, as they are now, whatever is deleted later."""
    holder = survey.found.holders[oid]
    statement = sql.SQL("select {} from {} where {}").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(holder.column(name)) for name in columns),
        holder.identifier,
        survey.going[oid],
    )
    cursor = survey.connection.cursor(name=f"memdb_forget_{number}")
    cursor.execute(statement, {"user": survey.user})
    return cursor


def _listed(parts: Any) -> sql.SQL:
    return sql.SQL(", ".join(parts))
