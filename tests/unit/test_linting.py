"""What a review can tell from the text of a file: our own checks, squawk's findings, and how they are silenced."""

import json
import shutil
from pathlib import Path

import pytest

from memdb import output
from memdb.errors import SetupError
from memdb.linting import checks, squawk
from memdb.linting.findings import Finding, silenced
from memdb.linting.lint import Review

FINDING = Finding("a.sql", 3, 5, "unguarded-delete", "error", "DELETE without WHERE: all, 100%", "Say which.")


def unguarded(sql: str, *, rollback: bool = False) -> list[tuple[str, int, int]]:
    return [(found.rule, found.line, found.column) for found in checks.unguarded(sql, "a.sql", rollback=rollback)]


def squawked(sql: str, *, transactional: bool = True, rollback: bool = False) -> dict[str, Finding]:
    own = frozenset({"unguarded-delete"})
    found = squawk.check(
        squawk.executable(), sql, "a.sql", transactional=transactional, rollback=rollback, own_rules=own
    )
    return {finding.rule: finding for finding in found}


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("select 1;\n  delete from memories", "unguarded-delete"),
        ("select 1;\n  truncate memories", "unguarded-truncate"),
        ("select 1;\n  drop table memories cascade", "unguarded-drop"),
        ("select 1;\n  alter table memories drop column content cascade", "unguarded-drop"),
        ("select 1;\n  drop owned by alice", "unguarded-drop"),
        ("do $$ begin\n  delete from memories; end $$", "unguarded-delete"),
        (
            "do $$ declare a int := 1; begin if a = 1 then a := 2; end if;\n  drop table memories; end $$",
            "unguarded-drop",
        ),
        ("do $$ begin -- why\n  truncate memories; end $$", "unguarded-truncate"),
    ],
)
def test_losing_rows_without_a_condition_is_an_error_where_it_stands(sql: str, rule: str) -> None:
    assert unguarded(sql) == [(rule, 2, 3)]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from memories where created_at < '2020-01-01'",
        "alter table a add constraint b foreign key (c) references d (e) on delete cascade",
        "do $$ begin if exists (select) then delete from memories; drop table a; end if; end $$",
        "do $$ begin for a in select 1 loop if b then delete from c; end if; delete from d; end loop; end $$",
        "do $$ begin case when a then truncate b; else drop table c; end case; end $$",
        "create function f() returns void language sql as 'delete from memories'",
        "-- delete from memories;\nselect 'truncate memories'",
    ],
)
def test_a_condition_or_a_mention_is_no_finding(sql: str) -> None:
    assert unguarded(sql) == []


def test_a_rollback_may_drop_tables_in_a_block() -> None:
    assert unguarded("do $$ begin drop table a; end $$", rollback=True) == []


def test_what_memdb_refuses_to_run_is_found_with_its_line() -> None:
    (found,) = checks.refused("select 1;\ncommit;\n", "a/b.sql", transactional=True)
    assert (found.rule, found.line, found.level) == ("refused", 2, "error")
    assert found.message == '"commit" would end the transaction in which memdb runs the file'


def test_squawk_is_told_what_runs_in_a_transaction() -> None:
    sql = "create index concurrently ix_a_b on a (b);\ncomment on index ix_a_b is 'b';"
    assert squawked(sql)["ban-concurrent-index-creation-in-transaction"].level == "error"
    assert squawked(sql, transactional=False) == {}


def test_squawk_is_not_asked_about_what_memdb_does_itself() -> None:
    assert squawked("alter table a add column b text;") == {}


def test_squawks_places_count_from_one_in_characters() -> None:
    found = squawked("-- ä\n/* äöü */ create index ix_a_b on a (b);")["require-concurrent-index-creation"]
    assert (found.line, found.column, found.level) == (2, 11, "error")


def test_a_rollback_may_drop_what_its_file_made() -> None:
    assert "ban-drop-table" in squawked("drop table a;")
    assert squawked("drop table a;\ndrop index ix_b;", rollback=True) == {}


def test_our_rules_may_be_named_in_squawks_comments_and_no_others() -> None:
    assert squawked("-- squawk-ignore unguarded-delete\nselect 1;") == {}
    assert list(squawked("-- squawk-ignore unguarded-dilete\nselect 1;")) == ["unused-ignore"]


def test_a_missing_squawk_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(SetupError) as error:
        squawk.executable()
    assert error.value.hint == "Install it with: pip install 'memdb-pg[lint]'"


def test_a_squawk_that_does_not_work_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "squawk"
    broken.write_text("#!/bin/sh\necho no such rule >&2\n")
    broken.chmod(0o755)
    with pytest.raises(SetupError, match="squawk does not work: no such rule"):
        list(squawk.check(str(broken), "select 1;", "a.sql", transactional=True, rollback=False, own_rules=frozenset()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n-- squawk-ignore unguarded-delete\nx", True),
        ("\n-- squawk-ignore ban-drop-table, unguarded-delete -- all of them are meant\nx", True),
        ("\n/* squawk-ignore unguarded-delete */\nx", True),
        ("\n\nx -- squawk-ignore unguarded-delete", True),
        ("-- squawk-ignore unguarded-delete\n\nx", False),
        ("\n-- squawk-ignore ban-drop-table\nx", False),
        ("\n-- squawk-ignore ban-drop-table -- not unguarded-delete\nx", False),
        ("-- squawk-ignore-file unguarded-delete\n\nx", True),
        ("\n\nx\n-- squawk-ignore-file", True),
        ("-- squawk-ignore-file ban-drop-table\n\nx", False),
    ],
)
def test_a_comment_silences_a_rule_for_the_next_line_or_the_file(text: str, expected: bool) -> None:
    assert silenced(FINDING, text) is expected


def test_annotations_escape_what_github_reads_as_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit(Review((FINDING,), ("a.sql",), True), "github")
    assert capsys.readouterr().out.splitlines() == [
        "::error title=unguarded-delete,file=a.sql,line=3,col=5::DELETE without WHERE: all, 100%25%0ASay which.",
        "1 error in 1 file read, applied and rolled back.",
    ]


def test_text_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    review = Review((FINDING,), ("a.sql",), False, ("Nothing was run.",))
    output.emit(review, "text")
    assert capsys.readouterr().out.splitlines() == [
        "a.sql:3:5: error[unguarded-delete]",
        "    DELETE without WHERE: all, 100%",
        "    Say which.",
        "1 error in 1 file read.",
        "Note: Nothing was run.",
    ]
    output.emit(review, "json")
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["file"], finding["line"], finding["column"], finding["rule"]) == ("a.sql", 3, 5, "unguarded-delete")
