"""verify-schema on real databases: silent where all is well, and every tampered thing is found."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import database, migrations, shipped
from memdb.cli import main
from memdb.database import Connection
from memdb.errors import SqlFilesError
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify
from memdb.verification.snapshot import Patches
from memdb.verification.verify import Verification


@pytest.fixture(scope="session")
def patches() -> Patches:
    """The snapshot that memdb ships."""
    return snapshot.read(shipped.sql_directory())


class Tampered(NamedTuple):
    """What was done, the object that must be reported, and whether its mends, run in order, bring all back."""

    sql: str
    object: str
    mended_by_sql: bool = True


TAMPERED = [
    Tampered("alter type memory_type rename value 'task' to 'tasks'", "enum memory_type", mended_by_sql=False),
    Tampered("alter type memory_type add value 'archive' after 'personal'", "enum memory_type", mended_by_sql=False),
    Tampered(
        "alter table memories alter memory_type type text; drop type memory_type;"
        " create type memory_type as enum ('task', 'personal', 'project');"
        " alter table memories alter memory_type type memory_type using memory_type::memory_type",
        "enum memory_type",
        mended_by_sql=False,
    ),
    Tampered(
        "alter table memories alter memory_type type text; drop type memory_type;"
        " create type memory_type as enum ('project');"
        " alter table memories alter memory_type type memory_type using memory_type::memory_type",
        "enum memory_type",
    ),
    Tampered("comment on type memory_type is 'tiers'", "enum memory_type"),
    Tampered("drop table memory_collections", "table memory_collections", mended_by_sql=False),
    Tampered("alter table memories rename to recollections", "table memories", mended_by_sql=False),
    Tampered("alter table memory_collections set unlogged", "table memory_collections"),
    Tampered("alter table memories enable row level security", "table memories", mended_by_sql=False),
    Tampered("alter table memories force row level security", "table memories", mended_by_sql=False),
    Tampered("comment on table memories is null", "table memories"),
    Tampered("alter table memories drop column metadata", "column memories.metadata"),
    Tampered("alter table memories rename content to body", "column memories.content", mended_by_sql=False),
    Tampered(
        "alter table memories add importance int not null default 0", "column memories.importance", mended_by_sql=False
    ),
    Tampered("alter table memories alter content type varchar(100)", "column memories.content"),
    Tampered(
        "drop index ix_memories_embedding; alter table memories alter embedding type vector(768)",
        "column memories.embedding",
    ),
    Tampered("alter table memories alter content drop not null", "column memories.content"),
    Tampered("alter table memories alter embedding set not null", "column memories.embedding", mended_by_sql=False),
    Tampered("alter table memories alter created_at drop default", "column memories.created_at"),
    Tampered("alter table memories alter metadata set default '[]'", "column memories.metadata"),
    Tampered(
        "alter table memory_collections alter description set default ''",
        "column memory_collections.description",
        mended_by_sql=False,
    ),
    Tampered('alter table memories alter content type text collate "C"', "column memories.content"),
    Tampered("alter table memories alter embedding set storage plain", "column memories.embedding"),
    Tampered(
        "alter table memory_collections drop description;"
        " alter table memory_collections add description text generated always as (upper(name)) stored",
        "column memory_collections.description",
    ),
    Tampered(
        "drop index ix_memory_collections_collection_type; alter table memory_collections"
        " alter collection_type type int using 1, alter collection_type add generated always as identity",
        "column memory_collections.collection_type",
    ),
    Tampered("comment on column memories.embedding is 'numbers'", "column memories.embedding"),
    Tampered("alter table memories drop constraint memories_pkey", "constraint memories.memories_pkey"),
    Tampered("alter table memories drop constraint memories_user_id_fkey", "constraint memories.memories_user_id_fkey"),
    Tampered(
        "alter table memories drop constraint memories_user_id_fkey;"
        " alter table memories add constraint memories_user_id_fkey foreign key (user_id) references users",
        "constraint memories.memories_user_id_fkey",
    ),
    Tampered(
        "alter table memories drop constraint memories_user_id_fkey; alter table memories add"
        " constraint memories_user_id_fkey foreign key (user_id) references users on delete cascade not valid",
        "constraint memories.memories_user_id_fkey",
    ),
    Tampered(
        "alter table memories alter constraint memories_user_id_fkey deferrable initially deferred",
        "constraint memories.memories_user_id_fkey",
    ),
    Tampered(
        "alter table memories drop constraint memories_user_id_fkey;"
        " create schema other; create table other.users (id uuid primary key);"
        " alter table memories add constraint memories_user_id_fkey"
        " foreign key (user_id) references other.users on delete cascade",
        "constraint memories.memories_user_id_fkey",
    ),
    Tampered("alter table memories disable trigger all", "constraint memories.memories_user_id_fkey"),
    Tampered("alter table memories rename constraint memories_pkey to pk", "constraint memories.memories_pkey"),
    Tampered(
        "alter table memories add constraint short check (length(content) < 99)",
        "constraint memories.short",
        mended_by_sql=False,
    ),
    Tampered(
        "alter table memories add constraint once unique (user_id, content)",
        "constraint memories.once",
        mended_by_sql=False,
    ),
    Tampered("drop table memories, memory_collections, users", "table users", mended_by_sql=False),
    Tampered("drop index ix_memories_user_id", "index ix_memories_user_id"),
    Tampered("alter index ix_memories_user_id rename to by_user", "index ix_memories_user_id"),
    Tampered("drop index ix_memories_embedding", "index ix_memories_embedding"),
    Tampered(
        "drop index ix_memories_embedding;"
        " create index ix_memories_embedding on memories using hnsw (embedding vector_l2_ops)"
        " with (m = 16, ef_construction = 64)",
        "index ix_memories_embedding",
    ),
    Tampered(
        "drop index ix_memories_embedding;"
        " create index ix_memories_embedding on memories using ivfflat (embedding vector_cosine_ops)",
        "index ix_memories_embedding",
    ),
    Tampered("alter index ix_memories_embedding set (ef_construction = 32)", "index ix_memories_embedding"),
    Tampered(
        "update pg_index set indisvalid = false where indexrelid = 'ix_memories_embedding'::regclass",
        "index ix_memories_embedding",
    ),
    Tampered(
        "drop index ix_memories_created_at; create index ix_memories_created_at on memories (created_at desc)",
        "index ix_memories_created_at",
    ),
    Tampered(
        "drop index ix_memories_created_at; create index ix_memories_created_at on memories (user_id, created_at)",
        "index ix_memories_created_at",
    ),
    Tampered(
        "drop index ix_memories_created_at;"
        " create index ix_memories_created_at on memories (created_at) where memory_type = 'task'",
        "index ix_memories_created_at",
    ),
    Tampered(
        "drop index ix_memories_created_at;"
        " create index ix_memories_created_at on memories (created_at) include (user_id)",
        "index ix_memories_created_at",
    ),
    Tampered(
        "drop index ix_memories_created_at; create unique index ix_memories_created_at on memories (created_at)",
        "index ix_memories_created_at",
        mended_by_sql=False,
    ),
    Tampered(
        "drop index ix_memory_collections_collection_type; create index ix_memory_collections_collection_type"
        ' on memory_collections (collection_type collate "C" text_pattern_ops)',
        "index ix_memory_collections_collection_type",
    ),
    Tampered("create index by_content on memories (lower(content))", "index by_content", mended_by_sql=False),
    Tampered("comment on index ix_memories_embedding is null", "index ix_memories_embedding"),
    Tampered(
        "create function nothing() returns trigger language plpgsql as 'begin return null; end';"
        " create trigger quiet before insert on memories for each row execute function nothing()",
        "trigger memories.quiet",
        mended_by_sql=False,
    ),
    Tampered("create policy everyone on memories using (true)", "policy memories.everyone", mended_by_sql=False),
]


@pytest.mark.parametrize("tampered", TAMPERED, ids=lambda tampered: tampered.sql[:60])
def test_what_was_tampered_with_is_found_and_the_mend_mends_it(
    connection: Connection, sets: Sets, patches: Patches, tampered: Tampered
) -> None:
    connection.execute(tampered.sql.encode())
    result = verify.verify(connection, sets, patches)
    assert not result.ok
    assert tampered.object in {f"{item.kind} {item.object}" for item in result.differences}
    assert all(item.mend for item in result.differences)
    if tampered.mended_by_sql:
        mend(connection, result)
        assert verify.verify(connection, sets, patches).differences == ()


def mend(connection: Connection, result: Verification) -> None:
    """Runs the mends as a person would in psql: one statement after the other."""
    for line in "\n".join(difference.mend for difference in result.differences).splitlines():
        if not line.startswith("--"):
            connection.execute(line.encode())


def test_a_clean_database_has_no_difference(connection: Connection, sets: Sets, patches: Patches) -> None:
    result = verify.verify(connection, sets, patches)
    assert (result.ok, result.differences, result.notes, result.inferred) == (True, (), (), False)
    assert {kind: len(names) for kind, names in result.compared.items()} == {
        "extension": 1, "enum": 1, "table": 3, "column": 16, "constraint": 5, "index": 7,
    }  # fmt: skip
    assert result.applied == tuple(migration.id for migration in sets["core"])


def test_it_holds_after_every_single_migration(empty_connection: Connection, sets: Sets, patches: Patches) -> None:
    for migration in sets["core"]:
        migrations.migrate(empty_connection, sets, to=migration.id)
        result = verify.verify(empty_connection, sets, patches)
        assert result.differences == ()
        pending = [later.id for later in sets["core"] if later.id not in result.applied]
        assert all(id in "".join(result.notes) for id in pending)
    for migration in reversed(sets["core"][1:]):
        migrations.rollback(empty_connection, sets)
        assert verify.verify(empty_connection, sets, patches).ok, migration.id


def test_a_database_without_the_schema_misses_all_of_core(
    empty_connection: Connection, sets: Sets, patches: Patches
) -> None:
    result = verify.verify(empty_connection, sets, patches)
    assert not result.ok
    assert [f"{item.kind} {item.object} {item.problem}" for item in result.differences] == [
        "extension vector missing",
        "enum memory_type missing",
        "table users missing",
        "table memories missing",
        "table memory_collections missing",
    ]
    assert {item.mend for item in result.differences} == {"memdb migrate"}
    assert len(result.differences[3].parts) == 8 + 2 + 5
    assert "The schema is missing" in result.notes[0]


def test_a_schema_without_a_history_is_held_to_core(connection: Connection, sets: Sets, patches: Patches) -> None:
    connection.execute("drop table _yoyo_migration, _yoyo_log, _yoyo_version, memdb_migrations")
    result = verify.verify(connection, sets, patches)
    assert (result.ok, result.applied) == (True, ())
    assert "history is empty" in result.notes[0]
    connection.execute("drop index ix_memories_user_id")
    (difference,) = verify.verify(connection, sets, patches).differences
    assert difference.mend.startswith("create index concurrently")


def test_what_a_pending_migration_would_make_must_not_be_there_yet(
    empty_connection: Connection, sets: Sets, patches: Patches
) -> None:
    migrations.migrate(empty_connection, sets, to="0005")
    empty_connection.execute("create index ix_memories_user_id on memories (user_id)")
    (difference,) = verify.verify(empty_connection, sets, patches).differences
    assert (difference.object, difference.problem) == ("ix_memories_user_id", "unexpected")
    assert "not applied" in difference.mend


def test_tables_of_the_application_are_none_of_its_business(
    connection: Connection, sets: Sets, patches: Patches
) -> None:
    connection.execute("create table orders (id int); create type mood as enum ('good'); create view v as select 1")
    assert verify.verify(connection, sets, patches).ok


@pytest.fixture
def stranger(connection: Connection, migrated: str) -> Iterator[Connection]:
    """A connection to a migrated database as a role that may connect, and nothing else."""
    role = f"stranger_of_{connection.info.dbname}"
    name = sql.Identifier(role)
    connection.execute(sql.SQL("create role {} login").format(name))
    try:
        connection.execute("revoke all on schema public from public")
        with database.connect(make_conninfo(migrated, user=role), purpose="test") as opened:
            yield opened
    finally:
        connection.execute(sql.SQL("drop role {}").format(name))


def test_a_role_with_connect_only_can_verify(
    connection: Connection, stranger: Connection, sets: Sets, patches: Patches
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stranger.execute("select from public.memories")
    result = verify.verify(stranger, sets, patches)
    assert (result.ok, result.inferred) == (True, True)
    assert "is not allowed to read the migration history" in result.notes[0]
    connection.execute("drop index ix_memories_embedding")
    assert [item.object for item in verify.verify(stranger, sets, patches).differences] == ["ix_memories_embedding"]


def test_it_writes_nothing_and_needs_at_most_14_queries(migrated: str, sets: Sets, patches: Patches) -> None:
    sent: list[str] = []

    class Recording(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> "Recording":
            sent.append(str(query))
            return super().execute(query, *arguments, **options)

    with database.Connection.connect(
        migrated, autocommit=True, cursor_factory=Recording, options="-c default_transaction_read_only=on"
    ) as connection:
        assert verify.verify(connection, sets, patches).ok
    transaction_control = 4  # begin, savepoint, rollback to it, commit
    assert len(sent) + transaction_control <= 14
    assert "read only" in sent[0]


@pytest.mark.once
@pytest.mark.parametrize(
    ("version", "ok", "note"),
    [("0.7.4", False, ""), ("0.8.1", True, "0.8.4"), ("0.8.4", True, ""), ("0.10.0", True, "")],
)
def test_the_floor_of_pgvector(
    connection: Connection, sets: Sets, patches: Patches, version: str, ok: bool, note: str
) -> None:
    connection.execute("update pg_extension set extversion = %s where extname = 'vector'", [version])
    result = verify.verify(connection, sets, patches)
    assert result.ok is ok
    assert bool(result.notes) is bool(note)
    assert note in "".join(result.notes)
    if not ok:
        (difference,) = result.differences
        assert (difference.found, "alter extension vector update" in difference.mend) == ({"version": version}, True)


def test_users_of_the_application_need_only_a_key(empty_connection: Connection, sets: Sets, patches: Patches) -> None:
    empty_connection.execute("create table users (id uuid primary key, email text unique, born date not null)")
    migrations.migrate(empty_connection, sets)
    result = verify.verify(empty_connection, sets, patches)
    assert (result.ok, result.compared["table"]) == (True, ("memories", "memory_collections"))
    assert "application's" in "".join(result.notes)
    empty_connection.execute("alter table users drop constraint users_pkey cascade")
    found = {f"{item.kind} {item.object}": item for item in verify.verify(empty_connection, sets, patches).differences}
    assert set(found) == {
        "column users.id",
        "constraint memories.memories_user_id_fkey",
        "constraint memory_collections.memory_collections_user_id_fkey",
    }
    assert "application's" in found["column users.id"].mend


def test_users_of_the_application_may_live_in_another_schema(
    empty_connection: Connection, sets: Sets, patches: Patches
) -> None:
    empty_connection.execute(
        "create schema app; create schema accounts; create table accounts.users (id uuid primary key)"
    )
    empty_connection.execute("set search_path = app, accounts, public")
    migrations.migrate(empty_connection, sets)
    assert verify.verify(empty_connection, sets, patches).differences == ()


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("set search_path = other, public", "is in the schema public, like the history: if that is intended"),
        (
            """
            alter table memories set schema other; alter table memory_collections set schema other;
            alter type memory_type set schema other; alter table users set schema other
            """,
            "is in the schema other: first see whether it was moved there, or whose it is",
        ),
    ],
    ids=["another schema comes first", "they were moved"],
)
def test_no_second_one_is_offered_beside_what_is_in_another_schema(
    connection: Connection, sets: Sets, patches: Patches, sql: str, told: str
) -> None:
    connection.execute("create schema other")
    connection.execute(sql.encode())
    found = {item.object: item for item in verify.verify(connection, sets, patches).differences}
    for name in ("memory_type", "memories", "memory_collections"):
        assert f"-- {name} {told}" in found[name].mend
        assert all(line.startswith("--") for line in found[name].mend.splitlines())


def test_a_copy_with_a_history_of_its_own_is_not_taken_for_what_is_missing(
    connection: Connection, sets: Sets, patches: Patches
) -> None:
    connection.execute("create schema two")
    database.use_schema(connection, "two")
    migrations.migrate(connection, sets)
    connection.execute("drop type two.memory_type cascade")
    found = {item.object: item.mend for item in verify.verify(connection, sets, patches).differences}
    assert found["memory_type"].startswith("create type memory_type as enum")


@pytest.mark.once
def test_a_migration_that_the_snapshot_does_not_know(connection: Connection, sets: Sets, patches: Patches) -> None:
    known = {id: patch for id, patch in patches.items() if not id.startswith("0008")}
    with pytest.raises(SqlFilesError, match="does not know the migration 0008") as error:
        verify.verify(connection, sets, known)
    assert "memdb snapshot" in error.value.hint


@pytest.fixture
def in_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shipped.sql_directory().parent)


@pytest.mark.once
@pytest.mark.usefixtures("in_checkout")
def test_each_format_tells_of_a_difference(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    def report(format: str) -> str:
        code = main(["verify-schema", "--database-url", migrated, "--format", format])
        assert code == (0 if clean else 1)
        return capsys.readouterr().out

    clean = True
    assert "The schema is as its migrations make it" in report("text")
    assert json.loads(report("json"))["ok"] is True
    assert report("github").count("\n") == 1
    assert ElementTree.fromstring(report("junit"))[0].get("failures") == "0"

    clean = False
    connection.execute("drop index ix_memories_embedding; drop table memory_collections")
    text = report("text")
    assert "index ix_memories_embedding is missing" in text
    assert "create index concurrently ix_memories_embedding on memories using hnsw" in text
    found = {item["object"]: item for item in json.loads(report("json"))["differences"]}
    assert found["ix_memories_embedding"]["migration"] == "0007_create_embedding_index"
    assert found["ix_memories_embedding"]["path"] == "sql/core/0007_create_embedding_index.sql"
    github = report("github").splitlines()
    assert (
        "::error title=index ix_memories_embedding is missing,file=sql/core/0007_create_embedding_index.sql::"
        in (github[1][: github[1].index("::", 8) + 2])
    )
    suite = ElementTree.fromstring(report("junit"))[0]
    failed = {case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None}
    assert {"ix_memories_embedding", "memory_collections", "memory_collections.name"} <= failed
    assert (suite.get("tests"), suite.get("failures")) == ("33", str(len(failed)))


@pytest.mark.once
def test_without_a_snapshot_it_says_how_to_get_one(
    migrated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core = tmp_path / "core"
    core.mkdir()
    (core / "0001_a.sql").write_text("select 1;")
    (core / "0001_a.rollback.sql").write_text("select 1;")
    assert main(["verify-schema", "--database-url", migrated, "--sql-dir", str(tmp_path)]) == 3
    assert "memdb snapshot" in capsys.readouterr().err
