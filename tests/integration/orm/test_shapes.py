"""Memories of every shape: users with any ids, wherever their table is, and embeddings of any type and length."""

import collections.abc
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from memdb import database, migrations, recording
from memdb.errors import InvalidMemory, UnknownUser
from memdb.ledger.sqlfiles import Sets
from memdb.models import MemoryType
from memdb.pytest_plugin import AssertModelsMatch
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.shape import Shape, Users
from memdb.store import MemoryStore, Neighbour, create_engine, sessions
from memdb.verification import drift, snapshot
from tests import clerk
from tests.conftest import new_database
from tests.helpers import address, as_scratch
from tests.integration.orm import shapes

PAGE = Path(__file__).parents[3] / "docs" / "models.md"

AUTH0 = Users("customers", "sub", "text", may_be_made=False)
DJANGO = Users("auth_user", "id", "integer", may_be_made=False)
SUPABASE = Users("auth.users", "id", "uuid", may_be_made=False)
RAILS = Users("users", "id", "bigint", may_be_made=False)
PRISMA = Users('"User"', '"userId"', "text", may_be_made=False)
SHORT = Users("crm.accounts", "account_id", "varchar(40)", may_be_made=False)

EVERY = {
    "rails": Shape(RAILS, "vector", 384),
    "auth0": Shape(AUTH0, "vector", 768),
    "django": Shape(DJANGO, "vector", 1536),
    "supabase": Shape(SUPABASE, "vector", 2000),
    "short": Shape(SHORT, "halfvec", 768),
    "rails, halves": Shape(RAILS, "halfvec", 1536),
    "django, halves": Shape(DJANGO, "halfvec", 3072),
    "clerk": Shape(Users("crm.customers", "clerk_id", "text", may_be_made=False), "halfvec", 3072),
    "prisma, no index": Shape(PRISMA, "vector", 3072),
    "uuid, halves": Shape(Users(), "halfvec", 768),
}


ONE_OF_EACH = ("rails", "auth0", "django, halves", "short", "uuid, halves")
"""One shape of each type of ids."""


@pytest.fixture(scope="module", params=EVERY)
def shape(request: pytest.FixtureRequest) -> Shape:
    """Each of the shapes in turn."""
    return EVERY[request.param]


