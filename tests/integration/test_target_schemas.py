"""Where things are: other schemas, awkward names, an empty search_path, a socket, a service."""

import json
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memdb.cli import main

pytestmark = pytest.mark.once


def memdb(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """Runs a command that must succeed, and returns its JSON."""
    code = main([*arguments, "--format", "json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    result: dict[str, object] = json.loads(captured.out)
    return result


@pytest.mark.parametrize("schema", ["pg_catalog", "pg_temp", "information_schema"])
def test_the_servers_own_schemas_are_left_alone(empty: str, schema: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--database-url", empty, "--schema", schema]) == 3
    assert "is the server's own" in capsys.readouterr().err


@pytest.mark.parametrize("schema", ["memory", "Mixed Case", 'with "quotes"', "select"])
def test_a_schema_of_its_own_is_migrated_verified_and_taken_back(
    empty: str, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--database-url", empty, "--schema", schema]
    assert main(["migrate", *arguments]) == 3
    assert "there is no schema" in capsys.readouterr().err
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("create schema {}").format(psycopg.sql.Identifier(schema)))
        assert memdb(capsys, "migrate", *arguments)["applied"] == 8
        assert memdb(capsys, "verify-schema", *arguments)["ok"] is True
        schemas = "select distinct schemaname from pg_tables where tablename ~ 'memor|yoyo|users|memdb'"
        assert connection.execute(schemas).fetchall() == [(schema,)]
        assert memdb(capsys, "rollback", "--all", *arguments)["applied"] == 0


def test_sets_that_look_up_names_themselves_do_so_in_such_a_schema(
    empty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--database-url", empty, "--schema", "Mixed Case"]
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute('create schema "Mixed Case"')
        memdb(capsys, "migrate", "--with", "archive", "--with", "erasure", "--with", "hybrid_search", *arguments)
        assert memdb(capsys, "verify-schema", *arguments)["ok"] is True
        connection.execute(
            'set search_path = "Mixed Case"; insert into users default values; '
            "insert into memories (user_id, memory_type, content) select id, 'task', 'x' from users"
        )
        for move in ("archive_memories(user_id, array[id], 'pruned') from memories",
                     "restore_memories(user_id, array[id]) from memory_archive",
                     "forget_user(user_id) from memories"):  # fmt: skip
            assert connection.execute(f"select {move}".encode()).rowcount


def test_two_schemas_of_one_database_do_not_see_each_others_history(
    migrated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("create schema tenant")
    assert memdb(capsys, "migrate", "--database-url", migrated, "--schema", "tenant")["applied"] == 8
    assert memdb(capsys, "rollback", "--all", "--database-url", migrated, "--schema", "tenant")["applied"] == 0
    assert memdb(capsys, "verify-schema", "--database-url", migrated)["ok"] is True


@pytest.mark.parametrize("command", ["seed --memories 5", "seed --reset", "inspect", "export {}/a.jsonl", "prune"])
def test_a_schema_that_is_named_is_meant_and_no_other(
    migrated: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("create schema tenant")
    assert main([*command.format(tmp_path).split(), "--database-url", migrated, "--schema", "tenant"]) == 3
    assert 'the schema tenant has no table "memories"' in capsys.readouterr().err


def test_an_empty_search_path_and_an_extension_elsewhere_are_no_obstacle(
    empty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create schema extensions; create extension vector schema extensions")
    url = make_conninfo(empty, options="-c search_path=")
    assert memdb(capsys, "migrate", "--database-url", url)["applied"] == 8
    assert memdb(capsys, "verify-schema", "--database-url", url)["ok"] is True
    assert memdb(capsys, "status", "--database-url", url)["migrations"]
    assert memdb(capsys, "rollback", "--all", "--database-url", url)["applied"] == 0


def test_quoted_names_in_a_teams_own_migrations(empty: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = tmp_path / "core"
    core.mkdir()
    (core / "0001_t.sql").write_text('create table "Odd Table" ("Odd Column" int); insert into "Odd Table" values (1);')
    (core / "0001_t.rollback.sql").write_text('drop table "Odd Table";')
    (core / "0002_i.sql").write_text(
        '-- transactional: false\ncreate index concurrently "Odd Index" on "Odd Table" ("Odd Column");'
    )
    (core / "0002_i.rollback.sql").write_text('drop index concurrently "Odd Index";')
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert memdb(capsys, "migrate", *arguments)["applied"] == 2
    dry = memdb(capsys, "rollback", "--all", "--dry-run", *arguments)
    assert dry["losses"] == [{"step": "0001_t", "kind": "table", "object": 'public."Odd Table"', "count": 1}]
    assert memdb(capsys, "rollback", "--all", "--yes", *arguments)["applied"] == 0


def test_a_service_entry_leads_to_the_database(
    migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{key}={value}" for key, value in conninfo_to_dict(migrated).items()]
    (tmp_path / "services.conf").write_text("\n".join(["[memories]", *lines, ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services.conf"))
    assert memdb(capsys, "status", "--exit-code", "--database-url", "service=memories")["migrations"]
    assert memdb(capsys, "migrate", "--database-url", "postgresql:///?service=memories")["steps"] == []
