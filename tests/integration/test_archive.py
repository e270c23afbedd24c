"""The set archive: what is replaced, merged or pruned is not found any more, and comes back as it was."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import database
from memdb.database import Connection
from tests.conftest import new_database
from tests.integration.conftest import as_role

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("drop_hnsw", "fast_search", "importance", "retention", "archive", "row_security")
ARCHIVE: LiteralString = "select archive_memories(%s, %s, %s, %s)"
RESTORE: LiteralString = "select memory_id, reason, replaced_by, has_embedding from restore_memories(%s, %s)"
SUPERSEDE: LiteralString = "select supersede_memory(%s, %s, %s, %s::timestamptz)"
VERSIONS: LiteralString = "select id, valid_from, valid_to, reason, replaced_by from memory_versions(%s, %s)"
SEARCH: LiteralString = "select id from search_memory_archive(%s, array_fill(0.1, '{1536}')::vector, 10"
# What an application may have beside memories, and in them.
OF_APPLICATION = """
alter table memories
    add column mood text default 'calm', add column weight float8, add column lasts interval, add column seen daterange;
create table notes (memory_id uuid references memories on delete cascade, user_id uuid references users,
    n int generated always as identity, j json, made timestamptz default now());
alter table memories add constraint memories_id_user_id_key unique (id, user_id);
create table members (memory_id uuid, user_id uuid,
    foreign key (memory_id, user_id) references memories (id, user_id) on delete cascade,
    collection_id uuid references memory_collections on delete cascade, primary key (memory_id, collection_id));
create table links (a uuid references memories on delete cascade, b uuid references memories on delete cascade,
    primary key (a, b));
