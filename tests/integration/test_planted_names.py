"""What others plant on the way of a name is never called by whoever runs memdb, and never taken for what was meant."""

import shlex
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import database, migrations
from memdb.cli import main
from memdb.database import Connection
from memdb.errors import HistoryError, UntrustedSchema
from memdb.ledger import homes
from memdb.ledger.status import status as read_status
from memdb.migrations import Limits
from tests.integration.conftest import Folder

pytestmark = pytest.mark.usefixtures("ready_server")

TRAP = """
    create function public.trap(what text) returns void language plpgsql as $$
    begin raise exception 'planted % was called', what; end $$;
"""
FUNCTIONS = [
    ("hashtextextended", "text, integer", "bigint"),
    ("hashtextextended", "varchar, integer", "bigint"),
    ("format", "text, text", "text"),
    ("format", "text, name", "text"),
    ("format", "text, name, name", "text"),
    ("concat_ws", "text, text, text", "text"),
    ("set_config", "text, varchar, boolean", "text"),
    ("set_config", "varchar, varchar, boolean", "text"),
    ("to_regclass", "varchar", "regclass"),
    ("to_regnamespace", "varchar", "regnamespace"),
    ("obj_description", "regclass, text", "text"),
    ("coalesced", "anyelement, anyelement", "anyelement"),
    ("pg_get_expr", "pg_node_tree, regclass", "text"),
    ("quote_ident", "name", "text"),
    ("array_agg", "name", "name[]"),
    ("has_table_privilege", "oid, varchar", "boolean"),
    ("pg_try_advisory_lock", "numeric", "boolean"),
    ("pg_backend_pid", "", "integer"),
    ("current_schemas", "boolean", "name[]"),
    ("current_schema", "", "name"),
    ("now", "", "timestamptz"),
    ("count", "bigint", "bigint"),
]
OPERATORS = [
    (operator, left, right, result)
    for operator, result in (("=", "boolean"), ("<>", "boolean"), ("~", "boolean"), ("||", "text"), ("->>", "text"))
    for left, right in (
        ("varchar", "varchar"),
        ("oid", "regclass"),
        ("oid", "regtype"),
        ("name", "varchar"),
        ('"char"', "text"),
        ("text", "varchar"),
        ("varchar", "text"),
    )
]
RELATIONS = ("pg_class", "pg_namespace", "pg_proc", "pg_extension", "pg_roles", "pg_locks", "pg_settings", "pg_type")
COMMANDS = [
    "status",
    "verify-schema",
    "verify-models",
    "migrate",
    "migrate --dry-run",
    "rollback --dry-run",
    "rollback --to 0005",
    "migrate --schema public",
    "repair",
    "baseline",
    "lint",
    "seed --memories 20 --users 1",
    "benchmark-similarity --queries 3",
    "seed --reset",
]


def planted() -> str:
    """Whatever could be a better match than what memdb means, in a schema of the search_path."""
    statements = [TRAP]
    statements += (
        f"create function public.{name}({types}) returns {result} language plpgsql as "
        f"$$ begin perform public.trap('{name}'); return null; end $$;"
        for name, types, result in FUNCTIONS
    )
    for number, (operator, left, right, result) in enumerate(OPERATORS):
        statements.append(
            f"create function public.o{number}({left}, {right}) returns {result} language plpgsql as "
            f"$$ begin perform public.trap('operator {operator} {left}'); return null; end $$;"
            f"create operator public.{operator} (leftarg = {left}, rightarg = {right}, function = public.o{number});"
        )
    statements += (
        f"create view public.{name} as select null::oid as oid, trap('{name}')::text as x;" for name in RELATIONS
    )
    statements += (f"create domain public.{name} as text check (trap('type') is null);" for name in ("oid", "text"))
    return "".join(statements)


