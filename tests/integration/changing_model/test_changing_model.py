"""Another model takes over: its embeddings are filled while the former ones serve, then searches are switched."""

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import memdb
from memdb import database, door, output, project, recording
from memdb.database import Connection
from memdb.embedding.comparing import Least
from memdb.embedding.filling import Batching
from memdb.embedding.needs import Scope
from memdb.errors import DatabaseError, DataError, EmbedderFailed, InvalidMemory, MemdbError, UsageError
from memdb.ledger import sqlfiles
from memdb.schemas import MemorySimilarityQuery
from memdb.search.question import Question
from memdb.seeding.memories import Synthetic
from memdb.store import Embeddings, MemoryStore, create_engine
from memdb.values import Where
from memdb.verification import snapshot
from tests.conftest import new_database
from tests.integration.changing_model.conftest import ANN, BOB, MANY, NEW, SETS, SMALL, Model, of_text
from tests.integration.conftest import as_role

pytestmark = pytest.mark.once


def found(connection: Connection, user: UUID, question: list[float], k: int = 3, **more: object) -> list[str]:
    given = "".join(f", {name} => %({name})s" for name in more)
    text = f"select content from search_memories(%(user)s, %(q)s::real[]::vector, %(k)s{given})"
    rows = connection.execute(text.encode(), {"user": user, "q": question, "k": k} | more)
    return [content for (content,) in rows]


def exact(connection: Connection, user: UUID, question: list[float], k: int = 3) -> list[str]:
    text = """select content from memories_of_new_model_2 where user_id = %s
    order by embedding <=> %s::real[]::vector, id limit %s"""
    return [content for (content,) in connection.execute(text.encode(), [user, question, k])]


def test_the_former_model_answers_until_the_switch_and_either_one_after_it(
    db: door.Database, connection: Connection, folder: Path
) -> None:
    old, new = of_text("text 7", 1536), of_text("text 7", 64)
    before = found(connection, ANN, old)
    assert db.embed(Model(), batching=SMALL).stored == MANY + 20
    assert found(connection, ANN, old) == before
    project.switch(folder, NEW)
    db.migrate()
    assert found(connection, ANN, old) == before
    assert found(connection, ANN, new)[0] == "text 7"
    assert found(connection, ANN, new, k=40) == exact(connection, ANN, new, 40)
    assert found(connection, BOB, of_text("text 310", 64)) == exact(connection, BOB, of_text("text 310", 64))
    assert found(connection, ANN, new, tiers=["personal"])[0] != "text 7"
    db.rollback()
    assert found(connection, ANN, old) == before
    with pytest.raises(psycopg.errors.DataException, match="1536"):
        found(connection, ANN, new)


def test_a_text_is_searched_by_the_meaning_that_either_model_sees_in_it(db: door.Database, folder: Path) -> None:
    def best(model: Model, **more: Any) -> str:
        answer = db.search(Question("text 7", user=ANN, embedder=model, **more))
        assert answer.notes == ()
        return next(match.content for match in answer.matches if match.vector_rank == 1)

    db.embed(Model(), batching=SMALL)
    with pytest.raises(DataError, match="new-model:2 has not taken over yet"):
        best(Model())
    assert best(Model("former", 1536)) == "text 7"
    project.switch(folder, NEW)
    db.migrate()
    assert [best(Model()), best(Model("former", 1536)), best(Model(), tiers=["personal"])] == ["text 7"] * 2 + [ANY]
    with pytest.raises(EmbedderFailed, match="an embedding has 32 dimensions, and the column is vector"):
        best(Model("another", 32))


def test_what_the_new_model_answers_is_compared_before_it_is_switched_to(db: door.Database) -> None:
    db.embed(Model(), batching=SMALL)
    compared = db.compare_models(NEW, most=40, k=5, least=Least(agreement=0, slower=100))
    assert (compared.memories, compared.coverage, compared.stale, compared.questions) == (MANY + 20, 1, 0, 40)
    assert (compared.former.dimensions, compared.new.dimensions) == (1536, 64)
    assert (compared.new.recall or 0) > 0.9
    assert compared.ok
    assert (compared.former.recall or 0) > 0.9
    refused = db.compare_models(NEW, most=40, k=5)  # one model knows nothing of the other, so few answers agree
    assert "agree" in refused.failed[0]