@pytest.fixture(scope="module")
def shaped_sets(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> Sets:
    """The migrations of that shape."""
    return shapes.write(tmp_path_factory.mktemp("sql"), shape)


@pytest.fixture(scope="module")
def shaped_template(server: str, shaped_sets: Sets, shape: Shape) -> Iterator[str]:
    """The name of a database of that shape, to be cloned."""
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            shapes.make_users(connection, shape)
            migrations.migrate(connection, shaped_sets)
            name = connection.info.dbname
        yield name


@pytest.fixture
def shaped(server: str, shaped_template: str) -> Iterator[str]:
    """The connection string of a new database of that shape."""
    with new_database(server, template=shaped_template) as conninfo:
        yield conninfo


@pytest.fixture
def models(shape: Shape) -> shapes.Models:
    return shapes.models(shape)


@pytest.fixture
async def session(shaped: str, driver: str) -> AsyncIterator[AsyncSession]:
    """A session on a new database of that shape."""
    engine = create_engine(address(shaped, driver))
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


def direction(shape: Shape, random_seed: int = 1) -> list[float]:
    drawn = np.random.default_rng(random_seed).standard_normal(shape.dimensions).astype(np.float32)
    return [float(str(number)) for number in drawn]


@pytest.mark.once
async def test_all_that_a_store_does_follows_the_shape_of_its_model(
    session: AsyncSession, shape: Shape, models: shapes.Models
) -> None:
    user, other, _ = models.ids
    store: MemoryStore[Any] = MemoryStore(session, models.memory)
    vectors = [direction(shape, seed) for seed in range(4)]
    new = [
        models.create(user_id=user, memory_type=MemoryType.TASK, content=f"walk {number}", embedding=vector)
        for number, vector in enumerate(vectors)
    ]
    added = await store.add(new[0])
    copied = await store.add_many([new[1], models.create(user_id=other, memory_type=MemoryType.TASK, content="run")])
    inserted = await store.add_many(new[2:], skip_existing=True)
    again = new[2].model_copy(update={"id": inserted[0]})
    assert await store.add_many([again], skip_existing=True) == []
    with pytest.raises(InvalidMemory, match="belongs to another memory"):
        await store.add_many([again.model_copy(update={"user_id": other})], skip_existing=True)
    await session.commit()

    for seed, id in enumerate([added.id, copied[0], *inserted]):
        found = await store.nearest(models.query(user_id=user, embedding=vectors[seed]))
        assert [found[0].id, len(found)] == [id, 4]
        assert found[0].distance == pytest.approx(0, abs=1e-5)
        assert found[0].user_id == user
    assert len(await store.list(MemoryQuery[Any](user_id=user))) == 4
    changed = await store.update(added.id, models.update(content="ran", embedding=vectors[3]), user_id=user)
    assert changed is not None
    nearest = await store.nearest(models.query(user_id=user, embedding=vectors[3], limit=2))
    assert {memory.id for memory in nearest} == {added.id, inserted[1]}
    assert await store.get(added.id, user_id=other) is None
    assert await store.touch(copied) == 0
    assert await store.delete(copied, user_id=other) == 1
    owner = await session.scalar(select(models.user).filter_by(key=user).options(selectinload(models.user.memories)))
    assert owner is not None
    assert {memory.user_id for memory in owner.memories} == {user}


@pytest.mark.once
async def test_what_is_read_is_what_the_column_keeps(
    session: AsyncSession, shape: Shape, models: shapes.Models
) -> None:
    numbers = [0.1, *direction(shape)[1:]]
    store: MemoryStore[Any] = MemoryStore(session, models.memory)
    memory = models.create(user_id=models.ids[0], memory_type=MemoryType.TASK, content="walk", embedding=numbers)
    added = await store.add(memory)
    ids = [added.id, *await store.add_many([memory]), *await store.add_many([memory], skip_existing=True)]
    told = added.embedding
    assert told is not None
    await session.commit()
    session.expunge_all()
    kept = np.float16 if shape.embedding_type == "halfvec" else np.float32
    for id in ids:
        read = await store.get(id)
        assert read is not None
        assert read.embedding == [float(str(np.float32(kept(number)))) for number in numbers]
        assert np.array_equal(np.array(read.embedding, np.float32), np.array(told, np.float32))


@pytest.mark.once
@pytest.mark.parametrize("shape", ONE_OF_EACH, indirect=True)
async def test_a_user_who_is_not_there_is_named(session: AsyncSession, shape: Shape, models: shapes.Models) -> None:
    user, _, nobody = models.ids
    known, unknown = (models.create(user_id=id, memory_type=MemoryType.TASK, content="walk") for id in (user, nobody))
    store: MemoryStore[Any] = MemoryStore(session, models.memory)
    for skip_existing in (False, True):
        with pytest.raises(UnknownUser, match=rf"^there is no user {nobody}, of memory 1 \(counted from 0\)"):
            await store.add_many([known, unknown, known], skip_existing=skip_existing)
    with pytest.raises(UnknownUser, match=rf"^there is no user {nobody}, "):
        await store.add(unknown)


@pytest.mark.once
@pytest.mark.parametrize("shape", ONE_OF_EACH, indirect=True)
async def test_other_dimensions_are_refused_everywhere_with_both_numbers(
    session: AsyncSession, shape: Shape, models: shapes.Models
) -> None:
    class OtherCreate(MemoryCreate[Any]):
        embedding_type = "vector(5)"

    class OtherUpdate(MemoryUpdate):
        embedding_type = "vector(5)"

    class OtherQuery(MemorySimilarityQuery[Any]):
        embedding_type = "vector(5)"

    user, five = models.ids[0], [1.0] * 5
    store: MemoryStore[Any] = MemoryStore(session, models.memory)
    stored = await store.add(models.create(user_id=user, memory_type=MemoryType.TASK, content="walk"))
    other = OtherCreate(user_id=user, memory_type=MemoryType.TASK, content="walk", embedding=five)
    row = {"user_id": user, "memory_type": MemoryType.TASK, "content": "walk", "embedding": five}
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.add(other),
        lambda: store.add_many([other]),
        lambda: store.add_many([other], skip_existing=True),
        lambda: store.update(stored.id, OtherUpdate(embedding=five)),
        lambda: store.nearest(OtherQuery(user_id=user, embedding=five)),
        lambda: session.execute(insert(models.memory).values(row)),
        lambda: session.execute(select(models.memory).order_by(models.memory.embedding.cosine_distance(five))),
    ]
    for call in calls:
        with pytest.raises(InvalidMemory, match=f"embedding must have {shape.dimensions} numbers, but this one has 5"):
            await call()
    for schema in (models.create, models.update, models.query):
        with pytest.raises(ValueError, match=f"must have {shape.dimensions} numbers, but this one has 5"):
            schema.model_validate(row if schema is models.create else {"embedding": five})
    with pytest.raises(InvalidMemory, match=f"must have {shape.dimensions} numbers, but this one has 5"):
        models.memory(embedding=five)


@pytest.mark.once
@pytest.mark.parametrize("shape", ONE_OF_EACH, indirect=True)
async def test_the_id_of_a_user_is_of_the_type_of_their_key(
    session: AsyncSession, shape: Shape, models: shapes.Models
) -> None:
    wrong: dict[str, list[Any]] = {
        "uuid": [7, "sam", True],
        "bigint": [True, "seven", 7.5, 2**63],
        "integer": [True, "seven", 7.5, 2**31, -(2**31) - 1],
        "text": [7, True, "", "a\0b"],
        "varchar": [7, True, "", "a\0b", "x" * 41],
    }
    store: MemoryStore[Any] = MemoryStore(session, models.memory)
    for value in wrong[shape.users.key_type.partition("(")[0]]:
        memory = MemoryCreate[Any](user_id=models.ids[0], memory_type=MemoryType.TASK, content="walk")
        query = models.query(user_id=models.ids[0], embedding=direction(shape))
        listed = MemoryQuery[Any](user_id=models.ids[0])
        for schema in (memory, query, listed):
            schema.user_id = value
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda memory=memory: store.add(memory),  # type: ignore[misc]
            lambda memory=memory: store.add_many([memory]),  # type: ignore[misc]
            lambda query=query: store.nearest(query),  # type: ignore[misc]
            lambda listed=listed: store.list(listed),  # type: ignore[misc]
            lambda value=value: store.delete([], user_id=value),  # type: ignore[misc]
        ]
        for call in calls:
            with pytest.raises(InvalidMemory, match="user_id"):
                await call()
        with pytest.raises(InvalidMemory, match="user_id"):
            models.memory(user_id=value)


