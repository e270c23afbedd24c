"""benchmark-similarity beside pgbench: the same prepared search, for the same users and embeddings.

pgbench takes one search per transaction from a table of queries into variables, which is not timed, and runs the
search with them as parameters, which is. It sends parameters as text, memdb in binary.
"""

import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import memdb
from bench.compare import Comparison, Subject, medians
from bench.programs import program
from memdb import database, embedded, target
from memdb.benchmark import sampling, strategies, study
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.study import Design
from memdb.database import Connection
from memdb.target import Target

_MEMORIES, _QUERIES, _SEED, _K = 10_000, 200, 1, 5
_NEXT_QUERY = f"""
\\set place :place % {_QUERIES} + 1
select user_id, embedding, id from bench.queries where place = :place \\gset
"""


def run() -> Iterator[Comparison]:
    """The comparison, as it is measured."""
    with embedded.temporary() as server, tempfile.TemporaryDirectory() as folder:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo) as db, db.connected("bench") as connection:
            _fill(db)
            connection.execute("vacuum analyze memories")
            where = _store_queries(connection)
            subjects = {"memdb": _memdb(connection), "pgbench": _pgbench(server.url(), where, Path(folder))}
            found = medians(subjects, runs=5)
    yield Comparison("benchmark-similarity p50 / pgbench -M prepared p50", found["memdb"], found["pgbench"], 1.15)


def _fill(db: memdb.Database) -> None:
    """The default data of `memdb seed`, loaded before the slow index is built."""
    db.migrate(to="0006_create_lookup_indexes")
    db.seed(users=20, memories=_MEMORIES, tiers=(0.2, 0.3, 0.5), random_seed=_SEED)
    db.migrate()


def _store_queries(connection: Connection) -> Target:
    """Keeps the queries that benchmark-similarity draws, numbered, as text that pgbench can hold in variables."""
    with connection.transaction():
        where = target.enter(connection)
        drawn = sampling.sample(
            connection, where, sampling.population(connection, where), queries=_QUERIES, random_seed=_SEED
        )
    connection.execute("create schema bench")
    connection.execute("create table bench.queries (place int primary key, user_id uuid, embedding text, id uuid)")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into bench.queries values (%s, %s, %s, %s)",
            [(place, query.user_id, query.embedding_text, query.memory_id) for place, query in enumerate(drawn, 1)],
        )
    return where


def _memdb(connection: Connection) -> Subject:
    def p50_ms() -> float:
        wanted = Wanted(k=_K, queries=_QUERIES, random_seed=_SEED)
        (plain,) = study.run(connection, wanted, Design((strategies.PLAIN,))).strategies
        return plain.latency.p50.ms

    return p50_ms


def _pgbench(url: str, where: Target, folder: Path) -> Subject:
    """The search as pgbench runs it: with `order by` written out, so that the embedding is one parameter."""
    search = where.query("benchmark", "similar")
    for place, name in enumerate((":user_id", ":embedding", ":id", f"{_K}"), start=1):
        search = search.replace(f"${place}", name)
    (folder / "next.sql").write_text(_NEXT_QUERY)
    (folder / "search.sql").write_text(f"{search};\n")
    log = folder / "times"
    # The two scripts take turns at random; the variables that one sets are there for the other.
    command = [
        program("pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--transactions={_QUERIES * 4}",
        "--define=place=0",
    ]
    command += [f"--file={folder / 'next.sql'}", f"--file={folder / 'search.sql'}", "--log", f"--log-prefix={log}"]

    def p50_ms() -> float:
        subprocess.run([*command, url], check=True, capture_output=True, text=True)
        return statistics.median(_times_ms(folder))

    return p50_ms


def _times_ms(folder: Path) -> list[float]:
    """The times of the searches, which are the second script's, from pgbench's log, which is then removed."""
    times = []
    for path in folder.glob("times.*"):
        fields = [line.split() for line in path.read_text().splitlines()]
        times += [int(microseconds) / 1000 for _, _, microseconds, script, *_ in fields if script == "1"]
        path.unlink()
    return times[len(times) // 10 :]  # the first ones warm the connection up
