"""What compares embeddings besides searches follows the model that answers: at the switch, back, and for good."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import database, door, project
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.study import Design
from memdb.database import Connection
from tests.conftest import new_database
from tests.integration.changing_model.conftest import ANN, BOB, MANY, NEW, SETS, SMALL, Model, of_text
from tests.integration.conftest import as_role

pytestmark = pytest.mark.once

OTHERS = ("collections", "deduplication")
COLLECTION = UUID(int=3 << 96)
ALIKE, ALIKE_FORMERLY = {UUID(int=1), UUID(int=3)}, {UUID(int=5), UUID(int=7)}


@pytest.fixture
def whole(conninfo: str, folder: Path, connection: Connection) -> door.Database:
    """With the other sets, a collection, and other near duplicates by each model."""
    db = memdb.open(conninfo, sql_dir=folder, sets=[*SETS, *OTHERS])
    db.migrate()
    db.embed(Model(), batching=SMALL)
    connection.execute("insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, '', '')", [
        COLLECTION, ANN
    ])  # fmt: skip
    connection.execute(
        "select add_to_collection(%s, %s, %s)", [ANN, COLLECTION, [UUID(int=n) for n in (*range(1, 9), 20)]]
    )
    connection.execute(
        "update memory_embeddings_new_model_2 set embedding = (select embedding from memory_embeddings_new_model_2 "
        "where memory_id = %s) where memory_id = %s",
        sorted(ALIKE),
    )
    connection.execute(
        "update memories set embedding = (select embedding from memories where id = %s) where id = %s",
        sorted(ALIKE_FORMERLY),
    )
    return db


def in_collection(connection: Connection, question: list[float], k: int = 2) -> set[str]:
    text = "select content from search_memories_in_collection(%s, %s, %s::real[]::vector, %s)"
    return {content for (content,) in connection.execute(text, [ANN, COLLECTION, question, k])}


def archived(connection: Connection, question: list[float]) -> set[str]:
    text = "select content from search_memory_archive(%s, %s::real[]::vector, 1)"
    return {content for (content,) in connection.execute(text, [ANN, question])}


def recalled(connection: Connection, question: list[float], *, user: UUID = ANN, k: int = 3, **more: str) -> set[str]:
    given = "".join(f", {name} => %({name})s" for name in more)
    text = f"select content from recall_memories(%(user)s, %(q)s::real[]::vector, %(k)s{given})"
    return {content for (content,) in connection.execute(text.encode(), {"user": user, "q": question, "k": k} | more)}


def near(connection: Connection) -> list[set[UUID]]:
    rows = connection.execute("select memory_id, duplicate_id from near_duplicates(%s, 0.01)", [ANN])
    return [set(row) for row in rows]


def test_each_set_compares_what_the_model_in_force_has_made(
    whole: door.Database, connection: Connection, folder: Path
) -> None:
    former, new = of_text("text 20", 1536), of_text("text 20", 64)
    by_former = in_collection(connection, former)
    connection.execute("select archive_memories(%s, %s, 'pruned')", [ANN, [UUID(int=n) for n in range(30, 40)]])

    def expect_former_alone() -> None:
        assert in_collection(connection, former) == by_former
        assert archived(connection, of_text("text 33", 1536)) == {"text 33"}
        for search in (in_collection, archived):
            with pytest.raises(psycopg.errors.DataException, match="expected 1536 dimensions, not 64"):
                search(connection, new)
        assert near(connection) == [ALIKE_FORMERLY]

    expect_former_alone()
    project.switch(folder, NEW)
    whole.migrate()
    assert (in_collection(connection, former), near(connection)) == (by_former, [ALIKE])
    assert archived(connection, of_text("text 33", 1536)) == archived(connection, of_text("text 33", 64)) == {"text 33"}
    by_new = in_collection(connection, new)
    assert "text 20" in by_new - by_former | {"text 20"}
    assert by_new == exact(connection, new)
    with pytest.raises(psycopg.errors.DataException, match="not 32"):
        in_collection(connection, new[:32])
    whole.rollback()
    expect_former_alone()
    whole.migrate()
    project.retire(folder, NEW)
    whole.migrate()
    assert (in_collection(connection, new), near(connection)) == (by_new, [ALIKE])
    assert archived(connection, of_text("text 33", 64)) == {"text 33"}
    for search in (in_collection, archived):
        with pytest.raises(psycopg.errors.DataException, match="expected 64 dimensions, not 1536"):
            search(connection, former)
    whole.rollback(to=next(item for item in ids(folder) if "switch_search" in item))
    assert (in_collection(connection, former), in_collection(connection, new)) == (by_former, by_new)


def exact(connection: Connection, question: list[float]) -> set[str]:
    text = """select content from memories_of_new_model_2 as m
    where exists (select from memory_collection_members as c where c.memory_id = m.id)
    order by embedding <=> %s::real[]::vector limit 2"""
    return {content for (content,) in connection.execute(text.encode(), [question])}


@pytest.mark.parametrize("dimensions", [64, 1536])
def test_recall_weighs_what_the_model_in_force_finds(
    db: door.Database, conninfo: str, folder: Path, connection: Connection, dimensions: int
) -> None:
    """Of users with few memories and with many, with a filter and without."""
    model, new = ("same", 1536) if dimensions == 1536 else (NEW, 64)
    if model != NEW:
        project.begin(folder, model, dimensions)
    db = memdb.open(conninfo, sql_dir=folder, sets=[*SETS, "importance"])
    db.migrate()
    connection.execute("update memory_recall_weights set recency_weight = 0, importance_weight = 0")
    connection.execute("update memories set metadata = '{\"a\": 1}' where id = any(%s)", [[UUID(int=7), UUID(int=305)]])
    by_new = Model(model, new)
    by_new.embed = lambda texts: [of_text(text + "!", new) for text in texts]  # type: ignore[method-assign]
    db.embed(by_new, batching=SMALL)

    def answers(asked: list[float], user: UUID) -> tuple[set[str], set[str]]:
        return recalled(connection, asked, user=user, k=1), recalled(connection, asked, user=user, metadata='{"a": 1}')

    expected = {user: ({text}, {text}) for user, text in ((ANN, "text 7"), (BOB, "text 305"))}
    for user, text in ((ANN, "text 7"), (BOB, "text 305")):
        assert answers(of_text(text, 1536), user) == expected[user]
    project.switch(folder, model)
    db.migrate()
    for is_retired in (False, True):
        for user, text in ((ANN, "text 7"), (BOB, "text 305")):
            assert answers(of_text(text + "!", new), user) == expected[user]
            if dimensions == 64 and not is_retired:
                assert answers(of_text(text, 1536), user) == expected[user]
        if not is_retired:
            project.retire(folder, model)
            db.migrate()
    with pytest.raises(psycopg.errors.DataException, match=f"expected {new} dimensions, not 32"):
        answers([1.0] * 32, ANN)


def ids(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "app").glob("*.sql") if "rollback" not in path.name)


def test_a_set_that_is_applied_after_the_switch_compares_the_new_ones_from_the_start(
    db: door.Database, conninfo: str, folder: Path, connection: Connection
) -> None:
    db.embed(Model(), batching=SMALL)
    project.switch(folder, NEW)
    db.migrate()
    db = memdb.open(conninfo, sql_dir=folder, sets=[*SETS, "deduplication"])
    db.migrate()
    connection.execute(
        "update memory_embeddings_new_model_2 set embedding = (select embedding from memory_embeddings_new_model_2 "
        "where memory_id = %s) where memory_id = %s",
        sorted(ALIKE),
    )
    assert near(connection) == [ALIKE]
    [group] = db.duplicates(ANN, near=True, max_distance=0.01).shown
    assert {member.id for member in group.members} == ALIKE
    memories, distance = connection.execute(
        "select memories, max_distance from near_duplicate_distance(%s)", [ANN]
    ).fetchall()[0]
    assert (memories, distance > 0) == (MANY, True)
    connection.execute("update memories set embedding = null")
    assert near(connection) == [ALIKE]


def test_who_is_held_to_policies_compares_their_own_alone(
    whole: door.Database, connection: Connection, folder: Path
) -> None:
    project.switch(folder, NEW)
    whole.migrate()
    with as_role(connection, "application") as role:
        connection.execute("grant select on all tables in schema public to application")
        role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
        assert "text 20" in in_collection(role, of_text("text 20", 64))
        assert near(role) == [ALIKE]
        role.execute("select set_config('memdb.user_id', %s, false)", [str(UUID(int=2 << 96))])
        assert in_collection(role, of_text("text 20", 64)) == set()
        assert near(role) == []


@pytest.mark.parametrize(("dimensions", "kind"), [(1536, "vector"), (3072, None), (32, "halfvec")])
def test_embeddings_of_any_other_type_are_compared(server: str, fresh: Path, dimensions: int, kind: str | None) -> None:
    with new_database(server) as conninfo, database.connect(conninfo, purpose="test") as connection:
        db = memdb.open(conninfo, sql_dir=fresh, sets=("fast_search", "drop_hnsw", "archive", *OTHERS))
        project.begin(fresh, "other", dimensions, kind)
        project.switch(fresh, "other")
        db.migrate()
        connection.execute("insert into users (id) values (%s)", [ANN])
        connection.execute(
            "insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, '', '')",
            [COLLECTION, ANN],
        )
        rows = [(UUID(int=n), ANN, f"text {n % 30}") for n in range(60)]
        connection.cursor().executemany(
            "insert into memories (id, user_id, memory_type, content) values (%s, %s, 'task', %s || ' ' || random())",
            rows,
        )
        for id, _, text in rows:
            connection.execute(
                f"select set_memory_embeddings_other(%s, %s, array[%s::real[]::{kind or 'halfvec'}])".encode(),
                [ANN, [id], of_text(text, dimensions)],
            )
        assert len(near(connection)) == 30
        connection.execute("select add_to_collection(%s, %s, %s)", [ANN, COLLECTION, [id for id, *_ in rows]])
        for _ in range(2):
            [found] = in_collection(connection, of_text("text 2", dimensions), k=1)
            assert found.startswith("text 2 ")
            project.retire(fresh, "other") if _ == 0 else None
            db.migrate()


@pytest.mark.parametrize("retired", [False, True])
def test_a_benchmark_measures_searches_by_the_model_that_answers(
    db: door.Database, folder: Path, taken_over: str, retired: bool
) -> None:
    if retired:
        project.retire(folder, NEW)
        db.migrate()
    study = db.benchmark(Wanted(k=3, queries=10), Design(names=("plain", "exact", "search_memories")))
    found = {one.name: one.recall.mean for one in study.strategies}
    assert found.keys() >= {"plain", "exact", "search_memories"}
    assert min(found.values()) > 0.9
    assert (study.facts.table, study.facts.memories) == ("memory_embeddings_new_model_2", MANY + 21)
    assert any("sizes and indexes are those of memory_embeddings_new_model_2" in note for note in study.notes)


def test_what_a_benchmark_adds_meanwhile_has_an_embedding_of_the_model_that_answers_and_is_gone(
    db: door.Database, connection: Connection, taken_over: str
) -> None:
    count = "select count(*) from memories_of_new_model_2"
    before = connection.value(count)
    study = db.benchmark(
        Wanted(k=3, queries=5), Design(names=("search_memories",), seconds=0.1, writers=1, inserts=5, try_m=(8,))
    )
    assert study.inserts is not None
    assert study.strategies[0].while_adding is not None
    assert (study.trials[0].rows, connection.value(count)) == (before, before)
