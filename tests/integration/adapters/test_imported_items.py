"""Items that LangGraph's own stores gave are found by memdb's store of LangGraph once they are imported."""

from pathlib import Path

import pytest

import memdb
from memdb.adapters import Pool
from memdb.adapters.langgraph import MemdbStore
from memdb.errors import DataError
from tests.integration.adapters.conftest import USER

pytestmark = pytest.mark.once

OTHERS = Path(__file__).parents[1] / "others"


@pytest.mark.parametrize("name", ["langgraph.jsonl", "langgraph-postgres.jsonl"])
def test_items_keep_their_places_and_values(pool: Pool, short: str, name: str) -> None:
    with memdb.open(short) as db:
        with pytest.raises(DataError, match="does not say whose memories these of LangGraph are"):
            db.import_(OTHERS / name)
        first, again = (db.import_(OTHERS / name, user=USER) for _ in range(2))
    assert (again.memories, again.already_there) == (0, first.memories)
    store = MemdbStore(pool, user_id=USER, memory_type="personal")
    pet = store.get(("memories", "ann"), "pet")
    assert pet is not None
    assert pet.value == {"text": "My cat is called Mia 🐈", "nested": {"at": None}}
    assert pet.created_at.isoformat()[:10] == "2026-11-27"
    assert {item.key for item in store.search(("memories",), filter={"score": 0.5})} == {"food"}
    store.put(("memories", "ann"), "pet", {"text": "Mia has died"})
    assert len(store.search(("memories",))) == 2
