"""memdb forget and the set erasure: all of one user goes, and only that, and no import brings them back."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import memdb
from memdb import database, migrations
from memdb.cli import main
from memdb.database import Connection
from memdb.door import Database
from memdb.errors import DatabaseError, DataError, LockTimeout, UsageError
from memdb.lifecycle import forgetting
from memdb.shape import Shape, Users
from tests.conftest import new_database
from tests.helpers import on_one_server
from tests.integration import filling
from tests.integration.conftest import as_role
from tests.integration.orm import shapes
from tests.integration.orm.pooling import pooled

ANN, BOB, EVE = (UUID(int=number << 96) for number in (1, 2, 3))
APPLICATION = """
create schema shop;
create table shop.orders (id bigint primary key, owner uuid references users on delete cascade);
create table shop.items (order_id bigint references shop.orders on delete cascade, name text);
create table shop.visits (visitor uuid references users on delete set null);
create table shop.links ("memory %d id" uuid references memories on delete set null);
insert into shop.orders values (1, '{ann}'), (2, '{bob}');
insert into shop.items values (1, 'a'), (1, 'b'), (2, 'c');
insert into shop.visits values ('{ann}'), ('{bob}');
insert into shop.links select id from memories;
"""


@pytest.fixture(scope="module")
def full(server: str, template: str, sets: Any) -> Iterator[str]:
    """The name of a database with all sets, in which Bob has a row in every table that leads to users."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=on_one_server(sets)) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            filling.fill(connection, BOB)
        yield str(conninfo_to_dict(conninfo)["dbname"])


@pytest.fixture
def conninfo(server: str, full: str) -> Iterator[str]:
    with new_database(server, template=full) as conninfo:
        yield conninfo


@pytest.fixture
def connection(conninfo: str) -> Iterator[Connection]:
    """Ann has a row in every table, too."""
    with database.connect(conninfo, purpose="test") as connection:
        filling.fill(connection, ANN)
        yield connection


@pytest.fixture
def db(conninfo: str, connection: Connection) -> Database:
    return memdb.open(conninfo)


def count(connection: Connection, what: str, *given: object) -> int:
    return int(connection.value(f"select count(*) from {what}".encode(), given))


def test_no_set_has_a_table_in_which_a_user_is_not_forgotten(conninfo: str) -> None:
    with database.connect(conninfo, purpose="test") as connection, memdb.open(conninfo) as db:
        before = filling.dump(connection)
        found = {*filling.tables(connection)} - {"users"}
        assert {"memories", "memory_collections", "memory_importance", "memory_retention"} <= found
        assert all(name.startswith("memory_") for name in found - {"memories"})  # how they are known to be memdb's
        told = list[dict[str, int]]()
        for forget in ("memdb", "SQL"):
            filling.fill(connection, ANN)
            grown = filling.dump(connection)
            assert all(len(grown[name]) > len(before[name]) for name in found)
            if forget == "memdb":
                result = db.forget(ANN)
                assert {f"public.{name}" for name in (*found, "users")} <= {*result.looked_into}
                assert (result.left, result.unseen, result.unlike) == ({}, (), ())
                assert (result.is_noted, result.user_left) == (True, True)
                told.append(result.deleted)
            else:
                told.append(dict(connection.execute("select * from forget_user(%s)", [ANN]).fetchall()))
            assert filling.dump(connection) == before, forget
            connection.execute("delete from users where id = %s", [ANN])
        assert told[0] == told[1] == dict.fromkeys(told[0], 1)


@pytest.fixture
def shop(connection: Connection) -> Connection:
    """The application has tables of its own, with a row of each of the two at least."""
    connection.execute(APPLICATION.format(ann=ANN, bob=BOB).encode())
    return connection


def test_rows_of_the_application_stay_and_are_told(shop: Connection, db: Database) -> None:
    before = filling.dump(shop)
    for dry_run in (True, False):
        found = db.forget(ANN, dry_run=dry_run)
        assert found.left == {"shop.orders": 1, "shop.items": 2, "shop.visits (on delete set null)": 1}
        assert found.detached == {"shop.links (on delete set null)": 1}
        assert found.deleted["public.memories"] == 1
        assert (filling.dump(shop) == before) == dry_run
    assert count(shop, "shop.links") == 2
    assert [db.forget(ANN).deleted["public.memories"], db.forget(ANN).detached] == [0, {}]


