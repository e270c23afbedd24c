"""An index that cannot be created yet is not dropped, and one that is in the way of a type goes first."""

from typing import Any

import pytest

from memdb.catalog import Key, Objects
from memdb.verification.mending.columns import column
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.surroundings import Surroundings, Use
from memdb.verification.mending.tables import index

COLUMN = Key.of("column", "memories.embedding")
EXPECTED = {
    "table": "memories",
    "method": "hnsw",
    "keys": ["embedding halfvec_cosine_ops"],
    "unique": False,
    "valid": True,
}
FOUND = EXPECTED | {"keys": ["embedding vector_cosine_ops"]}


INDEX = Key.of("index", "ix_memories_embedding")
CREATE = "create index concurrently ix_memories_embedding on memories using hnsw (embedding halfvec_cosine_ops);"


def mends(now: str, wanted: str, **around: Any) -> tuple[list[str], list[str]]:
    """Of the column and of the index."""
    place = Surroundings(**around)
    expected: Objects = {COLUMN: {"type": wanted}, INDEX: EXPECTED}
    found: Objects = {COLUMN: {"type": now}, INDEX: FOUND}
    of_index = Differing(INDEX, EXPECTED, FOUND, ["keys"], place, expected, found)
    if now == wanted:
        return [], index(of_index, ["keys"])
    of_column = Differing(COLUMN, expected[COLUMN], found[COLUMN], ["type"], place, expected, found)
    return column(of_column, ["type"]), index(of_index, ["keys"])


def test_an_index_is_dropped_before_the_type_of_its_column_changes_and_created_again_after() -> None:
    of_column, of_index = mends("vector(1536)", "halfvec(1536)", empty={"memories"})
    assert of_column == [
        "-- it locks the table, and may rewrite it",
        "drop index ix_memories_embedding;",
        "alter table memories alter column embedding type halfvec(1536) using embedding::halfvec(1536);",
        CREATE,
    ]
    assert of_index == ["-- see column memories.embedding: mending that creates this index again"]


@pytest.mark.parametrize("around", [{}, {"empty": {"memories"}, "uses": {COLUMN: [Use("function f")]}}])
def test_an_index_stays_where_a_person_has_to_change_the_type_of_its_column(around: dict[str, Any]) -> None:
    of_column, of_index = mends("vector(1536)", "halfvec(1536)", **around)
    assert "-- drop index ix_memories_embedding;" in of_column
    assert all(line.startswith("--") for line in (*of_column, *of_index))


def test_an_index_is_created_again_where_its_columns_are_as_they_should_be() -> None:
    assert mends("halfvec(1536)", "halfvec(1536)")[1] == ["drop index concurrently ix_memories_embedding;", CREATE]
