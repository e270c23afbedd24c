"""A superuser uses no table of a role with fewer rights, and nobody runs a trigger that such a role has planted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memdb import cli, database, migrations, shipped, trust
from memdb.benchmark import inserts, study
from memdb.benchmark.identity import Identity
from memdb.benchmark.preparation import Wanted
from memdb.database import Connection
from memdb.doctor import inspection
from memdb.errors import DatabaseError, UntrustedSchema
from memdb.ledger import history, sqlfiles
from memdb.lifecycle.forgetting import forget
from memdb.migrations.losses import Agreement, WouldLose
from memdb.moving.exporting import export
from memdb.seeding.resetting import reset
from memdb.seeding.seed import seed
from tests.integration.conftest import Folder
from tests.integration.test_seeded_rows import SMALL, one, role

MALLORY = "seed_mallory"
FEW = Wanted(k=3, queries=3)
PLAIN = study.Design(names=("plain",))
TRIGGER = "create trigger t before insert on memories for each row execute function planted()"
Run = Callable[[Connection], object]
WRITES: dict[str, Run] = {
    "seed": lambda connection: seed(connection, SMALL, append=True),
    "inserts": lambda connection: inserts.run(connection, 10, random_seed=1),
    "writers": lambda connection: study.run(connection, FEW, study.Design(names=("plain",), writers=1, seconds=0.1)),
    "reset": reset,
}


def measured(connection: Connection) -> object:
    return study.run(connection, FEW, PLAIN)


@contextmanager
def mallory(connection: Connection) -> Iterator[Connection]:
    """A role with all privileges on memories and users, who may create in their schema, and its connection."""
    with (
        role(connection, MALLORY, f"grant create on schema public to {MALLORY}"),
        database.connect(make_conninfo(connection.info.dsn, user=MALLORY), purpose="test") as own,
    ):
        own.execute(
            "create function trying() returns bool language plpgsql immutable as $$begin "
            "begin perform set_config('role', 'none', true); exception when others then null; end; "
            "if (select rolsuper from pg_roles where rolname = current_user) then raise 'called'; end if; "
            "return true; end$$; create function planted() returns trigger language plpgsql as "
            "$$begin perform public.trying(); return new; end$$"
        )
        yield own


def given_to_mallory(connection: Connection, *tables: str) -> None:
    for table in tables:
        connection.execute(f"alter table {table} owner to {MALLORY}".encode())


SEARCH = "search garden --user 00000000-0000-0000-0000-000000000001"


def test_a_superuser_uses_no_table_of_a_role_that_is_none(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Taking the role of the owner would be no help: what is called could go back to that of the session."""
    seed(connection, SMALL)
    back = "rollback --to 0003 --trust-schema public"
    with mallory(connection):
        for table, commands in {
            "users": ("seed --append", "seed --reset", "benchmark-similarity --inserts 5"),
            "memories": ("seed --append", "seed --reset", "benchmark-similarity --queries 3", "inspect", SEARCH),
        }.items():
            given_to_mallory(connection, table)
            for command in commands:
                assert cli.main([*command.split(), "--database-url", migrated]) == 3, command
                told = capsys.readouterr().err
                assert f"public.{table} belongs to '{MALLORY}', who is no superuser" in told, command
                assert f"Connect as '{MALLORY}', or as another role that is no superuser." in told, command
            connection.execute(f"alter table {table} owner to current_user".encode())
        given_to_mallory(connection, "memories")
        assert cli.main([*f"{back} --dry-run".split(), "--database-url", migrated]) == 0
        assert "public.memories (rows that cannot be counted)" in capsys.readouterr().out
        assert cli.main([*back.split(), "--database-url", migrated]) == 2
        assert "public.memories (rows that cannot be counted)" in capsys.readouterr().err
        assert cli.main([*back.split(), "--yes", "--database-url", migrated]) == 0


def test_the_owner_and_whoever_else_is_no_superuser_go_on_using_them(connection: Connection) -> None:
    with mallory(connection) as own:
        given_to_mallory(connection, "memories", "users", "memory_collections")
        own.execute("alter table memories add extra bool default public.trying() check (public.trying())")
        own.execute(TRIGGER)
        for run in WRITES.values():
            run(own)
        connection.execute(f"reassign owned by {MALLORY} to current_user".encode())


