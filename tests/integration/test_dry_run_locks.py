"""The locks and rows that a dry run shows."""

import json
from pathlib import Path

import pytest

from memdb import preview
from memdb.cli import main
from memdb.database import Connection
from memdb.effects.measuring import Effects, Work
from memdb.effects.trying import Tried
from memdb.ledger import sqlfiles
from memdb.migrations import Migrate, Rollback
from memdb.preview import DryRun, locks, trial

pytestmark = pytest.mark.usefixtures("ready_server")

Sets = sqlfiles.Sets


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """The shipped SQL, to which tests add."""
    assert main(["init", str(tmp_path)]) == 0
    return tmp_path / "sql"


def dry_run(connection: Connection, sql_dir: Path, forward: str, *, back: str = "select 1;") -> DryRun:
    (sql_dir / "core" / "0009_more.sql").write_text(forward)
    (sql_dir / "core" / "0009_more.rollback.sql").write_text(back)
    return preview.dry_run(connection, sqlfiles.read_sets(sql_dir), Migrate())


def taken(result: DryRun) -> list[dict[str, str]]:
    """Relation to mode, for each statement of the last step."""
    return [{lock.relation: lock.mode for lock in item.locks or ()} for item in result.steps[-1].statements]


def test_locks_are_measured_statement_by_statement(connection: Connection, extended: Path) -> None:
    result = dry_run(
        connection,
        extended,
        "create table tags (id bigint, memory_id uuid references memories (id));\n"
        "alter table memories add column importance real;\n"
        "do $$ begin lock table memory_collections in exclusive mode; end $$;\n"
        "insert into tags (id) values (1);",
    )
    assert taken(result) == [
        {"memories": "SHARE ROW EXCLUSIVE"},
        {"memories": "ACCESS EXCLUSIVE"},
        {"memory_collections": "EXCLUSIVE"},
        {},
    ]
    assert [item.line for item in result.steps[-1].statements] == [1, 2, 3, 4]
    assert all(item.measured for item in result.steps[-1].statements)
    assert result.locks_source.startswith("measured on an embedded PostgreSQL")


def test_rows_that_row_level_security_hides_are_not_said_to_be_none(connection: Connection, extended: Path) -> None:
    connection.execute(
        "alter table memories enable row level security; alter table memories force row level security;"
        "insert into users select; insert into memories (user_id, memory_type, content, embedding) "
        "select id, 'task', 'x', array_fill(1, array[1536])::vector from users;"
        "create role hidden_rows; grant hidden_rows to current_user;"
        "grant select on all tables in schema public to hidden_rows; set role hidden_rows"
    )
    try:
        found = dry_run(connection, extended, "alter table memories add column importance real;")
    finally:
        connection.execute("reset role; drop owned by hidden_rows; drop role hidden_rows")
    assert found.touched == (locks.Rows("memories", None, exact=False),)


def test_of_a_long_statement_no_more_than_its_beginning_is_shown(connection: Connection, extended: Path) -> None:
    result = dry_run(connection, extended, f"do $$ begin lock table memories; end $$ /* {'x' * 1000} */;")
    assert [len(item.statement) for item in result.steps[-1].statements] == [71]


def test_what_a_file_sets_holds_for_its_later_statements(connection: Connection, extended: Path) -> None:
    result = dry_run(
        connection,
        extended,
        "create schema app; set search_path to app; create table t (a int); set local search_path to public;\n"
        "create table t (a text); select set_config('search_path', '', false); alter table public.memories add a int;",
    )
    assert taken(result)[-1] == {"memories": "ACCESS EXCLUSIVE"}
    assert result.locks_source.startswith("measured on an embedded PostgreSQL")


def test_the_locks_of_what_runs_outside_of_a_transaction_are_documented(connection: Connection, extended: Path) -> None:
    sql = "-- transactional: false\ncreate index concurrently ix_a on memories (content);"
    result = dry_run(connection, extended, sql)
    assert taken(result) == [{"memories": "SHARE UPDATE EXCLUSIVE"}]
    assert [item.measured for item in result.steps[-1].statements] == [False]


def test_a_rollback_locks_what_refers_to_its_table_too(connection: Connection, sets: Sets) -> None:
    result = preview.dry_run(connection, sets, Rollback(to="0003"))
    assert taken(result) == [{"memories": "ACCESS EXCLUSIVE", "users": "ACCESS EXCLUSIVE"}]
    drops = {step.id[:4]: step.statements for step in result.steps}
    assert [lock.relation for lock in drops["0007"][0].locks or ()] == ["memories"]


