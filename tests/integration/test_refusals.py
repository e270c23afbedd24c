"""What the server refuses of memdb's own statements is told with what to do about it."""

import pytest

from memdb import database
from memdb.database import Connection
from memdb.errors import DatabaseError


@pytest.mark.parametrize(
    ("sqlstate", "hint"),
    [("25006", "Connect to the primary server"), ("22021", "encoding is UTF8"), ("22P05", "encoding is UTF8")],
)
def test_a_server_or_database_of_another_kind_is_named(connection: Connection, sqlstate: str, hint: str) -> None:
    with pytest.raises(DatabaseError, match="the server refused: nein") as told, database.translated_errors():
        connection.execute(f"do $$ begin raise sqlstate '{sqlstate}' using message = 'nein'; end $$")
    assert hint in told.value.hint
