"""What each command does where memories are spread over a cluster, and reads of it."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

import memdb
from memdb import database, distribution
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.strategies import EXACT, HNSW, PLAIN, RELAXED, STRICT
from memdb.benchmark.study import Design
from memdb.errors import DatabaseError, DataError, StatementFailed
from memdb.migrations import shard_rules
from memdb.search.question import Question
from tests.integration.cluster.conftest import SHARDS, Spread

pytestmark = pytest.mark.once

REFUSED = (
    "alter table memories add column n bigint generated always as identity",
    "create trigger t before insert on memories for each row execute function suppress_redundant_updates_trigger()",
    "alter table memories disable trigger all",
    "alter table public.memories add constraint c unique (content)",
    "create unique index i on memories (content)",
    "alter table memories alter column content set storage plain",
    "create table notes (memory_id uuid references memories (id))",
    "create policy p on memories using (user_id = (select current_setting('a')::uuid))",
    "update memories set accessed_at = clock_timestamp()",
)
ALLOWED = (
    "create unique index i on memories (user_id, content)",
    "alter table memories add constraint c unique (content, user_id)",
    "create table notes (u uuid, m uuid, foreign key (u, m) references memories (user_id, id))",
    "create policy p on memories using (user_id::text = current_setting('a'))",
    "update memories set accessed_at = now()",
)


def write(folder: Path, name: str, sql: str, rollback: str = "select 1;") -> None:
    (folder / "app" / f"{name}.sql").write_text(sql)
    (folder / "app" / f"{name}.rollback.sql").write_text(rollback)


def test_a_file_of_several_statements_is_applied_and_taken_back_in_one_transaction(own: Spread, project: Path) -> None:
    write(
        project,
        "5001_add_importance",
        "alter table memories add column importance real;\n"
        "create index ix_imp on memories (importance);\n"
        "alter index ix_imp rename to ix_memories_importance;\n"
        "create function half(x real) returns real language sql as 'select x / 2';\n"
        "update memories set importance = 1;",
        "drop function half(real); drop index ix_memories_importance; alter table memories drop column importance;",
    )
    hnsw = "using hnsw (embedding vector_cosine_ops) with (m = 4);"
    write(project, "5002_add_index", f"-- transactional: false\ncreate index concurrently ix_e on memories {hnsw}",
          "-- transactional: false\ndrop index concurrently ix_e;")  # fmt: skip
    with own.open(project) as db:
        assert [step.id for step in db.migrate().steps] == ["5001_add_importance", "5002_add_index"]
        db.rollback()
        with pytest.raises(memdb.WouldLose) as would:
            db.rollback()
        assert [(loss.object, loss.count) for loss in would.value.losses] == [("public.memories.importance", 120)]
        assert len(db.rollback(losing=would.value).steps) == 1


def test_a_statement_that_is_refused_is_shown_and_leaves_nothing_of_its_file(own: Spread, project: Path) -> None:
    write(
        project, "5001_a", "alter table memories add column importance real;\nalter table memories add column x reel;"
    )
    with own.open(project) as db:
        with pytest.raises(StatementFailed) as failed:
            db.migrate()
        assert failed.value.location.endswith("5001_a.sql:2:1")
        assert {item.kind for item in db.verify().differences} == {"constraint", "index"}  # as they were spread


def test_on_a_worker_nothing_is_taken_for_an_empty_database(shared: Spread) -> None:
    coordinator = psycopg.conninfo.conninfo_to_dict(shared.conninfo)
    for call in ("migrate", "rollback", "status", "verify", "baseline"):
        with (
            memdb.open(shared.workers[0]) as db,
            pytest.raises(DatabaseError, match="is a worker of a Citus") as refused,
        ):
            getattr(db, call)()
        assert f"{coordinator['host']}:{coordinator['port']}" in refused.value.hint


def test_nor_is_a_part_taken_for_the_whole(shared: Spread, tmp_path: Path) -> None:
    """A worker has all memories, but not what only the coordinator has beside them."""
    with psycopg.connect(shared.conninfo) as connection:
        (user,) = connection.execute("select user_id from memories limit 1").fetchone() or (None,)
    calls: list[Callable[[memdb.Database], object]] = [
        lambda db: db.forget(user),
        lambda db: db.forget(user, dry_run=True),
        lambda db: db.export(tmp_path / "all.jsonl"),
        lambda db: db.search(Question("work", user=user)),
        lambda db: db.seed(memories=1),
        lambda db: db.benchmark(),
        lambda db: db.prune(dry_run=True),
        lambda db: db.duplicates(),
    ]
    for call in calls:
        with (
            memdb.open(shared.workers[0]) as db,
            pytest.raises(DatabaseError, match="is a worker of a Citus"),
        ):
            call(db)
    assert not list(tmp_path.iterdir())


def test_what_lint_says_is_refused_is_refused_and_the_rest_is_not(own: Spread) -> None:
    with database.connect(own.conninfo, purpose="test") as connection:
        columns = distribution.columns(connection)
        assert columns == {"users": "id", "memories": "user_id", "memory_collections": "user_id"}
        for statement in REFUSED:
            assert len(list(shard_rules.refusals(statement, columns))) == 1, statement
            with pytest.raises(psycopg.Error), connection.transaction():
                connection.execute(statement.encode())
        for statement in ALLOWED:
            assert not list(shard_rules.refusals(statement, columns))
            with connection.transaction(force_rollback=True):
                connection.execute(statement.encode())


def test_a_dry_run_sees_all_shards_and_what_citus_refuses(shared: Spread, project: Path) -> None:
    write(project, "5001_a", "create unique index ix_memories_content on memories (content);")
    with shared.open(project) as db:
        planned = db.plan()
    (statement,) = planned.steps[0].statements
    assert [(job.rows, job.bytes > 1_000_000) for job in statement.jobs] == [(1200, True)]
    assert [refusal.message.split(",")[0] for refusal in planned.refusals] == ["a unique index on memories"]


def test_verify_names_what_departs_on_a_shard_and_tables_that_are_not_spread(own: Spread) -> None:
    with own.open() as db:
        by_hand = {item.object for item in db.verify().differences}
        with psycopg.connect(own.workers[0], autocommit=True) as worker:
            worker.execute("set citus.override_table_visibility = off")
            worker.execute("set citus.enable_manual_changes_to_shards = on")
            found = worker.execute("select oid::regclass::text from pg_class where relname ~ '^ix_memories_user_id_'")
            worker.execute(f"drop index {found.fetchall()[0][0]}".encode())
        with psycopg.connect(own.conninfo, autocommit=True) as coordinator:
            coordinator.execute("alter table memory_collections drop constraint memory_collections_user_id_fkey")
            coordinator.execute("select undistribute_table('memory_collections')")
        departing = {item.object: item for item in db.verify().differences if item.object not in by_hand}
    index, table = departing["ix_memories_user_id"], departing["memory_collections"]
    assert (index.expected, index.found) == ({"valid on shards": SHARDS}, {"valid on shards": SHARDS - 1})
    assert (table.expected, table.found) == ({"spread by": "user_id"}, {"spread by": None})


def test_models_match_although_keys_begin_with_the_user(shared: Spread) -> None:
    with shared.open() as db:
        assert db.verify_models().ok


def test_users_of_whom_each_server_has_a_copy_are_added_and_removed(copied: Spread, tmp_path: Path) -> None:
    with copied.open() as db:
        db.export(tmp_path / "all.jsonl")
        with psycopg.connect(copied.conninfo, autocommit=True) as connection:
            keep = "insert into memories (user_id, memory_type, content) select min(user_id::text)::uuid, 'task', 'x' "
            connection.execute(f"{keep} from memories".encode())
        removed = db.unseed()
        assert (removed.memories, removed.users, removed.users_kept) == (120, 11, 1)
        assert db.import_(tmp_path / "all.jsonl").users_created == 11


def test_seeding_takes_rows_once_and_a_reset_takes_them_away(own: Spread, tmp_path: Path) -> None:
    path = tmp_path / "memories.jsonl"
    id, user = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-00000000000a"
    row = f'{{"id": "{id}", "user": "{user}", "content": "a", "embedding": [{", ".join(["0.1"] * 1536)}]}}\n'
    path.write_text(2 * row)
    with own.open() as db:
        assert db.seed(memories=50, users=3, random_seed=2, append=True).memories == 50
        with pytest.raises(DataError, match="appears twice in this file, in rows 1 and 2"):
            db.seed(path, append=True)
        path.write_text(row)
        assert [db.seed(path, append=True).already_there for _ in range(2)] == [0, 1]
        removed = db.unseed()
        assert (removed.memories, removed.users, db.inspect().memories) == (170, 15, 1)
        assert db.seed(memories=20, users=2, append=True, rebuild_indexes=True).memories == 20


def test_a_row_that_a_worker_refuses_is_told_as_on_one_server(own: Spread) -> None:
    with psycopg.connect(own.conninfo, autocommit=True) as connection:
        connection.execute("alter table memories add constraint memories_short check (length(content) < 5) not valid")
    with own.open() as db, pytest.raises(DataError) as refused:
        db.seed(memories=10, append=True)
    assert 'new row for relation "memories" violates check constraint "memories_short"' in refused.value.message


def test_what_was_exported_is_imported_exactly_and_a_second_time_it_is_there(own: Spread, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with own.open() as db:
        db.export(first)
        db.unseed()
        assert db.import_(first).memories == 120
        again = db.import_(first)
        assert (again.memories, again.already_there) == (0, 120)
        assert db.import_(first, on_conflict="overwrite").memories == 120
        db.export(second)
    assert sorted(first.read_text().splitlines()[1:-1]) == sorted(second.read_text().splitlines()[1:-1])


def test_a_benchmark_measures_every_strategy_on_the_shard_of_a_user(shared: Spread) -> None:
    strategies = (PLAIN, HNSW, STRICT, RELAXED, EXACT)
    with shared.open() as db:
        study = db.benchmark(Wanted(queries=12, k=10), Design(strategies, inserts=10))
    plans = {one.name: one.plans.used[0] for one in study.strategies}
    assert all(plan.access.endswith(", on 1 shard") for plan in plans.values())
    assert all("ix_memories_embedding (hnsw)" in plans[name].access for name in (HNSW, STRICT, RELAXED))
    assert (plans[HNSW].exact, plans[EXACT].exact) == (False, True)
    assert "_1" not in "".join(plan.access for plan in plans.values()).replace("1 shard", "")
    short = {one.name: one.recall.short_results for one in study.strategies}
    assert (short[STRICT], short[EXACT], short[HNSW] > 0) == (0, 0, True)  # iterative scans reach workers
    assert study.facts.vector_index is not None
    assert study.facts.vector_index.bytes > 5_000_000
    assert study.facts.toast_bytes > 5_000_000


def test_settings_of_a_strategy_reach_workers_from_further_connections_too(shared: Spread) -> None:
    with shared.open() as db:
        study = db.benchmark(Wanted(queries=12, k=10), Design((HNSW, STRICT), concurrency=(2,), seconds=0.5))
    loads = {one.name: one.loads[0].recall_mean for one in study.strategies}
    assert loads[STRICT] > loads[HNSW]


def test_the_doctor_and_inspect_see_all_shards(shared: Spread) -> None:
    with shared.open() as db:
        report, inspection = db.doctor(), db.inspect()
    assert report.memories == 1200
    assert {"workers", "two-phase-commits", "releases-of-workers", "invalid-indexes", "statistics"} <= set(report.fine)
    assert {size.name: size.bytes > 1_000_000 for size in inspection.sizes}["public.ix_memories_embedding"]


def test_the_doctor_sees_a_foreign_key_that_holds_nothing(own: Spread) -> None:
    with psycopg.connect(own.conninfo, autocommit=True) as connection:
        connection.execute("create table notes (user_id uuid references users (id) on delete cascade)")
        connection.execute("insert into notes select id from users limit 1")
        connection.execute("delete from users where id = (select user_id from notes limit 1)")
        assert connection.execute("select count(*) from notes").fetchone() == (1,)  # as Citus has it
        with own.open() as db:
            (found,) = (item for item in db.doctor().findings if item.check == "keys-of-local-tables")
        assert "notes_user_id_fkey" in found.object
        connection.execute("delete from notes where user_id <> all(array(select id from users))")
        connection.execute("select create_distributed_table('notes', 'user_id', colocate_with => 'users')")
        with own.open() as db:
            assert "keys-of-local-tables" in db.doctor().fine


def test_memories_of_a_user_are_forgotten_on_their_shard(own: Spread) -> None:
    with own.open() as db:
        with psycopg.connect(own.conninfo) as connection:
            user, held = connection.execute("select user_id, count(*) from memories group by 1").fetchall()[0]
        deleted = db.forget(user, and_user=True).deleted
        assert {table: rows for table, rows in deleted.items() if rows} == {"public.memories": held, "public.users": 1}
        assert db.inspect().memories == 120 - held
