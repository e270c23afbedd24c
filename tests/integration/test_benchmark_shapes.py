"""benchmark-similarity for any application's users and any model's embeddings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pytest

import memdb
from memdb import database, files, project
from memdb.benchmark import study
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.study import Design
from memdb.benchmark.trials import Trial
from memdb.cli import main
from memdb.errors import DataError, UsageError
from memdb.project import shipping
from memdb.shape import Shape, Users, embedding_type
from tests.conftest import new_database

USERS = {"uuid": [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)], "text": ["user_a", "0", "Zoë, 'x'"]}
NUMBERS = ["0", "7", "40000"]
HELD = (60, 20, 5)
INDEXED = ("plain", "hnsw, ef_search 100", "strict, ef_search 100", "relaxed, ef_search 100", "exact")
FUNCTION = ("search_memories", "search_memories, candidates 30")


class Case(NamedTuple):
    key_type: str
    embedding: str
    dimensions: int
    strategies: tuple[str, ...] = (*INDEXED, *FUNCTION)

    @property
    def users(self) -> list[str]:
        return USERS.get("text" if self.key_type.startswith("varchar") else self.key_type, NUMBERS)


HALVES = Case("varchar(40)", "halfvec", 3072)
WITHOUT_INDEX = Case("uuid", "vector", 2001, ("plain", "exact", *FUNCTION))
CASES = [Case("bigint", "vector", 16), Case("integer", "vector", 2000), HALVES, WITHOUT_INDEX]


class Filled(NamedTuple):
    case: Case
    conninfo: str
    vectors: "np.ndarray[Any, Any]"


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case.key_type} {case.embedding}({case.dimensions})")
def filled(request: pytest.FixtureRequest, server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A project of that shape, and its database with fast_search, three users, and memories with embeddings.

    Tests only read it, but for the last one.
    """
    case: Case = request.param
    folder = tmp_path_factory.mktemp("project") / "sql"
    shape = Shape(Users(key_type=case.key_type), embedding_type(case.embedding), case.dimensions)
    files.create({folder / path: text for path, text in shipping.texts(shape).items()})
    with new_database(server) as conninfo, pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMDB_DATABASE_URL", conninfo)
        patched.setenv("MEMDB_SQL_DIR", str(folder))
        with memdb.open(sets=("fast_search",)) as db:
            db.migrate()
        yield Filled(case, conninfo, fill(conninfo, case))


