"""benchmark-similarity on real embeddings: honest figures, lost rows made visible, nothing written."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import database, migrations, target
from memdb.benchmark import explain, sampling, study
from memdb.benchmark.measurement import Recall
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.study import Design, Study
from memdb.benchmark.targets import Targets
from memdb.cli import main
from memdb.errors import DatabaseError, DataError
from memdb.ledger.sqlfiles import Sets
from tests.conftest import new_database

LONE, WITHOUT, LARGEST, SMALL = UUID(int=1), UUID(int=2), UUID(int=100), UUID(int=110)
FORCE_HNSW = "-c enable_sort=off"
PLAIN = Design(("plain",))


@pytest.fixture(scope="module")
def filled(server: str, template: str, embeddings: Path) -> Iterator[str]:
    """A database with 1,500 embeddings, and two users with one memory each, one of them without embedding.

    It is shared by all tests of this module, which read only: that is what they are about.
    """
    with new_database(server, template=template) as conninfo:
        with psycopg.connect(conninfo) as connection:
            _load(connection, embeddings)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("vacuum analyze memories")
        yield conninfo


def _load(connection: psycopg.Connection[Any], path: Path) -> None:
    data = numpy.load(path)
    names, vectors = data["user"][::4], data["embedding"][::4]
    largest_first = sorted(set(names), key=lambda name: -int((names == name).sum()))
    ids = {name: UUID(int=100 + place) for place, name in enumerate(largest_first)}
    rows: list[tuple[UUID, str | None]] = [
        (ids[name], _text(vector)) for name, vector in zip(names, vectors, strict=True)
    ]
    rows += [(LONE, _text(vectors[0])), (WITHOUT, None)]
    for user in dict.fromkeys(user for user, _ in rows):
        connection.execute("insert into users (id) values (%s)", [user])
    connection.execute("drop index ix_memories_embedding")
    with connection.cursor().copy("copy memories (id, user_id, memory_type, content, embedding) from stdin") as copy:
        for place, (user, vector) in enumerate(rows):
            copy.write_row((UUID(int=10_000 + place), user, "project", f"memory {place}", vector))
    connection.execute("create index ix_memories_embedding on memories using hnsw (embedding vector_cosine_ops)")


def _text(vector: Any) -> str:
    return f"[{','.join(map(str, vector.tolist()))}]"


def run(conninfo: str, *, options: str = "", **arguments: Any) -> Study:
    """A small benchmark, with server options as PGOPTIONS would give them."""
    targets = arguments.pop("targets", Targets())
    with database.connect(make_conninfo(conninfo, options=options), purpose="test") as connection:
        return study.run(connection, Wanted(**{"queries": 40} | arguments), PLAIN, targets=targets)


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `memdb benchmark-similarity`; returns exit code, stdout and stderr with its line breaks folded."""

    def call(conninfo: str, *arguments: str) -> tuple[int, str, str]:
        code = main(["benchmark-similarity", "--no-cache", "--queries", "20", "--database-url", conninfo, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return call


@pytest.fixture(scope="module")
def found(filled: str) -> Study:
    """A hundred searches as the planner does them."""
    return run(filled, queries=100)


def test_the_planners_own_way_is_exact_and_finds_everything(found: Study) -> None:
    assert (found.ok, found.verdict.failures) == (True, ())
    assert found.strategies[0].recall == Recall(1.0, 1.0, 0)
    assert all(plan.exact for plan in found.strategies[0].plans.used)
    assert sum(plan.queries for plan in found.strategies[0].plans.used) == 100


def test_latencies_are_in_order_and_within_their_interval(found: Study) -> None:
    latency = found.strategies[0].latency
    assert 0 < latency.p50.ms <= latency.p95.ms <= latency.p99.ms <= latency.max_ms
    for quantile in (latency.p50, latency.p95):
        assert quantile.low_ms is not None
        assert quantile.high_ms is not None
        assert quantile.low_ms <= quantile.ms <= quantile.high_ms
    assert latency.p99.low_ms is not None
    assert latency.p99.high_ms is None, "one search in a hundred does not tell how long it can get"


def test_hnsw_without_iterative_scan_loses_rows_of_small_users_misses_the_target_and_says_so(filled: str) -> None:
    result = run(filled, options=f"{FORCE_HNSW} -c hnsw.ef_search=5", targets=Targets(recall=0.99))
    (plan,) = result.strategies[0].plans.used
    assert plan == explain.PlanUse("ix_memories_embedding (hnsw)", False, 40)
    assert result.strategies[0].recall.short_results > 0
    assert result.strategies[0].recall.minimum < 1
    assert not result.ok
    assert result.verdict.failures[0].startswith("plain loses rows")
    assert "hnsw.iterative_scan" in result.verdict.failures[0]
    assert {failure.split(" misses ")[1] for failure in result.verdict.failures[1:]} == {"0.99."}
    assert result.settings["hnsw.ef_search"] == "5"


def test_an_iterative_scan_loses_none(filled: str) -> None:
    result = run(filled, options=f"{FORCE_HNSW} -c hnsw.iterative_scan=strict_order")
    assert result.strategies[0].recall.short_results == 0
    assert result.strategies[0].recall.mean > 0.9
    assert result.settings["hnsw.iterative_scan"] == "strict_order"


def test_the_plan_is_that_of_the_prepared_statement(filled: str) -> None:
    generic = run(filled, options="-c plan_cache_mode=force_generic_plan").strategies[0].plans
    custom = run(filled, options="-c plan_cache_mode=force_custom_plan").strategies[0].plans
    assert "user_id = $1" in generic.most_frequent
    assert "$" not in custom.most_frequent
    assert "-0.0" not in custom.most_frequent, "the query's embedding would fill pages"


def sampled(connection: database.Connection, *, queries: int, random_seed: int = 1) -> list[sampling.Query]:
    with connection.transaction():
        where = target.enter(connection)
        population = sampling.population(connection, where)
        return sampling.sample(connection, where, population, queries=queries, random_seed=random_seed)


@pytest.mark.once
def test_a_query_never_finds_its_own_row(filled: str) -> None:
    assert run(filled, user=LARGEST, k=1).strategies[0].recall.mean == 1.0
    with database.connect(filled, purpose="test") as connection:
        (question,) = sampled(connection, queries=1)
        explained = run(filled, queries=1).strategies[0].plans.most_frequent
    assert f"id <> '{question.memory_id}'" in explained


@pytest.mark.once
def test_the_same_seed_asks_the_same_questions(filled: str) -> None:
    with database.connect(filled, purpose="test") as connection:
        first, again, other = (sampled(connection, queries=30, random_seed=seed) for seed in (1, 1, 2))
    assert [question.memory_id for question in first] == [question.memory_id for question in again]
    assert {question.memory_id for question in first} != {question.memory_id for question in other}


def test_users_of_every_size_are_asked_for_and_lone_ones_are_noted(found: Study) -> None:
    assert found.sample.smallest_user_memories < 10
    assert found.sample.largest_user_memories > 500
    assert any("users with a single memory" in note for note in found.notes)


@pytest.mark.once
def test_one_user_only(filled: str) -> None:
    sample = run(filled, user=LARGEST).sample
    assert (sample.users, sample.smallest_user_memories) == (1, sample.largest_user_memories)


@pytest.mark.once
def test_fewer_memories_than_searches_are_noted(filled: str) -> None:
    result = run(filled, user=SMALL, queries=5_000)
    assert result.sample.queries == result.sample.largest_user_memories
    assert any("no more searches" in note for note in result.notes)


def test_it_only_reads_and_sees_one_snapshot(filled: str) -> None:
    assert run(filled, options="-c default_transaction_read_only=on").ok
    modes = []
    with database.connect(filled, purpose="test") as connection:

        def look(phase: str) -> None:
            settings = "current_setting('transaction_read_only'), current_setting('transaction_isolation')"
            modes.append(connection.execute(f"select {settings}").fetchone())

        study.run(connection, Wanted(queries=5), PLAIN, on_phase=look)
    assert set(modes) == {("on", "repeatable read")}


def test_a_role_that_may_only_select_can_run_it_and_nothing_stays_behind(filled: str) -> None:
    role = sql.Identifier(f"memdb_reader_{os.getpid()}")
    with database.connect(filled, purpose="test") as connection:
        connection.execute(sql.SQL("create role {}").format(role))
        connection.execute(sql.SQL("grant select on memories to {}").format(role))
        try:
            connection.execute(sql.SQL("set role {}").format(role))
            assert study.run(connection, Wanted(queries=5), PLAIN).ok
            assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
            assert connection.execute("show search_path").fetchone() == ('"$user", public',)
        finally:
            connection.execute("reset role")
            connection.execute(sql.SQL("drop owned by {}").format(role))
            connection.execute(sql.SQL("drop role {}").format(role))


def test_an_extension_off_the_search_path_is_found(empty: str, sets: Sets) -> None:
    with database.connect(empty, purpose="test") as connection:
        connection.execute("create schema extensions; create extension vector with schema extensions")
        connection.execute("set search_path to public, extensions")
        migrations.migrate(connection, sets)
        _insert(connection, rows=6)
    assert run(empty, k=5).strategies[0].recall.mean == 1.0


@pytest.mark.once
def test_embeddings_without_a_direction_are_no_answers(connection: database.Connection) -> None:
    user = _insert(connection, rows=4)
    connection.execute(
        "insert into memories (user_id, memory_type, content, embedding) "
        "select %s, 'task', 'zero', array_fill(0, array[1536])::vector",
        [user],
    )
    result = study.run(connection, Wanted(k=4), PLAIN)
    assert (result.strategies[0].recall.minimum, result.strategies[0].recall.short_results) == (1.0, 0)
    assert any("all zeros (1)" in note for note in result.notes)


def _insert(connection: database.Connection, *, rows: int) -> UUID:
    """A user with so many memories, whose embeddings are all different."""
    user = uuid4()
    connection.execute("insert into users (id) values (%s)", [user])
    connection.execute(
        "insert into memories (user_id, memory_type, content, embedding) "
        "select %s, 'task', 'memory', (select array_agg(sin(i * n)) from generate_series(1, 1536) as n)::vector "
        "from generate_series(1, %s) as i",
        [user, rows],
    )
    return user


@pytest.mark.once
def test_the_command_prints_figures_and_a_verdict(filled: str, command: Command) -> None:
    code, out, err = command(filled)
    assert code == 0
    assert all(word in out for word in ("p50", "p95", "p99", "recall@5", "exact", "pgvector", "MET plain meets p95"))
    assert "Finding the true neighbours" in err


@pytest.mark.once
def test_the_command_as_json_has_units_versions_and_settings(filled: str, command: Command) -> None:
    code, out, _ = command(filled, "--format", "json", "--k", "3")
    result = json.loads(out)
    assert (code, result["ok"], result["k"], result["sample"]["queries"]) == (0, True, 3, 20)
    assert set(result["strategies"][0]["latency"]) == {"p50", "p95", "p99", "max_ms"}
    assert set(result["strategies"][0]["latency"]["p99"]) == {"ms", "low_ms", "high_ms"}
    assert set(result["versions"]) == {"postgresql", "pgvector", "memdb", "psycopg"}
    assert None not in result["settings"].values()


@pytest.mark.once
def test_an_impossible_target_exits_1(filled: str, command: Command) -> None:
    code, out, _ = command(filled, "--target-p95-ms", "0.000001")
    assert code == 1
    assert "misses 1e-06 ms" in out


@pytest.mark.once
def test_k_out_of_range_and_a_user_that_is_no_uuid_are_wrong_usage(filled: str, command: Command) -> None:
    assert command(filled, "--k", "0")[0] == 2
    assert command(filled, "--k", "1001")[0] == 2
    assert command(filled, "--user", "bob")[0] == 2


@pytest.mark.once
def test_k_beyond_what_anybody_has_names_the_largest_that_works(filled: str, command: Command) -> None:
    code, _, err = command(filled, "--k", "999")
    assert code == 3
    assert "k = 999 is more than there is to find" in err
    largest = int(err.rsplit("--k ", 1)[1].split()[0])
    assert run(filled, k=largest, queries=1).k == largest
    with pytest.raises(DataError):
        run(filled, k=largest + 1)


@pytest.mark.once
@pytest.mark.parametrize(
    ("user", "message"),
    [
        (UUID(int=404), "has no memories"),
        (WITHOUT, "none with an embedding"),
        (LONE, "has a single memory with an embedding"),
    ],
)
def test_a_user_who_cannot_be_searched_for_is_named(filled: str, user: UUID, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        run(filled, user=user)
    assert str(user) in caught.value.message
    assert caught.value.hint


@pytest.mark.once
def test_an_empty_table_leads_to_seed(migrated: str) -> None:
    with pytest.raises(DataError, match="no memories with an embedding") as caught:
        run(migrated)
    assert "memdb seed" in caught.value.hint


@pytest.mark.once
def test_a_database_without_the_schema_leads_to_migrate(empty: str) -> None:
    with pytest.raises(DatabaseError, match='no table "memories"') as caught:
        run(empty)
    assert "memdb migrate" in caught.value.hint