def test_with_the_user_goes_what_the_application_lets_go(shop: Connection, db: Database) -> None:
    found = db.forget(str(ANN), and_user=True)
    assert (found.deleted["shop.items"], found.deleted["public.users"], found.left) == (2, 1, {})
    assert found.detached == {"shop.links (on delete set null)": 1, "shop.visits (on delete set null)": 1}
    assert [count(shop, f"shop.{name}") for name in ("orders", "items", "visits", "links")] == [1, 1, 2, 2]
    assert (found.user_left, count(shop, "users")) == (False, 1)
    for user in (ANN, EVE):
        with pytest.raises(DataError, match=f"there is no user {user}"):
            db.forget(user)
    for nobody in ("", "Ann", None):
        with pytest.raises(UsageError, match="there is no user"):
            db.forget(nobody)  # type: ignore[arg-type]


@pytest.mark.parametrize("on_delete", ["restrict", "no action"])
def test_rows_in_the_way_are_named_and_nothing_is_deleted(connection: Connection, db: Database, on_delete: str) -> None:
    connection.execute(
        f"create table audit (memory_id uuid references memories on delete {on_delete}, by uuid references users);"
        "insert into audit (memory_id) select id from memories".encode()
    )
    before = filling.dump(connection)
    for dry_run in (True, False):
        with pytest.raises(DatabaseError, match=rf"1 row of public.audit \(on delete {on_delete}\)"):
            db.forget(ANN, dry_run=dry_run)
    connection.execute("update audit set memory_id = null, by = %s", [ANN])
    with pytest.raises(DatabaseError, match=r"2 rows of public.audit \(on delete no action\)"):
        db.forget(ANN, and_user=True)
    assert {**filling.dump(connection), "audit": 0} == {**before, "audit": 0}
    assert db.forget(ANN).left == {"public.audit (on delete no action)": 2}


def test_what_would_be_left_keeps_all_of_it(connection: Connection, db: Database) -> None:
    """A foreign key that is not enforced leaves a row, which cannot be told by its user; a trigger can keep one."""
    before = filling.dump(connection)
    connection.execute("alter table memories disable trigger all")
    with pytest.raises(DatabaseError, match=r"1 row of public.memory_\w+ would be left"):
        db.forget(ANN)
    connection.execute(
        "alter table memories enable trigger all;"
        "create function keep() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger keep before delete on memory_collections for each row execute function keep()"
    )
    with pytest.raises(DatabaseError, match=r"1 row of public.memory_collections would be left"):
        db.forget(ANN)
    with pytest.raises(psycopg.Error, match=r"1 rows of public.memory_collections would be left"):
        connection.execute("select forget_user(%s)", [ANN])
    assert filling.dump(connection) == before


@pytest.mark.once
@pytest.mark.parametrize("when", ["trigger", "constraint trigger"])
def test_what_a_trigger_stores_again_keeps_all_of_it(connection: Connection, db: Database, when: str) -> None:
    """An audit of the application's, which is written at once, or as late as at the commit."""
    deferred = "deferrable initially deferred" if when == "constraint trigger" else ""
    connection.execute(
        "create table memory_audit (user_id uuid, content text);"
        "create function audit() returns trigger language plpgsql as "
        "'begin insert into public.memory_audit values (old.user_id, old.content); return null; end';"
        f"create {when} audit after delete on memories {deferred} for each row execute function audit()".encode()
    )
    before = filling.dump(connection)
    with pytest.raises(DatabaseError, match=r"1 row of public.memory_audit would be left"):
        db.forget(ANN)
    with pytest.raises(psycopg.Error, match=r"1 rows of public.memory_audit would be left"):
        connection.execute("select forget_user(%s)", [ANN])
    assert filling.dump(connection) == before


def test_who_was_forgotten_comes_back_only_if_that_is_asked_for(
    connection: Connection, db: Database, tmp_path: Path
) -> None:
    both, ann = (db.export(tmp_path / name, user=user).path for name, user in (("both", None), ("ann", ANN)))
    db.forget(ANN, and_user=True)
    before = filling.dump(connection)
    mapped = {str(ANN): EVE, str(BOB): BOB}
    for file, mapping in ((both, None), (ann, None), (both, mapped), (ann, {str(ANN): ANN})):
        with pytest.raises(DataError, match=f'"{ANN}" was forgotten here'):
            db.import_(file, map_users=mapping)
    assert filling.dump(connection) == before
    asked = "select is_forgotten_user(%s), is_forgotten_user(%s), is_forgotten_user(null)"
    assert connection.execute(asked, [ANN, BOB]).fetchone() == (True, False, False)
    stored = db.import_(ann, allow_forgotten=True)
    assert (stored.memories, stored.users_created) == (1, 1)
    connection.execute("delete from memory_forgotten_users where digest = memory_user_digest(%s)", [ANN])
    assert db.import_(both, map_users=mapped, on_conflict="new-ids").memories == 2


