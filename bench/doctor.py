"""How long memdb doctor and memdb inspect take on a million memories, and how many of them they read."""

import sys
from collections.abc import Callable, Iterator

import memdb
from bench.compare import Comparison, command, medians
from memdb import embedded

MEMORIES, USERS = 1_000_000, 1_000
# An embedding is one of a thousand: what counts here is how many bytes there are, not what they say.
_FILL = f"""
set synchronous_commit = off;
insert into users select md5('user ' || n)::uuid from generate_series(1, {USERS}) as n;
create temporary table sources as
select n, l2_normalize(array(select random() - 0.5 + 0 * n from generate_series(1, 1536))::vector) as embedding
from generate_series(1, 1000) as n;
insert into memories (user_id, memory_type, content, embedding, created_at, accessed_at)
select
    md5('user ' || 1 + floor({USERS} * random() ^ 3))::uuid, (enum_range(null::memory_type))[1 + r.n % 3],
    'Something that was said, number ' || r.n, s.embedding, made.at, made.at + random() * (now() - made.at)
from generate_series(1, {MEMORIES}) as r (n)
inner join sources as s on s.n = 1 + r.n % 1000
cross join lateral (select now() - random() * interval '2 years' + 0 * r.n * interval '1 s' as at) as made
"""
# Rows that a scan found in the table itself. What an index answers alone is not among them.
_READ = "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relid = 'memories'::regclass"


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured: seconds, and shares of the rows."""
    with embedded.temporary() as server, memdb.open(server.url(), sets=("fast_search", "drop_hnsw")) as db:
        db.migrate()
        with db.connected("bench") as connection:
            connection.execute(_FILL)
            connection.execute("vacuum (analyze)")
        address = ("--database-url", server.url())
        subjects = {
            name: command(sys.executable, "-m", "memdb", name, *address, codes=(0, 1)) for name in ("doctor", "inspect")
        }
        found = medians(subjects, runs=5)
        yield Comparison("memdb doctor on 1,000,000 memories, in seconds", found["doctor"], 1, 3)
        yield Comparison("memdb inspect on 1,000,000 memories, in seconds", found["inspect"], 1, None)
        yield Comparison("rows that doctor reads / all", _share(db, db.doctor), 1, 0.005)
        yield Comparison("rows that inspect reads / all", _share(db, db.inspect), 1, 0.005)


def _share(db: memdb.Database, look: Callable[[], object]) -> float:
    """Of the memories, how many a call reads."""
    before = _read(db)
    look()
    return (_read(db) - before) / MEMORIES


def _read(db: memdb.Database) -> float:
    with db.connected("bench") as connection:
        return float(connection.value(_READ))
