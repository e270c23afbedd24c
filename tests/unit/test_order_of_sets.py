"""A set that comes after others is applied after them, or they are refused."""

from datetime import UTC, datetime
from itertools import count

import pytest

from memdb.errors import HistoryError
from memdb.ledger import plan
from memdb.ledger.history import Applied, History
from memdb.ledger.plan import Migrate
from memdb.ledger.sqlfiles import Migration, Sets


def past(migrations: list[Migration]) -> History:
    """A history in which these were applied, in this order."""
    seconds = count()
    return History(
        tuple(
            Applied(item.id, datetime.fromtimestamp(next(seconds), UTC), "somebody", item.checksum, 1.0)
            for item in migrations
        )
    )


@pytest.mark.parametrize("chosen", [("retention",), ("citus", "retention"), ("fast_search",)])
def test_a_set_that_is_to_begin_below_one_that_is_applied_is_refused(sets: Sets, chosen: tuple[str, ...]) -> None:
    applied = sets.of({"core", "drop_hnsw", "citus"})
    with pytest.raises(HistoryError) as refused:
        plan.make(Migrate(chosen=chosen), sets, past(applied))
    assert refused.value.message == f"the set {chosen[-1]} has to come before the set citus, which is applied already"
    assert "memdb rollback --to 2002_drop_embedding_index. Then apply both" in refused.value.hint


def test_what_would_be_taken_back_besides_is_said(sets: Sets) -> None:
    ours = sets.of({"core", "citus"})
    applied = [*ours, *sets["drop_hnsw"]]
    with pytest.raises(HistoryError) as refused:
        plan.make(Migrate(chosen=("importance",)), sets, past(applied))
    assert "That takes back 2001_uncomment_embedding_index and 2002_drop_embedding_index, too" in refused.value.hint


def test_a_later_release_adds_to_sets_that_were_applied_before(sets: Sets) -> None:
    chosen = sets.of({"core", "drop_hnsw", "importance", "citus"})
    newest = [item for item in chosen if item.set == "importance"][-1]
    applied = [item for item in chosen if item is not newest]
    planned = plan.make(Migrate(chosen=("importance", "citus")), sets, past(applied))
    assert [step.id for step in planned.steps] == [newest.id]


def test_sets_are_applied_in_their_order_whichever_is_named_first(sets: Sets) -> None:
    planned = plan.make(Migrate(chosen=("citus", "importance", "drop_hnsw")), sets, past([]))
    places = {step.migration.set: place for place, step in enumerate(planned.steps)}
    assert places["citus"] > max(places["importance"], places["drop_hnsw"])