def test_what_is_stored_meanwhile_waits_and_an_import_finds_out(
    connection: Connection, conninfo: str, db: Database, tmp_path: Path
) -> None:
    """A memory that is added while its user is forgotten waits for the end, and so does an import, and is refused."""
    file = db.export(tmp_path / "ann.jsonl", user=ANN).path
    add = "insert into memories (user_id, memory_type, content) values (%s, 'task', 'later')"
    with ThreadPoolExecutor(3) as others, database.connect(conninfo, purpose="test") as forgetting:
        with forgetting.transaction():
            forgetting.execute("select forget_user(%s)", [ANN])
            with pytest.raises(LockTimeout, match="others have locked"):
                db.forget(ANN, wait_seconds=0.01)
            adding = others.submit(memdb_add, conninfo, add)
            importing = others.submit(db.import_, file)
            second = others.submit(db.forget, ANN)
            waiting = "pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            while count(connection, waiting) < 3:
                pass
            assert count(connection, "memories where content = 'later'") == 0
        with pytest.raises(DataError, match="was forgotten here"):
            importing.result(60)
        adding.result(60)  # the user is still there, and so is what came after
        assert second.result(60).deleted["public.memory_collections"] == 0
    assert count(connection, "memories where user_id = %s and content <> 'later'", ANN) == 0


def memdb_add(conninfo: str, statement: str) -> None:
    with database.connect(conninfo, purpose="test") as connection:
        connection.execute(statement.encode(), [ANN])


def test_a_role_from_which_rows_may_be_hidden_is_refused(connection: Connection, conninfo: str) -> None:
    with as_role(connection, "forgetful") as role:
        connection.execute(
            "grant usage on schema public to forgetful; grant all on all tables in schema public to forgetful"
        )
        role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            role.execute("select forget_user(%s)", [ANN])
        assert role.execute("select count(*) from memory_forgotten_users").fetchone() == (0,)
        with memdb.open(f"{conninfo} options='-c role=forgetful'") as db:
            for dry_run in (True, False):
                with pytest.raises(DatabaseError, match=r"may hide rows of public\.users, public\.memor"):
                    db.forget(ANN, dry_run=dry_run)
    assert count(connection, "memories") == 2


@pytest.mark.once
def test_a_table_that_somebody_else_has_put_beside_memories_runs_nothing(connection: Connection) -> None:
    """By its name it would be one of memdb's, and a trigger of it would run with the rights of whoever forgets."""
    role = f"planting_{connection.info.backend_pid}"
    connection.execute(
        f"""
        create role {role};
        create table memory_planted (user_id uuid);
        create function planted() returns trigger language plpgsql as 'begin raise exception ''it was run''; end';
        create trigger planted before delete on memory_planted for each statement execute function planted();
        alter table memory_planted owner to {role};
        """.encode()
    )
    before = filling.dump(connection)
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="memory_planted does not own memories"):
            connection.execute("select forget_user(%s)", [ANN])
        assert filling.dump(connection) == before
    finally:
        connection.execute(f"drop owned by {role}; drop role {role}".encode())


def test_it_works_through_a_transaction_pooler(connection: Connection, conninfo: str) -> None:
    with pooled(conninfo) as through, memdb.open(through) as db:
        assert db.forget(ANN, and_user=True).deleted["public.memories"] == 1
        with psycopg.connect(through, prepare_threshold=None) as other:
            assert {*other.execute("select deleted from forget_user(%s)", [BOB])} == {(1,)}
    assert count(connection, "memories") == 0


SHAPES = [
    Shape(Users("auth.accounts", "id", "bigint", may_be_made=False), "halfvec", 8),
    Shape(Users('"People"', '"userId"', "varchar(40)", may_be_made=False), "vector", 4),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.users.key_type)