def test_what_is_to_be_done_next_follows_from_who_answers(
    db: door.Database, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def advised() -> str:
        output.emit(db.compare_models(NEW, most=5, least=Least(agreement=0, slower=100)), "text")
        return capsys.readouterr().out

    db.embed(Model(), batching=SMALL)
    assert "memdb new --switch-model" in advised()
    project.switch(folder, NEW)
    db.migrate()
    told = advised()
    assert ("memdb new --retire-model-before" in told, "--switch-model" in told) == (True, False)


def test_what_no_search_finds_is_not_asked_of_the_new_model_either(db: door.Database, connection: Connection) -> None:
    """What has expired, and embeddings of zeros of which an answer would have to have some."""
    db.embed(Model(), batching=SMALL)
    expired = [UUID(int=n) for n in (*range(1, MANY, 3), 310)]
    for user in (ANN, BOB):
        connection.execute("select expire_memories(%s, %s, now() - interval '1 s')", [user, expired])
    connection.execute(
        "update memory_embeddings_new_model_2 set embedding = array_fill(0::real, array[64])::vector "
        "where memory_id = %s",
        [UUID(int=311)],
    )
    compared = db.compare_models(NEW, most=MANY + 20, k=19, least=Least(agreement=0, slower=100))
    assert (compared.ok, compared.failed) == (True, ())


def test_what_is_stale_or_cannot_be_found_is_not_covered_and_without_questions_nothing_is_known(
    db: door.Database, connection: Connection
) -> None:
    db.embed(Model(), batching=SMALL)
    connection.execute("update memories set content = 'changed' where id <= %s", [UUID(int=16)])
    connection.execute(
        "update memory_embeddings_new_model_2 set embedding = array_fill(0::real, array[64])::vector "
        "where memory_id > %s",
        [UUID(int=MANY + 4)],
    )
    compared = db.compare_models(NEW, most=20)
    assert (compared.coverage, compared.stale) == (0.9, 16)
    connection.execute("update memories set embedding = null")
    assert "no question was asked that it has an answer to" in db.compare_models(NEW).failed


def test_each_stage_is_what_verify_schema_expects_and_all_are_rolled_back(
    server: str, tmp_path: Path, own: Path, ready_server: None
) -> None:
    for name in ("core", "fast_search", "app"):
        shutil.copytree(own / name, tmp_path / name)
    shutil.copy(own / "schema.json", tmp_path)
    project.switch(tmp_path, NEW)
    project.retire(tmp_path, NEW)
    snapshot.write(tmp_path, recording.record(sqlfiles.read_sets(tmp_path)))
    with new_database(server) as conninfo, memdb.open(conninfo, sql_dir=tmp_path, sets=("fast_search",)) as db:
        migrations = [item.id for item in sqlfiles.read_sets(tmp_path).of({"app"})]
        named = {id.partition("_")[2]: id for id in migrations}
        begun, switched, retired = (
            named["grant_memory_embeddings_new_model_2"],
            named["switch_search_new_model_2"],
            migrations[-1],
        )
        for last in (begun, switched, retired):
            db.migrate(to=last)
            assert db.verify().differences == ()
            assert db.verify_models("memdb.models:Base").differences == ()
        for last in (switched, begun, "1016"):
            db.rollback(to=last)
            assert db.verify().differences == ()


def test_the_switch_is_refused_while_memories_would_not_be_found(db: door.Database, folder: Path) -> None:
    db.embed(Model(), scope=Scope(user=BOB), batching=SMALL)
    project.switch(folder, NEW)
    with pytest.raises(MemdbError, match="300 memories have no embedding of the new model"):
        db.migrate()
    db.embed(Model(), batching=SMALL)
    db.migrate()


def test_no_stage_locks_memories_against_searches_or_adds_for_long(
    db: door.Database, conninfo: str, folder: Path
) -> None:
    """An application that adds in a transaction of its own, and waits a second at most, is never in the way."""
    db.embed(Model(), batching=SMALL)
    with psycopg.connect(conninfo) as application:
        application.execute(
            "insert into memories (user_id, memory_type, content) values (%s, 'task', 'text 999')", [ANN]
        )
        project.switch(folder, NEW)
        db.migrate()
        db.rollback()
        db.migrate()
    project.retire(folder, NEW)
    db.migrate()


def test_tiers_and_users_follow_and_what_goes_takes_its_embedding_along(
    db: door.Database, connection: Connection, folder: Path
) -> None:
    db.embed(Model(), batching=SMALL)
    project.switch(folder, NEW)
    db.migrate()
    question = of_text("text 7", 64)
    connection.execute("update memories set memory_type = 'project' where content = 'text 7'")
    assert found(connection, ANN, question, tiers=["project"]) == ["text 7"]
    connection.execute("select expire_memories(%s, %s, now() - interval '1 s')", [ANN, [UUID(int=7)]])
    assert found(connection, ANN, question)[0] != "text 7"
    connection.execute("select archive_memories(%s, %s, 'pruned')", [ANN, [UUID(int=8)]])
    assert found(connection, ANN, of_text("text 8", 64))[0] != "text 8"
    connection.execute("select restore_memories(%s, %s)", [ANN, [UUID(int=8)]])
    assert found(connection, ANN, of_text("text 8", 64))[0] == "text 8"
    connection.execute("update memories set metadata = '{\"a\": 1}' where content in ('text 9', 'text 10')")
    narrowed = found(connection, ANN, question, k=5, metadata='{"a": 1}')
    assert sorted(narrowed) == ["text 10", "text 9"]
    forgotten = db.forget(ANN)
    assert forgotten.deleted["public.memory_embeddings_new_model_2"] == MANY
    assert connection.value("select count(*) from memory_embeddings_new_model_2 where user_id = %s", [ANN]) == 0


def test_embeddings_go_along_with_memories_to_other_users(
    db: door.Database, connection: Connection, tmp_path: Path
) -> None:
    db.embed(Model(), scope=Scope(user=BOB), batching=SMALL)
    db.export(tmp_path / "bob.jsonl", user=BOB)
    db.import_(tmp_path / "bob.jsonl", map_users={str(BOB): str(ANN)}, on_conflict="new-ids")
    rows = connection.execute("select user_id, count(*) from memory_embeddings_new_model_2 group by 1").fetchall()
    assert dict(rows) == {ANN: 20, BOB: 20}


def test_memories_go_where_the_model_is_unknown_without_its_embeddings(
    db: door.Database, connection: Connection, tmp_path: Path, shipped_folder: Path, server: str
) -> None:
    db.embed(Model(), scope=Scope(user=BOB), batching=SMALL)
    whole = tmp_path / "bob.jsonl"
    assert db.export(whole, user=BOB).beside["memory_embeddings_new_model_2"] == 20
    assert "memory_embeddings_new_model_2" not in db.export(tmp_path / "texts.jsonl", user=BOB, embeddings=False).beside
    with new_database(server) as conninfo, memdb.open(conninfo, sql_dir=shipped_folder, sets=SETS) as other:
        other.migrate()
        with pytest.raises(DataError, match="20 rows of memory_embeddings_new_model_2") as refused:
            other.import_(whole)
        assert "--without-embeddings" in str(refused.value.hint)
        assert other.import_(whole, embeddings=False).memories == 20


def test_a_tier_that_a_trigger_of_the_application_changes_is_followed(
    db: door.Database, connection: Connection
) -> None:
    db.embed(Model(), scope=Scope(user=BOB), batching=SMALL)
    connection.execute(
        "create function promote() returns trigger language plpgsql as "
        "$$begin new.memory_type := 'personal'; return new; end$$; "
        "create trigger promote before update of metadata on memories for each row execute function promote()"
    )
    connection.execute("update memories set metadata = '{}' where user_id = %s", [BOB])
    kept = "select array_agg(distinct memory_type)::text from memory_embeddings_new_model_2"
    assert connection.value(kept) == "{personal}"


def test_the_model_that_answers_is_checked_where_none_is_named(
    db: door.Database, connection: Connection, taken_over: str
) -> None:
    assert db.check_embeddings() == db.check_embeddings(NEW)
    assert db.check_embeddings().found == ()
    connection.execute("update memories set content = 'changed' where id = %s", [UUID(int=7)])
    (fault,) = db.check_embeddings().found
    assert (fault.kind, fault.memories) == ("stale", 1)


def test_who_is_held_to_policies_finds_and_embeds_their_own_alone(
    db: door.Database, connection: Connection, folder: Path
) -> None:
    db.embed(Model(), batching=SMALL)
    project.switch(folder, NEW)
    db.migrate()
    text = "text 305"  # Bob's
    with as_role(connection, "application") as role:
        connection.execute("grant select, insert, update on memories, memory_embeddings_new_model_2 to application")
        connection.execute("grant select on memories_of_new_model_2, memory_retention to application")
        role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
        assert found(role, BOB, of_text(text, 64)) == []
        assert found(role, ANN, of_text("text 7", 64))[0] == "text 7"
        assert role.value("select count(*) from memory_embeddings_new_model_2") == MANY
        store = "select set_memory_embeddings_new_model_2(%s, %s, array[%s::real[]::vector])"
        assert role.value(store.encode(), [BOB, [UUID(int=305)], of_text("x", 64)]) == 0
        assert role.value(store.encode(), [ANN, [UUID(int=7)], of_text("x", 64)]) == 1
        role.execute("update memories set memory_type = 'project' where id = %s", [UUID(int=7)])
        assert found(role, ANN, of_text("x", 64), tiers=["project"]) == ["text 7"]


def test_policies_that_an_application_has_added_are_not_left_behind(server: str, own: Path) -> None:
    with (
        new_database(server) as conninfo,
        memdb.open(conninfo, sql_dir=own, sets=("fast_search", "row_security")) as db,
    ):
        db.migrate(to="1016_hide_from_filtered_search")
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("create policy no_secrets on memories as restrictive using (content <> 'secret')")
        with pytest.raises(MemdbError, match="policies that memory_embeddings_new_model_2 would not have"):
            db.migrate()


def test_what_is_added_meanwhile_is_told_and_filled(db: door.Database, connection: Connection) -> None:
    def busy(count: int) -> None:
        connection.execute(
            "insert into memories (user_id, memory_type, content) values (%s, 'task', %s)", [BOB, f"late {count}"]
        )
        connection.execute("update memories set content = 'changed' where content = 'text 310'")

    assert db.embed(Model(), batching=Batching(texts=50, requests=1), on_batch=busy).ok
    assert {fault.kind for fault in db.check_embeddings(NEW).found} >= {"missing"}
    db.embed(Model(), batching=SMALL)
    connection.execute("update memories set content = 'changed again' where content = 'text 4'")
    faults = {fault.kind: fault.memories for fault in db.check_embeddings(NEW).found}
    assert faults["stale"] == 1
    assert "missing" not in faults
    assert db.to_embed(NEW).memories == {"stale": 1}
    assert connection.value("select count(*) from memories where embedding is null") > 0  # the former ones stay


@pytest.mark.parametrize(
    ("dimensions", "kind"), [(1536, "vector"), (3072, None), (1024, "halfvec"), (1024, None), (2048, None)]
)
def test_any_other_type_takes_over_and_the_former_one_keeps_a_name_where_both_have_equally_many_numbers(
    server: str, fresh: Path, dimensions: int, kind: str | None
) -> None:
    with new_database(server) as conninfo:
        db = memdb.open(conninfo, sql_dir=fresh, sets=("fast_search", "drop_hnsw"))
        project.begin(fresh, "other", dimensions, kind)
        db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s)", [ANN])
            for text in (f"text {n}" for n in range(MANY)):
                connection.execute(
                    "insert into memories (user_id, memory_type, content, embedding) values "
                    "(%s, 'task', %s, %s::real[]::vector)",
                    [ANN, text, of_text(text, 1536)],
                )
            db.embed(Model("other", dimensions))
            project.switch(fresh, "other")
            db.migrate()
            for k in (1, 40):  # by signature, and by more of them
                assert found(connection, ANN, of_text("text 2", dimensions), k=k)[0] == "text 2"
            former = "select content from search_memories_where_before_other(%s, %s::real[]::vector, null, 1)"
            assert connection.value(former.encode(), [ANN, of_text("text 1", 1536)]) == "text 1"


