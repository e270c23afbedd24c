"""Memories of any application's users, with any model's embeddings."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import psycopg
import pytest

import memdb
from memdb import catalog, database, files, project, shipped
from memdb.cli import main
from memdb.errors import MigrationError, UsageError
from memdb.migrations import Rollback
from memdb.project import Wanted, shipping
from memdb.shape import EmbeddingType, Shape, Users, embedding_type
from tests.integration.conftest import DJANGO, SUPABASE, Fitted, own


def test_a_schema_for_any_users_is_made_proved_and_taken_back(fitted: Fitted) -> None:
    with database.connect(fitted.conninfo, purpose="test") as connection:
        before = catalog.read(connection, "public").objects
    assert project.shape_of(fitted.directory / "sql").embedding == fitted.case.embedding
    assert project.shape_of(fitted.directory / "sql").users == fitted.case.users
    fitted.db.migrate()
    with memdb.open(sets=("drop_hnsw",)) as db:
        db.migrate()
    found = fitted.db.verify()
    assert found.ok, found.differences
    with fitted.db.connected("test") as connection:
        assert project.look(connection, Wanted()).shape == Shape(fitted.case.users, *_parts(fitted.case.embedding))
    fitted.db.rollback(steps=None, losing=True)  # how tiers are weighed
    with database.connect(fitted.conninfo, purpose="test") as connection:
        assert catalog.read(connection, "public").objects == before


def test_a_search_finds_what_is_nearest(fitted: Fitted) -> None:
    sets = ("fast_search", "importance", "row_security", "hybrid_search", "archive", "deduplication")
    with memdb.open(sets=sets) as db:
        db.migrate()
    kind, dimensions = _parts(fitted.case.embedding)
    vectors = np.random.default_rng(1).standard_normal((300, dimensions)).astype(np.float32)
    with psycopg.connect(fitted.conninfo, autocommit=True) as connection:
        key = _add_user(connection, fitted.case.users)
        with connection.cursor() as cursor:
            cursor.executemany(
                f"insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', %s, %s::{kind})",
                [(key, str(number), str(vector.tolist())) for number, vector in enumerate(vectors)],
            )
        found = connection.execute(
            "select content from search_memories(%s, %s::vector::" + kind + ", 5)", [key, str(vectors[7].tolist())]
        ).fetchall()
        nearest = connection.execute(
            f"select content from memories order by embedding <=> %s::{kind}, id limit 5", [str(vectors[7].tolist())]
        ).fetchall()
        connection.execute("select note_memory_recalls(%s, array(select id from memories))", [key])
        weighed = connection.execute(
            "select content from recall_memories(%s, %s::vector::" + kind + ", 5)", [key, str(vectors[7].tolist())]
        ).fetchall()
        both = connection.execute(
            f"select content, vector_rank, word_rank from search_memories_hybrid(%s, 'which is 8?', %s::{kind}, 5)",
            [key, str(vectors[7].tolist())],
        ).fetchall()
        connection.execute(
            "select archive_memories(%s, array(select id from memories where content = '7'), 'pruned')", [key]
        )
        archived = connection.execute(
            f"select content from search_memory_archive(%s, %s::{kind})", [key, str(vectors[7].tolist())]
        ).fetchall()
        back = connection.execute(
            "select has_embedding from restore_memories(%s, array(select id from memory_archive))", [key]
        ).fetchall()
        once = f"select is_new from add_memory_once(%s, 'task', %s, %s::{kind})"
        added = [connection.execute(once, [key, say, str(vectors[8].tolist())]).fetchone() for say in (" 8 ", "eight")]
        near = fitted.db.duplicates(str(key), near=True, max_distance=0.001)
        merged = fitted.db.merge(near)
        fitted.db.unmerge(near.shown[0].members[0].id)
        fitted.db.merge(near)
    assert (added, near.groups, merged.merged) == ([(False,), (True,)], 1, {"task": 1})
    assert (weighed[0], len(weighed), archived, back) == (("7",), 5, [("7",)], [(True,)])
    assert found[0] == ("7",)
    assert {row[1:] for row in both if row[0] == "7"} == {(1, None)}
    assert {row[2] for row in both if row[0] == "8"} == {1}
    assert len({*found} & {*nearest}) >= 4
    report, inside = fitted.db.doctor(), fitted.db.inspect(show_content=True)
    assert {name for item in report.unseen for name in item.checks} <= {"unused-indexes", "shared-memory"}
    assert "mixed-embeddings" in {item.check for item in report.findings if item.level == "info"}  # none is of length 1
    assert (inside.memories, inside.users and inside.users.largest, len(inside.shown or ())) == (300, 300, 5)


def _parts(embedding: str) -> tuple[EmbeddingType, int]:
    kind, _, dimensions = embedding.rstrip(")").partition("(")
    return embedding_type(kind), int(dimensions)


def _add_user(connection: "psycopg.Connection[tuple[object, ...]]", users: Users) -> object:
    """A row of the application's, with whatever else it needs."""
    value = "7" if users.python_type is int else "11111111-1111-1111-1111-111111111111"
    others = {"auth_user": ", username", 'app."Account"': ", email"}.get(users.table, "")
    values = ", 'x'" if others else ""
    statement = f"insert into {users.table} ({users.key}{others}) values ('{value}'{values}) returning {users.key}"
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_a_table_of_users_with_other_ids_is_told_with_both_types(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready_server: None
) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create table users (id bigserial primary key)")
    monkeypatch.chdir(tmp_path)
    with memdb.open(empty) as db, pytest.raises(MigrationError) as refused:
        db.migrate()
    assert 'the table "users" has an "id" of the type bigint' in refused.value.message
    assert "memdb init" in (refused.value.hint or "")
    assert "drop" not in (refused.value.hint or "")


