"""Memories as LangChain's documents: its own standard suite, and what that does not ask."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.adapters import Pool
from memdb.adapters.langchain import MemdbVectorStore
from memdb.errors import InvalidMemory, UnknownUser, UsageError
from memdb.models import MemoryType
from memdb.schemas import Where
from memdb.store import MemoryStore
from tests.integration.adapters.conftest import NOBODY, OTHER, USER, Leaning

pytestmark = pytest.mark.once

Opened = Callable[..., MemdbVectorStore]


@pytest.fixture
def opened(pool: Pool) -> Opened:
    """A store of a user's."""

    def open(user_id: UUID = USER, **options: Any) -> MemdbVectorStore:
        return MemdbVectorStore(Leaning(), pool=pool, user_id=user_id, **{"memory_type": "project", **options})

    return open


class TestStandardSuite(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, pool: Pool) -> VectorStore:
        return MemdbVectorStore(self.get_embeddings(), pool=pool, user_id=USER, memory_type="project")


def texts(documents: list[Document]) -> list[str]:
    return [document.page_content for document in documents]


def test_each_user_has_documents_of_their_own_also_under_the_same_ids(opened: Opened) -> None:
    mine, theirs = opened(), opened(OTHER)
    mine.add_texts(["mine 1"], ids=["greeting"])
    theirs.add_texts(["theirs 1"], ids=["greeting"])
    (id,) = theirs.add_texts(["theirs, too 0.9"])
    assert texts(mine.similarity_search("1")) == ["mine 1"]
    assert texts(mine.get_by_ids([id, "greeting"])) == ["mine 1"]
    mine.delete([id, "greeting"])
    assert mine.similarity_search("1") == []
    assert texts(theirs.get_by_ids(["greeting", id])) == ["theirs 1", "theirs, too 0.9"]
    with pytest.raises(InvalidMemory, match=f"the id {id}, of memory 1"):
        mine.add_texts(["new 1", "taken over 1"], ids=["new", id])
    assert mine.similarity_search("1") == []
    with pytest.raises(UnknownUser):
        opened(NOBODY).add_texts(["of nobody 1"])


def test_searches_look_at_tiers_metadata_and_distance(opened: Opened) -> None:
    store, of_all = opened(memory_types=["project", "task"]), opened(memory_type="personal")
    store.add_texts(["tea 0.9", "rum 0.1", "gin -0.5"], [{"hot": True}, {"hot": False}, {}])
    of_all.add_texts(["coffee 0.95"])
    assert texts(of_all.similarity_search("1")) == ["coffee 0.95", "tea 0.9", "rum 0.1", "gin -0.5"]
    assert texts(store.similarity_search("1", k=2)) == ["tea 0.9", "rum 0.1"]
    assert texts(store.similarity_search("1", filter={"hot": False})) == ["rum 0.1", "gin -0.5"]
    assert texts(store.similarity_search("1", where=[Where("hot", exists=False)])) == ["gin -0.5"]
    scored = store.similarity_search_with_score("1", max_distance=1)
    assert {document.page_content: score for document, score in scored} == pytest.approx(
        {"tea 0.9": 0.1, "rum 0.1": 0.9}
    )
    threshold = {"search_type": "similarity_score_threshold", "search_kwargs": {"score_threshold": 0.5, "k": 2}}
    assert texts(store.as_retriever(**threshold).invoke("1")) == ["tea 0.9"]
    with pytest.raises(TypeError, match="filters"):
        store.similarity_search("1", filters={"hot": True})


async def test_of_near_documents_those_that_are_unlike_each_other_can_be_had(opened: Opened) -> None:
    store = opened()
    await store.aadd_texts(text for text in ("a 0.9", "b 0.9", "c 0.9", "other 0.5"))
    assert "other 0.5" not in texts(store.max_marginal_relevance_search("1", k=2, lambda_mult=1))
    assert "other 0.5" in texts(store.max_marginal_relevance_search("1", k=2, lambda_mult=0.1))
    assert "other 0.5" in texts(await store.amax_marginal_relevance_search("1", k=2, lambda_mult=0.1))
    assert texts(await store.amax_marginal_relevance_search("1", fetch_k=1)) == texts(store.similarity_search("1", k=1))


def test_what_other_programs_have_stored_is_documents_too(opened: Opened, pool: Pool) -> None:
    told = pool.memory(
        user_id=USER, memory_type=MemoryType.TASK, content="said", embedding=[1] * 6, extra_data={"n": 1}
    )

    async def work(session: AsyncSession) -> UUID:
        return (await MemoryStore(session, pool.model).add(told)).id

    id = str(pool.run(work, USER))
    assert opened().similarity_search("1") == [Document("said", id=id, metadata={"n": 1})]
    assert opened().get_by_ids([id]) == opened().get_by_ids([id.upper()])


def test_what_is_stored_is_a_memory_like_any_other(opened: Opened, pool: Pool) -> None:
    MemdbVectorStore.from_documents(
        [Document("said 1", id="x", metadata={"n": 1})], Leaning(), pool=pool, user_id=USER, memory_type="task"
    )
    (found,) = opened().get_by_ids(["x"])
    assert found == Document("said 1", id="x", metadata={"n": 1})

    async def work(session: AsyncSession) -> Any:
        store = MemoryStore(session, pool.model)
        (memory,) = await store.nearest(pool.question(user_id=USER, embedding=[1, 0, 0, 0, 0, 0]))
        return memory.memory_type, memory.content, memory.extra_data

    assert pool.run(work, USER) == (MemoryType.TASK, "said 1", {"n": 1, "langchain": {"id": "x"}})


def test_what_would_lose_something_is_refused(opened: Opened) -> None:
    store = opened()
    store.add_texts(["kept 1"])
    with pytest.raises(UsageError, match="delete needs ids"):
        store.delete()
    for key in ("langchain", "langgraph"):  # or a page from the web could put an item into any namespace
        with pytest.raises(InvalidMemory, match=f'the key "{key}"'):
            store.add_texts(["lost 1"], [{key: 1}])
    with pytest.raises(InvalidMemory, match=r"memory 1 \(counted from 0, .*\): content has a NUL character"):
        store.add_texts(["lost 1", "\0 1"])
    with pytest.raises(InvalidMemory, match="limit: Input should be greater than or equal to 1"):
        store.similarity_search("1", k=0)
    with pytest.raises(ValueError, match="zip"):
        store.add_documents([Document("lost 1"), Document("lost 1")], ids=["1"])
    with pytest.raises(ValueError, match="zip"):  # of which LangChain's own would store the first
        store.add_texts(["lost 1", "lost 1"], ids=["1"])
    with pytest.raises(InvalidMemory, match="the id of a document has half of a surrogate pair"):
        store.add_texts(["lost 1"], ids=["\ud800"])
    assert texts(store.similarity_search("1")) == ["kept 1"]
