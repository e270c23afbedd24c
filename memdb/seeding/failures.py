"""What the server refuses of rows that are loaded, explained."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from memdb.errors import DataError
from memdb.seeding.source import Source

_ID = re.compile(r"\(id\)=\(([0-9a-f-]{36})\)")  # whatever language the rest of the detail is in


@contextmanager
def explained(source: Source | None = None) -> Iterator[None]:
    """Raises DataError where rows do not fit into the tables."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise _not_unique(error, source) from None
    except psycopg.errors.NotNullViolation as error:
        raise DataError(
            f"{error.diag.table_name} needs a {error.diag.column_name} in each row, which memdb does not know",
            hint="Nothing was loaded. Add the users in your application, then load a file (--from) with their ids.",
        ) from None


def twice(source: Source, id: UUID) -> DataError:
    """The error that an id stands twice in a file."""
    rows = " and ".join(map(str, source.rows_of(id)))
    return DataError(
        f"{source.name}: the id {id} stands twice in this file, in rows {rows}",
        hint="Nothing was loaded. Correct or remove one of these rows.",
    )


def _not_unique(error: psycopg.Error, source: Source | None) -> DataError:
    detail = error.diag.message_detail or error.diag.message_primary or ""
    found = _ID.search(detail)
    if source is not None and found is not None and len(source.rows_of(UUID(found[1]))) > 1:
        return twice(source, UUID(found[1]))
    if found is not None:
        return DataError(
            f"somebody else has stored a row with the id {found[1]} meanwhile",
            hint="Nothing was loaded. Try again: what is there by then stays as it is.",
        )
    return DataError(
        f"a row breaks the unique constraint {error.diag.constraint_name} of {error.diag.table_name}: {detail}",
        hint="Nothing was loaded. Correct or remove the row.",
    )
