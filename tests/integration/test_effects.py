"""What statements do to tables that are there before them: locks, and work that is done under them."""

from collections.abc import Callable

import pytest

from memdb.database import Connection
from memdb.effects import costs
from memdb.effects.costs import Size
from memdb.effects.measuring import Effects, Index, Watch, Work
from memdb.statements import Statement, split

Try = Callable[[str], list[Effects]]

BASE = """
create extension vector;
create table users (id int constraint users_pkey primary key);
create table notes (
    id int constraint notes_pkey primary key, user_id int, body text, at timestamp, embedding vector(3)
);
create index ix_notes_embedding on notes using hnsw (embedding vector_l2_ops);
create table parted (at date) partition by range (at);
create table parted_2025 partition of parted for values from ('2025-01-01') to ('2026-01-01');
"""
ALL = (Index("notes_pkey", "btree"), Index("ix_notes_embedding", "hnsw"))
NOBODY = "reads and writes"


@pytest.fixture
def tried(empty_connection: Connection) -> Try:
    """Runs statements in one transaction and says what each did."""
    empty_connection.execute(BASE)

    def tried(sql: str) -> list[Effects]:
        watch = Watch(empty_connection, "public")
        with empty_connection.transaction(force_rollback=True):
            return [_run(empty_connection, watch, statement) for statement in split(sql)]

    return tried


def _run(connection: Connection, watch: Watch, statement: Statement) -> Effects:
    connection.execute(statement.text.encode())
    return watch.after(statement)


def test_what_rewrites_a_table_is_seen_with_the_indexes_that_are_rebuilt(tried: Try) -> None:
    for sql in (
        "alter table notes alter id type bigint",
        "alter table notes add column drawn float default random()",
        "alter table notes add column size int generated always as (length(body)) stored",
        "alter table notes alter body type varchar(10)",
        "alter table notes set unlogged",
        "cluster notes using notes_pkey",
        "do $$ begin execute 'alter table notes alter id type bigint'; end $$",
    ):
        (effects,) = tried(sql)
        (work,) = effects.work
        assert (work.kind, work.table, work.blocks) == ("rewrites", "notes", NOBODY), sql
        assert set(work.indexes) == set(ALL), sql


@pytest.mark.parametrize(
    ("sql", "work"),
    [
        ("create index ix_notes_at on notes (at)",
         Work("builds", "notes", (Index("ix_notes_at", "btree"),), "writes")),
        ("alter table notes add constraint notes_body_key unique (body)",
         Work("builds", "notes", (Index("notes_body_key", "btree"),), NOBODY)),
        ("reindex index ix_notes_embedding",
         Work("builds", "notes", (Index("ix_notes_embedding", "hnsw"),), "writes")),
        ("alter table notes add constraint c check (id > 0)", Work("reads", "notes", (), NOBODY)),
        ("alter table notes alter body set not null", Work("reads", "notes", (), NOBODY)),
        ("alter table notes add foreign key (user_id) references users", Work("reads", "notes", (), "writes")),
    ],
)  # fmt: skip
def test_what_goes_over_all_rows_under_a_lock_is_seen(tried: Try, sql: str, work: Work) -> None:
    assert work in tried(sql)[0].work


@pytest.mark.parametrize(
    "sql",
    [
        "alter table notes add column size int not null default 0",
        "alter table notes alter body type varchar",
        "alter table notes drop column body",
        "alter table notes add constraint c check (id > 0) not valid",
        "alter table notes add constraint f foreign key (user_id) references users not valid",
        "create table more (id int primary key, note int references notes); create index on more (note)",
        "create table more as select * from notes; alter table more alter id type bigint",
        "truncate notes",
        "drop index ix_notes_embedding",
        "comment on table notes is 'x'",
        "update notes set body = 'x'",
        "select count(*) from notes",
    ],
)
def test_what_does_not_keep_others_waiting_for_long_is_no_work(tried: Try, sql: str) -> None:
    assert [effects.work for effects in tried(sql)] == [()] * len(split(sql))