def test_rows_are_counted_or_estimated_and_which_is_said(
    connection: Connection, extended: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("insert into users select from generate_series(1, 1000); analyze users")
    sql = "alter table users add column a text; alter table memories add column b text;"
    exact = {rows.table: (rows.rows, rows.exact) for rows in dry_run(connection, extended, sql).touched}
    assert exact == {"users": (1000, True), "memories": (0, True)}
    monkeypatch.setattr(locks, "COUNTED_BYTES", -1)
    estimated = {rows.table: (rows.rows, rows.exact) for rows in dry_run(connection, extended, sql).touched}
    assert estimated == {"users": (1000, False), "memories": (None, False)}


def test_the_applications_users_are_there_where_it_is_measured(empty_connection: Connection, sets: Sets) -> None:
    empty_connection.execute("create table users (id uuid primary key, name text)")
    result = preview.dry_run(empty_connection, sets, Migrate(to="0004"))
    assert taken(result)[0] == {"users": "SHARE ROW EXCLUSIVE"}
    assert [(rows.table, rows.rows) for rows in result.touched] == [("users", 0)]


def test_what_cannot_be_tried_is_not_known_and_why_is_said(connection: Connection, extended: Path) -> None:
    connection.execute("create function f() returns int language sql as 'select 1'")
    result = dry_run(connection, extended, "select f(); alter table memories add column a text;")
    assert [item.locks for item in result.steps[-1].statements] == [None, None]
    assert result.locks_source == (
        "not known where they could not be measured: the function public.f() is not run where migrations are tried"
    )
    assert result.refusals == ()


def test_without_the_embedded_database_locks_are_not_known(
    connection: Connection, extended: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    result = dry_run(connection, extended, "alter table memories add column a text;")
    assert [item.locks for item in result.steps[-1].statements] == [None]
    assert "the embedded PostgreSQL, on which migrations are tried, is not installed" in result.locks_source


def test_nothing_is_measured_where_nothing_is_planned(
    connection: Connection, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_like", None)
    assert preview.dry_run(connection, sets, Migrate()).steps == ()


def test_the_command_shows_locks_as_comments_and_as_json(migrated: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollback", "--dry-run", "--database-url", migrated]) == 0
    text = capsys.readouterr().out
    assert "--     locks memories: ACCESS EXCLUSIVE, blocks reads and writes\n" in text
    assert "-- memories holds 0 rows (counted)\n" in text
    assert "-- locks are held until their migration ends; they are measured on an embedded PostgreSQL" in text
    assert main(["rollback", "--dry-run", "--database-url", migrated, "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    (statement,) = (item for item in result["steps"][0]["statements"] if "accessed_at" in item["statement"])
    assert statement["locks"] == [
        {"relation": "memories", "mode": "ACCESS EXCLUSIVE", "blocks": "reads and writes"}
    ]  # fmt: skip
    assert {"table": "memories", "rows": 0, "exact": True} in result["touched"]


def test_migrate_says_how_long_nobody_can_use_a_table_before_it_rewrites_that(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.execute("insert into users default values")
    connection.execute(
        "insert into memories (user_id, memory_type, content) select u.id, 'task', n::text "
        "from users as u cross join generate_series(1, 3000) as n"
    )
    address = ["--database-url", connection.info.dsn]
    assert main(["lint", "--with", "fast_search", *address]) == 0
    told = capsys.readouterr().out
    assert "Nothing found" in told  # the file says that it is meant
    assert "Note: 1003_add_signature_to_memories: It rewrites memories, with 6 indexes, among them hnsw (3,000" in told
    assert main(["migrate", "--with", "fast_search", "--to", "1003", *address]) == 0
    said = capsys.readouterr().err
    assert "It rewrites memories, with 6 indexes, among them hnsw (3,000 rows, " in said
    assert "about 3 s, nobody can read or write it meanwhile; less than a second if the hnsw index is dropped" in said
    assert said.index("Applying 1003") < said.index("It rewrites")
    assert said.count("rewrites") == 1
    assert main(["rollback", "--to", "0008", *address]) == 0
    assert main(["migrate", "--with", "drop_hnsw", *address]) == 0
    capsys.readouterr()
    assert main(["migrate", "--with", "fast_search", *address]) == 0
    assert "rewrites" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("drop", "gone"),
    [
        ("drop index ix_memories_embedding", True),
        ('DROP INDEX CONCURRENTLY IF EXISTS other, public."ix_memories_embedding"', True),
        ("drop index IX_Memories_Embedding cascade", True),
        ('drop index "IX_memories_embedding"', False),
        ("select 'drop index ix_memories_embedding'", False),
    ],
)
def test_an_index_that_the_plan_drops_first_is_not_in_what_a_rewrite_takes(
    connection: Connection, drop: str, gone: bool
) -> None:
    connection.execute("insert into users default values")
    connection.execute("insert into memories (user_id, memory_type, content) select id, 'task', '' from users")
    work = Work("rewrites", "memories", (), "reads and writes")
    plan = {"1": (Tried(1, 1, drop, Effects(())),), "2": (Tried(1, 1, "alter table memories", Effects((), (work,))),)}
    (statement,) = locks.described(connection, plan)[0]["2"]
    assert ("hnsw" not in statement.jobs[0].in_words()) == gone
