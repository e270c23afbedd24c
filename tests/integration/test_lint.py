"""Reviewing migrations: what a rehearsal on a real database proves, and the command."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from memdb import migrations
from memdb.cli import main
from memdb.database import Connection
from memdb.ledger import sqlfiles
from memdb.linting import rehearsal
from memdb.linting.lint import Review, lint, pending

Sets = sqlfiles.Sets
Write = Callable[..., Sets]

NOTHING = "select 1;\n"


@pytest.fixture
def write(tmp_path: Path, ready_server: None) -> Write:
    """Writes core migrations, each a pair of SQL and rollback, and reads them back."""

    def write(*pairs: tuple[str, str], folder: str = "core") -> Sets:
        (tmp_path / folder).mkdir(exist_ok=True)
        for number, (forward, back) in enumerate(pairs, start=1):
            (tmp_path / folder / f"{number:04}_{folder}.sql").write_text(forward)
            (tmp_path / folder / f"{number:04}_{folder}.rollback.sql").write_text(back)
        return sqlfiles.read_sets(tmp_path)

    return write


def review(sets: Sets) -> Review:
    return lint(sets, [migration for migrations in sets.values() for migration in migrations])


def found(sets: Sets) -> list[tuple[str, str, int, int]]:
    return [(Path(item.file).name, item.rule, item.line, item.column) for item in review(sets).findings]


def messages(sets: Sets, rule: str) -> list[str]:
    return [finding.message for finding in review(sets).findings if finding.rule == rule]


def test_the_sql_that_memdb_ships_has_no_findings(sets: Sets) -> None:
    result = review(sets)
    assert result.findings == ()
    (note,) = result.notes
    assert set(re.findall(r"\d{4}_\w+", note)) == {migration.id for migration in sets["citus"]}
    assert review(Sets({name: sets[name] for name in sets if name != "citus"})).notes == ()


def test_what_requires_an_extension_that_is_not_there_is_read_and_not_run(write: Write) -> None:
    sets = write(("-- requires: elsewhere\nselect elsewhere();", "drop table gone;"), ("drop table gone;", NOTHING))
    result = review(sets)
    assert (result.rehearsed, result.notes) == (False, ("Not applied and rolled back: 0001_core, 0002_core.",))


@pytest.mark.parametrize(
    ("forward", "back", "message"),
    [
        ("create type a as enum ('b');", NOTHING, "It leaves the type public.a behind."),
        (NOTHING, "drop table base;", "It drops the table public.base, which was there before."),
        ("alter table base alter b set default 1;", NOTHING, "It leaves the default value for public.base.b behind."),
        ("comment on table base is 'other';", NOTHING, "It leaves the table public.base changed: comment (other"),
        (
            "create function a(b bigint, c text) returns int language sql as 'select 1';",
            NOTHING,
            "It leaves the function public.a(bigint,text) behind.",
        ),
        (
            "grant select on base to public;",
            "revoke select on base from public; grant insert on base to public;",
            "It leaves the table public.base changed: privileges (",
        ),
    ],
)  # fmt: skip
def test_a_rollback_that_does_not_undo_its_file_is_found(write: Write, forward: str, back: str, message: str) -> None:
    base = ("create table base (b bigint); create view seen as select 1 as one;", "drop view seen; drop table base;")
    assert any(found.startswith(message) for found in messages(write(base, (forward, back)), "rollback-incomplete"))


@pytest.mark.once
def test_a_role_that_migrations_expect_to_be_there_is_not_left_behind(write: Write, server: str) -> None:
    forward = 'create table a (b bigint); grant select on a to "Made elsewhere";'
    assert messages(write((forward, "drop table a;")), "rollback-incomplete") == []
    with psycopg.connect(server) as admin:
        assert admin.execute("select to_regrole('\"Made elsewhere\"')").fetchone() == (None,)


@pytest.mark.once
def test_what_goes_with_a_table_is_not_told_again(write: Write) -> None:
    sets = write(("create table a (b bigint, constraint a_pkey primary key (b));", NOTHING))
    assert messages(sets, "rollback-incomplete") == [
        "It leaves the table public.a behind.",
        'It leaves something that keeps 0001_core from being applied again: relation "a" already exists',
    ]


@pytest.mark.once
def test_a_rollback_that_fails_is_found_where_it_fails_and_the_rehearsal_goes_on(write: Write) -> None:
    sets = write((NOTHING, "select 1;\n\nselect oops;"), (NOTHING, "select nope;"))
    places = [("0001_core.rollback.sql", "rollback-fails", 3, 8), ("0002_core.rollback.sql", "rollback-fails", 1, 8)]
    assert found(sets) == places


@pytest.mark.once
def test_a_migration_that_cannot_be_applied_ends_the_rehearsal(write: Write) -> None:
    sets = write(("select 1;\nselect oops;", NOTHING), ("select nope;", NOTHING))
    assert found(sets) == [("0001_core.sql", "not-applicable", 2, 8)]
    result = review(sets)
    assert not result.ok
    assert not result.rehearsed
    assert result.notes == ("Not applied and rolled back: 0001_core, 0002_core.",)


@pytest.mark.once
def test_what_fails_at_the_end_of_a_file_is_found_in_that_file(write: Write) -> None:
    deferred = "create table a (id int primary key, b int references a (id) deferrable initially deferred);"
    sets = write((f"{deferred}\ninsert into a values (1, 2);", "drop table a;"))
    assert ("0001_core.sql", "not-applicable", 1, 1) in found(sets)


@pytest.mark.once
def test_what_the_embedded_server_lacks_is_a_warning(write: Write) -> None:
    sets = write(("create extension no_such_extension;", NOTHING))
    result = review(sets)
    assert [(item.rule, item.level) for item in result.findings] == [("not-rehearsed", "warning")]
    assert result.ok


@pytest.mark.once
def test_what_fails_below_each_set_is_told_once(write: Write) -> None:
    write(("select 1;\nselect oops;", NOTHING))
    write((NOTHING, NOTHING), folder="first")
    sets = write((NOTHING, NOTHING), folder="second")
    assert found(sets) == [("0001_core.sql", "not-applicable", 2, 8)]


def test_what_needs_a_superuser_is_an_error_and_not_run(write: Write, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    hidden = f"do $$ begin execute 'cop' || $a$y (select 1) to program 'touch {ran}'$a$; end $$;"
    sets = write((f"select 1;\n{hidden}", NOTHING))
    assert found(sets) == [("0001_core.sql", "needs-rights", 2, 4)]
    (message,) = messages(sets, "needs-rights")
    assert message.startswith("It was not tried: permission denied to COPY to or from an external program (")
    assert not ran.exists()


@pytest.mark.once
def test_names_that_postgresql_makes_up_are_found(write: Write) -> None:
    made_up = "create table a (\n  b bigint primary key,\n  c text unique check (c <> '')\n);\ncreate index on a (c);"
    assert messages(write((made_up, "drop table a;")), "unnamed-constraint") == [
        "PostgreSQL has made up the name of the constraint a_c_check.",
        "PostgreSQL has made up the name of the constraint a_c_key.",
        "PostgreSQL has made up the name of the constraint a_pkey.",
    ]
    assert messages(write((made_up, "drop table a;")), "unnamed-index") == [
        "PostgreSQL has made up the name of the index a_c_idx."
    ]


@pytest.mark.once
def test_a_comment_on_a_constraint_does_not_name_it(write: Write) -> None:
    sets = write(("create table a (b bigint primary key); comment on constraint a_pkey on a is 'c';", "drop table a;"))
    assert len(messages(sets, "unnamed-constraint")) == 1


@pytest.mark.once
def test_missing_comments_are_found_where_the_object_is_made(write: Write) -> None:
    sets = write(
        ("-- The table a.\ncreate table a (\n    b bigint\n);", "drop table a;"),
        ("create type c as enum ('d');", "drop type c;"),
        ("create function f() returns int language sql as 'select 1';", "drop function f();"),
    )
    assert found(sets) == [
        ("0001_core.sql", "missing-comment", 2, 14),
        ("0001_core.sql", "missing-comment", 3, 5),
        ("0002_core.sql", "missing-comment", 1, 13),
        ("0003_core.sql", "missing-comment", 1, 17),
    ]


@pytest.mark.once
def test_an_index_built_concurrently_is_commented_on_by_a_later_file(write: Write) -> None:
    table = ("create table a (b bigint); comment on table a is 'a'; comment on column a.b is 'b';", "drop table a;")
    index = (
        "-- transactional: false\ncreate index concurrently ix_a_b on a (b);",
        "drop index concurrently ix_a_b;",
    )
    comment = ("comment on index ix_a_b is 'b';", "comment on index ix_a_b is null;")
    assert found(write(table, index)) == [("0002_core.sql", "missing-comment", 2, 27)]
    assert found(write(table, index, comment)) == []


@pytest.mark.once
def test_optional_sets_are_tried_on_top_of_core(write: Write) -> None:
    write(("create type a as enum ('b'); comment on type a is 'c';", "drop type a;"))
    sets = write(("alter type a rename value 'b' to 'c';", NOTHING), folder="more")
    assert messages(sets, "rollback-incomplete")[0] == "It leaves the type public.a changed: labels (c instead of b)."


@pytest.mark.once
def test_a_finding_is_silenced_in_its_file(write: Write) -> None:
    sets = write(("create type a as enum ('b'); -- squawk-ignore missing-comment -- it says it all", "drop type a;"))
    assert review(sets).findings == ()


@pytest.mark.once
def test_nothing_is_run_where_a_file_cannot_be(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "rehearse", None)
    result = review(write(("drop x;", NOTHING)))
    assert {finding.rule for finding in result.findings} == {"syntax-error"}
    assert (result.rehearsed, result.notes) == (False, ("Nothing was run, because some files cannot run.",))


@pytest.mark.once
def test_without_the_embedded_database_the_rest_is_reviewed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    result = review(write(("truncate a;", NOTHING)))
    assert [finding.rule for finding in result.findings] == ["unguarded-truncate"]
    assert "pip install 'memdb-pg[embedded]'" in result.notes[0]


@pytest.mark.once
def test_only_what_is_pending_is_reviewed(empty_connection: Connection, sets: Sets) -> None:
    migrations.migrate(empty_connection, sets, to="0007")
    assert [migration.id for migration in pending(empty_connection, sets)] == ["0008_create_performance_indexes"]


@pytest.mark.once
def test_the_command_exits_1_on_errors_and_with_strict_on_warnings(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(("create type a as enum ('b');", "drop type a;"))
    arguments = ["lint", "--all", "--sql-dir", str(tmp_path), "--format", "json"]
    assert main(arguments) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["rule"], finding["level"], finding["line"]) == ("missing-comment", "warning", 1)
    assert main([*arguments, "--strict"]) == 1
    write(("truncate a;", NOTHING))
    assert main(arguments) == 1


@pytest.mark.once
def test_the_command_says_when_nothing_is_pending(migrated: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--database-url", migrated]) == 0
    assert capsys.readouterr().out == "Nothing to review: no migration is pending.\n"