HAND_MADE = "create extension vector; create table memories (user_id text, content text, embedding vector(768))"

OR_A_SCHEMA = (
    "Name another with --users 'TABLE (COLUMN)', or give memdb a schema of its own: create schema memory, then "
    "--schema memory."
)
LOOKED_AT = {
    "bigint and Supabase": (
        "create table users (id bigint primary key); " + SUPABASE,
        Wanted(),
        own("users", "id", "bigint"),
        ["Found users (id), bigint.", "Not taken: auth.users (id), uuid. "],
    ),
    "two columns as a key": (
        "create table users (a int, b int, primary key (a, b)); " + DJANGO,
        Wanted(),
        own("auth_user", "id", "integer"),
        [
            "Found auth_user (id), integer.",
            "Not taken: users has no primary key of one column. Name another with --users 'TABLE (COLUMN)'.",
        ],
    ),
    "partitioned": (
        "create table users (id uuid primary key) partition by hash (id)",
        Wanted(),
        Users(),
        ["Found users (id), uuid."],
    ),
    "a view": (
        "create view users as select 1::bigint as id",
        Wanted(),
        None,
        [f"Not taken: users is a view, and no foreign key can refer to that. {OR_A_SCHEMA}"],
    ),
    "a domain": (
        "create domain uid as uuid; create table users (id uid primary key)",
        Wanted(),
        None,
        ["Not taken: users.id is of the type public.uid, not one of uuid, bigint, integer, text, varchar. "],
    ),
    "a reserved word": (
        'create table "between" ("select" bigint primary key)',
        Wanted("between"),
        own('"between"', '"select"', "bigint"),
        ['Found "between" ("select"), bigint.'],
    ),
    "another key": (
        "create table users (id bigint primary key, handle text unique)",
        Wanted("users (handle)"),
        own("users", "handle", "text"),
        ["Found users (handle), text."],
    ),
    "other memories": (
        "create extension vector; create table memories (id int primary key, note text)",
        Wanted(),
        None,
        ["The table public.memories in this database is not one that memdb made"],
    ),
    "other memories with embeddings": (
        f"create table users (id bigint primary key); {HAND_MADE}",
        Wanted(),
        own("users", "id", "bigint"),
        ["The table public.memories in this database is not one that memdb made", "Found users (id), bigint."],
    ),
    "other memories of nobody": (
        HAND_MADE,
        Wanted(),
        None,
        ["The table public.memories in this database is not one that memdb made"],
    ),
}


def test_other_memories_are_in_nobodys_way_where_memdb_has_a_schema_of_its_own(
    empty_connection: database.Connection,
) -> None:
    empty_connection.execute(f"create table users (id bigint primary key); {HAND_MADE}; create schema memory")
    database.use_schema(empty_connection, "memory")
    assert project.look(empty_connection, Wanted()).notes == ("Found users (id), bigint.",)


def test_a_second_copy_of_the_tables_may_be_for_another_model(connection: database.Connection) -> None:
    connection.execute("create schema second")
    database.use_schema(connection, "second")
    wanted = Wanted(dimensions=768)
    found = project.look(connection, wanted)
    assert project.choose(wanted, found.shape) == Shape(dimensions=768)
    assert found.notes == ("Found users (id), uuid.",)


@pytest.mark.parametrize("case", LOOKED_AT.values(), ids=LOOKED_AT.keys())
def test_what_is_found_in_a_database_is_told_with_what_is_passed_over(
    empty_connection: database.Connection, case: tuple[str, Wanted, Users | None, list[str]]
) -> None:
    tables, wanted, users, said = case
    empty_connection.execute(tables)
    found = project.look(empty_connection, wanted)
    assert (found.shape.users if found.shape else None) == users
    assert [note[: len(start)] for note, start in zip(found.notes, said, strict=True)] == said


@pytest.mark.once
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(user_id="text"), "--user-id is text, and users.id in this database is of the type uuid"),
        (Wanted("users", "bigint"), "--user-id is bigint, and users.id in this database is of the type uuid"),
        (Wanted("users (name)"), "users.name has neither a primary key nor a unique constraint"),
        (Wanted("users (nam)"), "users has no column nam"),
    ],
)
def test_options_that_contradict_the_database_are_refused_with_both(
    empty_connection: database.Connection, wanted: Wanted, said: str
) -> None:
    empty_connection.execute("create table users (id uuid primary key, name text)")
    with pytest.raises(UsageError, match=re.escape(said)):
        project.look(empty_connection, wanted)