FAMILY = {
    "inherits": "create table kid () inherits (memories)",
    "is a partition": "alter table memories rename to old; create table memories (like old) partition by "
    "list (memory_type); create table kid partition of memories default",
    "is a part of the whole": "create table kid (like memories) partition by list (memory_type); "
    "alter table kid attach partition memories default",
}


@pytest.mark.parametrize("plant", FAMILY.values(), ids=FAMILY)
def test_nor_one_with_such_a_table_above_or_below_it(connection: Connection, plant: str) -> None:
    """The owner of the whole can add an index to each part, by an expression of theirs."""
    with mallory(connection):
        connection.execute(plant.encode())
        given_to_mallory(connection, "kid")
        for run in (*WRITES.values(), measured):
            with pytest.raises(DatabaseError, match=f"public.kid belongs to '{MALLORY}'"):
                run(connection)


def test_nor_one_to_which_what_is_written_refers(connection: Connection) -> None:
    seed(connection, SMALL)
    connection.execute("create table topics (id int primary key); alter table memories add topic int references topics")
    with mallory(connection):
        given_to_mallory(connection, "topics")
        for run in WRITES.values():
            with pytest.raises(DatabaseError, match=f"public.topics belongs to '{MALLORY}'"):
                run(connection)
        measured(connection)


REFERRING = {
    "a column of that type": "create table mine (name uuid)",
    "a foreign key": "create table mine (name uuid references users)",
    "a cascade": "create table mine (name uuid references users on delete cascade)",
}


@pytest.mark.parametrize("plant", REFERRING.values(), ids=REFERRING)
def test_nor_one_that_may_refer_to_what_is_removed(connection: Connection, plant: str) -> None:
    """The server looks into it as its owner, but what that has called can have triggers run later, as anybody."""
    with mallory(connection):
        connection.execute(plant.encode())
        given_to_mallory(connection, "mine")
        assert seed(connection, SMALL).memories == 60
        with pytest.raises(DatabaseError, match=f"public.mine belongs to '{MALLORY}'"):
            reset(connection)
        connection.execute("alter table mine owner to current_user")
        assert reset(connection).memories == 60


@pytest.mark.parametrize("given", ["schema public", "database {}"])
def test_nor_one_whose_schema_somebody_else_can_rename(connection: Connection, given: str) -> None:
    """A lock keeps the table, and not where its name leads: the owner of the schema can have it lead to another."""
    seed(connection, SMALL)
    with mallory(connection):
        connection.execute(f"alter {given} owner to {MALLORY}".format(connection.info.dbname).encode())
        for run in (*WRITES.values(), measured, inspection.inspect):
            with pytest.raises(DatabaseError, match=f"the schema public belongs to '{MALLORY}'"):
                run(connection)
        connection.execute(f"reassign owned by {MALLORY} to current_user".encode())


def test_nor_one_with_a_type_of_theirs_or_in_a_schema_of_theirs(connection: Connection) -> None:
    """Its owner can say which function casts it, wherever names lead, and that of the schema where they lead."""
    seed(connection, SMALL)
    with mallory(connection):
        connection.execute(f"alter type memory_type owner to {MALLORY}".encode())
        for run in (*WRITES.values(), measured, inspection.inspect):
            with pytest.raises(DatabaseError, match=f"the type public.memory_type belongs to '{MALLORY}'"):
                run(connection)
        connection.execute("alter type memory_type owner to current_user")
        connection.execute(f"create schema ext authorization {MALLORY}; alter extension vector set schema ext".encode())
        for run in (*WRITES.values(), measured, inspection.inspect):
            with pytest.raises(DatabaseError, match=f"the schema ext belongs to '{MALLORY}'"):
                run(connection)
        connection.execute("alter schema ext owner to current_user")