def test_the_doctor_looks_at_the_embeddings_of_the_model_that_answers(
    db: door.Database, connection: Connection, folder: Path
) -> None:
    def found() -> dict[str, tuple[str, str]]:
        return {one.check: (one.title, one.mend) for one in db.doctor().findings if one.check.endswith("-embeddings")}

    db.embed(Model(), batching=SMALL)
    project.switch(folder, NEW)
    db.migrate()
    connection.execute("update memories set embedding = null where id <= %s", [UUID(int=5)])
    assert "missing-embeddings" not in found()
    connection.execute("delete from memory_embeddings_new_model_2 where memory_id <= %s", [UUID(int=2)])
    connection.execute("update memories set content = 'changed' where id between %s and %s", [UUID(int=3), UUID(int=5)])
    title, mend = found()["missing-embeddings"]
    assert title == f"2 memories without an embedding by {NEW}"
    assert f"memdb embed --model {NEW}" in mend
    assert found()["stale-embeddings"][0].startswith("3 memories")
    db.rollback()
    assert found()["missing-embeddings"][0] == "5 memories without an embedding"


def test_the_next_model_takes_over_from_the_one_that_did(
    db: door.Database, connection: Connection, folder: Path
) -> None:
    db.embed(Model(), batching=SMALL)
    project.switch(folder, NEW)
    project.begin(folder, "third", 1536)
    db.migrate()
    db.embed(Model("third", 1536), batching=SMALL)
    compared = db.compare_models("third", most=20, least=Least(agreement=0, slower=100))
    assert not compared.has_taken_over
    assert (compared.former.dimensions, compared.former.embedded, compared.coverage) == (64, MANY + 20, 1)
    assert (compared.questions, compared.failed) == (20, ())
    project.switch(folder, "third")
    db.migrate()
    db.embed(Model("third", 1536), batching=SMALL)
    assert found(connection, ANN, of_text("text 7", 64))[0] == "text 7"
    assert found(connection, ANN, of_text("text 7", 1536))[0] == "text 7"
    project.retire(folder, "third")
    db.migrate()
    with pytest.raises(DatabaseError, match="third answers alone already"):
        db.compare_models("third")
    assert found(connection, ANN, of_text("text 7", 1536))[0] == "text 7"
    with pytest.raises(psycopg.errors.DataException, match="1536"):
        found(connection, ANN, of_text("text 7", 64))
    db.rollback(to=next(path.stem for path in (folder / "app").glob("*_switch_search_third.sql")))
    assert found(connection, ANN, of_text("text 7", 64))[0] == "text 7"


