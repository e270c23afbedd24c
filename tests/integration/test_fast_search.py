"""The set fast_search: search_memories finds what an exact search finds, whoever asks and however."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString, TypeAlias
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg.conninfo import make_conninfo

from memdb import catalog, database, migrations, shipped
from memdb.cli import main
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify
from tests.conftest import ELSEWHERE, new_database

Vectors: TypeAlias = NDArray[np.float32]
Row: TypeAlias = tuple[Any, ...]

TIERS = ("personal", "project", "task")
MANY, SOME, FEW, WITHOUT = (UUID(int=number << 100) for number in range(1, 5))

EXACT: LiteralString = """
select id, content, memory_type, metadata, embedding <=> %(embedding)s::vector as distance
from memories
where user_id = %(user)s and embedding is not null
    and (%(tiers)s::memory_type[] is null or memory_type = any(%(tiers)s::memory_type[]))
    and (%(metadata)s::jsonb is null or metadata @> %(metadata)s::jsonb)
order by (embedding <=> %(embedding)s::vector) + 0
limit %(k)s
"""
SEARCH: LiteralString = """
select * from search_memories(
    user_id => %(user)s, embedding => %(embedding)s::vector, k => %(k)s, tiers => %(tiers)s::memory_type[],
    metadata => %(metadata)s::jsonb, max_distance => %(max_distance)s, candidates => %(candidates)s
)
"""


WHERE: LiteralString = """
select * from search_memories_where(%(user)s, %(embedding)s, %(condition)s::jsonpath, %(k)s, metadata => %(metadata)s)
"""
PLAIN_WHERE: LiteralString = """
select id, content, memory_type, metadata, embedding <=> %(embedding)s::vector as distance
from memories
where user_id = %(user)s and embedding is not null
    and (%(condition)s::jsonpath is null or coalesce(metadata, '{}') @@ %(condition)s::jsonpath)
    and (%(metadata)s::jsonb is null or metadata @> %(metadata)s::jsonb)