def test_nor_one_that_is_gone(connection: Connection) -> None:
    """Whoever has dropped it may have put another in its place."""
    with mallory(connection) as own:
        own.execute("create table public.mine ()")
        oid = one(connection, "select 'mine'::regclass::oid")
        own.execute("drop table public.mine; create table public.mine ()")
        with pytest.raises(DatabaseError, match="has just been dropped"):
            trust.require_owners(connection, [oid])


def test_a_role_that_the_owner_of_a_database_sets_for_a_superuser_makes_nobody_less_careful(
    connection: Connection,
) -> None:
    """What is called can leave that role again. One that the address asks for is the caller's own wish."""
    name = connection.info.dbname
    with mallory(connection):
        given_to_mallory(connection, "users")
        connection.execute(f"alter database {name} set role = {MALLORY}".encode())
        with database.connect(connection.info.dsn, purpose="test") as superuser:
            with pytest.raises(DatabaseError, match=f"public.users belongs to '{MALLORY}'"):
                seed(superuser, SMALL)
            with pytest.raises(UntrustedSchema, match=f"public .role {MALLORY}"):
                trust.require(superuser, "public", [])
            given_to_mallory(connection, "_yoyo_log")
            found = history.find(superuser, sqlfiles.read_sets(shipped.sql_directory()))
            assert list(found.home.of_lesser_owner) == ["public._yoyo_log"]
        connection.execute(f"alter database {name} reset role".encode())
        for form in ("-c role={}", "-crole={}", "-c jit=off --role={}"):
            own = make_conninfo(connection.info.dsn, options=form.format(MALLORY))
            with database.connect(own, purpose="test") as asked:
                assert trust.require(asked, "public", []) == ()
                assert trust.may_read(asked, [asked.value("select 'users'::regclass::oid")])
        connection.execute("alter table _yoyo_log owner to current_user; alter table users owner to current_user")


def test_a_member_of_a_superuser_is_as_careful(connection: Connection) -> None:
    """What is called could take that role. Tables of such members are as good as those of superusers."""
    me, other = connection.info.user, "seed_member"
    with role(connection, other, f"grant {me} to {other}"), mallory(connection):
        with database.connect(make_conninfo(connection.info.dsn, user=other), purpose="test") as member:
            connection.execute(f"alter table memories owner to {other}".encode())
            assert seed(member, SMALL).memories == 60
            with pytest.raises(UntrustedSchema, match=f"public .role {MALLORY}"):
                trust.require(member, "public", [])
            given_to_mallory(connection, "users", "_yoyo_log")
            connection.execute(f"grant select on _yoyo_log to {other}".encode())
            with pytest.raises(DatabaseError, match=f"public.users belongs to '{MALLORY}'"):
                seed(member, SMALL, append=True)
            assert history.find(member, sqlfiles.read_sets(shipped.sql_directory())).applied
        connection.execute("reassign owned by seed_member, seed_mallory to current_user")


def test_so_is_a_role_that_may_run_programs_on_the_server(connection: Connection) -> None:
    other = "seed_programs"
    with role(connection, other, f"grant pg_execute_server_program to {other}"), mallory(connection):
        given_to_mallory(connection, "users")
        with database.connect(make_conninfo(connection.info.dsn, user=other), purpose="test") as member:
            with pytest.raises(UntrustedSchema, match=f"public .role {MALLORY}"):
                trust.require(member, "public", [])
            assert not trust.may_read(member, [connection.value("select 'users'::regclass::oid")])
        connection.execute("alter table users owner to current_user")


NEGATED = (
    "create function o(uuid, uuid) returns bool immutable return trying(); create operator !=== (leftarg = uuid, "
    "rightarg = uuid, function = o); create operator === (leftarg = uuid, rightarg = uuid, function = uuid_eq, "
    "negator = !===); "
)
VIEW = "create view v as select trying()::text::tsquery as t;"
REWRITTEN = "ts_rewrite('a'::tsquery, 'select t, t from public.v')::text"
PLANTS = (
    "create index planted on memories (id) where trying()",
    "create statistics planted on (trying()), id from memories",
    "alter table users add column extra bool default trying()",
    "create domain d as bool check (trying()); alter table users add column more d",
    "create rule planted as on insert to users do also select trying()",
    f"{TRIGGER}; create trigger t before insert on users execute function planted()",
    f"{NEGATED} alter table users add constraint named check (not id === gen_random_uuid()) not valid",
    f"{VIEW} alter table users add constraint other check ({REWRITTEN} <> 'z') not valid",
)


