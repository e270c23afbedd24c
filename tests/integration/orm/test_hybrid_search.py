"""A store finds memories by words, by meaning and by both, the same whichever sets are applied."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import memdb
from memdb.errors import InvalidMemory, UsageError
from memdb.models import MemoryType, User
from memdb.schemas import MemoryCreate
from memdb.store import Match, MemoryStore, create_engine, sessions
from memdb.values import Where
from tests.conftest import new_database
from tests.helpers import address

TEXTS = {
    1: "My sister Zoë lives in Lyon",
    2: "The invoice number is B1742-X",
    3: "It's Ann's 'quoted' \\ back & slash | bar !",
    4: "I like the sea and the sand",
}
SETS = [(), ("fast_search",), ("hybrid_search",), ("fast_search", "hybrid_search")]


def axis(number: int) -> list[float]:
    return [float(place == number) for place in range(1536)]


@pytest.fixture(scope="module", params=SETS, ids=lambda sets: ", ".join(sets) or "core")
def prepared(request: pytest.FixtureRequest, server: str, template: str) -> Iterator[str]:
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=request.param) as db:
            db.migrate()
        yield conninfo


@pytest.fixture
async def session(prepared: str, driver: str) -> AsyncIterator[AsyncSession]:
    engine: AsyncEngine = create_engine(address(prepared, driver))
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


@pytest.fixture
async def user_id(session: AsyncSession) -> UUID:
    """A user with the texts, all but the fourth with an embedding."""
    user = User()
    session.add(user)
    await session.flush()
    await MemoryStore(session).add_many(
        MemoryCreate(
            user_id=user.id,
            memory_type=MemoryType.TASK if number < 4 else MemoryType.PERSONAL,
            content=text,
            embedding=axis(number) if number < 4 else None,
            extra_data={"number": number},
        )
        for number, text in TEXTS.items()
    )
    await session.commit()
    return user.id


def numbers(found: Sequence[Match[Any]]) -> list[int]:
    return [match.extra_data["number"] for match in found if match.extra_data]


async def test_memories_are_found_by_words_by_meaning_and_by_both(session: AsyncSession, user_id: UUID) -> None:
    store = MemoryStore(session)
    for _ in range(2):  # within a transaction that has learned what is there, and with a statement alone
        (by_words,) = await store.search(user_id, "where is invoice b1742-x?")
        assert (by_words.content, by_words.distance, by_words.vector_rank) == (TEXTS[2], None, None)
        assert (set(by_words.words), by_words.word_rank) >= ({"invoice", "b1742", "x"}, 1)
        by_meaning = await store.search(user_id, None, axis(3), k=2)
        assert (numbers(by_meaning)[0], len(by_meaning), by_meaning[0].words) == (3, 2, ())
        assert by_meaning[0].distance == pytest.approx(0)
        both = await store.search(user_id, "sea lyon", axis(1))
        assert (numbers(both)[0], both[0].vector_rank, set(numbers(both))) == (1, 1, {1, 2, 3, 4})
        assert both[0].score == pytest.approx(1 / 61 + 1 / (60 + (both[0].word_rank or 0)))
        await session.commit()


async def test_conditions_hold_for_both_lists(session: AsyncSession, user_id: UUID) -> None:
    store, question = MemoryStore(session), "invoice sister sea quoted"
    assert numbers(await store.search(user_id, question, axis(1), tiers=[MemoryType.PERSONAL])) == [4]
    assert numbers(await store.search(user_id, question, axis(1), metadata={"number": 2})) == [2]
    later = await store.search(user_id, question, axis(1), where=[Where("number", gt=2)])
    assert set(numbers(later)) == {3, 4}
    near = await store.search(user_id, None, axis(1), max_distance=0.5)
    assert numbers(near) == [1]
    assert await store.search(UUID(int=5), question, axis(1)) == []


@pytest.mark.parametrize("text", ["", "  ", None, "&|!<->:*()", "'", "\\", "🦊" * 9, "sea " * 100_000])
async def test_nothing_that_is_asked_is_an_error_of_the_database(
    session: AsyncSession, user_id: UUID, text: str | None
) -> None:
    found = await MemoryStore(session).search(user_id, text)
    assert numbers(found) == ([4] if text and text.startswith("sea") else [])


async def test_what_cannot_be_asked_is_refused_before_it_is_sent(session: AsyncSession, user_id: UUID) -> None:
    store = MemoryStore(session)
    for given in ({"text": "a\0b"}, {"text": "sea", "embedding": [1.0]}, {"text": "sea", "metadata": {"$gt": 1}}):
        with pytest.raises(InvalidMemory):
            await store.search(user_id, **given)
    nan = float("nan")
    refused: list[dict[str, Any]] = [{"k": 0}, {"k": 1001}, {"max_distance": 3}, {"max_distance": nan}, {"tiers": []}]
    for limits in refused:
        with pytest.raises(UsageError):
            await store.search(user_id, "sea", **limits)