def test_users_have_keys_of_any_type(empty: str, tmp_path: Path, shape: Shape) -> None:
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, shape)
        sets = shapes.write(tmp_path, shape)
        migrations.run(connection, sets, migrations.Migrate(chosen=("erasure", "retention", "row_security")))
        ann, bob, eve = shapes.IDS[shape.users.python_type]
        connection.execute(
            f"insert into memories (user_id, memory_type, content) select {shape.users.key}, 'task', 'a' "
            f"from {shape.users.table}; select pin_memories(user_id, array[id]) from memories".encode()
        )
        with memdb.open(empty) as db:
            file = db.export(tmp_path / "all").path
            assert db.forget(str(ann), and_user=True).deleted["public.memory_retention"] == 1
            for nothing in ("", "no id of anybody"):
                with pytest.raises((UsageError, DataError)):
                    db.forget(nothing)
            with pytest.raises(DataError, match="was forgotten here"):
                db.import_(file)
        connection.execute("select forget_user(%s)", [bob])
        for nobody in (eve, None):
            with pytest.raises(psycopg.Error, match="there is no user"):
                connection.execute("select forget_user(%s)", [nobody])
        assert count(connection, "memory_forgotten_users") == 2
        assert count(connection, "memories") == 0


def test_the_command_asks_tells_and_says_what_else_holds_it(
    connection: Connection, conninfo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["forget", "--user", str(ANN), "--database-url", conninfo]
    assert main(command) == 2
    told = capsys.readouterr()
    assert "cannot ask for confirmation" in told.err
    assert "Would delete" in told.err
    assert main([*command, "--dry-run", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["dry_run"], found["deleted"]["public.memories"], found["remains"]) == (True, 1, None)
    assert count(connection, "memories") == 2
    assert main([*command, "--yes"]) == 0
    told = capsys.readouterr()
    assert "with a path to users: no row of theirs is there." in told.out
    assert "An import will not bring the user back" in told.out
    assert "vacuum (analyze) public.memories;" in told.out
    connection.execute("vacuum (analyze) public.memories")
    connection.execute("drop table memory_forgotten_users cascade")
    assert main([*command, "--and-user", "--yes"]) == 0
    assert "An import can bring the user back" in capsys.readouterr().out
    assert main([*command, "--yes"]) == 3


LEADING_TO_OTHERS = {
    "an invitation": "alter table users add invited_by uuid references users on delete cascade;"
    "update users set invited_by = '{ann}' where id = '{bob}'",
    "a team": "create table teams (id int primary key, owner uuid references users on delete cascade);"
    "insert into teams values (1, '{ann}');"
    "alter table memories add team int references teams on delete cascade; update memories set team = 1",
    "a team of a team": "create table teams (id int primary key, owner uuid references users on delete cascade,"
    "  part_of int references teams on delete cascade);"
    "insert into teams values (1, '{ann}', null), (2, null, 1), (3, null, 2);"
    "alter table users add team int references teams on delete cascade;"
    "update users set team = 3 where id = '{bob}'",
    "a trigger": "create function go_along() returns trigger language plpgsql as"
    " 'begin delete from public.users where id <> old.id; return null; end';"
    "create trigger go_along after delete on users for each row execute function go_along()",
}


@pytest.mark.once
@pytest.mark.parametrize("way", LEADING_TO_OTHERS)
def test_whatever_leads_to_other_users_they_and_their_memories_stay(
    connection: Connection, db: Database, way: str
) -> None:
    connection.execute(LEADING_TO_OTHERS[way].format(ann=ANN, bob=BOB).encode())
    before = filling.dump(connection)
    with pytest.raises(DatabaseError, match=r"not to go would be deleted along.*: 1 row of public\.(users|memories)"):
        db.forget(ANN, and_user=True)
    assert filling.dump(connection) == before
    assert db.forget(ANN).deleted["public.memories"] == 1
    assert count(connection, "memories") == 1


LEADING_FROM_MEMORIES = {
    "an answer": "alter table memories add answers uuid references memories on delete cascade;"
    "update memories set answers = (select id from memories where user_id = '{ann}') where user_id = '{bob}'",
    "a collection": "alter table memories add kept_in uuid references memory_collections on delete cascade;"
    "update memories set kept_in = (select id from memory_collections where user_id = '{ann}')",
    "what a user likes": "alter table users add likes uuid references memories on delete cascade;"
    "update users set likes = (select id from memories where user_id = '{ann}') where id = '{bob}'",
    "what the user likes": "alter table users add likes uuid references memories on delete cascade;"
    "update users set likes = (select id from memories where user_id = '{ann}') where id = '{ann}'",
    "a trigger": "create function go_along() returns trigger language plpgsql as"
    " 'begin delete from public.memories where user_id <> old.user_id; return null; end';"
    "create trigger go_along after delete on memories for each row execute function go_along();"
    "create table memories_of_old () inherits (memories);"
    "insert into memories_of_old (user_id, memory_type, content) values ('{ann}', 'task', 'old')",
}


@pytest.mark.once
@pytest.mark.parametrize("way", LEADING_FROM_MEMORIES)
def test_whatever_leads_from_memories_only_they_go(connection: Connection, db: Database, way: str) -> None:
    connection.execute(LEADING_FROM_MEMORIES[way].format(ann=ANN, bob=BOB).encode())
    before = filling.dump(connection)
    with pytest.raises(DatabaseError, match=r"not to go would be deleted along.*: 1 row of public\.(users|memories)"):
        db.forget(ANN)
    with pytest.raises(psycopg.errors.RestrictViolation, match="not memories of this user would be deleted along"):
        connection.execute("select forget_user(%s)", [ANN])
    assert filling.dump(connection) == before
    assert count(connection, "users") == 2


@pytest.mark.once
def test_what_the_session_deleted_before_is_not_taken_for_deleted_along(connection: Connection) -> None:
    """As behind a transaction pooler, where the server may count it with what comes next."""
    add = "insert into memories (user_id, memory_type, content) values (%s, 'task', 'short')"
    for forget in (
        lambda: forgetting.forget(connection, ANN),
        lambda: connection.execute("select forget_user(%s)", [BOB]),
    ):
        for _ in range(3):
            connection.execute(add, [BOB])
        connection.execute("delete from memories where content = 'short'")
        forget()
    assert count(connection, "memories") == 0


@pytest.mark.once
def test_nothing_is_forgotten_where_it_could_not_be_told_what_goes_along(connection: Connection) -> None:
    connection.execute("set track_counts = off")
    with pytest.raises(DatabaseError, match="does not count what is deleted"):
        forgetting.forget(connection, ANN)
    with pytest.raises(psycopg.Error, match="does not count what is deleted"):
        connection.execute("select forget_user(%s)", [ANN])
    assert count(connection, "memories") == 2


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_sql_refuses_to_forget_where_it_does_not_see_what_was_added_meanwhile(
    connection: Connection, conninfo: str, level: str
) -> None:
    with database.connect(conninfo, purpose="test") as other, other.transaction():
        other.execute(f"set transaction isolation level {level}".encode())
        assert count(other, "memories") == 2
        memdb_add(conninfo, "insert into memories (user_id, memory_type, content) values (%s, 'task', 'later')")
        with pytest.raises(psycopg.Error, match="would not be seen, nor deleted"), other.transaction():
            other.execute("select forget_user(%s)", [ANN])
    assert count(connection, "memory_forgotten_users") == 0


@pytest.mark.once
@pytest.mark.parametrize("names", [("memory_a", "memory_b"), ("memory_b", "memory_a")])
@pytest.mark.parametrize("how", ["memdb", "sql"])
def test_rows_of_the_user_that_refer_to_others_of_theirs_go_first(
    connection: Connection, db: Database, names: tuple[str, str], how: str
) -> None:
    first, second = names
    connection.execute(
        f"create table {first} (id int primary key, user_id uuid); insert into {first} values (1, '{ANN}');"
        f"create table {second} (user_id uuid, of int references {first} on delete restrict);"
        f"insert into {second} values ('{ANN}', 1);"
        "alter table users add home uuid references memory_collections;"
        f"update users set home = (select id from memory_collections where user_id = '{ANN}')".encode()
    )
    if how == "sql":
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("select forget_user(%s)", [ANN])
        connection.execute("update users set home = null")
        connection.execute("select forget_user(%s)", [ANN])
    else:
        connection.execute("update users set home = null where id = %s", [BOB])
        with pytest.raises(DatabaseError, match=r"1 row of public.users \(on delete no action\) would be left"):
            db.forget(ANN)
        db.forget(ANN, and_user=True)
    assert count(connection, "memory_a") == count(connection, "memory_b") == 0


@pytest.mark.once
def test_a_uuid_that_is_written_as_text_is_the_same_user(connection: Connection, db: Database) -> None:
    connection.execute(
        "create table memory_events (user_id text);"
        f"insert into memory_events values (upper('{ANN}')), ('{BOB}')".encode()
    )
    assert db.forget(ANN).deleted["public.memory_events"] == 1
    assert ("public.memory_events", 1) in connection.execute("select * from forget_user(%s)", [BOB]).fetchall()


@pytest.mark.once
def test_what_others_wrote_beside_a_memory_goes_with_it_and_is_counted(connection: Connection, db: Database) -> None:
    connection.execute(
        "create table memory_comments (memory_id uuid references memories on delete cascade, user_id uuid);"
        "insert into memory_comments select m.id, u.id from memories as m, users as u"
    )
    assert [db.forget(ANN, dry_run=dry).deleted["public.memory_comments"] for dry in (True, False)] == [3, 3]
    assert count(connection, "memory_comments") == 1


@pytest.mark.once
@pytest.mark.parametrize("how", ["memdb", "sql"])
@pytest.mark.parametrize("is_archived", [False, True])
def test_rows_beside_memories_that_refer_to_the_user_by_another_name_go_too(
    connection: Connection, db: Database, how: str, is_archived: bool
) -> None:
    connection.execute(
        "create table memory_votes (memory_id uuid references memories on delete cascade,"
        " voter uuid references users on delete cascade, seen_by uuid references users on delete set null);"
        "insert into memory_votes select m.id, u.id, v.id from memories as m, users as u, users as v"
    )
    connection.execute(
        "create table memory_notes (memory_id uuid references memories on delete cascade, user_id uuid,"
        " about uuid references users on delete cascade)"
    )
    connection.execute("insert into memory_notes select id, %s, %s from memories where user_id = %s", [BOB, ANN, BOB])
    if is_archived:
        connection.execute("select archive_memories(%s, array(select id from memories), 'pruned')", [BOB])
    if how == "sql":
        connection.execute("select forget_user(%s)", [ANN])
    else:
        db.forget(ANN)
    connection.execute("select restore_memories(%s, array(select id from memory_archive))", [BOB])
    voters = {voter for (voter,) in connection.execute("select voter from memory_votes")}
    assert BOB in voters
    assert ANN not in voters
    assert count(connection, "memory_notes where user_id = %s and about = %s", BOB, ANN) == 1


@pytest.mark.once
@pytest.mark.parametrize("table", ["feedback", "memory_feedback"])
@pytest.mark.parametrize("on_delete", ["cascade", "set null", "no action"])
def test_what_refers_to_the_user_and_to_memories_of_others_is_in_nobodys_way(
    connection: Connection, db: Database, tmp_path: Path, table: str, on_delete: str
) -> None:
    connection.execute(
        f"create table {table} (memory_id uuid references memories on delete cascade,"
        f" author uuid references users on delete {on_delete});"
        f"insert into {table} select m.id, u.id from memories as m, users as u".encode()
    )
    others = f"{table} where author = %s and memory_id in (select id from memories where user_id <> author)"
    before = count(connection, others, ANN)
    db.forget(ANN)
    goes = table.startswith("memory_") and on_delete == "cascade"
    assert count(connection, others, ANN) == (0 if goes else before)
    assert before > 0
    db.import_(db.export(tmp_path / "rest.jsonl").path, on_conflict="overwrite")


@pytest.mark.once
@pytest.mark.parametrize("how", ["memdb", "sql"])
def test_what_they_wrote_beside_a_memory_that_is_archived_goes_too(
    connection: Connection, db: Database, how: str
) -> None:
    connection.execute(
        b"create table memory_comments (memory_id uuid references memories on delete cascade, user_id uuid, body text);"
        b"insert into memory_comments select m.id, u.id, 'of ' || u.id from memories as m, users as u;"
        b"insert into memory_comments select id, null, 'of nobody' from memories"
    )
    connection.execute("select archive_memories(%s, array(select id from memories), 'pruned')", [BOB])
    assert count(connection, "memory_archive where beside::text like '%%of ' || %s || '%%'", ANN) == 1
    if how == "sql":
        told = dict(connection.execute("select * from forget_user(%s)", [ANN]).fetchall())
    else:
        assert db.forget(ANN, dry_run=True).deleted["public.memory_archive.beside"] == 1
        told = db.forget(ANN).deleted
    assert told["public.memory_archive.beside"] == 1
    assert count(connection, "memory_archive where beside::text like '%%' || %s || '%%'", ANN) == 0
    connection.execute("select restore_memories(%s, array(select id from memory_archive))", [BOB])
    bodies = {body for (body,) in connection.execute("select body from memory_comments")}
    assert bodies == {f"of {BOB}", "of nobody"}


@pytest.mark.once
@pytest.mark.parametrize("how", ["memdb", "sql"])
def test_a_row_that_names_two_users_goes_with_either(connection: Connection, db: Database, how: str) -> None:
    connection.execute(
        "create table memory_shares (memory_id uuid references memories on delete cascade,"
        " giver uuid references users on delete cascade, taker uuid references users on delete cascade);"
        "insert into memory_shares select m.id, g.id, t.id from memories as m, users as g, users as t"
    )
    connection.execute(
        "select archive_memories(%s, array(select id from memories where user_id = %s), 'pruned')", 2 * [BOB]
    )
    if how == "sql":
        connection.execute("select forget_user(%s)", [ANN])
    else:
        db.forget(ANN)
    connection.execute("select restore_memories(%s, array(select id from memory_archive))", [BOB])
    assert count(connection, "memory_shares where %s in (giver, taker)", ANN) == 0
    assert count(connection, "memory_shares where giver = %s and taker = %s", BOB, BOB) > 0


@pytest.mark.once
def test_with_the_user_goes_from_the_archive_what_goes_along_at_second_hand(
    connection: Connection, db: Database
) -> None:
    connection.execute(
        "create table profiles (id uuid primary key references users on delete cascade);"
        "create table rooms (id bigint primary key, owner uuid references profiles on delete cascade);"
        "insert into profiles select id from users;"
        "insert into rooms select row_number() over (), id from profiles;"
        "create table memory_remarks (memory_id uuid references memories on delete cascade,"
        " author uuid references profiles on delete cascade, room bigint references rooms on delete cascade, body text)"
    )
    connection.execute(
        "insert into memory_remarks select m.id, a.id, r.id, a.id || ' in the room of ' || r.owner"
        " from memories as m, profiles as a, rooms as r"
    )
    connection.execute(
        "select archive_memories(%s, array(select id from memories where user_id = %s), 'pruned')", 2 * [BOB]
    )
    db.forget(ANN)
    assert count(connection, "memory_archive where beside::text like '%%' || %s || '%%'", ANN) > 0, "the profile stays"
    assert db.forget(ANN, and_user=True, dry_run=True).deleted["public.memory_archive.beside"] > 0
    db.forget(ANN, and_user=True)
    assert count(connection, "memory_archive where beside::text like '%%' || %s || '%%'", ANN) == 0
    connection.execute("select restore_memories(%s, array(select id from memory_archive))", [BOB])
    assert {body for (body,) in connection.execute("select body from memory_remarks")} == {
        f"{BOB} in the room of {BOB}"
    }


def test_a_role_that_is_held_to_policies_brings_nobody_back_as_somebody_else(
    connection: Connection, db: Database, conninfo: str, tmp_path: Path
) -> None:
    file = db.export(tmp_path / "ann.jsonl", user=ANN).path
    db.forget(ANN)
    with as_role(connection, "importing"):
        connection.execute(
            "grant usage on schema public to importing;"
            "grant select, insert, update on all tables in schema public to importing"
        )
        with memdb.open(f"{conninfo} options='-c role=importing'") as held:
            with pytest.raises(DataError, match=f'"{ANN}" was forgotten here'):
                held.import_(file, user=BOB, on_conflict="new-ids")
            assert count(connection, "memories") == 1
            assert held.import_(file, user=BOB, on_conflict="new-ids", allow_forgotten=True).memories == 1


@pytest.mark.once
@pytest.mark.parametrize("refers", ["", " references users"])
@pytest.mark.parametrize("is_archived", [False, True])
def test_no_import_brings_back_what_they_wrote_beside_memories_of_others(
    connection: Connection, db: Database, tmp_path: Path, refers: str, is_archived: bool
) -> None:
    connection.execute(
        f"create table memory_comments (memory_id uuid references memories on delete cascade, user_id uuid{refers});"
        f"insert into memory_comments select id, '{ANN}' from memories where user_id = '{BOB}'".encode()
    )
    if is_archived:
        connection.execute("select archive_memories(%s, array(select id from memories), 'pruned')", [BOB])
    file = db.export(tmp_path / "bob.jsonl", user=BOB).path
    db.forget(ANN)
    with pytest.raises(DataError, match=f'rows of "{ANN}" beside memories of others, and they were forgotten'):
        db.import_(file, on_conflict="overwrite")
    assert count(connection, "memory_comments") == 0
    db.import_(file, on_conflict="overwrite", allow_forgotten=True)
    db.forget(BOB)


@pytest.mark.once
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.users.key_type)
def test_a_column_of_a_similar_type_holds_the_same_ids(empty: str, tmp_path: Path, shape: Shape) -> None:
    """An application's ORM may have text where memories has varchar, or a domain of its own."""
    narrow, base = {"bigint": ("integer", "bigint")}.get(shape.users.key_type, ("text", "varchar(99)"))
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, shape)
        sets = shapes.write(tmp_path, shape)
        migrations.run(connection, sets, migrations.Migrate(chosen=("erasure",)))
        connection.execute(
            f"create domain person as {base};"
            f"create table memory_tags (user_id {narrow}); create table memory_notes (user_id person);"
            f"insert into memory_tags select {shape.users.key} from {shape.users.table};"
            f"insert into memory_notes select {shape.users.key} from {shape.users.table}".encode()
        )
        ann, bob, _ = shapes.IDS[shape.users.python_type]
        with memdb.open(empty) as db:
            told = [db.forget(ann).deleted, dict(connection.execute("select * from forget_user(%s)", [bob]).fetchall())]
        for each in told:
            assert {"memory_tags": 1, "memory_notes": 1}.items() <= {
                name.removeprefix("public."): rows for name, rows in each.items()
            }.items()