def test_memories_that_are_there_say_the_shape_and_what_contradicts_it(connection: database.Connection) -> None:
    assert project.look(connection, Wanted(dimensions=1536)).shape == Shape()
    for wanted in (Wanted("accounts"), Wanted(user_id="text"), Wanted(dimensions=768)):
        with pytest.raises(UsageError, match="the memories in this database are of users"):
            project.look(connection, wanted)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ("", "there is no table accounts to which memories could belong"),
        ("create table accounts (id text primary key)", "accounts.id is of the type text"),
        ("create table accounts (id bigint)", "accounts.id has neither a primary key nor a unique constraint"),
        ("create table accounts (number bigint primary key)", "accounts has no column id"),
        ("create view accounts as select 1::bigint as id", "accounts is a view"),
    ],
)
def test_a_dry_run_foresees_what_the_run_refuses_of_the_real_users(
    empty: str, tmp_path: Path, ready_server: None, tables: str, said: str
) -> None:
    users = own("accounts", "id", "bigint")
    files.create({tmp_path / path: text for path, text in shipping.texts(Shape(users)).items()})
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(tables or "select")
    with memdb.open(empty, sql_dir=tmp_path, scratch_setup=tmp_path / "users.sql") as db:
        (refused,) = db.plan().refusals
        with pytest.raises(MigrationError):
            db.migrate()
    assert refused.message.startswith(said)
    assert "drop" not in refused.hint


@pytest.mark.parametrize("users", [own("users", "id", "bigint"), own("accounts", "id", "bigint")], ids=str)
def test_a_dry_run_measures_locks_where_the_users_are_there_and_in_the_set_up_file(
    empty: str, tmp_path: Path, ready_server: None, users: Users
) -> None:
    files.create({tmp_path / path: text for path, text in shipping.texts(Shape(users)).items()})
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(f"create table {users.table} (id bigint primary key, name text not null)".encode())
    with memdb.open(empty, sql_dir=tmp_path, scratch_setup=tmp_path / "users.sql") as db:
        planned = db.plan()
        assert "measured" in planned.locks_source
        assert planned.refusals == ()
        assert users.table in [touched.table for touched in planned.touched]
        db.migrate()
        assert db.plan(Rollback(steps=None)).locks_source == planned.locks_source


@pytest.fixture
def few_sets(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if memdb shipped no set but fast_search: the others are tried in each shape by the tests with `fitted`."""
    real, few = shipped.sql_directory(), tmp_path_factory.mktemp("shipped")
    for name in ("core", "fast_search", "queries"):
        shutil.copytree(real / name, few / name)
    shutil.copy(real / "schema.json", few)
    monkeypatch.setattr(shipped, "sql_directory", lambda: few)


COMMANDS = re.findall(
    r"^\$ (memdb init .*?)(?: +#.*)?$", (Path(__file__).parents[2] / "docs/shapes.md").read_text(), re.MULTILINE
)


@pytest.mark.once
@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_documentation_run(
    command: str, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready_server: None, few_sets: None
) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(f"{DJANGO}; {SUPABASE}; create table accounts (account_id bigint primary key)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMDB_DATABASE_URL", empty)
    assert main(shlex.split(command)[1:]) == 0
    assert main(["migrate", "--with", "fast_search"]) == 0
    assert main(["verify-schema"]) == 0


@pytest.mark.once
@pytest.mark.parametrize("fitted", ["another key, elsewhere"], indirect=True)
def test_sql_of_another_shape_leaves_nothing_to_be_found(fitted: Fitted, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--all"]) == 0
    assert "Nothing found" in capsys.readouterr().out


@pytest.mark.once
def test_a_migration_of_the_application_may_build_on_an_optional_set(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready_server: None, few_sets: None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMDB_DATABASE_URL", empty)
    assert main(["init", "."]) == 0
    assert main(["new", "count bits"]) == 0
    new = tmp_path / "sql" / "app" / "5001_count_bits"
    new.with_suffix(".sql").write_text(
        "-- depends: 1003_add_signature_to_memories\n"
        "create view bits as select id, bit_count(signature) from memories;\n"
    )
    new.with_suffix(".rollback.sql").write_text("drop view bits;\n")
    assert main(["snapshot"]) == 0
    assert main(["migrate", "--with", "fast_search"]) == 0
    assert main(["verify-schema"]) == 0


@pytest.mark.once
def test_users_in_the_schema_of_the_memories_are_no_difference(
    empty: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ready_server: None,
    few_sets: None,
) -> None:
    for name, value in {"MEMDB_DATABASE_URL": empty, "MEMDB_SCHEMA": "My App"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute('create schema "My App"; create table "My App"."People" ("Pid" bigint primary key)')
        assert main(["init", ".", "--users", '"My App"."People"']) == 0
        assert main(["migrate"]) == 0
        assert main(["verify-schema"]) == 0
        connection.execute('alter table "My App".memories drop constraint memories_user_id_fkey')
        capsys.readouterr()
        assert main(["verify-schema"]) == 1
        assert "memories_user_id_fkey is missing" in capsys.readouterr().out