"""
HELD = ("memories", "memory_importance", "memory_retention", "notes", "members", "links")


def id_of(number: int, user: UUID = ANN) -> UUID:
    return UUID(int=user.int + number)


ONE, TWO, THREE, FOUR = (id_of(number) for number in range(1, 5))


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann has memories 1 to 4, made on the first days of 2026, and Bob has one; all have something beside them."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute(OF_APPLICATION.encode())
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content, embedding, metadata, created_at, mood, "
                "weight, lasts, seen) values (%s, %s, 'task', %s, array_fill(%s / 10.0, '{1536}')::vector, 'null', "
                "make_timestamptz(2026, 1, %s, 0, 0, 0, 'UTC'), 'glad', '-0', '-1 day +3:00', '[2026-02-01,)')",
                [(id_of(n), ANN, f"memory {n}", n, n) for n in range(1, 5)] + [(id_of(1, BOB), BOB, "Bob's", 1, 1)],
            )
            connection.execute(
                "insert into notes (memory_id, user_id, j) select id, user_id, '{\"a\" : 1}' from memories; "
                "insert into memory_collections (user_id, collection_type, name) select id, 'goals', 'x' from users; "
                "insert into members select m.id, user_id, c.id from memories as m "
                "join memory_collections as c using (user_id); "
                "insert into links select x.id, y.id from memories as x join memories as y using (user_id) "
                "where x.id < y.id; "
                "insert into memory_importance (memory_id, importance) select id, 1 / 3.0 from memories; "
                "insert into memory_retention (memory_id, user_id, pinned) select id, user_id, true from memories"
            )
        yield conninfo


@pytest.fixture
def archive(filled: str) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def copied(server: str, filled: str) -> Iterator[str]:
    """A database of its own, for what is committed."""
    name = str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])
    with new_database(server, template=name) as conninfo:
        yield conninfo


def everything(connection: psycopg.Connection[Any]) -> list[list[str]]:
    """All that there is, as PostgreSQL writes it."""
    tables = [f"select t::text from {table} as t order by 1" for table in HELD]
    return [[row for (row,) in connection.execute(text.encode())] for text in tables]


def ids(
    connection: psycopg.Connection[Any], table: LiteralString = "memories", where: LiteralString = "true"
) -> set[UUID]:
    return {id for (id,) in connection.execute("select id from " + table + " where " + where)}


def days(connection: Connection, memory: UUID) -> list[tuple[UUID, int, int | None, str | None, UUID | None]]:
    """The versions of a memory, with the days of January that each held."""
    rows = connection.execute(VERSIONS, [ANN, memory])
    return [(id, begun.day, ended and ended.day, why, by) for id, begun, ended, why, by in rows]


def test_what_is_archived_is_gone_for_every_search_and_comes_back_as_it_was(archive: Connection) -> None:
    before = everything(archive)
    # How values are written must not depend on how the session likes to see them.
    archive.execute("set local datestyle = 'SQL, DMY'; set local intervalstyle = 'sql_standard'")
    archive.execute("set local extra_float_digits = -10; set local search_path = public, pg_temp")
    assert archive.execute(ARCHIVE, [ANN, [TWO, ONE, ONE], "merged", FOUR]).fetchone() == (2,)
    archive.execute("select note_memory_recalls(%s, %s)", [ANN, [ONE]])
    assert ids(archive) == {THREE, FOUR, id_of(1, BOB)}
    assert [len(rows) for rows in everything(archive)] == [3, 3, 3, 3, 3, 1]
    assert ids(archive, "memory_archive") == {ONE, TWO}
    assert archive.execute(RESTORE, [ANN, [TWO, ONE]]).fetchall() == [
        (ONE, "merged", FOUR, True), (TWO, "merged", FOUR, True)
    ]  # fmt: skip
    archive.execute("reset datestyle; reset intervalstyle; reset extra_float_digits")
    assert everything(archive) == before
    assert ids(archive, "memory_archive") == set()


def test_one_by_one_and_without_embeddings_all_else_comes_back(archive: Connection) -> None:
    before = everything(archive)
    archive.execute("select archive_memories(%s, %s, 'pruned', with_embeddings => false)", [ANN, [ONE, TWO]])
    assert archive.execute(SEARCH + ")", [ANN]).fetchall() == []
    assert archive.execute(RESTORE, [ANN, [ONE]]).fetchall() == [(ONE, "pruned", None, False)]
    assert archive.execute(RESTORE, [ANN, [TWO]]).fetchall() == [(TWO, "pruned", None, False)]
    assert everything(archive)[1:] == before[1:]
    assert ids(archive, where="embedding is null and signature is null and accessed_at = now()") == {ONE, TWO}


def test_what_changed_meanwhile_is_minded(archive: Connection) -> None:
    archive.execute(ARCHIVE, [ANN, [ONE], "merged", FOUR])
    archive.execute("alter table memories drop column weight, add column likes int not null default 7")
    archive.execute("alter table memory_importance add column why text default 'none'")
    archive.execute("delete from memory_collections where user_id = %s", [ANN])
    archive.execute("delete from memories where id = %s", [TWO])
    archive.execute(RESTORE, [ANN, [ONE]])
    assert ids(archive, where="likes = 7 and mood = 'glad'") == {ONE, THREE, FOUR, id_of(1, BOB)}
    assert archive.execute("select why from memory_importance where memory_id = %s", [ONE]).fetchall() == [("none",)]
    assert archive.execute("select memory_id from members").fetchall() == [(id_of(1, BOB),)]
    assert archive.execute("select b from links where a = %s order by b", [ONE]).fetchall() == [(THREE,), (FOUR,)]


def test_what_refers_to_something_that_is_gone_comes_back_without_it(archive: Connection) -> None:
    archive.execute(
        "create table summed (memory_id uuid references memories on delete cascade, place int,"
        " source_id uuid references memories on delete set null)"
    )
    archive.execute("insert into summed values (%s, 1, %s), (%s, 2, %s)", [ONE, TWO, ONE, THREE])
    assert archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None]).fetchone() == (1,)
    archive.execute("delete from memories where id = %s", [TWO])
    assert archive.execute(RESTORE, [ANN, [ONE]]).fetchall() == [(ONE, "pruned", None, True)]
    assert archive.execute("select place, source_id from summed order by 1").fetchall() == [(1, None), (2, THREE)]


@pytest.mark.parametrize("rule", ["cascade", "set null"])
def test_answers_come_back_with_what_they_answer_and_without_what_has_gone(archive: Connection, rule: str) -> None:
    archive.execute(
        "create table said (id int generated always as identity primary key, memory_id uuid references memories"
        f" on delete cascade, answers int references said on delete {rule})".encode()
    )
    archive.execute(
        "insert into said (memory_id, answers) values (%s, null), (%s, 1), (%s, 2), (%s, 4), (%s, null), (%s, 5)",
        [ONE, ONE, ONE, ONE, TWO, ONE],
    )
    said = "select id, answers from said where memory_id = %s order by id"
    before = archive.execute(said, [ONE]).fetchall()
    archive.execute(ARCHIVE, [ANN, [ONE, TWO], "pruned", None])
    archive.execute(RESTORE, [ANN, [ONE, TWO]])
    assert archive.execute(said, [ONE]).fetchall() == before
    archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None])
    archive.execute("delete from memories where id = %s", [TWO])
    archive.execute(RESTORE, [ANN, [ONE]])
    assert archive.execute(said, [ONE]).fetchall() == before[:4] + ([(6, None)] if rule == "set null" else [])


def test_a_memory_whose_column_refers_to_another_comes_back_without_it_when_it_is_gone(archive: Connection) -> None:
    archive.execute("alter table memories add source uuid references memories on delete set null")
    archive.execute("update memories set source = %s where id = %s", [TWO, ONE])
    source = "select source from memories where id = %s"
    archive.execute(ARCHIVE, [ANN, [ONE, TWO], "pruned", None])
    archive.execute(RESTORE, [ANN, [ONE, TWO]])
    assert archive.execute(source, [ONE]).fetchall() == [(TWO,)]
    archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None])
    archive.execute("delete from memories where id = %s", [TWO])
    archive.execute(RESTORE, [ANN, [ONE]])
    assert archive.execute(source, [ONE]).fetchall() == [(None,)]


@pytest.mark.parametrize("rule", ["set null", "no action", "restrict"])
def test_what_refers_to_a_younger_table_comes_back_with_it(archive: Connection, rule: str) -> None:
    memory = "memory_id uuid references memories on delete cascade"
    archive.execute(
        f"create table said (id int primary key, {memory}); create table files (id int primary key, {memory});"
        f"alter table said add file_id int references files on delete {rule};".encode()
    )
    archive.execute("insert into files values (1, %s)", [ONE])
    archive.execute("insert into said values (1, %s, 1)", [ONE])
    archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None])
    archive.execute(RESTORE, [ANN, [ONE]])
    assert archive.execute("select * from said").fetchall() == [(1, ONE, 1)]


def test_tables_that_refer_to_each_other_come_back_with_all_references(archive: Connection) -> None:
    memory = "memory_id uuid references memories on delete cascade"
    archive.execute(
        f"create table files (id int primary key, {memory});"
        f'create table "said %" (id int primary key, {memory}, file_id int references files on delete set null);'
        'alter table files add said_id int references "said %" on delete set null;'
        'alter table memories add best int references "said %" on delete set null'.encode()
    )
    archive.execute("insert into files select n, i from unnest(%s::uuid[]) with ordinality as m (i, n)", [[ONE, TWO]])
    archive.execute('insert into "said %%" select id + 1, memory_id, id from files', [])
    archive.execute("update files set said_id = 4 - id")
    archive.execute("update memories set best = 2 where id = %s", [ONE])
    before = [
        archive.execute(f'select * from "{table}" order by id'.encode()).fetchall()
        for table in ("files", "said %", "memories")
    ]
    archive.execute(ARCHIVE, [ANN, [ONE, TWO], "superseded", THREE])
    archive.execute(RESTORE, [ANN, [ONE, TWO]])
    assert before == [
        archive.execute(f'select * from "{table}" order by id'.encode()).fetchall()
        for table in ("files", "said %", "memories")
    ]


@pytest.mark.parametrize("rule", ["no action", "restrict"])
def test_a_column_that_refers_to_what_has_gone_comes_back_empty_or_says_so(archive: Connection, rule: str) -> None:
    archive.execute(
        "create table projects (id int primary key); insert into projects values (1), (2);"
        "create table said (memory_id uuid references memories on delete cascade,"
        f" may int references projects on delete {rule},"
        f" must int not null constraint said_must_fkey references projects on delete {rule})".encode()
    )
    archive.execute("insert into said values (%s, 1, 2)", [ONE])
    archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None])
    archive.execute("delete from projects")
    told = r"rows of public\.said cannot come back: what they refer to by said_must_fkey has gone"
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match=told), archive.transaction():
        archive.execute(RESTORE, [ANN, [ONE]])
    archive.execute("insert into projects values (2)")
    archive.execute(RESTORE, [ANN, [ONE]])
    assert archive.execute("select * from said").fetchall() == [(ONE, None, 2)]


def test_what_others_wrote_beside_a_memory_stays_theirs_and_away_when_they_are_gone(archive: Connection) -> None:
    archive.execute("insert into notes (memory_id, user_id, j) values (%s, %s, '1'), (%s, null, '2')", [ONE, BOB, ONE])
    written = "select user_id, j::text from notes where memory_id = %s order by n"
    before = archive.execute(written, [ONE]).fetchall()
    assert {user for user, _ in before} == {ANN, BOB, None}
    archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None])
    archive.execute(RESTORE, [ANN, [ONE]])
    assert archive.execute(written, [ONE]).fetchall() == before
    archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None])
    archive.execute("delete from notes where user_id = %s", [BOB])
    archive.execute("delete from users where id = %s", [BOB])
    assert archive.execute(RESTORE, [ANN, [ONE]]).rowcount == 1
    assert archive.execute(written, [ONE]).fetchall() == [row for row in before if row[0] != BOB]


def test_those_of_others_and_those_that_are_gone_are_passed_over(archive: Connection) -> None:
    before = everything(archive)
    for given in ([id_of(1, BOB), UUID(int=5), None], [], None):
        assert archive.execute(ARCHIVE, [ANN, given, "merged", FOUR]).fetchone() == (0,)
        assert archive.execute(RESTORE, [ANN, given]).fetchall() == []
    assert archive.execute(ARCHIVE, [None, [ONE], "pruned", None]).fetchone() == (0,)
    assert archive.execute(ARCHIVE, [ANN, [FOUR], "merged", FOUR]).fetchone() == (0,)
    archive.execute(ARCHIVE, [BOB, [id_of(1, BOB)], "pruned", None])
    assert archive.execute(RESTORE, [ANN, [id_of(1, BOB)]]).fetchall() == []
    assert archive.execute(VERSIONS, [ANN, id_of(1, BOB)]).fetchall() == []
    assert len(archive.execute(RESTORE, [BOB, [id_of(1, BOB)]]).fetchall()) == 1
    assert [rows[:-1] for rows in everything(archive)] == [rows[:-1] for rows in before]


@pytest.mark.parametrize("new", [UUID(int=5), id_of(1, BOB)])
def test_only_a_memory_of_the_user_stands_in_the_place_of_others(archive: Connection, new: UUID) -> None:
    with pytest.raises(psycopg.errors.NoDataFound, match="is not among the memories of this user"):
        archive.execute(ARCHIVE, [ANN, [ONE], "merged", new])


def test_what_is_among_memories_again_stays_archived(archive: Connection) -> None:
    archive.execute(ARCHIVE, [ANN, [ONE, TWO], "merged", FOUR])
    archive.execute("insert into memories (id, user_id, memory_type, content) values (%s, %s, 'task', 'x')", [ONE, ANN])
    assert archive.execute(RESTORE, [ANN, [ONE, TWO]]).fetchall() == [(TWO, "merged", FOUR, True)]
    assert archive.execute("select content from memories where id = %s", [ONE]).fetchall() == [("x",)]
    assert archive.execute("select id from memory_archive").fetchall() == [(ONE,)]


def test_what_somebody_has_left_in_the_session_is_not_called(archive: Connection) -> None:
    archive.execute(
        "create function pg_temp.memory_tables(regclass) returns table (name text, refused text) language plpgsql as "
        "$$begin raise 'called'; end$$"
    )
    archive.execute("create temp table pg_class as select 'public.memories'::regclass::oid as oid, "
                    "pg_my_temp_schema()::oid as relnamespace")  # fmt: skip
    archive.execute("create domain pg_temp.uuid as pg_catalog.uuid check (1 / 0 = 1)")
    assert archive.execute(ARCHIVE, [ANN, [ONE], "pruned", None]).fetchone() == (1,)
    assert len(archive.execute(RESTORE, [ANN, [ONE]]).fetchall()) == 1
    archive.execute(SUPERSEDE, [ANN, ONE, TWO, None])


@pytest.mark.parametrize(
    ("statement", "given"),
    [(ARCHIVE, [ANN, [ONE], "old", FOUR]), (ARCHIVE, [ANN, [ONE], "merged", None]), (ARCHIVE, [ANN, [ONE], None, FOUR]),
     (ARCHIVE, [ANN, [ONE], "pruned", FOUR])],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error(archive: Connection, statement: LiteralString, given: Any) -> None:
    with pytest.raises(psycopg.IntegrityError), archive.transaction():
        archive.execute(statement, given)


@pytest.mark.parametrize(
    ("made", "told"),
    [("create table deeper (id int references deep on delete cascade)", "deeper would lose rows that refer to"),
     ("create role mallory; alter table deep owner to mallory", "public.deep refers to them, and belongs to somebody"),
     ("alter table memories add parent uuid references memories on delete cascade", "others would be deleted with")],
)  # fmt: skip
def test_nothing_is_archived_where_something_would_be_lost(archive: Connection, made: str, told: str) -> None:
    archive.execute("create table deep (id int primary key, memory_id uuid references memories on delete cascade)")
    archive.execute(made.encode())
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match=told), archive.transaction():
        archive.execute(ARCHIVE, [ANN, [ONE], "merged", FOUR])
    assert ONE in ids(archive)


def test_a_newer_memory_replaces_an_older_one_and_each_says_when_it_held(archive: Connection) -> None:
    archive.execute(SUPERSEDE, [ANN, ONE, TWO, "2026-01-10 00:00Z"])
    archive.execute(SUPERSEDE, [ANN, THREE, TWO, "2026-01-12 00:00Z"])
    archive.execute(SUPERSEDE, [ANN, TWO, FOUR, "2026-01-20 00:00Z"])
    expected = [
        (ONE, 1, 10, "superseded", TWO), (TWO, 2, 20, "superseded", FOUR), (THREE, 3, 12, "superseded", TWO),
        (FOUR, 4, None, None, None),
    ]  # fmt: skip
    for asked in (ONE, TWO, THREE, FOUR):
        assert days(archive, asked) == expected
    assert ids(archive) == {FOUR, id_of(1, BOB)}
    archive.execute(RESTORE, [ANN, [TWO]])
    assert days(archive, ONE) == [expected[0], (TWO, 2, None, None, None), expected[2]]
    assert days(archive, FOUR) == [expected[3]]


def test_what_replaces_an_older_one_held_since_that_held_no_longer(archive: Connection) -> None:
    archive.execute(SUPERSEDE, [ANN, ONE, FOUR, "2026-01-02 00:00Z"])
    assert days(archive, FOUR) == [(ONE, 1, 2, "superseded", FOUR), (FOUR, 2, None, None, None)]
    archive.execute(SUPERSEDE, [ANN, TWO, THREE, "2025-12-31 00:00Z"])  # before it was made, by the clock of another
    assert days(archive, THREE) == [(TWO, 31, 31, "superseded", THREE), (THREE, 31, None, None, None)]


@pytest.mark.parametrize(("old", "new"), [(ONE, ONE), (ONE, None), (ONE, id_of(1, BOB)), (id_of(1, BOB), ONE),
                                          (TWO, ONE), (ONE, TWO), (UUID(int=5), ONE)])  # fmt: skip
def test_only_memories_of_the_user_that_hold_replace_each_other(archive: Connection, old: UUID, new: UUID) -> None:
    archive.execute(SUPERSEDE, [ANN, TWO, FOUR, None])
    with pytest.raises(psycopg.DatabaseError) as refused, archive.transaction():
        archive.execute(SUPERSEDE, [ANN, old, new, None])
    assert refused.value.sqlstate in ("P0002", "22023")
    assert "Nothing was changed" in str(refused.value.diag.message_hint)
    assert ids(archive, "memory_archive") == {TWO}


def test_the_archive_is_searched_when_asked_for_by_reason_and_by_time(archive: Connection) -> None:
    archive.execute(SUPERSEDE, [ANN, ONE, TWO, "2026-01-10 00:00Z"])
    archive.execute(SUPERSEDE, [ANN, TWO, THREE, "2026-01-20 00:00Z"])
    archive.execute(ARCHIVE, [ANN, [FOUR], "pruned", None])
    archive.execute(ARCHIVE, [BOB, [id_of(1, BOB)], "pruned", None])
    archive.execute(
        "update memory_archive set embedding = (embedding::real[] || '{9}')[2:]::vector where id = %s", [ONE]
    )

    def found(more: Any = ")") -> list[UUID]:
        return [id for (id,) in archive.execute(SEARCH + more, [ANN])]

    assert found() == [TWO, FOUR, ONE]
    assert found(", max_distance => 0.001)") == [TWO, FOUR]
    assert found(", reasons => '{superseded}')") == [TWO, ONE]
    assert found(", tiers => '{personal}')") == found(""", metadata => '{"a": 1}')""") == []
    for day, held in (("01", [ONE]), ("05", [TWO, ONE, FOUR]), ("10", [TWO, FOUR]), ("31", [FOUR])):
        assert set(found(f", valid_at => '2026-01-{day} 00:00Z')")) == set(held), day


@pytest.mark.parametrize(("length", "places"), [(1, 2), (3e38, 2), (1e20, 2), (1e-20, 2), (1e-37, 2), (0, 0)])
def test_a_question_of_whatever_length_finds_the_same(archive: Connection, length: float, places: int) -> None:
    archive.execute(ARCHIVE, [ANN, [ONE, TWO], "pruned", None])
    asked = "select distance from search_memory_archive(%s, array_fill(%s::real, '{1536}')::vector)"
    found = [distance for (distance,) in archive.execute(asked, [ANN, length])]
    assert found == pytest.approx([0] * places, abs=1e-6)


def test_what_expires_in_the_archive_or_before_is_told_of_no_more_and_still_comes_back(archive: Connection) -> None:
    """As no search finds it. A chain of versions does not end there."""
    archive.execute("select expire_memories(%s, %s, now() + interval '1 day')", [ANN, [ONE, TWO, FOUR]])
    archive.execute(SUPERSEDE, [ANN, ONE, TWO, None])
    archive.execute(SUPERSEDE, [ANN, TWO, THREE, None])
    archive.execute(SUPERSEDE, [ANN, THREE, FOUR, None])
    chain = [ONE, TWO, THREE, FOUR]
    assert [id for id, *_ in archive.execute(VERSIONS, [ANN, FOUR])] == chain
    assert [id for (id,) in archive.execute(SEARCH + ")", [ANN])] == chain[:3]

    archive.execute(
        "update memory_archive set beside = jsonb_set(beside, '{memory_retention.memory_id,0,expires_at}', "
        "to_jsonb((now() - interval '1 hour')::text)) where id = %s",
        [TWO],
    )
    archive.execute("select expire_memories(%s, %s, now())", [ANN, [FOUR]])
    assert [id for id, *_ in archive.execute(VERSIONS, [ANN, FOUR])] == [ONE, THREE]
    assert [id for (id,) in archive.execute(SEARCH + ")", [ANN])] == [ONE, THREE]

    archive.execute(RESTORE, [ANN, [TWO]])
    assert {id for (id,) in archive.execute("select memory_id from memories_expired(%s)", [ANN])} == {TWO, FOUR}
    assert [id for id, *_ in archive.execute(VERSIONS, [ANN, FOUR])] == [THREE]
    archive.execute("select expire_memories(%s, %s, null)", [ANN, [TWO, FOUR]])
    assert {id for id, *_ in archive.execute(VERSIONS, [ANN, FOUR])} == {THREE, FOUR}


def test_what_is_pruned_is_archived_without_its_embedding_where_the_rule_of_its_tier_says_so(copied: str) -> None:
    with psycopg.connect(copied, autocommit=True) as connection:
        connection.execute("delete from memory_retention")
        connection.execute("update memories set memory_type = 'project' where id in (%s, %s)", [THREE, FOUR])
        connection.execute("update memory_retention_rules set idle_for = '30 days', archive = memory_type = 'task'")
        connection.execute("update memories set accessed_at = created_at where id not in (%s, %s)", [TWO, FOUR])
        connection.execute("select expire_memories(%s, %s, now())", [ANN, [TWO]])
        with memdb.open(copied) as db:
            deleted = {(each.tier, each.rule, each.memories) for each in db.prune().deleted}
        assert deleted == {("task", "expired", 1), ("task", "idle", 2), ("project", "idle", 1)}
        assert ids(connection) == {FOUR}
        archived = connection.execute("select id, reason, embedding is null from memory_archive order by id").fetchall()
        assert archived == [(ONE, "pruned", True), (TWO, "pruned", True), (id_of(1, BOB), "pruned", True)]
        connection.execute(RESTORE, [ANN, [ONE]])
        with memdb.open(copied) as db:
            assert db.prune(dry_run=True).left == ()
        assert connection.execute(VERSIONS, [ANN, TWO]).fetchall() == [], "it had expired"


def test_of_two_that_replace_the_same_memory_at_once_one_is_told_that_it_is_gone(copied: str) -> None:
    both = Barrier(2)

    def run(new: UUID) -> str | None:
        with psycopg.connect(copied) as connection:
            both.wait(60)
            try:
                connection.execute(SUPERSEDE, [ANN, ONE, new, None])
            except psycopg.errors.NoDataFound as error:
                return error.diag.message_primary
        return None

    with ThreadPoolExecutor(2) as threads:
        told = list(threads.map(run, (TWO, THREE)))
    assert sorted(told, key=bool) == [None, f"memory {ONE} is not among the memories of this user"]
    with psycopg.connect(copied) as connection:
        assert connection.execute("select replaced_by from memory_archive").fetchall() == [
            ((TWO, THREE)[bool(told[0])],)
        ]


def test_memories_that_replace_each_other_at_once_do_not_wait_for_ever(copied: str) -> None:
    both = Barrier(2)

    def run(old: UUID, new: UUID) -> bool:
        with psycopg.connect(copied) as connection:
            both.wait(60)
            try:
                connection.execute(SUPERSEDE, [ANN, old, new, None])
            except psycopg.errors.NoDataFound:
                return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(run, (ONE, TWO), (TWO, ONE))) == [False, True]


def test_a_change_that_is_not_committed_yet_is_waited_for_and_kept(copied: str) -> None:
    with psycopg.connect(copied) as writer, psycopg.connect(copied) as other, ThreadPoolExecutor(1) as thread:
        writer.execute("update memories set content = 'changed' where id = %s", [ONE])
        writer.execute("select set_memory_importance(%s, %s, 0.9)", [ANN, [ONE]])
        waiting = thread.submit(other.execute, ARCHIVE, [ANN, [ONE], "merged", FOUR])
        with psycopg.connect(copied, autocommit=True) as observer:
            while observer.execute("select pg_blocking_pids(%s)", [other.info.backend_pid]).fetchone() == ([],):
                pass
        writer.commit()
        assert waiting.result(60).fetchone() == (1,)
        assert other.execute("select content from memory_archive").fetchall() == [("changed",)]
        other.execute(RESTORE, [ANN, [ONE]])
        kept = other.execute("select importance from memory_importance where memory_id = %s", [ONE])
        assert kept.fetchall() == [(0.9,)]


def test_a_collection_that_goes_while_a_memory_comes_back_is_waited_for(copied: str) -> None:
    with psycopg.connect(copied) as deleting, psycopg.connect(copied) as other, ThreadPoolExecutor(1) as thread:
        members: LiteralString = "select count(*) from members where memory_id = %s"
        assert other.execute(members, [ONE]).fetchone() == (1,)
        other.execute(ARCHIVE, [ANN, [ONE], "pruned", None])
        other.commit()
        deleting.execute("delete from memory_collections")
        waiting = thread.submit(other.execute, RESTORE, [ANN, [ONE]])
        with psycopg.connect(copied, autocommit=True) as observer:
            while observer.execute("select pg_blocking_pids(%s)", [other.info.backend_pid]).fetchone() == ([],):
                pass
        deleting.commit()
        assert waiting.result(60).fetchall() == [(ONE, "pruned", None, True)]
        assert other.execute(members, [ONE]).fetchone() == (0,)


def test_what_is_cut_short_has_changed_nothing(copied: str) -> None:
    with psycopg.connect(copied) as victim, psycopg.connect(copied, autocommit=True) as other:
        before = everything(other)
        victim.execute(SUPERSEDE, [ANN, ONE, TWO, None])
        other.execute("select pg_terminate_backend(%s, 5000)", [victim.info.backend_pid])
        assert everything(other) == before
        other.execute(SUPERSEDE, [ANN, ONE, TWO, None])
        with pytest.raises(psycopg.OperationalError):
            victim.execute("select")


def test_a_role_that_is_held_to_policies_archives_and_restores_its_own_alone(copied: str) -> None:
    with database.connect(copied, purpose="test") as admin, as_role(admin, f"ann_{admin.info.backend_pid}") as role:
        name = role.execute("select current_user").fetchone()[0]  # type: ignore[index]
        admin.execute(f"grant select, insert, update, delete on memories, memory_archive to {name}".encode())
        beside = "memory_importance, memory_retention, notes, members, links"
        admin.execute(f"grant select, insert, update on {beside}, memory_collections to {name}".encode())
        before = everything(admin)
        admin.execute(ARCHIVE, [BOB, [id_of(1, BOB)], "pruned", None])
        assert role.execute(ARCHIVE, [ANN, [ONE], "pruned", None]).fetchone() == (0,)
        role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
        assert role.execute(ARCHIVE, [ANN, [ONE], "merged", FOUR]).fetchone() == (1,)
        assert ids(role, "memory_archive") == {ONE}
        assert role.execute(RESTORE, [BOB, [id_of(1, BOB)]]).fetchall() == []
        assert len(role.execute(RESTORE, [ANN, [ONE]]).fetchall()) == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            role.execute("insert into memory_archive select (json_populate_record(null::memory_archive, %s)).*",
                         [psycopg.types.json.Json({"user_id": str(BOB)})])  # fmt: skip
        admin.execute(RESTORE, [BOB, [id_of(1, BOB)]])
        assert [rows[:-1] for rows in everything(admin)][1:] == [rows[:-1] for rows in before][1:]
