"""What memdb capacity predicts, held against a real database."""

from collections.abc import Iterator

import pytest

import memdb
from memdb import database, migrations
from memdb.capacity import Demand
from memdb.capacity.parts import parts
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from tests.conftest import new_database

pytestmark = pytest.mark.once

MEMORIES, USERS = 10_000, 100
SETS = ("fast_search", "drop_hnsw", "hybrid_search", "importance", "retention", "embeddings", "collections",
        "deduplication", "consolidation")  # fmt: skip
FILL = """
insert into memory_importance (memory_id, recalled_at) select id, now() from memories;
insert into memory_retention (memory_id, user_id, expires_at, review_at)
select id, user_id, now() + random() * interval '1 year', now() from memories;
insert into memory_embedding_sources
select id, 'text-embedding-3-small', sha256(id::text::bytea), sha256(content::bytea) from memories;
insert into memory_collections (user_id, collection_type, name) select id, 'journal', 'Journal' from users;
insert into memory_collection_members (collection_id, memory_id, user_id)
select c.id, m.id, m.user_id from memories as m inner join memory_collections as c on c.user_id = m.user_id;
"""
# What a table of another set takes is told with its indexes.
SIZES = """
select c.relname, case when c.relname = 'memories' then pg_table_size(c.oid) else pg_total_relation_size(c.oid) end
from pg_class as c
where c.relkind = 'r' and c.relname like 'memor%%' and c.relnamespace = current_schema()::regnamespace
union all
select c.relname, pg_relation_size(c.oid)
from pg_index as i inner join pg_class as c on i.indexrelid = c.oid where i.indrelid = 'memories'::regclass
"""
LENGTHS = "select avg(octet_length(content))::float, avg(pg_column_size(metadata))::float from memories"


@pytest.fixture(scope="module")
def filled(server: str, sets: Sets) -> Iterator[Connection]:
    with new_database(server) as conninfo, database.connect(conninfo, purpose="test") as connection:
        migrations.migrate(connection, sets, chosen=SETS)
        with memdb.open(conninfo) as db:
            db.seed(users=USERS, memories=MEMORIES)
        connection.execute(FILL)
        connection.execute("vacuum")
        yield connection


def test_ten_thousand_memories_take_what_is_predicted(filled: Connection) -> None:
    ((content, metadata),) = filled.execute(LENGTHS).fetchall()
    demand = Demand(USERS, MEMORIES / USERS, sets=SETS, content_bytes=content, metadata_bytes=metadata)
    predicted = {part.name: part.bytes for part in parts(demand) if part.name != "users"}
    found = {name: size / MEMORIES for name, size in filled.execute(SIZES).fetchall() if name in predicted}
    assert found.keys() == predicted.keys()
    assert sum(predicted.values()) == pytest.approx(sum(found.values()), rel=0.2)
    off = {
        name: (round(predicted[name]), round(size))
        for name, size in found.items()
        if not 0.6 < predicted[name] / size < 1.6
    }
    assert off == {}
