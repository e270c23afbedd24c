"""What the server refuses of memdb's own statements is told with what to do about it."""

import select

import pytest

from memdb import database
from memdb.database import Connection
from memdb.errors import ConnectionFailed, DatabaseError


@pytest.mark.parametrize(
    ("sqlstate", "hint"),
    [("25006", "Connect to the primary server"), ("22021", "encoding is UTF8"), ("22P05", "encoding is UTF8")],
)
def test_a_server_or_database_of_another_kind_is_named(connection: Connection, sqlstate: str, hint: str) -> None:
    with pytest.raises(DatabaseError, match="the server refused: nein") as told, database.translated_errors():
        connection.execute(f"do $$ begin raise sqlstate '{sqlstate}' using message = 'nein'; end $$")
    assert hint in told.value.hint


def test_a_session_that_the_server_ended_is_lost_and_the_driver_adds_no_words(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    def idle() -> None:
        with database.translated_errors(), connection.transaction():
            connection.execute("set local idle_in_transaction_session_timeout = 1")
            select.select([connection.fileno()], [], [], 10)  # until the server says that it has ended it
            connection.execute("select")

    with pytest.raises(ConnectionFailed, match="the connection was lost"):
        idle()
    assert not capsys.readouterr().err
