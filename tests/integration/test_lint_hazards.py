"""What a review says of work that keeps others waiting, and how that is silenced."""

from collections.abc import Callable
from pathlib import Path

import pytest

from memdb.ledger import sqlfiles
from memdb.linting.findings import Finding
from memdb.linting.lint import lint

Hazards = Callable[..., list[Finding]]

BASE = """
create table base (id int constraint base_pkey primary key, body text); comment on table base is 'b';
comment on column base.id is 'i'; comment on column base.body is 'b';
"""


@pytest.fixture
def hazards(tmp_path: Path, ready_server: None) -> Hazards:
    """The warnings of a rehearsal about a migration on top of BASE."""

    def hazards(forward: str, back: str = "select 1;") -> list[Finding]:
        core = tmp_path / "core"
        core.mkdir(exist_ok=True)
        for name, text in (("0001_base", BASE), ("0002_more", forward)):
            (core / f"{name}.sql").write_text(text)
        (core / "0001_base.rollback.sql").write_text("drop table base;")
        (core / "0002_more.rollback.sql").write_text(back)
        found = lint(sets := sqlfiles.read_sets(tmp_path), sets["core"][1:]).findings
        return [item for item in found if item.rule in ("table-rewrite", "blocking-index", "blocking-scan")]

    return hazards


def test_a_rewrite_is_a_warning_at_its_statement_with_the_time(hazards: Hazards) -> None:
    (found,) = hazards(
        "-- Sizes.\nselect 1;\n  alter table base\n add column size int generated always as (length(body)) stored;",
        "alter table base drop column size;",
    )
    assert (found.rule, found.level, Path(found.file).name, found.line, found.column) == (
        "table-rewrite", "warning", "0002_more.sql", 3, 3,
    )  # fmt: skip
    assert found.message.startswith(
        "It rewrites base, with 1 index, and nobody can read or write base meanwhile: about "
    )
    assert ": about 13 s for 100,000 memories." in found.message


def test_an_index_that_takes_long_is_named(hazards: Hazards) -> None:
    forward = (
        "create extension vector; alter table base add column e vector(3);\n"
        "create index ix_base_e on base using hnsw (e vector_l2_ops);\nalter table base alter id type bigint;"
    )
    building, rewriting = hazards(forward)
    assert building.message.startswith("It builds ix_base_e on base, and nobody can read or write base")
    assert "meanwhile: about 50 s for 100,000 memories." in building.message
    assert "It rewrites base, with 2 indexes, among them hnsw, and nobody" in rewriting.message


@pytest.mark.parametrize(
    ("forward", "back", "file", "rule"),
    [
        ("alter table base add constraint c check (id > 0);", "select 1;", "0002_more.sql", "blocking-scan"),
        ("-- transactional: false\nvacuum full base;", "select 1;", "0002_more.sql", "table-rewrite"),
        ("-- transactional: false\nreindex table base;", "select 1;", "0002_more.sql", "blocking-index"),
        ("select 1;", "alter table base set unlogged;", "0002_more.rollback.sql", "table-rewrite"),
    ],
)
def test_every_file_and_mode_is_looked_at(hazards: Hazards, forward: str, back: str, file: str, rule: str) -> None:
    assert [(Path(found.file).name, found.rule) for found in hazards(forward, back)] == [(file, rule)]


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("table-rewrite", "alter table base alter column id type bigint;"),
        ("changing-column-type", "alter table base alter column id type bigint;"),
        ("require-concurrent-index-creation", "create index ix_base_body on base (body);"),
        ("constraint-missing-not-valid", "alter table base add constraint c check (id > 0);"),
    ],
)
def test_a_comment_silences_it_by_its_own_name_or_squawks(hazards: Hazards, rule: str, statement: str) -> None:
    assert hazards(statement) != []
    assert hazards(f"-- squawk-ignore {rule} -- nobody is there yet\n{statement}") == []


def test_an_index_that_is_built_concurrently_keeps_nobody_waiting(hazards: Hazards) -> None:
    forward = "-- transactional: false\ncreate index concurrently ix_base_body on base (body);"
    assert hazards(forward, "drop index concurrently ix_base_body;") == []