def test_stages_are_written_in_their_order_alone(folder: Path) -> None:
    with pytest.raises(UsageError, match="there already"):
        project.begin(folder, NEW, 64)
    with pytest.raises(UsageError, match="is that of vendor/new-model:2"):
        project.begin(folder, "another/new-model:2", 64)
    with pytest.raises(UsageError, match="is that of vendor/new-model:2"):
        project.switch(folder, "another/new-model:2")
    with pytest.raises(UsageError, match="core comes before"):
        project.begin(folder, "other", 64, set_name="core")
    with pytest.raises(UsageError, match="keeps embeddings of other"):
        project.switch(folder, "other")
    with pytest.raises(UsageError, match="makes search_memories_where_before_new_model_2"):
        project.retire(folder, NEW)
    project.switch(folder, NEW)
    with pytest.raises(UsageError, match="already"):
        project.switch(folder, NEW)


def test_memdb_search_asks_the_model_that_has_taken_over(db: door.Database, folder: Path) -> None:
    def first(**asked: object) -> str:
        return db.search(Question(user=ANN, **asked)).matches[0].content  # type: ignore[arg-type]

    db.embed(Model(), batching=SMALL)
    alike = first(like=UUID(int=7))
    project.switch(folder, NEW)
    db.migrate()
    assert first(embedding=of_text("text 7", 64)) == "text 7"
    assert first(embedding=of_text("text 7", 1536)) == "text 7"
    with pytest.raises(MemdbError, match="64"):
        first(embedding=[1.0] * 63)
    project.retire(folder, NEW)
    db.migrate()
    with pytest.raises(DataError, match=f"{NEW}, of 64 dimensions, and this one has 1536"):
        first(embedding=of_text("text 7", 1536))
    assert first(embedding=of_text("text 7", 64)) == "text 7"
    assert first(like=UUID(int=7)) not in ("text 7", alike)


