"""Temporary databases have what migrations rely on, are said to be used, and leave nothing behind."""

from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import database, recording, scratch
from memdb.catalog import Key
from memdb.cli import main
from memdb.database import Connection
from memdb.errors import StatementFailed
from memdb.ledger import sqlfiles
from memdb.linting import lint
from memdb.scratch import sweeping
from tests.integration.conftest import Folder

pytestmark = pytest.mark.once


@pytest.fixture
def role(server: str) -> str:
    """The name of a role that is not there."""
    name = "made_on_the_spot"
    with psycopg.connect(server, autocommit=True) as admin:
        assert admin.execute("select from pg_roles where rolname like %s", [f"{name}%"]).fetchone() is None
    return name


def leftovers(server: str) -> list[str]:
    with psycopg.connect(server, autocommit=True) as admin:
        rows = admin.execute(
            "select datname from pg_database where datname like 'memdb_scratch_%' "
            "union all select rolname from pg_roles where rolname like 'made_on_the_spot%'"
        )
        return [name for (name,) in rows.fetchall()]


@pytest.mark.parametrize(
    "statement",
    ["grant select on a to {}", "set role {}", "set session authorization {}", "create policy p on a to {}"],
)
def test_roles_are_made_on_the_spot_and_go_with_the_database(
    server: str, folder: Folder, role: str, statement: str
) -> None:
    sets = folder(m0001_a=(f"create table a (id int); {statement.format(role)};", "drop table a;"))
    assert Key("table", "a") in recording.record(sets, options=scratch.Options(url=server))["0001_a"]
    assert leftovers(server) == []


def test_what_a_role_that_was_made_on_the_spot_may_do_is_not_left_behind_by_a_rollback(
    server: str, folder: Folder, role: str
) -> None:
    block = "do $$ begin execute format('{}', current_database()); end $$;"
    sets = folder(
        m0001_a=(f"create table a (id int); grant select on a to {role};", "drop table a;"),
        m0002_b=(block.format(f"grant temporary on database %I to {role}"), "select 1;"),
    )
    review = lint.lint(sets, sets.migrations, options=scratch.Options(url=server))
    left = [finding for finding in review.findings if finding.rule == "rollback-incomplete"]
    assert [Path(finding.file).name for finding in left] == ["0002_b.rollback.sql"]
    assert f"{role}=CT/" in left[0].message


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(
    "statements",
    [
        "create schema own; create table own.a (id int)",
        "create table a (id int)",
        "reset role; grant {} to current_user",
    ],
)
def test_a_role_that_is_made_on_the_spot_may_create(
    server: str, folder: Folder, role: str, statements: str, elsewhere: bool
) -> None:
    sets = folder(
        m0001_a=(f"set role {role}; {statements.format(role)};", "select 1;"),
        m0002_b=(f"set role {role}; create schema other;", "drop schema other;"),
    )
    options = scratch.Options(url=server if elsewhere else None)
    assert Key("schema", "other") in recording.record(sets, options=options)["0002_b"]
    assert leftovers(server) == []


def test_subscriptions_do_not_keep_a_database_from_being_dropped(server: str, folder: Folder) -> None:
    made = "create subscription s connection 'host=127.0.0.1 port=1' publication p with (connect = false);"
    sets = folder(m0001_a=(made, "select 1;"))
    recording.record(sets, options=scratch.Options(url=server))
    assert leftovers(server) == []


def test_a_server_is_left_as_it_was_when_a_migration_fails_there(server: str, folder: Folder, role: str) -> None:
    sets = folder(m0001_a=(f"create table a (id int); grant select on a to {role}; select oops;", "drop table a;"))
    with pytest.raises(StatementFailed, match='column "oops" does not exist') as raised:
        recording.record(sets, options=scratch.Options(url=server))
    assert "temporary database" in raised.value.hint
    assert leftovers(server) == []


def test_what_migrations_expect_is_made_by_a_file(server: str, folder: Folder, tmp_path: Path) -> None:
    setup = tmp_path / "setup.sql"
    setup.write_text("create schema auth; create function auth.uid() returns uuid language sql as 'select null::uuid';")
    sets = folder(m0001_a=("create table a (id uuid default auth.uid());", "drop table a;"))
    patches = recording.record(sets, options=scratch.Options(url=server, setup=setup))
    assert patches["0001_a"][Key("column", "id", "a")] is not None
    assert Key("schema", "auth") not in patches["0001_a"]


