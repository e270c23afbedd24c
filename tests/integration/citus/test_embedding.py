"""memdb embed works on memories in shards, and what embeddings were made of is known there as on one server."""

from collections.abc import Iterator, Sequence

import numpy as np
import psycopg
import pytest

import memdb
from tests.integration.citus.conftest import SETS, Cluster, distributed_database

STATES = "select memory_id, state from memory_embedding_states('first') order by 1"
COUNTS = "select state, count(*) from memory_embedding_states('first') group by 1"
MADE = """
select note_embedding_model(user_id, array_agg(id), 'first') from memories group by user_id;
update memories set embedding = null where id in (select id from memories order by id limit 100);
update memories set content = content || '!' where id in (select id from memories order by id offset 100 limit 100);
delete from memory_embedding_sources
where memory_id in (select id from memories order by id offset 200 limit 200)
"""


class First:
    """An embedder whose embeddings say how long texts are."""

    model = "first"

    def embed(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [np.eye(1, 1536, len(text) % 1536, dtype=np.float32)[0] for text in texts]


@pytest.fixture
def spread(cluster: Cluster) -> Iterator[str]:
    """With 600 memories, of which 100 have no embedding, 100 a stale one, and 200 one of which nothing is known."""
    with distributed_database(cluster) as conninfo:
        with memdb.open(conninfo, sets=(*SETS, "embeddings")) as db:
            db.migrate()
            db.seed(memories=600, users=12)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(MADE)
            before = connection.execute(STATES).fetchall()
        with memdb.open(conninfo, sets=("citus",)) as db:
            db.migrate()
        with psycopg.connect(conninfo) as connection:
            assert connection.execute(STATES).fetchall() == before
        yield conninfo


def test_what_is_missing_or_stale_is_embedded_shard_by_shard(spread: str) -> None:
    with memdb.open(spread) as db, psycopg.connect(spread) as other:
        ((user, id),) = other.execute(
            "select user_id, memory_id from memory_embedding_states() where state = 'missing' order by 2 limit 1"
        ).fetchall()
        other.rollback()
        other.execute("update memories set content = 'other' where user_id = %s and id = %s", [user, id])
        assert db.embed(First()).stored == 199
        other.commit()
        assert db.embed(First()).stored == 1
        assert dict(other.execute(COUNTS).fetchall()) == {"current": 400, "unknown": 200}
        assert "unknown" in {fault.kind for fault in db.check_embeddings().found}
        assert db.doctor().memories == 600
        orphans = "select count(*) from memory_embedding_sources where user_id = %s"
        other.execute("delete from memories where user_id = %s", [user])
        assert other.execute(orphans, [user]).fetchone() == (0,)
        other.rollback()


def test_who_says_which_model_it_was_is_believed_of_their_own(spread: str) -> None:
    with psycopg.connect(spread, autocommit=True) as connection:
        ((user, ids),) = connection.execute(
            "select user_id, array_agg(memory_id) from memory_embedding_states() where state = 'unknown' group by 1"
            " order by 1 limit 1"
        ).fetchall()
        note = "select note_embedding_model(%s, %s, 'second')"
        (stranger,) = connection.execute("select id from users where id <> %s limit 1", [user]).fetchone() or (None,)
        assert connection.execute(note, [stranger, ids]).fetchone() == (0,)
        assert connection.execute(note, [user, ids]).fetchone() == (len(ids),)
        assert ("other model", len(ids)) in connection.execute(COUNTS).fetchall()
