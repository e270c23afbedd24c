"""An index that cannot be created yet is not dropped."""

from memdb.catalog import Key
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.surroundings import Surroundings
from memdb.verification.mending.tables import index

COLUMN = Key.of("column", "memories.embedding")
EXPECTED = {
    "table": "memories",
    "method": "hnsw",
    "keys": "embedding halfvec_cosine_ops",
    "unique": False,
    "valid": True,
}
FOUND = EXPECTED | {"keys": "embedding vector_cosine_ops"}


def mend(now: str, wanted: str, *, empty: bool = False) -> list[str]:
    differing = Differing(
        Key.of("index", "ix_memories_embedding"),
        EXPECTED,
        FOUND,
        ["keys"],
        Surroundings(empty={"memories"} if empty else ()),
        all_expected={COLUMN: {"type": wanted}},
        all_found={COLUMN: {"type": now}},
    )
    return index(differing, ["keys"])


def test_an_index_stays_until_a_person_has_changed_the_type_of_its_column() -> None:
    first, *others = mend("vector(1536)", "halfvec(1536)")
    assert first == "-- only once embedding is of the expected type:"
    assert all(line.startswith("--") for line in others)


def test_an_index_is_created_again_where_its_columns_are_as_they_should_be() -> None:
    assert mend("halfvec(1536)", "halfvec(1536)")[0] == "drop index concurrently ix_memories_embedding;"


def test_an_index_is_created_again_where_the_type_of_its_column_can_be_changed_first() -> None:
    assert mend("vector(1536)", "halfvec(1536)", empty=True)[0] == "drop index concurrently ix_memories_embedding;"