def test_it_is_said_where_migrations_are_tried(
    server: str, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(m0001_a=("create table a ();", "drop table a;"))
    monkeypatch.setenv("MEMDB_SCRATCH_URL", make_conninfo(server, password="hunter2"))
    assert main(["snapshot", "--sql-dir", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert "Trying it in a temporary database on postgres@" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_setting_is_an_error(value: str, folder: Folder, tmp_path: Path) -> None:
    folder(m0001_a=("create table a ();", "drop table a;"))
    assert main(["snapshot", "--sql-dir", str(tmp_path), "--scratch-url", value]) == 3


@pytest.mark.parametrize("given", [("--scratch-url", "{}"), ("--scratch-url={}",)])
def test_its_server_can_be_named_by_a_url(capsys: pytest.CaptureFixture[str], given: tuple[str, ...]) -> None:
    code = main(["snapshot", "--check", *(part.format("postgresql://nobody@127.0.0.1:1/none") for part in given)])
    assert (code, "cannot connect to nobody@127.0.0.1:1/none" in capsys.readouterr().err) == (3, True)


def test_roles_that_migrations_make_on_another_server_go_with_the_trial(server: str, folder: Folder, role: str) -> None:
    sets = folder(
        m0001_a=(f"create role {role}; create table a (id int); grant select on a to {role};", "drop table a;"),
        m0002_b=(f"alter role {role} set work_mem = '5MB'; drop owned by {role}; drop role {role};", "select 1;"),
        m0003_c=(f"create role {role} in role pg_monitor; create role {role}_2 in role {role};", "select 1;"),
    )
    assert Key("table", "a") in recording.record(sets, options=scratch.Options(url=server))["0001_a"]
    assert leftovers(server) == []


@pytest.mark.parametrize("elsewhere", [False, True])
def test_each_set_is_tried_without_the_roles_that_were_made_for_another(
    server: str, folder: Folder, role: str, tmp_path: Path, elsewhere: bool
) -> None:
    setup = tmp_path / "setup.sql"
    setup.write_text(f"create role {role}_of_setup")
    folder(
        m0001_a=(f"create role {role}; create role {role}_1 role {role};", f"drop role {role};"),
        m0002_b=(f"grant {role}_1 to {role}_of_setup granted by current_user;", "select 1;"),
    )
    folder("first", m1001_x=(f"create table x (); grant select on x to {role}_2;", "drop table x;"))
    folder("second", m2001_y=(f"create role {role}_2; set role {role}_2;", "select 1;"))
    sets = sqlfiles.read_sets(tmp_path)
    options = scratch.Options(url=server if elsewhere else None, setup=setup)
    assert recording.record(sets, options=options).keys() == {"0001_a", "0002_b", "1001_x", "2001_y"}
    assert leftovers(server) == []


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("drop role if exists {}", "role {}"),
        ("set session authorization {}; reset session authorization; drop role {}", "role {}"),
        ("alter role {} password 'other'", "role {}"),
        ("alter role {} rename to other", "role {}"),
        ("alter role {} set work_mem = '5MB'", "settings of role {}"),
        ("grant pg_monitor to {}", "membership of {} in pg_monitor"),
        ("alter database postgres set work_mem = '5MB'", "settings of database postgres"),
        ("grant connect on database postgres to {}", "database postgres"),
        ("comment on database postgres is 'x'", "database postgres"),
    ],
)
def test_what_others_have_on_another_server_is_left_alone(
    server: str, folder: Folder, role: str, statement: str, changed: str
) -> None:
    sets = folder(m0001_a=(f"create table a (id int); {statement.replace('{}', role)};", "select 1;"))
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"create role {role} password 'first'")
        try:
            with pytest.raises(StatementFailed, match="would change what belongs to others on that server") as raised:
                recording.record(sets, options=scratch.Options(url=server))
            assert changed.replace("{}", role) in raised.value.message
            assert leftovers(server) == [role]
        finally:
            admin.execute(f"drop role {role}")


@pytest.mark.parametrize("statement", ["drop role if exists nobody_here", "alter system set work_mem = '5MB'"])
def test_a_lone_statement_that_reaches_beyond_its_database_is_not_tried_beside_others(
    server: str, folder: Folder, statement: str
) -> None:
    sets = folder(m0001_a=(f"-- transactional: false\n{statement};", "-- transactional: false\nselect 1;"))
    with pytest.raises(StatementFailed, match="would change what belongs to others on that server"):
        recording.record(sets, options=scratch.Options(url=server))


class Closing:
    """A connection as which something is refused while a session of a superuser is there, which then ends."""

    def __init__(self, connection: Connection, other: psycopg.Connection[Any]) -> None:
        self._connection, self._other = connection, other

    def execute(self, statement: sql.Composed) -> None:
        try:
            self._connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            self._other.close()
            raise


def test_a_database_goes_though_its_owner_may_not_end_what_is_still_in_it(server: str, role: str) -> None:
    """Such as autovacuum, or a session of a superuser in another role that has just been closed."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"create role {role} login createdb")
        try:
            lesser = make_conninfo(server, user=role)
            with database.connect(lesser, purpose="test") as owner:
                owner.execute("create database memdb_scratch_left")
                with psycopg.connect(server, dbname="memdb_scratch_left") as inside:
                    closing = cast("Connection", Closing(owner, inside))
                    sweeping.drop_database(closing, lesser, "memdb_scratch_left")
                    assert inside.closed  # by Closing, when force was refused
            assert leftovers(server) == [role]
        finally:
            admin.execute(f"drop role {role}")
