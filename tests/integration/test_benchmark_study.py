"""Strategies side by side on a real database: what they find, under load and as another role; nothing stays behind."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

import numpy
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import catalog, database, embedded, migrations, project, shipped, target
from memdb.benchmark import cold, facts, preparation, sampling, study, trials, truth
from memdb.benchmark.figures import Measured
from memdb.benchmark.identity import Identity
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.strategies import WAYS, Way
from memdb.benchmark.study import Design, Study
from memdb.cli import main
from memdb.errors import DatabaseError, DataError, UsageError
from memdb.ledger import sqlfiles
from memdb.output.benchmark import reports
from memdb.seeding import seed
from memdb.seeding.memories import Synthetic
from tests.conftest import new_database

pytestmark = pytest.mark.once

MEMORIES = 1_500
FEW = Wanted(queries=30)


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """A database with made-up memories, which the tests of this module only read, or leave as it was."""
    with new_database(server, template=template) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            seed.seed(connection, Synthetic(users=12, memories=MEMORIES, random_seed=1))
            connection.execute("vacuum analyze memories")
        yield conninfo


@pytest.fixture
def opened(filled: str) -> Iterator[database.Connection]:
    with database.connect(filled, purpose="test") as connection:
        yield connection


def by_label(found: Study) -> dict[str, Measured]:
    return {one.strategy: one for one in found.strategies if one.role is None}


def test_strategies_side_by_side_differ_in_what_they_find(opened: database.Connection) -> None:
    design = Design(names=("plain", "hnsw", "strict", "relaxed", "exact"), ef_search=(10, 200))
    found = by_label(study.run(opened, FEW, design))
    assert list(found) == [
        "plain",
        *(f"{name}, ef_search {width}" for name in ("hnsw", "strict", "relaxed") for width in (10, 200)),
        "exact",
    ]
    assert found["plain"].recall.mean == found["exact"].recall.mean == 1.0
    assert found["hnsw, ef_search 10"].recall.short_results > 0
    assert found["strict, ef_search 10"].recall.short_results == 0
    assert found["hnsw, ef_search 10"].recall.mean < found["strict, ef_search 200"].recall.mean
    for label, one in found.items():
        ways = [use.access for use in one.plans.used]
        assert all(("hnsw" in way) == ("ef_search" in label) for way in ways)


def test_settings_of_a_strategy_are_gone_after_it(opened: database.Connection) -> None:
    study.run(opened, FEW, Design(names=("strict",), ef_search=(77,)))
    assert opened.execute("select current_setting('enable_sort'), current_setting('hnsw.ef_search')").fetchone() == (
        "on",
        "40",
    )


def test_users_of_each_size_have_figures_of_their_own(opened: database.Connection) -> None:
    (one,) = study.run(opened, FEW, Design(names=("plain",))).strategies
    assert [size.from_memories for size in one.sizes] == [10, 100]
    assert sum(size.queries for size in one.sizes) == 30
    assert one.server.p50_ms < one.latency.p50.ms
    assert one.server.round_trip_ms > 0
    assert one.pace.low_ms is not None
    assert 0 < one.pace.low_ms <= one.pace.ms


def test_a_missing_function_is_left_out_and_said(opened: database.Connection) -> None:
    found = study.run(opened, FEW, Design(names=("plain", "search_memories")))
    assert [one.strategy for one in found.strategies] == ["plain"]
    assert any("search_memories" in note and "--with fast_search" in note for note in found.notes)
    with pytest.raises(UsageError, match="none of these"):
        study.run(opened, FEW, Design(names=("search_memories",)))


def test_a_function_of_that_name_is_measured_and_judged(filled: str) -> None:
    with database.connect(filled, purpose="test") as connection:
        connection.execute(
            "create function search_memories(u uuid, q vector, k int default 10, candidates int default null) returns "
            "table (id uuid, content text, memory_type memory_type, metadata jsonb, distance float8) "
            "language sql stable set enable_seqscan = on "
            "as 'select id, content, memory_type, metadata, embedding <=> q from memories "
            "where user_id = u order by 5 limit least(k, candidates)'"
        )
        try:
            found = study.run(
                connection, FEW, Design(names=("search_memories",), candidates=(3,), concurrency=(2,), seconds=0.1)
            )
        finally:
            connection.execute("drop function search_memories")
    function = by_label(found)
    assert found.verdict.judged == "search_memories"
    assert function["search_memories"].recall.mean == 1.0
    assert function["search_memories, candidates 3"].recall.short_results == 30
    assert [use.exact for use in function["search_memories"].plans.used] == [None]


def test_inserts_that_are_refused_lose_nothing_that_was_measured(migrated: str) -> None:
    with database.connect(migrated, purpose="test") as connection:
        seed.seed(connection, Synthetic(users=2, memories=40, random_seed=1))
        connection.execute("alter table memories add source text unique, add check (source is not null) not valid")
        found = study.run(connection, FEW, Design(names=("plain",), inserts=10))
        assert found.inserts is None
        assert any(note.startswith("Left out: inserts. no copy of a memory can be inserted") for note in found.notes)
        connection.execute("alter table memories alter source set default gen_random_uuid()::text")
        found = study.run(connection, FEW, Design(names=("plain",), inserts=10))
        assert found.inserts is not None
        assert connection.value("select count(*) from memories") == 40


def test_several_connections_search_the_same_snapshot(opened: database.Connection) -> None:
    (one,) = study.run(opened, FEW, Design(names=("plain",), concurrency=(1, 4), seconds=0.2)).strategies
    assert [load.connections for load in one.loads] == [1, 4]
    assert all(load.recall_mean == 1.0 and load.queries > 0 for load in one.loads)
    assert all(load.latency.p50.ms <= load.latency.p95.ms <= load.latency.p99.ms for load in one.loads)


def test_searching_while_memories_are_added_leaves_nothing_behind(opened: database.Connection) -> None:
    everything = "select count(*), sum(hashtextextended(m::text, 0)) from memories as m"
    before = opened.execute(everything).fetchone()
    design = Design(names=("plain", "strict"), writers=2, concurrency=(2,), seconds=0.5)
    phases: list[str] = []
    for one in study.run(opened, FEW, design, on_phase=phases.append).strategies:
        assert one.while_adding is not None
        assert (one.while_adding.connections, one.while_adding.writers) == (2, 2)
        assert one.while_adding.added_per_second > 0
    assert opened.execute(everything).fetchone() == before
    assert ["adding" in phase or "added" in phase for phase in phases[-4:]] == [False, False, True, True], (
        "dead entries would make HNSW find less in what is measured afterwards"
    )


def test_what_a_writer_may_not_do_is_said(filled: str) -> None:
    role = sql.Identifier(f"memdb_study_reader_{os.getpid()}")
    with database.connect(filled, purpose="test") as admin:
        admin.execute(sql.SQL("create role {} login").format(role))
        admin.execute(sql.SQL("grant select on memories to {}").format(role))
        try:
            reader = make_conninfo(filled, user=role.as_string(admin).strip('"'))
            refused = pytest.raises(DatabaseError, match="permission denied")
            with refused, database.connect(reader, purpose="test") as connection:
                study.run(connection, FEW, Design(names=("plain",), writers=1, seconds=0.1))
        finally:
            admin.execute(sql.SQL("drop owned by {}").format(role))
            admin.execute(sql.SQL("drop role {}").format(role))


def test_another_role_searches_under_its_policies(migrated: str) -> None:
    role = f"memdb_study_app_{os.getpid()}"
    name = sql.Identifier(role)
    with database.connect(migrated, purpose="test") as connection:
        seed.seed(connection, Synthetic(users=3, memories=60, random_seed=1))
        connection.execute(sql.SQL("create role {}").format(name))
        try:
            connection.execute(sql.SQL("grant select on memories to {}").format(name))
            connection.execute("alter table memories enable row level security")
            connection.execute(
                "create policy own on memories using "
                "(user_id = (select (current_setting('request.jwt.claims')::json ->> 'sub')::uuid))"
            )
            design = Design(names=("plain",), concurrency=(2,), seconds=0.1, identity=Identity(role))
            own, other = study.run(connection, FEW, design).strategies
            assert (own.role, other.role) == (None, role)
            assert own.recall.mean == other.recall.mean == other.loads[0].recall_mean == 1.0
            mistaken = Design(names=("plain",), identity=Identity(role, "app.user"))
            connection.execute("set request.jwt.claims = '{}'")
            found = study.run(connection, FEW, mistaken)
            assert found.strategies[1].recall.mean == 0.0
            assert any(f"As {role}, plain finds less" in sentence for sentence in found.verdict.advice)
            connection.execute(sql.SQL("set role {}").format(name))
            with pytest.raises(DataError, match="row-level security hides the memories of all users"):
                study.run(connection, FEW, design)
        finally:
            connection.execute("reset role")
            connection.execute(sql.SQL("drop owned by {}").format(name))
            connection.execute(sql.SQL("drop role {}").format(name))


@pytest.mark.parametrize("workload", ["equal", "single"])
def test_a_workload_says_who_asks(opened: database.Connection, workload: str) -> None:
    with opened.transaction():
        prepared = preparation.prepare(opened, Wanted(queries=24, workload=workload), lambda _: None)
        largest = sampling.largest_user(opened, prepared.target)
    askers = [question.user_id for question in prepared.questions]
    if workload == "single":
        assert set(askers) == {largest}
    else:
        assert {askers.count(user) for user in askers} == {2}
        assert len(set(askers)) == 12


def test_true_neighbours_are_kept_until_a_memory_changes(migrated: str, tmp_path: Path) -> None:
    with database.connect(migrated, purpose="test") as connection:
        seed.seed(connection, Synthetic(users=2, memories=40, random_seed=1))

        def reused() -> bool:
            with connection.transaction():
                prepared = preparation.prepare(connection, Wanted(queries=5, truth_directory=tmp_path), lambda _: None)
            with connection.transaction():
                preparation.begin(connection)
                fresh = truth.find(connection, target.enter(connection), prepared.questions, 5)
            assert [one.distances for one in prepared.truth] == [one.distances for one in fresh.answers]
            return any("earlier run" in note for note in prepared.notes)

        assert [reused(), reused()] == [False, True]
        connection.execute("update memories set embedding = embedding + (select embedding from memories limit 1)")
        assert [reused(), reused()] == [False, True]
        connection.execute("delete from memories where id = (select id from memories order by id desc limit 1)")
        assert not reused()
        for kept in tmp_path.iterdir():
            kept.write_text("[[1, 2")
        assert not reused()


def test_questions_come_from_a_file(opened: database.Connection, tmp_path: Path) -> None:
    with opened.transaction():
        largest = sampling.largest_user(opened, target.enter(opened))
    vectors = numpy.random.default_rng(1).standard_normal((6, 1536)).astype("f4")
    names = numpy.array([str(largest)] * 4 + ["nobody"] * 2)
    numpy.savez(tmp_path / "questions.npz", embedding=vectors, user=names)
    numpy.savez(tmp_path / "anonymous.npz", embedding=vectors)
    numpy.savez(tmp_path / "unknown.npz", embedding=vectors, user=numpy.array(["nobody"] * 6))

    def ask(name: str) -> preparation.Prepared:
        with opened.transaction():
            wanted = Wanted(queries=10, queries_from=tmp_path / name)
            return preparation.prepare(opened, wanted, lambda _: None)

    named = ask("questions.npz")
    assert {question.user_id for question in named.questions} == {largest}
    assert any("2 questions of users without memories" in note for note in named.notes)
    anonymous = ask("anonymous.npz")
    assert len({question.user_id for question in anonymous.questions}) > 1
    assert {question.memory_id for question in anonymous.questions} == {UUID(int=0)}
    assert all(len(true.distances) == 5 for true in anonymous.truth)
    with pytest.raises(DataError, match="no question from a user who has memories"):
        ask("unknown.npz")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="has no rows"):
        ask("empty.jsonl")


def read_facts(connection: database.Connection) -> facts.Facts:
    with connection.transaction():
        return facts.read(connection, target.enter(connection))


def test_facts_have_sizes_and_say_what_is_not_used(opened: database.Connection) -> None:
    found = read_facts(opened)
    assert found.memories == MEMORIES
    assert found.vector_index is not None
    assert found.vector_index.bytes > MEMORIES * 6144
    assert found.indexes_bytes >= sum(index.bytes for index in found.indexes)
    assert found.bytes_per_memory > 12_000
    assert "ix_memories_accessed_at" in [index.name for index in found.indexes if not index.scans]
    assert [index.name for index in found.indexes if index.needed] == ["memories_pkey"]


def test_facts_say_what_is_in_shared_buffers_where_that_can_be_known(migrated: str) -> None:
    with database.connect(migrated, purpose="test") as connection:
        assert not read_facts(connection).buffers_known
        offered = connection.execute("select 1 from pg_available_extensions where name = 'pg_buffercache'").fetchone()
        if offered is None:
            pytest.skip("this server does not offer pg_buffercache")
        connection.execute("create extension pg_buffercache")
        seed.seed(connection, Synthetic(users=1, memories=20, random_seed=1))
        found = read_facts(connection)
        assert found.vector_index is not None
        assert found.vector_index.buffered_share is not None
        assert 0 < found.vector_index.buffered_share <= 1


def test_indexes_are_tried_out_and_gone(opened: database.Connection) -> None:
    small, large = trials.run(opened, (4, 16), k=5, rows=1_400, ef_search=(10, 100), random_seed=1)
    assert (small.m, large.m, small.rows) == (4, 16, 1_400)
    assert large.recall[100] >= small.recall[10] > 0.5
    assert small.memory_bytes_per_row is not None
    assert 6_144 < small.memory_bytes_per_row < 10_000
    assert opened.execute("select count(*) from pg_class where relname like 'memdb_trial%'").fetchone() == (0,)


def test_a_cold_run_restarts_the_server_before_each_strategy() -> None:
    with embedded.temporary() as running:
        connects = 0

        def connect() -> AbstractContextManager[database.Connection]:
            nonlocal connects
            connects += 1
            return database.connect(database.conninfo(embedded.start(running.directory).url()), purpose="test")

        starts: list[object] = []

        def restart() -> None:
            embedded.stop(running.directory)
            embedded.start(running.directory)
            with connect() as connection:
                starts.append(connection.execute("select pg_postmaster_start_time()").fetchone())

        with connect() as connection:
            migrations.migrate(connection, sqlfiles.read_sets(shipped.sql_directory()))
            seed.seed(connection, Synthetic(users=2, memories=60, random_seed=1))
        found = cold.measure(connect, restart, Wanted(queries=5), Design(names=("plain", "exact")))
    assert list(found) == ["plain", "exact"]
    assert len(set(starts)) == 2


def test_the_command_writes_reports_and_compares_with_an_earlier_one(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: str) -> int:
        options = ["--database-url", filled, "--no-cache", "--queries", "80", "--format", "json"]
        return main(["benchmark-similarity", *options, *arguments])

    paths = [tmp_path / f"report.{kind}" for kind in ("json", "md", "html")]
    options = [option for path in paths for option in ("--report", str(path))]
    assert call("--strategies", "plain", "--concurrency", "2", "--duration", "0.1", *options) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("address"), "a report is passed on, so only what is printed names the database"
    assert printed == json.loads(paths[0].read_text())
    assert paths[1].read_text().startswith("## Similarity search")
    assert paths[2].read_text().startswith("<!doctype html>")

    earlier = json.loads(paths[0].read_text())
    for one in earlier["strategies"]:
        for found in (one, *one["sizes"]):
            found["latency"]["p95"] = {"ms": 1e-6, "low_ms": 1e-6, "high_ms": 1e-6}
    paths[0].write_text(json.dumps(earlier))
    assert call("--strategies", "plain", "--compare", str(paths[0]), "--report", str(paths[1])) == 1
    assert "**Worse:** plain: p95" in paths[1].read_text()
    captured = capsys.readouterr()
    assert "Measuring it again, to see whether it lasts" in captured.err
    result = json.loads(captured.out)
    assert (result["ok"], result["verdict"]["failures"], result["changes"]["ok"]) == (False, [], False)


def test_a_new_strategy_is_an_entry_among_the_others(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way("the plain query without indexes", settings=lambda _: {"enable_indexscan": "off"})
    monkeypatch.setitem(WAYS, "unindexed", way)
    report = tmp_path / "report.html"
    options = ["--database-url", filled, "--no-cache", "--queries", "20", "--report", str(report)]
    assert main(["benchmark-similarity", "--strategies", "all", *options]) == 0
    assert "unindexed: the plain query without indexes" in " ".join(capsys.readouterr().out.split())
    assert "unindexed" in report.read_text()
    assert main(["benchmark-similarity", "--strategies", "unindexed", "--ef-search", "40", *options]) == 2
    assert "--ef-search has no effect on unindexed" in capsys.readouterr().err
    assert main(["benchmark-similarity", "--strategies", "fastest", *options]) == 2
    assert "search_memories, unindexed; or all" in " ".join(capsys.readouterr().err.split())


def test_what_is_recommended_can_be_migrated_and_taken_back(migrated: str, tmp_path: Path) -> None:
    directory = project.init(tmp_path).sql_dir
    with database.connect(migrated, purpose="test") as connection:
        seed.seed(connection, Synthetic(users=1, memories=60, random_seed=1))
        found = study.run(connection, FEW, Design(names=("strict",), ef_search=(90,), try_m=(24,)))
        reports.write(found, tmp_path / "report.json")
        written = project.recommended(directory, tmp_path / "report.json").migrations
        assert [one.id[5:] for one in written] == [
            "search_with_ef_search_90",
            "create_ix_memories_embedding_m24",
            "comment_on_ix_memories_embedding_m24",
            "drop_ix_memories_embedding",
            "rename_ix_memories_embedding_m24",
        ]
        sets = sqlfiles.read_sets(directory)
        before = catalog.read(connection, "public")
        migrations.migrate(connection, sets)
        made = {index.name: index.options for index in read_facts(connection).indexes if index.method == "hnsw"}
        assert made == {"ix_memories_embedding": "m=24, ef_construction=96"}
        comment = connection.value("select obj_description('ix_memories_embedding'::regclass)")
        assert "(HNSW, m 24, ef_construction 96)" in comment
        migrations.migrate(connection, sets, chosen=("drop_hnsw",))
        assert not any(index.method == "hnsw" for index in read_facts(connection).indexes)
        migrations.rollback(connection, sets, steps=2)
        with database.again(connection, purpose="test") as newcomer:
            newcomer.execute("select '[1]'::vector <=> '[1]'::vector")
            settings = newcomer.execute(
                "select current_setting('hnsw.ef_search'), current_setting('hnsw.iterative_scan')"
            )
            assert settings.fetchone() == ("90", "strict_order")
        migrations.rollback(connection, sets, steps=5)
        assert catalog.read(connection, "public") == before
        with database.again(connection, purpose="test") as newcomer:
            assert newcomer.execute("select current_setting('hnsw.ef_search', true)").fetchone() == (None,)


def test_what_a_database_had_of_its_own_is_put_back(migrated: str, tmp_path: Path) -> None:
    directory = project.init(tmp_path).sql_dir
    with database.connect(migrated, purpose="test") as connection:
        seed.seed(connection, Synthetic(users=1, memories=60, random_seed=1))
        name = connection.info.dbname
        connection.execute(f"alter database {name} set hnsw.iterative_scan = 'relaxed_order'".encode())
        found = study.run(connection, FEW, Design(names=("strict",), ef_search=(90,)))
        reports.write(found, tmp_path / "report.json")
        project.recommended(directory, tmp_path / "report.json")
        sets = sqlfiles.read_sets(directory)
        migrations.migrate(connection, sets)
        assert read_facts(connection).database_settings == {
            "hnsw.ef_search": "90",
            "hnsw.iterative_scan": "strict_order",
        }
        migrations.rollback(connection, sets)
        assert read_facts(connection).database_settings == {"hnsw.iterative_scan": "relaxed_order"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategies", "fastest"], "no strategy 'fastest'"),
        (["--ef-search", "40,many"], "not a list of numbers"),
        (["--concurrency", "0"], "not a list of numbers"),
        (["--ef-search", ","], "not a list of numbers"),
        (["--ef-search", "40"], "--ef-search has no effect on plain"),
        (["--strategies", "strict", "--candidates", "40"], "--candidates has no effect on strict"),
        (["--strategies", ""], "no strategy is named"),
        (["--report", "report.pdf"], "not a kind of report"),
        (["--cold"], "--cold restarts the server"),
    ],
)
def test_wrong_usage_is_found_before_anything_is_measured(
    filled: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["benchmark-similarity", "--database-url", filled, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert not re.search("Searching|Finding", error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare", "missing.json"], "missing.json cannot be read"),
        (["--role", "memdb_nobody"], 'role "memdb_nobody" does not exist'),
        (["--role", "postgres", "--user-setting", "no name"], 'configuration parameter "no name"'),
        (["--k", "1000", "--try-m", "8"], "k = 1000 is more than there is to find"),
        (["--queries-from", "missing.npz", "--strategies", "plain"], "no file missing.npz"),
    ],
)
def test_what_cannot_be_used_is_found_before_anything_is_measured(
    filled: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["benchmark-similarity", "--database-url", filled, *arguments]) == 3
    error = capsys.readouterr().err
    assert message in error
    assert not re.search("Searching|Finding|Building", error)


def test_what_was_measured_is_kept_where_it_cannot_be_compared(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(strategy: str, *arguments: str) -> int:
        options = ["--database-url", filled, "--no-cache", "--queries", "5", "--strategies", strategy]
        return main(["benchmark-similarity", *options, *arguments])

    paths = [str(tmp_path / name) for name in ("exact.json", "plain.json")]
    assert call("exact", "--report", paths[0]) == 0
    assert call("plain", "--report", paths[1], "--compare", paths[0]) == 3
    assert "has none of these strategies" in capsys.readouterr().err
    assert json.loads(Path(paths[1]).read_text())["strategies"][0]["strategy"] == "plain"
