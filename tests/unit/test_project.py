"""Migrations that `memdb new` writes complete."""

import json
import os
import re
from pathlib import Path

import pytest

from memdb import project
from memdb.errors import UsageError
from memdb.ledger import sqlfiles
from memdb.project import models
from memdb.shape import Shape, Users
from memdb.successor import Successor


@pytest.mark.parametrize(
    ("text", "name", "on"),
    [
        ("memories (importance)", "ix_memories_importance", "memories (importance)"),
        (
            "memories using hnsw (embedding vector_cosine_ops) with (m = 16)",
            "ix_memories_embedding",
            "memories\nusing hnsw (embedding vector_cosine_ops) with (m = 16)",
        ),
        (
            "on memories(lower(content), created_at desc) where memory_type = 'task';",
            "ix_memories_lower_content_created_at",
            "memories (lower(content), created_at desc) where memory_type = 'task'",
        ),
        ("app.\"My Table\" ((data ->> 'a'))", "ix_my_table_data_a", "app.\"My Table\" ((data ->> 'a'))"),
        (
            "t (" + ", ".join(["column_name"] * 9) + ")",
            "ix_t_column_name_column_name_column_name_column_name_column_nam",
            None,
        ),
    ],
)
def test_an_index_is_named_for_its_table_and_columns(text: str, name: str, on: str | None) -> None:
    index = project.parse_index(text)
    assert index.name == name
    assert on in (index.on, None)


@pytest.mark.parametrize("text", ["", "memories", "memories (a", "memories (a); drop table memories", "(a)"])
def test_what_is_no_index_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an index"):
        project.parse_index(text)


def test_new_index_writes_a_pair_that_runs_outside_of_a_transaction(tmp_path: Path) -> None:
    new = project.new(tmp_path, None, index="app.memories (importance)")
    assert new.id == "0001_create_ix_memories_importance"
    (migration,) = sqlfiles.read_sets(tmp_path)["core"]
    assert not migration.transactional
    assert migration.sql.endswith("create index concurrently ix_memories_importance on app.memories (importance);\n")
    assert migration.read_rollback().endswith("\ndrop index concurrently app.ix_memories_importance;\n")


def test_a_given_name_is_kept(tmp_path: Path) -> None:
    assert project.new(tmp_path, "find by importance", index="memories (importance)").id == "0001_find_by_importance"


def test_without_a_name_or_an_index_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the migration has no name"):
        project.new(tmp_path, None)
    assert list(tmp_path.iterdir()) == []


def report(path: Path, *steps: dict[str, str]) -> Path:
    path.write_text(json.dumps({"verdict": {"recommendations": [{"migrations": steps}, {"migrations": []}]}}))
    return path


def test_recommendations_of_a_benchmark_become_migrations_in_their_order(tmp_path: Path) -> None:
    steps = (
        {
            "name": "set m of ix to 24",
            "sql": "alter index ix set (m = 24);\n",
            "rollback": "alter index ix reset (m);\n",
        },
        {
            "name": "rebuild ix",
            "sql": "-- transactional: false\nreindex index concurrently ix;\n",
            "rollback": "-- transactional: false\nreindex index concurrently ix;\n",
        },
    )
    written = project.recommended(tmp_path, report(tmp_path / "report.json", *steps)).migrations
    assert [one.id for one in written] == ["0001_set_m_of_ix_to_24", "0002_rebuild_ix"]
    assert written[0].path.read_text() == "-- Set m of ix to 24.\n--\nalter index ix set (m = 24);\n"
    assert written[0].rollback_path.read_text() == (
        "-- Undoes 0001_set_m_of_ix_to_24.sql, and nothing else.\nalter index ix reset (m);\n"
    )
    (read,) = sqlfiles.read_sets(tmp_path).values()
    assert [one.transactional for one in read] == [True, False]


def test_a_report_that_recommends_no_migration_writes_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="recommends nothing"):
        project.recommended(tmp_path, report(tmp_path / "report.json"))
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(UsageError, match="not a report of benchmark-similarity"):
        project.recommended(tmp_path, tmp_path / "other.json")


def test_an_upgrade_does_not_read_a_pipe_or_device_in_place_of_what_memdb_ships(tmp_path: Path) -> None:
    """A change that somebody else has written can bring a link to one: it would be read for ever, until memory ends."""
    folder = project.init(tmp_path).sql_dir
    readme = folder / "fast_search" / "README.md"
    readme.unlink()
    os.mkfifo(readme)
    assert project.upgrade(folder, dry_run=True).differing == (readme,)


def test_migrations_for_another_model_are_written_for_the_users_and_embeddings_of_a_folder() -> None:
    accounts = Users("accounts", "account_id", "bigint", may_be_made=False)
    pairs = models.templates("begin", Successor("new"), Shape(accounts, "halfvec", 3072))
    text = "\n".join(part for _, sql, rollback in pairs for part in (sql, rollback))
    assert "references accounts (account_id)" in text
    assert "new_model" not in text
    assert not re.findall(r"\b(?:vector\b(?:,|\)|\[\]|\(\d)|user_id uuid|uuid, (?:vector|halfvec|uuid\[\]))", text)


def test_users_whose_ids_are_varchars_are_compared_as_texts_by_policies_of_another_models_table() -> None:
    users = Users("accounts", "id", "varchar(40)", may_be_made=False)
    pairs = models.templates("begin", Successor("new"), Shape(users))
    (secured,) = (sql for name, sql, _ in pairs if name.startswith("secure"))
    assert "user_id::text = (select memory_user()::text)" in secured
    assert "user_id = (select" not in secured