COMMANDS = (
    "seed --append",
    "seed --reset",
    "benchmark-similarity --queries 3",
    "benchmark-similarity --queries 3 --inserts 5",
    "inspect",
    SEARCH,
    "doctor",
    "rollback --to 0003 --trust-schema public --dry-run",
    "rollback --to 0003 --trust-schema public",
)


def test_nothing_that_an_owner_has_planted_is_called_by_a_superuser(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(connection, SMALL)
    with mallory(connection) as own:
        given_to_mallory(connection, "memories", "users")
        for plant in PLANTS:
            own.execute(plant.encode())
        for command in COMMANDS:
            cli.main([*command.split(), "--database-url", migrated])
            assert "called" not in "".join(capsys.readouterr()), command
        assert one(connection, "select reltuples from pg_class where relname = 'memories'") == 60
        for statement in ("select from memories", "insert into users default values"):
            with pytest.raises(psycopg.Error, match="called"):
                connection.execute(statement.encode())


PLANTED_TRIGGERS = {
    "function": TRIGGER,
    "condition": "create trigger t before insert on memories for each row when (trying()) "
    "execute function suppress_redundant_updates_trigger()",
    "arguments": "create trigger t before insert on memories for each row execute function "
    "tsvector_update_trigger('content', 'public.mine', 'content')",
}


@pytest.mark.parametrize("plant", PLANTED_TRIGGERS.values(), ids=PLANTED_TRIGGERS)
@pytest.mark.parametrize("by", ["a superuser", "the owner"])
def test_no_trigger_runs_that_a_role_with_fewer_rights_could_add(connection: Connection, plant: str, by: str) -> None:
    """Whoever has the privilege can say when it runs, and with which arguments, though the function is the system's."""
    seed(connection, SMALL)
    with role(connection, "seed_owner"), mallory(connection) as own:
        own.execute(plant.encode())
        if by == "the owner":
            connection.execute("alter table memories owner to seed_owner; alter table users owner to seed_owner")
        user = "seed_owner" if by == "the owner" else connection.info.user
        with database.connect(make_conninfo(connection.info.dsn, user=user), purpose="test") as other:
            for run in WRITES.values():
                with pytest.raises(DatabaseError, match="'t' on memories could run code of the role 'seed_") as refused:
                    run(other)
                assert ("may create triggers there" in (refused.value.hint or "")) == (plant != TRIGGER)
            measured(other)
        connection.execute("alter table memories owner to current_user; alter table users owner to current_user")


@pytest.mark.parametrize("moment", ["after", "before"])
def test_no_statement_trigger_of_a_table_that_changes_along_runs(connection: Connection, moment: str) -> None:
    """It would run with each removal, and up to PostgreSQL 17 with the rights of whoever removes."""
    seed(connection, SMALL)
    with role(connection, "seed_owner"), mallory(connection):
        connection.execute(
            "alter table memories owner to seed_owner; alter table users owner to seed_owner; "
            "create table mine (name uuid references users on delete cascade); "
            f"create trigger t {moment} delete on mine for each statement execute function planted()".encode()
        )
        given_to_mallory(connection, "mine")
        with database.connect(make_conninfo(connection.info.dsn, user="seed_owner"), purpose="test") as other:
            with pytest.raises(DatabaseError, match="the trigger 't' on mine could run code of the role"):
                reset(other)
            connection.execute(
                "drop trigger t on mine; create trigger t after delete on mine for each row execute function planted()"
            )
            connection.execute("grant select on mine, memory_collections to seed_owner")
            with pytest.raises(DatabaseError, match=f"public.mine belongs to '{MALLORY}', and not to the owner"):
                reset(other)
            connection.execute(f"grant {MALLORY} to seed_owner")
            assert reset(other).memories == 60
        connection.execute("alter table memories owner to current_user; alter table users owner to current_user")


TAKING_ALONG: dict[str, Callable[[Connection, Path], object]] = {
    "export": lambda connection, path: export(connection, path / "a.jsonl"),
    "reset": lambda connection, _: reset(connection),
}


@pytest.mark.parametrize("run", TAKING_ALONG.values(), ids=TAKING_ALONG)
def test_nobody_reads_a_table_that_somebody_else_has_put_beside_memories(
    connection: Connection, run: Callable[[Connection, Path], object], tmp_path: Path
) -> None:
    """The server works out what its owner has put into an index, with the rights of whoever reads it."""
    with planted_table(connection, "memory_id uuid references memories on delete cascade") as (owner, called):
        with pytest.raises(DatabaseError, match=f"public.mine belongs to '{MALLORY}', and not to the owner of memo"):
            run(owner, tmp_path)
        assert not called
        owner.execute("select from mine where memory_id = memory_id")
        assert called


def test_nor_one_elsewhere_that_may_mention_what_is_removed(connection: Connection) -> None:
    with planted_table(connection, "memory_id uuid") as (owner, called):
        assert reset(owner).memories == 60
        assert not called


def test_nor_one_that_may_hold_what_is_forgotten(connection: Connection) -> None:
    with planted_table(connection, "memory_id uuid references memories on delete cascade") as (owner, called):
        forgotten = forget(owner, one(connection, "select min(user_id::text) from memories"))
        assert "public.mine" in forgotten.unseen
        assert set(called) == {f"called by {MALLORY}"}  # by the foreign key


@contextmanager
def planted_table(connection: Connection, column: str) -> Iterator[tuple[Connection, list[str]]]:
    """The owner of seeded memories, who may read a table of another role, and what that has called by it."""
    seed(connection, SMALL)
    with role(connection, "seed_owner"), mallory(connection) as own:
        for table in ("memories", "users", "memory_collections"):
            connection.execute(f"alter table {table} owner to seed_owner".encode())
        own.execute(
            "create function warn() returns bool language plpgsql immutable as $$begin "
            "raise warning 'called by %', current_user; return true; end$$; "
            f"create table mine ({column}); create index on mine (memory_id) where warn(); "
            "grant select on mine to public".encode()
        )
        called: list[str] = []
        with (
            database.connect(make_conninfo(connection.info.dsn, user="seed_owner"), purpose="test") as owner,
            owner.hearing(lambda notice: called.append(notice.message_primary or "")),
        ):
            yield owner, called
        connection.execute("reassign owned by seed_owner to current_user")


def test_a_trigger_of_a_superuser_runs(connection: Connection) -> None:
    """Also where others could add one, if it has neither a condition nor arguments."""
    connection.execute(
        "create function counted() returns trigger language plpgsql as $$begin return new; end$$; "
        f"{TRIGGER.replace('planted', 'counted')}".encode()
    )
    with mallory(connection):
        assert seed(connection, SMALL).memories == 60


def test_a_superuser_calls_no_search_memories_where_others_may_add_one(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that needs fewer defaults fits better, and can come at any time."""
    assert cli.main(["migrate", "--with", "fast_search", "--database-url", migrated]) == 0
    seed(connection, SMALL)
    command = ["benchmark-similarity", "--queries", "3", "--database-url", migrated, "--strategies"]
    capsys.readouterr()
    with mallory(connection):
        assert cli.main([*command, "search_memories"]) == 2
        assert f"in public (role {MALLORY})" in capsys.readouterr().err
    assert cli.main([*command, "search_memories"]) in (0, 1)


POLICIES = {
    "function": "create policy p on memories using (trying())",
    "view": "create policy p on memories using (exists (select from w))",
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_superuser_searches_as_nobody_whom_a_policy_could_make_one_again(connection: Connection, policy: str) -> None:
    seed(connection, SMALL)
    design = study.Design(names=("plain",), identity=Identity(MALLORY))
    with mallory(connection) as own:
        own.execute("create view v as select trying() as x; grant select on v to public")
        connection.execute(f"create view w as select from v where x; {policy}; grant select on w to public".encode())
        connection.execute("alter table memories enable row level security")
        with pytest.raises(DatabaseError, match=f"the policy 'p' on .*memories could run code of the role '{MALLORY}'"):
            study.run(connection, FEW, design)
        connection.execute("drop policy p on memories; create policy p on memories using (true)")
        assert len(study.run(connection, FEW, design).strategies) == 2


def test_a_type_that_has_only_the_name_of_the_extensions_is_no_embedding(connection: Connection) -> None:
    plant = "create schema other; create type other.vector as enum ('a'); drop index ix_memories_embedding; "
    connection.execute(f"{plant} alter table memories alter embedding type other.vector using 'a'".encode())
    with pytest.raises(DatabaseError, match="was not made by memdb: it has no column embedding"):
        study.run(connection, FEW, PLAIN)


OTHERS = {
    "foreign partition": (
        """create table t (id int) partition by list (id);
        create foreign table other partition of t default server there; alter foreign table other owner to {0}""",
        "drop table t;",
        "public.t",
    ),
    "materialized view": (
        """create materialized view m as select 1 as id; alter materialized view m owner to {0};
        create index other on m (id) where aside.planted()""",
        "drop materialized view m;",
        "public.m",
    ),
    "materialized view that can be replaced": (
        "create schema s; alter schema s owner to {0}; create materialized view s.m as select 1 as id",
        "drop materialized view s.m;",
        "s.m",
    ),
}
CALLED = """
    create or replace function aside.planted() returns bool immutable language plpgsql as
    $$begin raise 'called'; end$$
"""


@pytest.fixture
def planting(empty_connection: Connection) -> Iterator[str]:
    """A role, who has the function `planted`, and may use a server `there`."""
    name = f"mallory_{empty_connection.info.dbname}"
    empty_connection.execute(
        f"create role {name}; create schema aside; create function aside.planted() returns bool immutable "
        f"return true; alter function aside.planted owner to {name}; create foreign data wrapper far; "
        f"create server there foreign data wrapper far".encode()
    )
    yield name
    empty_connection.execute(f"drop owned by {name} cascade; drop role {name}".encode())


@pytest.mark.parametrize(("plant", "undo", "lost"), OTHERS.values(), ids=OTHERS)
def test_a_superuser_who_rolls_back_counts_nothing_of_others(
    empty_connection: Connection, folder: Folder, planting: str, plant: str, undo: str, lost: str
) -> None:
    """A foreign table may lead to this server again, as a role that it takes for a superuser."""
    sets = folder(m0001_a=("select 1;", undo))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(f"{plant.format(planting)}; {CALLED}".encode())
    with pytest.raises(WouldLose) as told:
        migrations.rollback(empty_connection, sets, agreement=Agreement())
    assert [(loss.object, loss.count) for loss in told.value.losses] == [(lost, None)]
    agreed = Agreement(told.value.steps, told.value.losses)
    assert len(migrations.rollback(empty_connection, sets, agreement=agreed).steps) == 1


def test_nor_asks_a_sequence_of_others_where_it_begins(
    empty_connection: Connection, folder: Folder, planting: str
) -> None:
    """By now its name may lead to a view. So all that it has given out counts as lost."""
    sets = folder(m0001_a=("select 1;", "alter sequence q restart with 5;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("create sequence q; select setval('q', 10)")
    for owner, lost in (("current_user", 6), (planting, 10)):
        empty_connection.execute(f"alter sequence q owner to {owner}".encode())
        with pytest.raises(WouldLose) as told:
            migrations.rollback(empty_connection, sets, agreement=Agreement())
        assert [(loss.object, loss.count) for loss in told.value.losses] == [("public.q", lost)]


def test_nothing_is_called_for_the_sake_of_advice(empty_connection: Connection, folder: Folder, planting: str) -> None:
    graph = "-- transactional: false\ncreate index concurrently g on places using hnsw (place vector_l2_ops);"
    sets = folder(m0001_g=(graph, "-- transactional: false\ndrop index concurrently g;"))
    empty_connection.execute(
        f"create extension vector; create table places (place vector(3)); alter table places owner to {planting}; "
        f"create index planted on places (place) where aside.planted(); {CALLED}".encode()
    )
    assert migrations.migrate(empty_connection, sets).applied == 1