order by (embedding <=> %(embedding)s::vector) + 0
limit %(k)s
"""


@pytest.fixture(scope="module")
def held_out(embeddings: Path) -> tuple[Vectors, Vectors, Vectors]:
    """Embeddings of memories, of questions like them, and of questions from another domain."""
    with np.load(embeddings) as file:
        vectors, sources = file["embedding"].astype(np.float32), file["user"]
    elsewhere = np.isin(sources, ELSEWHERE)
    known = vectors[~elsewhere][np.random.default_rng(1).permutation(int((~elsewhere).sum()))]
    return known[100:4600], known[:100], vectors[elsewhere][::3]


@pytest.fixture(scope="module")
def filled(server: str, template: str, sets: Sets, held_out: tuple[Vectors, Vectors, Vectors]) -> Iterator[str]:
    """A database with the set, in which users have 3,500, 700, 100 and no memories with an embedding."""
    with new_database(server, template=template) as conninfo:
        durable = make_conninfo(conninfo, options="-c synchronous_commit=on")  # else a vacuum has to come later
        with database.connect(durable, purpose="test") as connection:
            connection.execute("drop index ix_memories_embedding")  # the slow part of loading, and not needed
            # Else autovacuum may count pages again while other tests have written to them.
            connection.execute("alter table memories set (autovacuum_enabled = off)")
            load(connection, held_out[0])
            migrations.migrate(connection, sets, chosen=("fast_search",))
        yield conninfo


@pytest.fixture
def searchable(filled: str) -> Iterator[Connection]:
    """A connection to that database, in a transaction that is rolled back."""
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        register_vector(connection)
        yield connection


def load(connection: Connection, vectors: Vectors) -> None:
    register_vector(connection)
    owners = [user for user, count in ((MANY, 3500), (SOME, 700), (FEW, 100)) for _ in range(count)]
    users = [[user] for user in (MANY, SOME, FEW, WITHOUT)]
    connection.cursor().executemany("insert into users (id) values (%s)", users)
    columns = "user_id, memory_type, content, embedding, metadata"
    with connection.cursor().copy(f"copy memories ({columns}) from stdin".encode()) as copy:
        for number, user in enumerate(owners):
            metadata = json.dumps({"topic": number % 50, "half": number % 2})
            copy.write_row([user, TIERS[number % 3], f"memory {number}", Vector(vectors[number]), metadata])
        for number in range(300):
            copy.write_row([WITHOUT, TIERS[number % 3], f"not computed {number}", None, "{}"])


def search(connection: Connection, user: UUID | None, embedding: Any, *, k: int | None = 10, **more: Any) -> list[Row]:
    defaults = {"tiers": None, "metadata": None, "max_distance": None, "candidates": None}
    vector = None if embedding is None else Vector(embedding)
    return connection.execute(SEARCH, {**defaults, **more, "user": user, "embedding": vector, "k": k}).fetchall()


def exact(connection: Connection, user: UUID, embedding: Any, *, k: int = 10, **more: Any) -> list[Row]:
    parameters = {"tiers": None, "metadata": None, **more, "user": user, "embedding": Vector(embedding), "k": k}
    return connection.execute(EXACT, parameters).fetchall()


def add(connection: Connection, user: UUID, vectors: list[Any]) -> None:
    rows = [(user, Vector(vector)) for vector in vectors]
    statement = "insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', 'added', %s)"
    connection.cursor().executemany(statement, rows)


def recall(connection: Connection, user: UUID, questions: Vectors, *, k: int, **more: Any) -> float:
    """The mean share of the k nearest that is found."""
    shares = []
    for question in questions:
        true = {row[0] for row in exact(connection, user, question, k=k, **more)}
        shares.append(len(true & {row[0] for row in search(connection, user, question, k=k, **more)}) / len(true))
    return float(np.mean(shares))


def same(found: list[Row], true: list[Row]) -> bool:
    """Equal distances in equal order: rows at the same distance may change places."""
    return len(found) == len(true) and np.allclose([row[4] for row in found], [row[4] for row in true], atol=1e-9)


@pytest.mark.parametrize("k", [1, 10, 99, 500])
def test_for_a_user_of_few_memories_it_is_exact(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], k: int
) -> None:
    for question in np.concatenate([held_out[1][:10], held_out[2][:10]]):
        found = search(searchable, FEW, question, k=k)
        assert same(found, exact(searchable, FEW, question, k=k))
        assert len(found) == min(k, 100)


@pytest.mark.parametrize("user", [MANY, SOME])
def test_for_a_user_of_many_it_finds_nearly_all(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID
) -> None:
    _, alike, elsewhere = held_out
    assert recall(searchable, user, alike[:60], k=10) >= 0.99
    assert recall(searchable, user, elsewhere[:60], k=5) >= 0.98


@pytest.mark.parametrize("k", [300, 1500])
def test_however_many_are_asked_for_are_found(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], k: int
) -> None:
    assert len(search(searchable, MANY, held_out[2][0], k=k)) == k
    assert recall(searchable, MANY, held_out[2][:5], k=k) >= 0.98


@pytest.mark.parametrize("user", [MANY, SOME, FEW])
@pytest.mark.parametrize(
    "options", [{}, {"tiers": ["task", "project"]}, {"candidates": 30}, {"metadata": '{"half": 1}'}]
)
def test_a_longer_answer_begins_with_the_shorter(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID, options: dict[str, Any]
) -> None:
    random = np.random.default_rng(5).normal(size=(3, 1536))
    for question in [*held_out[1][:3], *held_out[2][:3], *random]:
        filters = {name: value for name, value in options.items() if name != "candidates"}
        held = len(exact(searchable, user, question, k=5000, **filters))
        longest = search(searchable, user, question, k=(held - 1) // 2, **options)
        assert [row[4] for row in longest] == sorted(row[4] for row in longest)
        for k in [k for k in (1, 9, 10, 11, 20, 21, 64, 100, 500, 1281) if 2 * k < held]:
            assert search(searchable, user, question, k=k, **options) == longest[:k]


@pytest.mark.parametrize("user", [MANY, SOME, FEW])
def test_equally_near_memories_come_in_the_order_of_their_ids(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID
) -> None:
    same_text = [(user, Vector(held_out[1][50]))] * 40
    statement = "insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', 'ok', %s)"
    searchable.cursor().executemany(statement, same_text)
    for k in (5, 30, 41):
        found = [row[0] for row in search(searchable, user, held_out[1][50], k=k) if row[1] == "ok"]
        assert found == sorted(found)
        assert len(found) == min(k, 40)


@pytest.mark.parametrize("k", [2_147_483_647, 1_000_000_000])
@pytest.mark.parametrize("user", [MANY, SOME, FEW])
def test_any_number_can_be_asked_for(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID, k: int
) -> None:
    held = {MANY: 3500, SOME: 700, FEW: 100}[user]
    everything = exact(searchable, user, held_out[1][0], k=5000)
    assert len(everything) == held
    for most in (k, held, held // 2):
        for candidates in (None, 2_147_483_647, held, 30):
            assert same(search(searchable, user, held_out[1][0], k=most, candidates=candidates), everything[:most])
    for candidates in (-1, 0, 1, 2_147_483_647):
        assert len(search(searchable, user, held_out[1][0], k=10, candidates=candidates)) == 10


@pytest.mark.parametrize("user", [MANY, SOME, FEW])
def test_nothing_is_near_to_zeros(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID
) -> None:
    question = held_out[1][0]
    before = search(searchable, user, question, k=50)
    assert search(searchable, user, np.zeros(1536)) == []
    add(searchable, user, [np.zeros(1536)] * 300)
    assert search(searchable, user, question, k=50) == before
    assert search(searchable, user, -question, k=50, metadata="{}")
    assert search(searchable, user, np.zeros(1536), metadata="{}") == []


@pytest.mark.parametrize("user", [MANY, SOME, FEW])
@pytest.mark.parametrize("length", [3e38, 1e20, 1e-20, 1e-37])
def test_lengths_beyond_what_can_be_compared_do_no_harm(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID, length: float
) -> None:
    question = held_out[1][0] / np.linalg.norm(held_out[1][0])
    before = search(searchable, user, question)
    asked = (question.astype(np.float64) * length).astype(np.float32)
    assert [row[0] for row in search(searchable, user, asked)] == [row[0] for row in before]
    assert np.allclose([row[4] for row in search(searchable, user, asked)], [row[4] for row in before], atol=1e-6)
    add(searchable, user, [asked, -asked] * 20)
    for metadata in (None, "{}"):
        assert search(searchable, user, question, metadata=metadata) == before
        assert np.isfinite([row[4] for row in search(searchable, user, -question, metadata=metadata)]).all()


@pytest.mark.parametrize("k", [10, 300])
def test_a_filter_by_metadata_loses_nothing(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], k: int
) -> None:
    for question in held_out[2][:10]:
        found = search(searchable, MANY, question, k=k, metadata='{"half": 1}')
        assert same(found, exact(searchable, MANY, question, k=k, metadata='{"half": 1}'))


CONDITIONS: dict[str | None, str | None] = {
    "$.topic >= 0": '{"half": 1}',
    "$.topic < 25": None,
    "$.topic < 10 || $.half == 5": None,
    "$.topic < 4": None,
    "$.topic == 7": '{"half": 1}',
    '$.topic > "7"': None,
    "$.year < 2024": None,
    '!exists($."topic" ? (@ == 3))': None,
    "$.topic ? (@ > 3)": None,  # it is no predicate
    None: '{"half": 0}',
}


def test_conditions_find_what_a_plain_query_finds(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]
) -> None:
    searchable.execute("update memories set metadata = null where user_id = %s and content like '%%99'", [MANY])
    shares = []
    for condition, metadata in CONDITIONS.items():
        for user, k in ((MANY, 1), (MANY, 10), (MANY, 40), (SOME, 10), (FEW, 200)):
            for question in (*held_out[1][:4], *held_out[2][:4]):
                given = {"user": user, "embedding": Vector(question), "condition": condition, "metadata": metadata}
                passing = searchable.execute(PLAIN_WHERE, {**given, "k": 5000}).fetchall()
                true = {row[0] for row in passing[:k]}
                found = searchable.execute(WHERE, {**given, "k": k}).fetchall()
                assert len(found) == len(true)
                assert all(row in passing for row in found)
                shares.append(len(true & {row[0] for row in found}) / len(true) if true else 1)
    assert np.mean(shares) >= 0.999


def test_where_too_few_of_the_nearest_pass_the_answer_is_exact(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]
) -> None:
    """Those that pass are the farthest, or more are asked for than pass among the nearest."""
    question = held_out[1][0]
    farthest = [row[0] for row in exact(searchable, MANY, question, k=3500)[3000:]]
    searchable.execute("""update memories set metadata = '{"far": true}' where id = any(%s)""", [farthest])
    given = {"user": MANY, "embedding": Vector(question), "condition": "$.far == true", "metadata": None}
    for k in (10, 100, 450, 2_147_483_647):
        found = searchable.execute(WHERE, given | {"k": k}).fetchall()
        assert [row[0] for row in found] == farthest[:k]
    everything = exact(searchable, MANY, question, k=3500)
    for condition in ("$.far == true", "!($.far == true)"):
        wanted = [row for row in everything if (row[0] in farthest) == (condition == "$.far == true")]
        found = searchable.execute(
            "select * from search_memories_where(%(user)s, %(embedding)s, %(condition)s, %(k)s, candidates => %(all)s)",
            given | {"condition": condition, "k": 30, "all": 2_147_483_647},
        ).fetchall()
        assert [row[0] for row in found] == [row[0] for row in wanted[:30]]


def test_rows_come_nearest_first_as_they_are(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]
) -> None:
    for user in (MANY, FEW):
        found = search(searchable, user, held_out[1][0])
        assert [row[4] for row in found] == sorted(row[4] for row in found)
        by_id = {row[0]: row for row in exact(searchable, user, held_out[1][0], k=10_000)}
        assert all(row == by_id[row[0]] for row in found)


def test_with_all_as_candidates_it_is_exact(searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]) -> None:
    for question in held_out[2][:10]:
        assert same(search(searchable, MANY, question, candidates=3500), exact(searchable, MANY, question))
    few = search(searchable, MANY, held_out[2][0], candidates=0)
    assert len(few) == 10, "never fewer candidates than rows that are asked for"


@pytest.mark.parametrize("user", [MANY, SOME, FEW])
@pytest.mark.parametrize(
    "filters",
    [{"tiers": ["task"]}, {"tiers": ["personal", "task"]}, {"metadata": '{"half": 1}'}, {"metadata": '{"topic": 7}'},
     {"tiers": ["project"], "metadata": '{"half": 0}'}, {"tiers": []}, {"metadata": '{"topic": 99}'}],
    ids=str,
)  # fmt: skip
def test_filters_hold_and_lose_nothing(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID, filters: dict[str, Any]
) -> None:
    question = held_out[1][0]
    assert same(search(searchable, user, question, **filters), exact(searchable, user, question, **filters))


@pytest.mark.parametrize("user", [MANY, FEW])
def test_nothing_lies_beyond_the_maximum_distance(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], user: UUID
) -> None:
    everything = search(searchable, user, held_out[1][0])
    bound = everything[4][4]
    assert search(searchable, user, held_out[1][0], max_distance=bound) == everything[:5]
    assert search(searchable, user, held_out[1][0], max_distance=-1.0) == []


def test_no_user_no_embedding_or_no_rows_asked_for_find_nothing(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]
) -> None:
    question = held_out[1][0]
    for user in (MANY, FEW):
        assert search(searchable, user, question, k=0) == []
        assert search(searchable, user, None) == []
        assert len(search(searchable, user, question, k=None)) == 10
    for nobody in (uuid4(), WITHOUT, None):
        assert search(searchable, nobody, question) == []


def test_what_cannot_be_searched_for_is_refused(searchable: Connection) -> None:
    for user in (MANY, FEW):
        wrong_size = pytest.raises(psycopg.errors.DataException, match="expected 1536 dimensions, not 3")
        with wrong_size, searchable.transaction():
            search(searchable, user, [1, 2, 3])
        negative = pytest.raises(psycopg.errors.InvalidRowCountInLimitClause, match="LIMIT must not be negative")
        with negative, searchable.transaction():
            search(searchable, user, np.ones(1536), k=-1)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_every_kind_of_plan_finds_the_same(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors], mode: str
) -> None:
    searchable.execute("select set_config('plan_cache_mode', %s, true)", [mode])
    searchable.execute("prepare ours as select * from search_memories($1, $2, tiers => $3)")
    searchable.execute("prepare filtered as select * from search_memories($1, $2, metadata => $3)")
    for user in (MANY, FEW, SOME, FEW, MANY):
        statement = psycopg.sql.SQL("execute ours ({}, {}, null)").format(user, str(held_out[1][1].tolist()))
        assert same(searchable.execute(statement).fetchall(), exact(searchable, user, held_out[1][1]))
        vector = str(held_out[1][1].tolist())
        statement = psycopg.sql.SQL("""execute filtered ({}, {}, '{{"half": 1}}')""").format(user, vector)
        true = exact(searchable, user, held_out[1][1], metadata='{"half": 1}')
        assert same(searchable.execute(statement).fetchall(), true)


def test_a_search_need_not_wait_for_autovacuum_once_the_set_is_applied(searchable: Connection) -> None:
    seen = "select relallvisible > 0.9 * relpages from pg_class where oid = 'memories'::regclass"
    assert searchable.execute(seen).fetchone() == (True,)


def test_new_changed_and_deleted_rows_count_before_any_vacuum(searchable: Connection) -> None:
    vectors = np.random.default_rng(7).normal(size=(400, 1536))
    for user in (MANY, WITHOUT):
        rows = [(user, Vector(vector)) for vector in vectors]
        searchable.cursor().executemany(
            "insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', 'new', %s)", rows
        )
        assert search(searchable, user, vectors[3], k=1)[0][4] == pytest.approx(0, abs=1e-6)
        changed = "update memories set embedding = %s where user_id = %s and content = 'memory 5'"
        searchable.execute(changed, [Vector(-vectors[9]), MANY])
        searchable.execute("delete from memories where user_id = %s and embedding <=> %s < 1e-6", rows[3])
        assert search(searchable, user, vectors[3], k=1)[0][4] > 0.5
    assert search(searchable, MANY, -vectors[9], k=1)[0][1] == "memory 5"


def test_a_memory_may_be_larger_than_a_page(searchable: Connection) -> None:
    vector, text = np.random.default_rng(8).normal(size=1536), "".join(map(chr, range(32, 120))) * 500
    searchable.execute(
        "insert into memories (user_id, memory_type, content, embedding, metadata) values (%s, 'task', %s, %s, %s)",
        [FEW, text, Vector(vector), json.dumps({"notes": list(range(5000))})],
    )
    found = search(searchable, FEW, vector, k=1)[0]
    assert (found[1], found[3]["notes"][-1]) == (text, 4999)


def test_row_level_security_holds(searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]) -> None:
    searchable.execute("""
        create role fast_search_reader;
        grant select on memories to fast_search_reader;
        alter table memories enable row level security;
        create policy own on memories to fast_search_reader using (user_id = current_setting('test.user')::uuid)
    """)
    question = held_out[1][2]
    wanted = {user: exact(searchable, user, question) for user in (MANY, FEW)}
    half = {user: exact(searchable, user, question, metadata='{"half": 1}') for user in (MANY, FEW)}
    searchable.execute("set local role fast_search_reader")
    for user, other in ((MANY, FEW), (FEW, MANY)):
        searchable.execute("select set_config('test.user', %s, true)", [str(user)])
        assert same(search(searchable, user, question), wanted[user])
        assert same(search(searchable, user, question, metadata='{"half": 1}'), half[user])
        assert search(searchable, other, question) == search(searchable, other, question, metadata="{}") == []


def test_policies_may_call_functions_that_look_up_names_in_the_path_of_the_caller(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]
) -> None:
    question = held_out[1][2]
    searchable.execute("""
        set local check_function_bodies = off;
        create schema teams;
        create table teams.members (owner uuid, member text);
        create function teams.may_read(user_id uuid) returns boolean language sql stable security definer as
            'select exists (select from members where owner = user_id and member = current_setting(''test.member''))';
        create role fast_search_member;
        grant usage on schema teams to fast_search_member;
        grant select on memories to fast_search_member;
        alter table memories enable row level security;
        create policy members on memories to fast_search_member using (teams.may_read(user_id));
    """)
    wanted = {user: exact(searchable, user, question) for user in (MANY, FEW)}
    searchable.execute("insert into teams.members select unnest(%s), 'me'", [[MANY, FEW]])
    searchable.execute("set local search_path = teams, public; set local role fast_search_member")
    for member, found in (("me", wanted), ("other", {MANY: [], FEW: []})):
        searchable.execute("select set_config('test.member', %s, true)", [member])
        for user in (MANY, FEW):
            assert same(search(searchable, user, question), found[user])


def test_what_others_plant_in_the_path_of_the_caller_is_not_called(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]
) -> None:
    question, search_for = held_out[1][4], "select * from public.search_memories(%s, %s::public.vector, metadata => %s)"
    wanted = [
        searchable.execute(search_for, [user, Vector(question), facts]).fetchall()
        for user in (MANY, FEW)
        for facts in (None, "{}")
    ]
    searchable.execute("create schema planted")
    called = [
        row[0]
        for row in searchable.execute("""
            select distinct p.oid::regprocedure::text from pg_proc as p where p.proname in (
                'hamming_distance', 'cosine_distance', 'memory_signature', 'memory_signature_doubts', 'bitxor',
                'vector_norm', 'l2_normalize', 'binary_quantize', 'subvector', 'array_fill', 'array_agg', 'cardinality',
                'generate_series', 'search_memories_by_signature', 'search_memories_in_widths'
            ) and p.prokind = 'f' and p.pronargs <= 6
        """).fetchall()
    ]
    for function in called:
        returned = searchable.execute("select pg_get_function_result(%s::regprocedure)", [function]).fetchone()
        assert returned is not None
        statement = f"create function planted.{function} returns {returned[0]} language plpgsql as"
        trap = f"{statement} $$ begin raise exception 'planted'; end $$"
        searchable.execute(trap.encode())
    searchable.execute("set local search_path = planted, pg_catalog, public")
    found = [
        searchable.execute(search_for, [user, Vector(question), facts]).fetchall()
        for user in (MANY, FEW)
        for facts in (None, "{}")
    ]
    assert found == wanted


def test_a_prepared_statement_keeps_its_plan(
    searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]
) -> None:
    searchable.execute("prepare kept as select * from search_memories($1, $2, $3)")
    for user in (FEW, MANY, WITHOUT, SOME) * 4:
        searchable.execute(f"execute kept ('{user}', '{held_out[1][5].tolist()}', 10)".encode())
    kept = searchable.execute("select generic_plans from pg_prepared_statements where name = 'kept'").fetchone()
    assert kept is not None
    assert kept[0] == 11, "all but the first five"
    explained = searchable.execute(f"explain execute kept ('{FEW}', '{held_out[1][5].tolist()}', 10)".encode())
    plan = "\n".join(row[0] for row in explained.fetchall())
    assert "Function Scan on search_memories " not in plan, "it is part of the statement"
    assert "Index Scan using ix_memories_user_id" in plan


def test_it_can_be_called_as_postgrest_does(searchable: Connection, held_out: tuple[Vectors, Vectors, Vectors]) -> None:
    question = held_out[1][3]
    payload = json.dumps({"user_id": str(MANY), "embedding": str(question.tolist()), "k": 5, "tiers": ["task"]})
    found = searchable.execute(
        """
        select found.*
        from json_to_record(%s) as given (user_id uuid, embedding vector, k int, tiers memory_type[]),
            lateral search_memories(
                user_id => given.user_id, embedding => given.embedding, k => given.k, tiers => given.tiers
            ) as found
        """,
        [payload],
    ).fetchall()
    assert same(found, exact(searchable, MANY, question, k=5, tiers=["task"]))


@pytest.mark.parametrize("schema", ["public", "Mixed Case"])
def test_it_works_wherever_the_table_and_the_extension_are(
    empty: str, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = psycopg.sql.Identifier(schema).as_string()
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(
            f"create schema extensions; create extension vector schema extensions; create schema if not exists {name}"
        )
        arguments = ["--database-url", empty, "--schema", schema]
        assert main(["migrate", "--with", "fast_search", *arguments]) == 0
        assert main(["verify-schema", *arguments]) == 0, capsys.readouterr().out
        connection.execute("set search_path = ''")
        connection.execute(f"insert into {name}.users (id) values (%s)", [MANY])
        connection.execute(
            f"""
            insert into {name}.memories (user_id, memory_type, content, embedding)
            select %s, 'task', number::text, array_fill(1::real, array[number])::extensions.vector(1536)
            from generate_series(1536, 1536) as number, generate_series(1, 300)
            """,
            [MANY],
        )
        ones = "array_fill(1::real, array[1536])::extensions.vector"
        found = connection.execute(f"select * from {name}.search_memories(%s, {ones})", [MANY]).fetchall()
        assert len(found) == 10
        assert main(["rollback", "--all", "--yes", *arguments]) == 0


def test_its_rollback_leaves_exactly_core(connection: Connection, sets: Sets) -> None:
    patches = snapshot.read(shipped.sql_directory())
    before = catalog.read(connection, "public").objects
    for _ in range(2):
        migrations.migrate(connection, sets, chosen=("fast_search",))
        with_set = catalog.read(connection, "public").objects
        assert {"column memories.signature", "index ix_memories_signature"} <= set(map(str, with_set))
        assert all(with_set[key].get("comment") for key in with_set.keys() - before.keys())
        assert verify.verify(connection, sets, patches).differences == ()
        migrations.rollback(connection, sets, to="0008")
        assert catalog.read(connection, "public").objects == before
        assert verify.verify(connection, sets, patches).differences == ()


def test_functions_of_an_application_with_the_same_names_stay(connection: Connection, sets: Sets) -> None:
    connection.execute("""
        create function search_memories(question text) returns bigint language sql as 'select count(*) from memories';
        create function search_memories(user_id uuid, question text, k integer default 10) returns text
            language sql as 'select question';
        create function memory_signature(content text) returns text language sql as 'select content';
    """)
    before = catalog.read(connection, "public").objects
    migrations.migrate(connection, sets, chosen=("fast_search",))
    owner, ones = uuid4(), "array_fill(1::real, array[1536])::vector"
    connection.execute("insert into users (id) values (%s)", [owner])
    for statement in (f"select id from search_memories(%s, {ones})", f"select id from search_memories(%s, {ones}, 5)"):
        assert connection.execute(statement.encode(), [owner]).fetchall() == []
    migrations.rollback(connection, sets, to="0008")
    assert catalog.read(connection, "public").objects == before
    assert connection.execute("select search_memories('tea')").fetchone() == (0,)


def test_a_table_that_has_settings_of_its_own_keeps_them(connection: Connection, sets: Sets) -> None:
    own = "select array(select unnest(reloptions) order by 1) from pg_class where oid = 'memories'::regclass"
    connection.execute(
        "alter table memories set (toast_tuple_target = 4080, autovacuum_vacuum_insert_scale_factor = 0.1)"
    )
    before = connection.execute(own).fetchone()
    migrations.migrate(connection, sets, chosen=("fast_search",))
    assert connection.execute(own).fetchone() == before
    migrations.rollback(connection, sets, to="0008")
    assert connection.execute(own).fetchone() == before
