"""What a function changes is written alike, whichever minor release has written it."""

import pytest

from memdb.catalog.aliases import without_as


@pytest.mark.parametrize(
    ("written", "alike"),
    [
        ("DELETE FROM memories AS m\n USING f", "DELETE FROM memories m\n USING f"),
        ("DELETE FROM ONLY app.memories AS m", "DELETE FROM ONLY app.memories m"),
        ('UPDATE "my ""table""".b AS "m n" SET a = 1', 'UPDATE "my ""table""".b "m n" SET a = 1'),
        ("MERGE INTO memories AS m USING f", "MERGE INTO memories m USING f"),
    ],
)
def test_as_is_left_out_before_the_other_name_of_what_is_changed(written: str, alike: str) -> None:
    assert (without_as(written), without_as(alike)) == (alike, alike)


@pytest.mark.parametrize(
    "kept",
    [
        "INSERT INTO memories AS m (id) SELECT a AS b FROM c",
        "SELECT 'DELETE FROM memories AS m, it''s' AS text",
        "SELECT id AS m FROM memories FOR UPDATE OF m",
        "DELETE FROM memories m RETURNING m.id AS n",
    ],
)
def test_all_else_stays(kept: str) -> None:
    assert without_as(kept) == kept
