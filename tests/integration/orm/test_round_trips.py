"""What comes back of what was stored, with both drivers; and what SQL takes that the rules refuse."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from math import isnan, nextafter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import DateTime, cast, event, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from memdb import migrations
from memdb.database import Connection
from memdb.errors import InvalidMemory
from memdb.ledger.sqlfiles import Sets
from memdb.models import Memory, User
from memdb.schemas import MemoryCreate, MemoryQuery, MemoryResponse, MemorySimilarityQuery
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address, vectors

pytestmark = pytest.mark.once

# fmt: off
EXACT: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**300, 0.1, 1.0, 1.5, -2.5e-7, 1e15, 1e-300,
    5e-324, nextafter(1, 2), 0.1 + 0.2, 9007199254740993.0, "", "a", "é", "e\u0301", "🌱", "\u200b", "\ufeff", "\u2028",
    "\x01\x7f", "\\u0000", '"', "null", "  ", "\r\n", "x" * 100_000, [], {}, [[]], [None, [True, {"a": []}]], {"": ""},
    {"a b": {"ü": 1}},
]
# fmt: on


def a_memory(user_id: UUID, **values: Any) -> MemoryCreate:
    return MemoryCreate(**{"user_id": user_id, "memory_type": "task", "content": "a walk", **values})


def typed(value: Any) -> Any:
    """The value with its types, so that 1, 1.0 and True are three."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, list) else (type(value), value)


async def test_metadata_come_back_as_they_went(session: AsyncSession, user_id: UUID) -> None:
    store, given = MemoryStore(session), {f"{number}": value for number, value in enumerate(EXACT)}
    await store.add(a_memory(user_id, extra_data=given))
    await store.add_many([a_memory(user_id, extra_data=given)])
    session.add(Memory(user_id=user_id, memory_type="task", content="a walk", extra_data=given))
    await session.commit()
    session.expunge_all()
    for memory in await store.list(MemoryQuery(user_id=user_id)):
        assert typed(dict(memory.extra_data or {})) == typed(given)
        shown = MemoryResponse.model_validate(memory)
        again = MemoryResponse.model_validate_json(shown.model_dump_json())
        assert typed(again.extra_data) == typed(given)
    for key, value in given.items():
        if value not in (None, False) and not isinstance(value, dict | list):
            assert len(await store.list(MemoryQuery(user_id=user_id, extra_data={key: value}))) == 3, value


async def test_what_jsonb_does_not_keep_is_as_documented(session: AsyncSession, user_id: UUID) -> None:
    given = {"long key": 1, "a": -0.0, "b": 1e16, "c": 1e300}
    memory = await MemoryStore(session).add(a_memory(user_id, extra_data=given))
    await session.commit()
    await session.refresh(memory)
    assert memory.extra_data is not None
    assert list(memory.extra_data) == ["a", "b", "c", "long key"]
    assert [str(memory.extra_data[key]) for key in "abc"] == ["0.0", str(10**16), str(10**300)]


@pytest.fixture(params=["UTC", "Pacific/Kiritimati", "America/New_York"])
async def abroad(migrated: str, driver: str, request: pytest.FixtureRequest) -> AsyncIterator[AsyncSession]:
    """A session whose connection is in another time zone."""
    with_zone = f"{address(migrated, driver)}&options=-ctimezone%3D{request.param}"
    engine = create_engine(with_zone)
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


async def test_moments_come_back_as_they_went_in_every_time_zone(abroad: AsyncSession, user_id: UUID) -> None:
    store = MemoryStore(abroad)
    moments = [
        datetime(2, 1, 1, tzinfo=UTC),
        datetime(1900, 1, 1, 0, 0, 1, 1, tzinfo=timezone(timedelta(hours=-11, minutes=-17))),
        datetime(2026, 3, 29, 2, 30, tzinfo=UTC),
        datetime(9998, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    for moment in moments:
        await store.add(a_memory(user_id, created_at=moment))
    await store.add_many([a_memory(user_id, created_at=moment) for moment in moments])
    abroad.expunge_all()
    listed = await store.list(MemoryQuery(user_id=user_id))
    assert [memory.created_at for memory in listed] == [moment for moment in reversed(moments) for _ in range(2)]
    for memory in listed:
        shown = MemoryResponse.model_validate(memory).model_dump_json()
        assert MemoryResponse.model_validate_json(shown).created_at == memory.created_at
    first, last = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))  # noqa: DTZ901
    assert len(await store.list(MemoryQuery(user_id=user_id, created_from=first, created_before=last))) == 8


def vector(number: float) -> str:
    return str([number] * 1536)