def test_a_constraint_that_is_proved_by_another_reads_nothing(tried: Try) -> None:
    proved = "alter table notes add constraint c check (body is not null) not valid"
    assert tried(f"{proved}; alter table notes alter body set not null")[1].work
    assert (
        len(tried(f"{proved}; alter table notes validate constraint c; alter table notes alter body set not null")) == 3
    )


def test_rows_that_are_written_while_others_are_locked_out_are_work(tried: Try) -> None:
    first, second = tried("alter table notes add column tag text; update notes set tag = 'x'")
    assert first.work == ()
    assert second.work == (Work("reads", "notes", (), NOBODY),)


def test_locks_are_those_that_are_new_or_stronger(tried: Try) -> None:
    effects = tried("select 1; lock table users in share mode; select * from users; drop table users")
    assert [[(lock.relation, lock.mode) for lock in item.locks or ()] for item in effects] == [
        [],
        [("users", "SHARE")],
        [],
        [("users", "ACCESS EXCLUSIVE")],
    ]


@pytest.mark.parametrize(
    ("sql", "mode", "kinds"),
    [
        ("create index concurrently ix_notes_at on notes (at)", "SHARE UPDATE EXCLUSIVE", []),
        ("drop index concurrently ix_notes_embedding", "SHARE UPDATE EXCLUSIVE", []),
        ("reindex index concurrently ix_notes_embedding", "SHARE UPDATE EXCLUSIVE", []),
        ("vacuum (analyze) notes", "SHARE UPDATE EXCLUSIVE", []),
        ("vacuum full notes", "ACCESS EXCLUSIVE", ["rewrites"]),
    ],
)
def test_of_what_runs_outside_of_a_transaction_the_traces_are_seen(
    empty_connection: Connection, sql: str, mode: str, kinds: list[str]
) -> None:
    empty_connection.execute(BASE)
    watch = Watch(empty_connection, "public")
    (statement,) = split(sql)
    empty_connection.execute(statement.text.encode())
    effects = watch.after_lone(statement)
    assert [(lock.relation, lock.mode) for lock in effects.locks or ()] == [("notes", mode)]
    assert [work.kind for work in effects.work] == kinds
    assert not effects.measured


def test_what_leaves_no_traces_has_unknown_locks(empty_connection: Connection) -> None:
    empty_connection.execute(BASE)
    watch = Watch(empty_connection, "public")
    (statement,) = split("do $$ begin commit; end $$")
    empty_connection.execute(statement.text.encode())
    assert watch.after_lone(statement).locks is None


def test_an_estimate_is_near_to_what_was_measured() -> None:
    rewritten = Work("rewrites", "memories", (*ALL, *[Index("ix", "btree")] * 4), NOBODY)
    assert 40 < costs.seconds(rewritten, Size(50_000, 425_000_000)) < 55
    built = Work("builds", "memories", (Index("ix", "hnsw"),), "writes")
    assert 43 < costs.seconds(built, Size(100_000, 850_000_000)) < 53


def test_the_shorter_way_is_told_where_an_index_takes_most_of_the_time() -> None:
    size = Size(50_000, 425_000_000)
    told = "about 6 s if the hnsw index is dropped first (the set drop_hnsw does that for memories)"
    assert costs.shorter(Work("rewrites", "memories", ALL, NOBODY), size) == told
    assert costs.shorter(Work("rewrites", "memories", (Index("ix", "btree"),), NOBODY), size) == ""
    assert costs.shorter(Work("builds", "memories", (Index("ix", "hnsw"),), "writes"), size) == ""


def test_work_in_words() -> None:
    assert costs.in_words(Work("rewrites", "a", (), NOBODY)) == "rewrites a"
    assert costs.in_words(Work("rewrites", "a", ALL, NOBODY)) == "rewrites a, with 2 indexes, among them hnsw"
    assert costs.in_words(Work("builds", "a", ALL, "writes")) == "builds notes_pkey and ix_notes_embedding on a"
    assert costs.in_words(Work("reads", "a", (), "writes")) == "reads all rows of a"
