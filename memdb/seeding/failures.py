"""What the server refuses of rows that are loaded, explained."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from memdb.errors import DataError


@contextmanager
def explained() -> Iterator[None]:
    """Raises DataError where rows do not fit into the tables."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise DataError(
            f"some of these rows are there already ({error.diag.message_detail or error.diag.message_primary})",
            hint="Nothing was loaded. Choose another --random-seed, or remove the others with --reset.",
        ) from None
    except psycopg.errors.NotNullViolation as error:
        raise DataError(
            f"{error.diag.table_name} needs a {error.diag.column_name} in each row, which memdb does not know",
            hint="Nothing was loaded. Add the users in your application, then load a file (--from) with their ids.",
        ) from None