def test_a_user_id_of_another_type_is_named_as_not_compared(db: Database, connection: Connection) -> None:
    connection.execute(
        "create table memory_jobs (user_id bigint); create table memory_reads (user_id varchar(50));"
        "create table clerks (id bigint primary key); create table memory_flags (user_id bigint references clerks)"
    )
    for result in (db.forget(ANN, dry_run=True), db.forget(ANN)):
        assert result.unlike == ("public.memory_jobs",)


@pytest.mark.once
@pytest.mark.parametrize("how", ["memdb", "sql"])
@pytest.mark.parametrize("is_archived", [False, True])
@pytest.mark.parametrize("leads_to", ["staff", "profiles"])
def test_a_number_that_is_somebody_elses_is_told_from_that_of_the_user(
    empty: str, tmp_path: Path, leads_to: str, is_archived: bool, how: str
) -> None:
    shape = Shape(users=Users("users", "id", "bigint"))
    with database.connect(empty, purpose="test") as connection:
        connection.execute(
            "create table users (id bigint primary key); insert into users values (1), (2);"
            "create table profiles (id bigint primary key references users); insert into profiles select id from users;"
            "create table staff (id bigint primary key); insert into staff select id from users"
        )
        sets = shapes.write(tmp_path, shape)
        migrations.run(connection, sets, migrations.Migrate(chosen=("archive", "erasure")))
        with memdb.open(empty) as db:
            connection.execute(
                f"create table memory_reviews (memory_id uuid references memories on delete cascade,"
                f" user_id integer references {leads_to}, at timestamptz default now());"
                "insert into memories (user_id, memory_type, content) select id, 'task', 'of ' || id from users;"
                "insert into memory_reviews select m.id, u.id from memories as m, users as u".encode()
            )
            if is_archived:
                connection.execute("select archive_memories(2, array(select id from memories), 'pruned')")
            file = db.export(tmp_path / "two.jsonl", user=2).path
            if how == "sql":
                connection.execute("select forget_user(1)")
            else:
                db.forget(1)
            if leads_to == "staff":
                db.import_(file, on_conflict="overwrite")
            connection.execute("select restore_memories(2, array(select id from memory_archive))")
            left = {user for (user,) in connection.execute("select user_id from memory_reviews")}
            assert left == ({1, 2} if leads_to == "staff" else {2})


@pytest.mark.once
def test_materialized_views_that_still_show_it_are_named(connection: Connection, db: Database) -> None:
    connection.execute(
        "create schema reports; create view reports.all as select * from memories;"
        'create materialized view reports."a digest" as select content from reports.all'
    )
    remains = db.forget(ANN).remains
    assert remains is not None
    (refresh,) = remains.refreshes
    assert count(connection, 'reports."a digest"') == 2
    connection.execute(refresh.encode())
    assert count(connection, 'reports."a digest"') == 1
