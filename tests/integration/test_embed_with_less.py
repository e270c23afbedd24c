"""memdb embed where a role may not do all, or has few connections: nothing is paid for in vain."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import memdb
from memdb import database
from memdb.database import Connection
from memdb.embedding.filling import Batching
from memdb.errors import ConnectionFailed, DatabaseError
from tests.embedding_server import meaning

pytestmark = pytest.mark.once

ROLE = "embed_with_less"


class Mine:
    model = "m"

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        self.asked += 1
        return [meaning(text) for text in texts]


@pytest.fixture
def connection(empty: str) -> Iterator[Connection]:
    """Forty memories, and a role that may do to them what storing embeddings takes."""
    with memdb.open(empty, sets=("drop_hnsw", "embeddings")) as db:
        db.migrate()
    with database.connect(empty, purpose="test") as connection:
        connection.execute("insert into users (id) values (%s)", [UUID(int=1)])
        connection.execute(
            "insert into memories (user_id, memory_type, content) select %s, 'task', 'text ' || n "
            "from generate_series(1, 40) as n",
            [UUID(int=1)],
        )
        connection.execute(f"create role {ROLE} login".encode())
        connection.execute(f"grant select, update on memories to {ROLE}".encode())
        connection.execute(f"grant select, insert, update on memory_embedding_sources to {ROLE}".encode())
        yield connection
        connection.execute(f"drop owned by {ROLE}".encode())
        connection.execute(f"drop role {ROLE}".encode())


@pytest.mark.parametrize(
    "right", ["update on memories", "insert on memory_embedding_sources", "update on memory_embedding_sources"]
)
def test_a_role_that_may_not_store_is_refused_before_anything_is_paid_for(
    empty: str, connection: Connection, right: str
) -> None:
    theirs, mine = memdb.open(make_conninfo(empty, user=ROLE)), Mine()
    told = right.replace(" on ", " on public.")
    connection.execute(f"revoke {right} from {ROLE}".encode())
    with pytest.raises(DatabaseError, match=f"may not store embeddings: it lacks {told}"):
        theirs.embed(mine)
    assert mine.asked == 0
    connection.execute(f"grant {right} to {ROLE}".encode())
    assert theirs.embed(mine).stored == 40


@pytest.mark.parametrize("most", [1, 2, 3])
def test_where_there_are_few_connections_there_are_as_many_requests_at_once(
    empty: str, connection: Connection, most: int
) -> None:
    connection.execute(f"alter role {ROLE} connection limit {most}".encode())
    theirs = memdb.open(make_conninfo(empty, user=ROLE))
    if most > 1:
        assert theirs.embed(Mine(), batching=Batching(texts=2, requests=8)).stored == 40
        return
    with pytest.raises(ConnectionFailed) as raised:
        theirs.embed(Mine())
    assert "two connections at least, and up to one more for each of --requests" in raised.value.hint
    with psycopg.connect(empty) as other:
        assert other.execute("select count(embedding) from memories").fetchone() == (0,)