@pytest.mark.parametrize("is_retired", [False, True])
def test_conditions_on_metadata_are_asked_of_the_model_that_has_taken_over(
    db: door.Database, folder: Path, taken_over: str, is_retired: bool
) -> None:
    if is_retired:
        project.retire(folder, NEW)
        db.migrate()
    question = Question(user=ANN, embedding=of_text("later", 64), where=[Where("year", gt=2000)])
    answer = db.search(question)
    assert [match.content for match in answer.matches] == [taken_over]
    assert (answer.functions, answer.notes) == (("search_memories_where",), ())
    assert db.explain(question, UUID(int=9999)).reasons == ()


async def test_a_store_asks_the_model_that_has_taken_over_in_a_collection_as_well(
    conninfo: str, folder: Path, taken_over: str
) -> None:
    memdb.open(conninfo, sql_dir=folder, sets=[*SETS, "collections"]).migrate()
    engine, later = create_engine(conninfo), of_text("later", 64)
    where, collection = [Where("year", gt=2000)], UUID(int=1)
    async with AsyncSession(engine) as session:
        former, store = MemoryStore(session), MemoryStore(session, embeddings=Embeddings(NEW, "vector(64)"))
        for words in (None, "later"):
            hits = await store.search(ANN, words, later, where=where)
            assert [hit.content for hit in hits] == [taken_over]
        assert await store.search(ANN, "later", later, collection=collection) == []
        assert await store.search(ANN, "later", collection=collection) == []
        assert await former.search(ANN, None, of_text("later", 1536), collection=collection) == []
        asked = MemorySimilarityQuery(user_id=ANN, embedding=of_text("later", 1536), collection_id=collection)
        assert await former.nearest(asked) == []
    project.retire(folder, NEW)
    memdb.open(conninfo, sql_dir=folder, sets=[*SETS, "collections"]).migrate()
    async with AsyncSession(engine) as session:
        for _ in range(2):  # past SQLAlchemy, and in a transaction
            with pytest.raises(InvalidMemory, match=f"answered by {NEW}, .*expected 64 dimensions, not 1536"):
                await MemoryStore(session).search(ANN, None, of_text("later", 1536))
            await session.rollback()
    await engine.dispose()


def test_seeding_says_that_the_model_that_has_taken_over_knows_nothing_of_it(
    db: door.Database, taken_over: str
) -> None:
    assert db.seed(Synthetic(1, 3, 1, (1, 1, 1)), append=True).successor == NEW
