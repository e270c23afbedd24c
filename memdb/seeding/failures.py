"""What the server refuses of rows that are loaded, explained."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from memdb.errors import DataError
from memdb.reading.fields import excerpt
from memdb.seeding.source import Source

# Whatever language the rest of the detail is in. Over a cluster, the user comes first.
_ID = re.compile(r"\((?:user_id, )?id\)=\((?:.*, )?([0-9a-f-]{36})\)")


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """A transaction in which rows are loaded: what cannot be used of them says what has become of the others."""
    try:
        yield
    except DataError as error:
        error.hint = f"Nothing was loaded. {error.hint}"
        raise


@contextmanager
def explained(source: Source) -> Iterator[None]:
    """Raises DataError where rows do not fit into the tables, which may have further columns, constraints, triggers."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise _not_unique(error, source) from None
    except psycopg.errors.NotNullViolation as error:
        table, column = error.diag.table_name, error.diag.column_name
        raise DataError(
            f"{table} needs a value for {column} in each row, which memdb does not know",
            hint=_NEEDS_MORE.get(table or "", f"Give {column} a default in the table."),
        ) from None
    except (psycopg.IntegrityError, psycopg.DataError, psycopg.errors.RaiseException) as error:
        raise DataError(
            f"the database refuses a row: {error.diag.message_primary}{_row(error)}",
            hint="Correct the row, or what the application has added to the tables.",
        ) from None


_NEEDS_MORE = {"users": "Add the users in your application, then load a file (--from) with their ids."}


def _row(error: psycopg.Error) -> str:
    """The beginning of the row, where the server tells it."""
    return f" ({excerpt(error.diag.message_detail)})" if error.diag.message_detail else ""


def twice(source: Source, id: UUID) -> DataError:
    """The error that an id stands twice in a file."""
    rows = " and ".join(map(str, source.rows_of(id)))
    return DataError(
        f"{source.name}: the id {id} appears twice in this file, in rows {rows}",
        hint="Correct or remove one of these rows.",
    )


def _not_unique(error: psycopg.Error, source: Source) -> DataError:
    detail = error.diag.message_detail or error.diag.message_primary or ""
    found = _ID.search(detail)
    if found is not None and len(source.rows_of(UUID(found[1]))) > 1:
        return twice(source, UUID(found[1]))
    if found is not None:
        return DataError(
            f"someone else has meanwhile stored a row with the id {found[1]}",
            hint="Try again: rows that exist by then stay as they are.",
        )
    return DataError(
        f"a row breaks the unique constraint {error.diag.constraint_name} of {error.diag.table_name}: {detail}",
        hint="Correct or remove the row.",
    )
