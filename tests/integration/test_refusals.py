"""What the server refuses of memdb's own statements is told with what to do about it."""

import re
import select
import time

import pytest

from memdb import database
from memdb.cli import main
from memdb.database import Connection
from memdb.door.place import Place
from memdb.errors import ConnectionFailed, DatabaseError

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("sqlstate", "hint"),
    [
        ("25006", "Connect to the primary server"),
        ("22021", "encoding is UTF8"),
        ("22P05", "encoding is UTF8"),
        ("42501", "Connect as a role that has this privilege"),
    ],
)
def test_a_server_or_database_of_another_kind_is_named(connection: Connection, sqlstate: str, hint: str) -> None:
    with pytest.raises(DatabaseError, match="the server refused: nein") as told, database.translated_errors():
        connection.execute(f"do $$ begin raise sqlstate '{sqlstate}' using message = 'nein'; end $$")
    assert hint in told.value.hint


def test_what_policies_hide_is_not_shown_by_switching_them_off(connection: Connection) -> None:
    """Which is what the server advises."""
    with pytest.raises(DatabaseError) as told, database.translated_errors():
        connection.execute(
            """
            create table rows_of_users (); create role memdb_held; grant create on schema public to memdb_held;
            alter table rows_of_users owner to memdb_held;
            alter table rows_of_users enable row level security; alter table rows_of_users force row level security;
            set local role memdb_held; set local row_security = off; select from rows_of_users
            """
        )
    assert "BYPASSRLS" in told.value.hint
    assert "alter table" not in told.value.hint.lower()


@pytest.mark.parametrize(
    ("text", "missing"), [("select plain(t)", "function plain"), ("select t::word::text", 'type "word"')]
)
@pytest.mark.parametrize("body", ["language sql as '{}'", "language plpgsql as 'begin return ({}); end'"])
def test_a_function_that_needs_the_search_path_of_the_application_is_named(
    empty_connection: Connection, text: str, missing: str, body: str
) -> None:
    empty_connection.execute(
        f"""
        create domain word as text;
        create function plain(t text) returns text immutable language sql as 'select lower(t)';
        create function folded(t text) returns text immutable {body.format(text)};
        """
    )
    with (
        pytest.raises(DatabaseError, match=f"{missing}.* does not exist .in .*folded") as told,
        database.translated_errors(),
        database.own_names(empty_connection),
    ):
        empty_connection.execute("select public.folded('x')")
    assert "alter function … set search_path" in told.value.hint


@pytest.mark.parametrize("sqlstate", ["25P03", "25P04", "57P05"])
def test_a_session_that_a_time_limit_ended_is_not_ascribed_to_a_server_that_is_gone(
    connection: Connection, sqlstate: str
) -> None:
    with pytest.raises(ConnectionFailed) as told, database.translated_errors():
        connection.execute(f"do $$ begin raise sqlstate '{sqlstate}'; end $$")
    assert "_timeout=0" in told.value.hint


def test_a_limit_of_statements_is_named_and_can_be_lifted_as_the_hint_says(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute(f"alter database {connection.info.dbname} set statement_timeout = 1")
    assert main(["verify-schema", "--database-url", migrated]) == 3
    options = re.search("PGOPTIONS='(.*)',", capsys.readouterr().err)
    assert options is not None
    monkeypatch.setenv("PGOPTIONS", options[1])
    assert main(["verify-schema", "--database-url", migrated]) == 0


@pytest.mark.usefixtures("ready_server")
@pytest.mark.parametrize(
    ("command", "tables"),
    [
        *(
            (command, "memdb_migrations, _yoyo_migration")
            for command in ("status", "repair --wait 0.1", "lint", "baseline")
        ),
        *(
            (command, "memories, users")
            for command in ("verify-schema", "rollback --dry-run --wait 0.1", "benchmark-similarity")
        ),
    ],
)
def test_nobody_who_reads_waits_for_ever_for_a_lock_of_others(
    migrated: str,
    connection: Connection,
    command: str,
    tables: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Place.connected.__wrapped__, "__kwdefaults__", {"losing": False, "wait_seconds": 0.1})  # type: ignore[attr-defined]
    with connection.transaction():
        connection.execute(f"lock table {tables} in access exclusive mode")
        assert main([*command.split(), "--database-url", migrated]) == 3
    assert "others hold a lock that is needed here" in capsys.readouterr().err


@pytest.mark.usefixtures("ready_server")
@pytest.mark.parametrize(
    ("command", "table"),
    [
        *((command, "memdb_migrations") for command in ("repair", "migrate", "migrate --dry-run", "rollback --yes")),
        *((command, "memories") for command in ("baseline", "rollback --dry-run", "seed", "seed --reset")),
    ],
)
def test_who_is_told_how_long_to_wait_does_not_wait_longer_while_reading(
    migrated: str, connection: Connection, command: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with connection.transaction():
        connection.execute(f"lock table {table} in access exclusive mode".encode())
        started = time.monotonic()
        assert main([*command.split(), "--wait", "0.2", "--database-url", migrated]) == 3
        assert time.monotonic() - started < 30  # a minute is what is waited for otherwise
    assert re.search("others (hold a lock|are using the tables)", capsys.readouterr().err)


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