@pytest.fixture
def role(empty_connection: Connection) -> Iterator[str]:
    """A role without any rights, that may log in."""
    name = f"mallory_{empty_connection.info.dbname}"
    empty_connection.execute(f"create role {name} login")
    yield name
    empty_connection.execute(f"reassign owned by {name} to current_user; drop owned by {name}; drop role {name}")


def test_no_command_calls_what_was_planted(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it comes before pg_catalog, and so would be called as well where it only matches better."""
    connection.execute(planted())
    connection.execute(f"alter database {connection.info.dbname} set search_path = public, pg_catalog")
    for command in COMMANDS:
        code = main([*command.split(), "--database-url", migrated])
        told = capsys.readouterr()
        assert "planted" not in told.err + told.out, command
        assert code in (0, 1), (command, told.err)


PLANTED_HISTORIES = {
    "create domain d as varchar; alter table {0} add extra d": "types",
    "create type e as enum ('a'); create function c(e) returns text language sql return 'x'; "
    "create cast (e as text) with function c(e) as implicit; alter table {0} add extra e": "types",
    "create type r as (x int); alter table {0} add extra r[]": "types",
    "create function f() returns text language sql return 'x'; alter table {0} add extra text default f()": "defaults",
    "alter table {0} add extra text generated always as (migration_id || 'x') stored": "defaults",
    "alter table {0} add constraint k check (migration_id <> 'x')": "constraints",
    "alter table {0} add constraint k exclude (migration_id with =)": "index of expressions",
    "create index on {0} (lower(migration_id))": "index of expressions",
    "create index on {0} (migration_id) where migration_id <> 'x'": "index of expressions",
    "create statistics s on (lower(migration_id)), migration_id from {0}": "statistics of expressions",
    "create table child () inherits ({0})": "shares its rows",
    "create table t as table {0} with no data; alter table {0} inherit t": "shares its rows",
    "create materialized view m as select 1; drop table {0}; alter materialized view m rename to {0}": "no table",
    "drop table {0}; create table {0} (migration_id text) partition by list (migration_id)": "no table",
}


@pytest.mark.parametrize("sql", PLANTED_HISTORIES)
def test_a_history_that_would_call_something_is_not_used(
    empty_connection: Connection, folder: Folder, sql: str
) -> None:
    sets = folder(m0001_a=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(TRAP)
    for table in ("_yoyo_migration", "_yoyo_log", "memdb_migrations"):
        with empty_connection.transaction(force_rollback=True):
            empty_connection.execute(sql.format(table))
            with pytest.raises(HistoryError, match=f"cannot be trusted: {table} .*{PLANTED_HISTORIES[sql]}"):
                read_status(empty_connection, sets)


@pytest.mark.parametrize("level", ["read committed", "repeatable read"])
def test_what_the_owner_plants_between_the_look_and_the_reading_is_not_called(
    empty: str, empty_connection: Connection, folder: Folder, role: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A superuser reads the history of somebody else, who has the server work out a constant for each plan."""
    sets = folder(m0001_a=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(
        f"alter table _yoyo_migration owner to {role}; alter database {empty_connection.info.dbname} "
        f"set default_transaction_isolation = '{level}'; create function f() returns bool immutable "
        "language plpgsql as $$begin if (select rolsuper from pg_roles where rolname = current_user) "
        f"then raise 'planted'; end if; return true; end$$; alter function f() owner to {role}".encode()
    )
    looked = homes.require

    def look_and_plant(home: homes.Home) -> None:
        looked(home)
        monkeypatch.setattr(homes, "require", looked)
        empty_connection.execute("create index on _yoyo_migration (migration_id) where f()")

    monkeypatch.setattr(homes, "require", look_and_plant)
    with (
        database.connect(empty, purpose="test") as other,
        pytest.raises(HistoryError, match="_yoyo_migration has an index of expressions"),
    ):
        read_status(other, sets)


@pytest.mark.parametrize("owned", ["schema h", "table h._yoyo_migration"])
def test_a_superuser_reads_the_history_that_was_looked_at(
    empty: str, empty_connection: Connection, folder: Folder, role: str, owned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what takes its place meanwhile, by a new name of the table or of its schema."""
    sets = folder(m0001_a=("select 1;", "select 1;"))
    empty_connection.execute("create schema h; set search_path = h, public")
    migrations.migrate(empty_connection, sets)
    name = empty_connection.info.dbname
    grants = f"grant usage, create on schema h to {role}; grant create on database {name} to {role}"
    empty_connection.execute(f"{grants}; alter {owned} owner to {role}".encode())
    looked = homes.require_sound

    def look_and_rename(connection: Connection, schema: str) -> None:
        looked(connection, schema)
        with database.connect(make_conninfo(empty, user=role), purpose="test") as mallory:
            mallory.execute("set lock_timeout = 1")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                mallory.execute(f"alter {owned} rename to other".encode())
        tried.append(schema)

    tried: list[str] = []
    monkeypatch.setattr(homes, "require_sound", look_and_rename)
    assert [entry.state for entry in read_status(empty_connection, sets).migrations] == ["applied"]
    assert tried == ["h"]


def test_tables_that_wait_for_a_history_to_be_begun_are_not_used(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(m0001_a=("select 1;", "select 1;"))
    empty_connection.execute(TRAP + "create view _yoyo_version as select trap('version')::text as version")
    with pytest.raises(HistoryError, match="_yoyo_version is no table"):
        migrations.migrate(empty_connection, sets)


def test_what_is_planted_between_the_check_and_the_write_is_not_called(
    empty: str, empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(m0001_a=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, sets)
    late = """
        create function f() returns trigger language plpgsql as 'begin raise exception $$planted$$; end';
        create trigger t before insert or delete on _yoyo_migration for each row execute function f();
    """
    sets = folder(m0001_a=("select 1;", "select 1;"), m0002_b=(late, "select 1;"))
    with pytest.raises(HistoryError, match="_yoyo_migration has triggers"):
        migrations.migrate(empty_connection, sets)
    assert [entry.state for entry in read_status(empty_connection, sets).migrations] == ["applied", "pending"]


@pytest.mark.parametrize(
    "sql",
    [
        "grant create on schema public to {role}",
        "create schema app authorization {role}; alter role {me} set search_path = public, app",
        """create schema app authorization {role}; revoke create on schema app from {role};
        alter role {me} set search_path = public, app""",
        "create schema ext; create extension vector schema ext; grant create on schema ext to {role}",
        "create schema {quoted} authorization {role}; alter role {me} set search_path = public, {quoted}",
        "create function upper(varchar) returns text return 'x'; alter function upper(varchar) owner to {role}",
        "create domain citext as text; alter domain citext owner to {role}",
        """create operator === (leftarg = int, rightarg = int, function = int4eq);
        alter operator === (int, int) owner to {role}""",
    ],
)
def test_a_superuser_does_not_migrate_where_others_may_create_unless_they_are_trusted(
    empty: str, empty_connection: Connection, folder: Folder, role: str, sql: str
) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    me = empty_connection.execute("select current_user").fetchone()
    assert me is not None
    empty_connection.execute(sql.format(role=role, me=me[0], quoted='"my ""schema"'))
    try:
        with database.connect(empty, purpose="test") as connection:
            with pytest.raises(UntrustedSchema, match=role) as refused:
                migrations.migrate(connection, sets)
            (schema,) = shlex.split(refused.value.hint.rsplit("--trust-schema ", 1)[1])
            assert read_status(connection, sets).history is None
            assert migrations.migrate(connection, sets, limits=Limits(trusted_schemas=(schema,))).applied == 1
    finally:
        empty_connection.execute(f"alter role {me[0]} reset search_path")


@pytest.mark.parametrize(
    "given",
    [
        "grant create on database {name} to {role}",
        "alter database {name} owner to {role}; revoke create on database {name} from {role}",
    ],
)
def test_names_of_a_superuser_do_not_lead_to_a_schema_that_others_create_meanwhile(
    empty: str, empty_connection: Connection, folder: Folder, role: str, given: str
) -> None:
    """Whoever may create one in the database can call it like the superuser, which the search_path puts first."""
    me, name = empty_connection.info.user, empty_connection.info.dbname
    sets = folder(m0001_a=("create table a as select upper('x'::varchar) as x;", "drop table a;"))
    empty_connection.execute(given.format(name=name, role=role).encode())
    trusting = Limits(trusted_schemas=("public",))

    def plant(*_: object) -> None:
        with database.connect(make_conninfo(empty, user=role), purpose="test") as mallory:
            mallory.execute(
                f"grant create on database {name} to {role}; create schema {me}; grant usage on schema {me} to public; "
                f"create function {me}.upper(varchar) returns text language sql as 'select $$planted$$'".encode()
            )

    with database.connect(empty, purpose="test") as connection:
        hooks = migrations.Hooks(on_start=plant)
        assert migrations.migrate(connection, sets, limits=trusting, hooks=hooks).applied == 1
        assert connection.value("show search_path") == '"$user", public'
        assert connection.value("select x from public.a") == "X"
        with pytest.raises(UntrustedSchema, match=role):
            migrations.rollback(connection, sets)


def test_other_roles_are_warned(empty: str, empty_connection: Connection, folder: Folder, role: str) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    empty_connection.execute(f"create role {role}_2; grant create on schema public to {role}, {role}_2")
    heard: list[str] = []
    try:
        with database.connect(make_conninfo(empty, user=role), purpose="test") as connection:
            migrations.migrate(connection, sets, hooks=migrations.Hooks(on_advice=heard.append))
    finally:
        empty_connection.execute(f"drop owned by {role}_2; drop role {role}_2")
    assert any(f"Others may create objects in the schema public (role {role}_2" in advice for advice in heard)


def test_it_is_said_whose_users_are_taken(
    empty: str, empty_connection: Connection, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(make_conninfo(empty, user=role)) as other:
        empty_connection.execute(f"grant create on schema public to {role}")
        other.execute("create table users (id uuid primary key)")
        other.commit()
        empty_connection.execute(f"revoke create on schema public from {role}")
    assert main(["migrate", "--to", "0004", "--database-url", empty]) == 0
    told = capsys.readouterr()
    assert f"the users in the table public.users, of the role {role}" in told.out + told.err
    assert main(["verify-schema", "--database-url", empty]) == 0
    assert f"It is public.users, owned by the role {role}." in capsys.readouterr().out


@pytest.mark.parametrize("id", ["0000_x; touch planted", "0000_$(touch planted)", "0000_'`touch planted`"])
def test_commands_to_be_pasted_do_not_run_what_a_name_says(
    empty_connection: Connection, folder: Folder, id: str
) -> None:
    sets = folder(m0001_a=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("insert into _yoyo_migration values (%s, %s, now()::timestamp)", ["0" * 64, id])
    empty_connection.execute(
        "insert into memdb_migrations (migration_id, checksum, sql) values (%s, %s, '')", [id, "0" * 64]
    )
    with pytest.raises(HistoryError) as raised:
        migrations.migrate(empty_connection, sets)
    _, _, command = raised.value.hint.partition("decide: ")
    assert shlex.split(command) == ["memdb", "repair", "--unmark", id]


def test_a_schema_in_a_command_to_be_pasted_is_one_word(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(m0001_a=("select 1;", "select 1;"))
    name = "it's; touch planted"
    empty_connection.execute(sql.SQL("create schema {0}; set search_path to {0}").format(sql.Identifier(name)))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("reset search_path")
    with pytest.raises(HistoryError) as raised:
        read_status(empty_connection, sets)
    assert f"--schema {shlex.quote(name)}." in raised.value.hint