def test_distances_are_numbers_within_the_lengths_that_are_accepted(connection: Connection) -> None:
    def distance(one: float, other: float) -> float:
        row = connection.execute("select %s::vector <=> %s::vector", [vector(one), vector(other)]).fetchone()
        assert row
        return float(row[0])

    shortest, longest = 1.1e-15 / 1536**0.5, 0.9e15 / 1536**0.5
    for one, other in ((shortest, shortest), (shortest, longest), (longest, longest), (longest, 1.0), (shortest, -1.0)):
        assert distance(one, other) == pytest.approx(0 if other > 0 else 2, abs=1e-5)
    assert isnan(distance(1e19, 1e19))  # which the rules refuse
    assert isnan(distance(1e-30, 1e-30))


SQL_ACCEPTS = """
insert into memories (user_id, memory_type, content, metadata) values
    ({user}, 'task', '', '{{}}'), ({user}, 'task', ' ', null), ({user}, 'task', repeat('x', 10001), 'null')
"""


async def test_what_other_programs_have_written_is_read(session: AsyncSession, user_id: UUID) -> None:
    await session.execute(text(SQL_ACCEPTS.format(user=f"'{user_id}'")))
    await session.execute(text("update memories set embedding = array_fill(0, array[1536])::vector where content = ''"))
    listed = await MemoryStore(session).list(MemoryQuery(user_id=user_id), embeddings=True)
    assert {len(memory.content): memory.extra_data for memory in listed} == {0: {}, 1: None, 10_001: None}
    assert [MemoryResponse.model_validate(memory).content for memory in listed]


@pytest.mark.parametrize("chosen", [(), ("fast_search",)])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_times_that_python_lacks_are_read_as_the_nearest_that_may_be_stored(
    session: AsyncSession, user_id: UUID, connection: Connection, sets: Sets, chosen: tuple[str, ...], zone: str
) -> None:
    migrations.migrate(connection, sets, chosen=chosen)
    first, last = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    beyond = {"-infinity": first, "0044-03-15 BC": first, "infinity": last, "294275-01-01": last}
    (near,) = vectors(1)
    await MemoryStore(session).add_many(a_memory(user_id, content=time, embedding=near) for time in beyond)
    await session.execute(update(Memory).values(created_at=cast(Memory.content, DateTime(timezone=True))))
    await session.execute(update(Memory).values(accessed_at=Memory.created_at))
    await session.commit()
    query = MemorySimilarityQuery(user_id=user_id, embedding=near, limit=10)
    for _ in range(2):  # in a transaction, and alone
        found = await MemoryStore(session).nearest(query)
        await session.rollback()
        assert {memory.content: memory.created_at for memory in found} == beyond
    await session.execute(text(f"set time zone '{zone}'"))
    for memories in (
        await MemoryStore(session).nearest(query),
        await MemoryStore(session).list(MemoryQuery(user_id=user_id)),
        [await MemoryStore(session).get(memory.id) for memory in found],
    ):
        assert {memory.content: memory.created_at for memory in memories if memory} == beyond
        assert {memory.content: memory.accessed_at for memory in memories if memory} == beyond
        assert [MemoryResponse.model_validate(memory).model_dump_json() for memory in memories]


async def test_metadata_that_are_no_object_are_told_with_how_to_find_them(session: AsyncSession, user_id: UUID) -> None:
    await session.execute(text(SQL_ACCEPTS.format(user=f"'{user_id}'").replace("'null'", "'[1]'")))
    with pytest.raises(InvalidMemory, match="not an object but list") as error:
        await session.scalars(select(Memory))
    found = await session.scalars(text(error.value.hint.partition(": ")[2]))
    assert len(found.all()) == 1


async def test_parts_of_metadata_are_read_as_they_are(session: AsyncSession, user_id: UUID) -> None:
    await MemoryStore(session).add(a_memory(user_id, extra_data={"a": "x", "b": [1]}))
    row = (await session.execute(select(Memory.extra_data["a"], Memory.extra_data["b"]))).one()
    assert tuple(row) == ("x", [1])


async def test_statements_that_are_written_by_hand_bring_the_same_memories(
    session: AsyncSession, user_id: UUID
) -> None:
    store = MemoryStore(session)
    await store.add(a_memory(user_id, embedding=[0.1, *[0.0] * 1535], extra_data={"a": {"b": [1, None]}}))
    await store.add(a_memory(user_id, embedding=None))
    await session.commit()
    by_hand = select(Memory).from_statement(text("select * from memories order by id"))
    names = ("id", "memory_type", "embedding", "extra_data", "created_at")
    read = [[getattr(memory, name) for name in names] for memory in await session.scalars(by_hand)]
    session.expunge_all()
    stored = (await session.scalars(select(Memory).order_by(Memory.id))).all()
    assert read == [[getattr(memory, name) for name in names] for memory in stored]


async def test_deleting_a_user_reads_none_of_their_memories(engine: AsyncEngine, user_id: UUID) -> None:
    statements: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    async with sessions(engine).begin() as session:
        await session.delete(await session.get_one(User, user_id))
    assert not [statement for statement in statements if "FROM memories" in statement]
