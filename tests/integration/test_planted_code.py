"""A superuser who uses the tables of a role with fewer rights calls nothing that this role has made, or planted."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg.conninfo import make_conninfo

from memdb import cli, database, migrations, shipped, trust
from memdb.benchmark import study
from memdb.benchmark.identity import Identity
from memdb.benchmark.preparation import Wanted
from memdb.database import Connection
from memdb.errors import DatabaseError, UntrustedSchema
from memdb.ledger import history, sqlfiles
from memdb.migrations.losses import Agreement
from memdb.seeding.resetting import reset
from memdb.seeding.seed import seed
from tests.integration.conftest import Folder
from tests.integration.test_seeded_rows import SMALL, one, role


@pytest.mark.parametrize("table", ["memories", "users"])
def test_no_trigger_runs_the_code_of_a_role_with_fewer_rights(connection: Connection, table: str) -> None:
    with role(connection, "seed_mallory", "grant create on schema public to seed_mallory", "set role seed_mallory"):
        connection.execute(
            "create function public.planted() returns trigger language plpgsql as $$begin raise 'called'; end$$"
        )
        connection.execute(f"create trigger t before insert on {table} execute function planted()".encode())
        connection.execute("reset role")
        for run in (lambda: seed(connection, SMALL), lambda: reset(connection)):
            with pytest.raises(DatabaseError, match=f"'t' on {table} would run code of the role 'seed_mallory'"):
                run()
        connection.execute("alter function planted owner to current_user")
        with pytest.raises(Exception, match="called"):
            seed(connection, SMALL)


WITH_CODE = {
    "column": "alter table {} add column extra bool default planted()",
    "generated column": "alter table {} add column extra bool generated always as (planted()) stored",
    "constraint": "alter table {} add constraint planted check (planted())",
    "domain": "create domain d as bool check (planted()); alter table {} add column extra d",
    "child": "create table kid () inherits ( {} ); create index planted on kid (id) where planted()",
    "rule": "create rule planted as on delete to {} do also select planted()",
    "index": "create index planted on {} (id) where planted()",
    "statistics": "create statistics planted on (planted()), id from {}",
    "operator": "create function o(int, int) returns bool immutable return planted(); "
    "create operator === (leftarg = int, rightarg = int, function = o); create index planted on {} (id) where 1 === 2",
}
READ = ("index", "statistics", "operator", "constraint")  # that one where constraint_exclusion is on


@contextmanager
def owner_who_plants(connection: Connection, plant: str) -> Iterator[str]:
    """A role that owns a table, and what a superuser calls who uses it: that tries to become a superuser by it."""
    name = "seed_mallory"
    table = "users" if " users " in f"{plant} " else "memories"
    with role(connection, name, f"grant create on schema public to {name}"):
        connection.execute(f"alter table {table} owner to {name}".encode())
        with database.connect(make_conninfo(connection.info.dsn, user=name), purpose="test") as own:
            own.execute(
                "create function planted() returns bool language plpgsql immutable as $$begin "
                "begin perform set_config('role', 'none', true); exception when others then null; end; "
                "if (select rolsuper from pg_roles where rolname = current_user) then raise 'called'; end if; "
                "return true; end$$"
            )
            own.execute(plant.encode())
        yield name


@pytest.mark.parametrize("kind", WITH_CODE)
@pytest.mark.parametrize("table", ["memories", "users"])
def test_a_superuser_calls_nothing_that_an_owner_with_fewer_rights_has_made(
    connection: Connection, table: str, kind: str
) -> None:
    """Taking the role of the owner would be no help: what is called could go back to that of the session."""
    with owner_who_plants(connection, WITH_CODE[kind].format(table)) as mallory:
        for run in (lambda: seed(connection, SMALL), lambda: reset(connection)):
            with pytest.raises(DatabaseError, match=f"would run code of the role {mallory!r} with your rights"):
                run()


PARTITIONED = {
    "own": "create domain d as text check (true); alter table memories rename to old; create table memories (like old) "
    "partition by list ((json_value(metadata, '$.a' returning d)::text)); create table kid partition of memories "
    "default",
    "of the whole": "create function o(text) returns text immutable language plpgsql as $$begin return $1; end$$; "
    "create table whole (like memories) partition by list ((o(content))); create table kid partition of whole for "
    "values in ('other'); alter table whole attach partition memories default",
}


@pytest.mark.parametrize("plant", PARTITIONED.values(), ids=PARTITIONED)
def test_nor_by_the_key_of_a_partition(connection: Connection, plant: str) -> None:
    if connection.info.server_version < 170000 and "json_value" in plant:
        pytest.skip("this server has no such function")
    told = pytest.raises(DatabaseError, match="would run code of the role 'seed_mallory' with your rights")
    with owner_who_plants(connection, plant), told:
        seed(connection, SMALL)


def test_a_role_that_the_owner_of_a_database_sets_for_a_superuser_makes_nobody_less_careful(
    connection: Connection,
) -> None:
    """What is called can leave that role again."""
    with owner_who_plants(connection, WITH_CODE["constraint"].format("users")) as mallory:
        as_mallory = make_conninfo(connection.info.dsn, options=f"-c role={mallory}")
        with database.connect(as_mallory, purpose="test") as superuser:
            with pytest.raises(DatabaseError, match=f"would run code of the role {mallory!r} with your rights"):
                seed(superuser, SMALL)
            with pytest.raises(UntrustedSchema, match=f"public .role {mallory}"):
                trust.require(superuser, "public", [])
            connection.execute(f"alter table _yoyo_log owner to {mallory}".encode())
            found = history.find(superuser, sqlfiles.read_sets(shipped.sql_directory()))
            assert list(found.home.of_lesser_owner) == ["public._yoyo_log"]
            connection.execute("alter table _yoyo_log owner to current_user")


VIEW = "create view v as select planted()::text::tsquery as t"
REWRITTEN = "ts_rewrite('a'::tsquery, 'select t, t from public.v')::text"
NOT_IN_PG_DEPEND = {
    "negator": "create function o(uuid, uuid) returns bool immutable return planted(); "
    "create operator !=== (leftarg = uuid, rightarg = uuid, function = o); create operator === "
    "(leftarg = uuid, rightarg = uuid, function = uuid_eq, negator = !===); "
    "alter table users add constraint named check (not id === gen_random_uuid()) not valid",
    "cast to JSON": "create type e as enum ('a'); create function o(e) returns json immutable "
    "return to_json(planted()); create cast (e as json) with function o; "
    "alter table users add constraint named check (to_json('a'::e) is not null) not valid",
    "domain that gets its check later": "create domain d as bool; alter table users add column extra d",
    "default": f"{VIEW}; alter table users add extra text; alter table users alter extra set default {REWRITTEN}",
    "constraint": f"{VIEW}; alter table users add constraint named check ({REWRITTEN} <> 'z') not valid",
    "trigger": f"{VIEW}; create trigger named before update on users for each row when ({REWRITTEN} <> 'z') "
    "execute function suppress_redundant_updates_trigger()",
    "domain": f"{VIEW}; create domain d as text default {REWRITTEN}; alter table users add extra d",
    "operator": f"{VIEW}; create operator public.@@@@ (leftarg = tsquery, rightarg = text, "
    "function = ts_rewrite); alter table users add extra bool, add constraint named "
    "check (('a'::tsquery operator(public.@@@@) 'select t, t from public.v') <> 'z') not valid",
    "type": "alter table users add constraint named check (pg_input_is_valid(id::text, 'public.d')) not valid",
    "file": "alter table users add extra text; alter table users alter extra set default pg_read_file('PG_VERSION')",
    "setting": "alter table users add x text; alter table users alter x set default set_config('role', 'none', false)",
    "JSON": "create domain d as text check (planted()); alter table users add constraint named "
    """check (json_value('{"a": 1}'::jsonb, '$.a' returning d)::text <> 'z') not valid""",
}


@pytest.mark.parametrize("plant", NOT_IN_PG_DEPEND.values(), ids=NOT_IN_PG_DEPEND)
def test_nor_what_pg_depend_knows_nothing_of(connection: Connection, plant: str) -> None:
    """Such as what a function of the system is told by a text to call, and the type that a JSON function returns."""
    if connection.info.server_version < 170000 and ("json_value" in plant or "pg_input" in plant):
        pytest.skip("this server has no such function")
    with owner_who_plants(connection, plant) as mallory:
        for run in (lambda: seed(connection, SMALL), lambda: reset(connection)):
            with pytest.raises(DatabaseError, match=f"would run code of the role {mallory!r} with your rights"):
                run()


@pytest.mark.parametrize("kind", READ)
def test_a_superuser_who_only_reads_calls_nothing_either(
    migrated: str, connection: Connection, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    back = "rollback --to 0003 --trust-schema public"
    seed(connection, SMALL)
    with owner_who_plants(connection, WITH_CODE[kind].format("memories")):
        for command in ("benchmark-similarity --queries 3", f"{back} --dry-run", back):
            assert cli.main([*command.split(), "--database-url", migrated]) == 3, command
            assert "would run code of the role 'seed_mallory'" in capsys.readouterr().err, command
        assert one(connection, "select reltuples from pg_class where relname = 'memories'") == 60


def test_a_superuser_loads_tables_of_others_who_have_planted_nothing(connection: Connection) -> None:
    with role(connection, "seed_mallory"):
        connection.execute(
            "alter table memories add a uuid default gen_random_uuid(), add b timestamp default clock_timestamp(), "
            "add c text default to_char(now(), 'YYYY') check (c ~ '^2'), add d bigint generated always as identity, "
            "add e tsvector generated always as (to_tsvector('english', content)) stored, add f float default random()"
        )
        connection.execute("alter table memories owner to seed_mallory")
        assert (seed(connection, SMALL).memories, reset(connection).memories) == (60, 60)
        connection.execute("alter table memories owner to current_user")


def test_a_superuser_measures_tables_beside_functions_that_it_does_not_call(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(connection, SMALL)
    with owner_who_plants(connection, "create function search_memories() returns bool return planted()") as mallory:
        command = ["benchmark-similarity", "--queries", "3", "--target-p95-ms", "9999", "--database-url", migrated]
        assert cli.main(command) == 0
        assert cli.main([*command, "--strategies", "all"]) == 3
        assert f"'search_memories' would run code of the role {mallory!r}" in capsys.readouterr().err


def test_a_superuser_takes_no_lock_on_a_standby(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    with role(connection, "seed_mallory"):
        connection.execute("alter table memories owner to seed_mallory")
        oid = one(connection, "select 'memories'::regclass::oid")
        held = "select count(*) from pg_locks where mode = 'ShareUpdateExclusiveLock' and pid = pg_backend_pid()"
        for is_standby in (False, True):
            monkeypatch.setattr(Connection, "value", lambda *_, answer=is_standby: answer)
            with connection.transaction():
                assert trust.hold(connection, [oid])
                assert one(connection, held) == (0 if is_standby else 1)
        connection.execute("alter table memories owner to current_user")


def test_a_superuser_searches_as_nobody_whom_a_view_in_a_policy_could_make_one_again(connection: Connection) -> None:
    seed(connection, SMALL)
    plant = (
        "create view v as select planted() as x; alter table memories enable row level security; "
        "create policy p on memories using (exists (select from v where x))"
    )
    with owner_who_plants(connection, plant):
        design = study.Design(names=("plain",), identity=Identity("seed_mallory"))
        with pytest.raises(DatabaseError, match="the policy 'p' on memories would run code of the role 'seed_mallory'"):
            study.run(connection, Wanted(k=3, queries=3), design)


def test_a_type_that_has_only_the_name_of_the_extensions_is_no_embedding(connection: Connection) -> None:
    plant = "create schema other; create type other.vector as enum ('a'); drop index ix_memories_embedding; "
    connection.execute(f"{plant} alter table memories alter embedding type other.vector using 'a'".encode())
    with pytest.raises(DatabaseError, match="was not made by memdb: it has no column embedding"):
        study.run(connection, Wanted(k=3, queries=3), study.Design(names=("plain",)))


@pytest.mark.parametrize("action", ["cascade", "set null"])
def test_no_trigger_of_a_table_that_changes_along_runs(connection: Connection, action: str) -> None:
    """It would run after each removal, and up to PostgreSQL 17 with the rights of whoever removes."""
    seed(connection, SMALL)
    with role(connection, "seed_mallory", "grant references on users to seed_mallory"):
        connection.execute(
            f"create table mine (name uuid references users on delete {action}); create function planted() "
            "returns trigger language plpgsql as $$begin raise 'called'; end$$; create trigger t after delete "
            "or update on mine for each statement execute function planted(); "
            "alter table mine owner to seed_mallory; alter function planted owner to seed_mallory".encode()
        )
        with pytest.raises(DatabaseError, match="the statement trigger 't' on mine would run code of the role"):
            reset(connection)
        connection.execute(
            "drop trigger t on mine; create trigger t after delete on mine for each row execute function planted()"
        )
        assert reset(connection).memories == 60


OTHERS = {
    "foreign partition": (
        """create table t (id int) partition by list (id); alter table t owner to {0};
        create foreign table other partition of t default server there; alter foreign table other owner to {0}""",
        "drop table t;",
    ),
    "materialized view": (
        """create materialized view m as select 1 as id; alter materialized view m owner to {0};
        create index other on m (id) where planted()""",
        "drop materialized view m;",
    ),
}
CALLED = "create or replace function planted() returns bool immutable language plpgsql as $$begin raise 'called'; end$$"


@pytest.fixture
def mallory(empty_connection: Connection) -> Iterator[str]:
    """A role, who has the function `planted`, and may use a server `there`."""
    name = f"mallory_{empty_connection.info.dbname}"
    empty_connection.execute(
        f"create role {name}; create function planted() returns bool immutable return true; "
        f"alter function planted owner to {name}; create foreign data wrapper far; "
        f"create server there foreign data wrapper far".encode()
    )
    yield name
    empty_connection.execute(f"drop owned by {name} cascade; drop role {name}".encode())


@pytest.mark.parametrize(("plant", "undo"), OTHERS.values(), ids=OTHERS)
def test_what_a_rollback_counts_calls_nothing_either(
    empty_connection: Connection, folder: Folder, mallory: str, plant: str, undo: str
) -> None:
    """A foreign table may lead to this server again, as a role that it takes for a superuser."""
    sets = folder(m0001_a=("select 1;", undo))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(f"{plant.format(mallory)}; {CALLED}".encode())
    with pytest.raises(DatabaseError, match=f"'other'.* would run code of the role '{mallory}' with your rights"):
        migrations.rollback(empty_connection, sets, agreement=Agreement())


def test_nothing_is_called_for_the_sake_of_advice(empty_connection: Connection, folder: Folder, mallory: str) -> None:
    graph = "-- transactional: false\ncreate index concurrently g on places using hnsw (place vector_l2_ops);"
    sets = folder(m0001_g=(graph, "-- transactional: false\ndrop index concurrently g;"))
    empty_connection.execute(
        f"create extension vector; create table places (place vector(3)); alter table places owner to {mallory}; "
        f"create index planted on places (place) where planted(); {CALLED}".encode()
    )
    assert migrations.migrate(empty_connection, sets).applied == 1