def fill(conninfo: str, case: Case) -> "np.ndarray[Any, Any]":
    vectors = np.random.default_rng(1).standard_normal((sum(HELD), case.dimensions)).astype(np.float32)
    owners = [user for user, held in zip(case.users, HELD, strict=True) for _ in range(held)]
    with psycopg.connect(conninfo, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany("insert into users (id) values (%s)", [[user] for user in case.users])
        cursor.executemany(
            f"insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', 'x', %s::{case[1]})",
            [(owner, str(vector.tolist())) for owner, vector in zip(owners, vectors, strict=True)],
        )
        cursor.execute("vacuum analyze memories")
    return vectors


def everything(conninfo: str) -> Any:
    with psycopg.connect(conninfo) as connection:
        return connection.execute("select count(*), sum(hashtextextended(m::text, 0)) from memories as m").fetchone()


def test_every_strategy_that_the_shape_allows_is_measured(filled: Filled) -> None:
    before = everything(filled.conninfo)
    design = Design(ef_search=(100,), candidates=(30,), seconds=0.1, writers=1, inserts=20)
    with database.connect(filled.conninfo, purpose="test") as connection:
        found = study.run(connection, Wanted(k=4, queries=10), design)
        again = study.run(connection, Wanted(k=4, queries=9, workload="equal"), Design(("search_memories",)))
    assert [one.strategy for one in found.strategies] == list(filled.case.strategies)
    left_out = [note for note in found.notes if note.startswith("Left out: strict")]
    assert [("up to 2,000 dimensions" in note) for note in left_out] == ([True] * (filled.case.dimensions == 2001))
    assert found.verdict.judged == "search_memories"
    assert {one.strategy: one.recall.mean for one in found.strategies if one.name != "hnsw"} == {
        name: 1.0 for name in filled.case.strategies if not name.startswith("hnsw")
    }
    assert all(one.while_adding and one.while_adding.added_per_second > 0 for one in found.strategies)
    assert again.ok
    assert again.sample.users == 3
    assert found.inserts is not None
    assert found.inserts.inserted == 20
    assert found.inserts.per_second > 0
    assert everything(filled.conninfo) == before


@pytest.mark.once
def test_one_user_is_named_as_the_application_does(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["--no-cache", "--queries", "5", "--strategies", "exact", "--target-p95-ms", "9999"]
    arguments = ["benchmark-similarity", *quick, "--format", "json"]
    for user, held in zip(filled.case.users, HELD, strict=True):
        assert main([*arguments, "--k", "4", "--user", user]) == 0
        assert json.loads(capsys.readouterr().out)["sample"]["largest_user_memories"] == held
    assert main([*arguments, "--user", ""]) == 2
    assert f"users.id is a{'n' * (filled.case.key_type == 'integer')} {filled.case.key_type}" in capsys.readouterr().out


@pytest.mark.once
def test_questions_come_from_files_with_as_many_numbers(filled: Filled, tmp_path: Path) -> None:
    path, other = tmp_path / "questions.npz", tmp_path / "other.npz"
    np.savez(path, embedding=filled.vectors[:3], user=np.array(filled.case.users))
    np.savez(other, embedding=np.ones((3, filled.case.dimensions + 1), np.float32))
    with database.connect(filled.conninfo, purpose="test") as connection:
        found = study.run(connection, Wanted(k=4, queries_from=path), Design(("exact", "search_memories")))
        assert (found.sample.queries, found.sample.users) == (3, 3)
        assert all(one.recall.mean == 1.0 for one in found.strategies)
        with pytest.raises(
            DataError,
            match=rf"{filled.case.dimensions + 1} numbers, .* {filled.case.embedding}\({filled.case.dimensions}\)",
        ):
            study.run(connection, Wanted(queries_from=other), Design(("plain",)))


@pytest.mark.once
@pytest.mark.parametrize("filled", [WITHOUT_INDEX], indirect=True)
def test_no_index_is_tried_out_where_there_can_be_none(filled: Filled) -> None:
    with (
        database.connect(filled.conninfo, purpose="test") as connection,
        pytest.raises(UsageError, match=r"pgvector has none for vector\(2001\)"),
    ):
        study.run(connection, Wanted(queries=10), Design(("plain",), try_m=(8,)))


@pytest.mark.once
@pytest.mark.parametrize("filled", [HALVES], indirect=True)
def test_an_index_is_tried_out_and_recommended(filled: Filled, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with database.connect(filled.conninfo, purpose="test") as connection:
        (trial,) = study.run(connection, Wanted(queries=10), Design(("plain",), try_m=(8,))).trials
    assert isinstance(trial, Trial)
    assert trial.rows == sum(HELD)
    assert trial.recall[200] > 0.98
    options = ["--strategies", "strict,plain", "--ef-search", "50", "--try-m", "8", "--report", str(report)]
    main(["benchmark-similarity", "--no-cache", "--queries", "10", *options])
    steps = [step for one in json.loads(report.read_text())["verdict"]["recommendations"] for step in one["migrations"]]
    created = next(step["sql"] for step in steps if step["name"].startswith("create"))
    assert f"(embedding {filled.case.embedding}_cosine_ops)" in created
    with memdb.open(sets=("fast_search",)) as db:
        made = project.recommended(db.settings.sql_dir, report).migrations
    with memdb.open(sets=("fast_search",)) as db:
        db.migrate()
        db.rollback(steps=len(steps))
    for migration in made:
        migration.path.unlink()
        migration.rollback_path.unlink()


@pytest.mark.once
@pytest.mark.parametrize("filled", [HALVES], indirect=True)
def test_without_the_index_nothing_recommends_it(filled: Filled) -> None:
    with memdb.open(sets=("fast_search", "drop_hnsw")) as db:
        db.migrate()
        found = db.benchmark(Wanted(k=4, queries=20), Design())
        tried = db.benchmark(Wanted(k=4, queries=20), Design(("plain",), try_m=(8,)))
    assert [one.strategy for one in found.strategies] == ["plain", "exact", "search_memories"]
    assert any("drop_hnsw" in note for note in found.notes)
    assert found.ok
    for told in (found.verdict, tried.verdict):
        said = " ".join([*told.failures, *told.advice, *(one.setting for one in told.recommendations)])
        assert "hnsw" not in said.lower()
        assert told.recommendations == ()