@pytest.mark.once
@pytest.mark.parametrize("shape", ["clerk"], indirect=True)
async def test_what_the_documentation_shows_of_another_shape_works(session: AsyncSession, shape: Shape) -> None:
    user, embedding = shapes.IDS[str][0], direction(shape)
    namespace: dict[str, Any] = (
        vars(clerk)
        | vars(collections.abc)
        | {
            "AsyncSession": AsyncSession,
            "MemoryStore": MemoryStore,
            "MemoryType": MemoryType,
            "Neighbour": Neighbour,
        }
    )
    (remember,) = re.findall(r"```python\n(async def remember.*?)```", PAGE.read_text(), re.DOTALL)
    exec(remember, namespace)
    (found,) = await namespace["remember"](session, user, embedding)
    assert (found.content, found.user_id) == ("a walk", user)


@pytest.mark.parametrize("shape", ONE_OF_EACH, indirect=True)
async def test_search_memories_of_the_shape_is_used_and_finds_the_same(
    session: AsyncSession, shaped: str, shape: Shape, shaped_sets: Sets, models: shapes.Models, driver: str
) -> None:
    user, directions = models.ids[0], [direction(shape, seed) for seed in range(40)]
    memory = {"user_id": user, "memory_type": MemoryType.TASK, "content": "walk"}
    store: MemoryStore[Any] = MemoryStore(session, models.memory)
    await store.add_many(models.create(**memory, embedding=numbers) for numbers in directions)
    await session.commit()
    question = models.query(user_id=user, embedding=direction(shape, 41))
    before = [(found.id, round(found.distance, 4)) for found in await store.nearest(question)]
    await session.close()
    with database.connect(shaped, purpose="test") as connection:
        migrations.migrate(connection, shaped_sets, chosen=("fast_search",))
    engine, statements = create_engine(address(shaped, driver)), list[str]()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    async with sessions(engine)() as other:
        after = await MemoryStore(other, models.memory).nearest(question)
    await engine.dispose()
    assert [(found.id, round(found.distance, 4)) for found in after] == before
    assert any('"search_memories"(' in statement for statement in statements)


@pytest.mark.parametrize("shape", ["rails", "supabase", "short", "prisma, no index", "uuid, halves"], indirect=True)
def test_models_of_a_shape_are_as_its_schema_is(
    server: str,
    shaped: str,
    shape: Shape,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_models_match: AssertModelsMatch,
) -> None:
    """With a snapshot, and with a database; and another length is found."""
    sets = shapes.write(tmp_path, shape)
    with new_database(server) as conninfo, database.connect(conninfo, purpose="test") as fresh:
        shapes.make_users(fresh, shape)
        patches = recording.record_in(as_scratch(fresh), sets["core"])
    snapshot.write(tmp_path, patches)
    with database.connect(shaped, purpose="test") as connection:
        for dimensions, differing in ((shape.dimensions, []), (5, ["memories.embedding"])):
            module, models = ModuleType("models_of_a_shape"), shapes.models(replace(shape, dimensions=dimensions))
            module.Base = models.base  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, module.__name__, module)
            result = drift.verify_models("models_of_a_shape:Base", sets, patches, connection)
            assert [item.object for item in result.differences] == differing
            for item in result.differences:
                assert item.differs_from == ("snapshot", "database")
                assert item.expected == {"type": shape.embedding}
                assert item.found == {"type": f"{shape.embedding_type}(5)"}
            told = pytest.raises(pytest.fail.Exception, match=r"memories\.embedding") if differing else nullcontext()
            with told:
                assert_models_match("models_of_a_shape:Base", shaped, sql_dir=tmp_path)


@pytest.mark.once
@pytest.mark.parametrize("shape", ["rails", "clerk"], indirect=True)
async def test_a_database_of_another_shape_than_the_model_is_told_in_both_numbers(
    session: AsyncSession, models: shapes.Models, shape: Shape
) -> None:
    other = shapes.models(replace(shape, dimensions=5))
    store: MemoryStore[Any] = MemoryStore(session, other.memory)
    memory = other.create(user_id=other.ids[0], memory_type=MemoryType.TASK, content="walk", embedding=[1.0] * 5)
    with pytest.raises(InvalidMemory, match=f"expected {shape.dimensions} dimensions, not 5"):
        await store.add_many([memory])
