"""Another model takes over among 100,000 memories: what searches and adds take meanwhile, and searches afterwards.

`python -m bench changing` takes some ten minutes; `python -m bench.changing --quick` shows on few memories that it
works. The former embeddings are those of text-embedding-3-small, made more as search_rows says; the new model's are
their first 768 numbers, brought to length 1, which are real embeddings of that model, too. Beside it stands a database
that was made for these from the start, and one where they are filled into a second column of memories.

An endpoint that takes 50 ms for 64 texts is asked two requests at a time. It stops and goes on every few seconds,
so what is measured with it and without it finds the machine alike.
"""

import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
from pgvector import HalfVector, Vector

import memdb
from bench import search_rows
from bench.compare import Comparison
from bench.search_rows import Vectors
from bench.searching import Search, measure, prepare, show
from memdb import database, embedded, files, project
from memdb.database import Connection
from memdb.embedding.comparing import Least
from memdb.embedding.filling import Batching
from memdb.project import shipping
from memdb.shape import DEFAULT

MODEL, DIMENSIONS = "shorter", 768
_MEMORIES, _SIZES, _WINDOW, _TURNS, _QUESTIONS = 100_000, [100, 1_000, 10_000, 20_000], 4.0, 6, 40
_SETS = ("fast_search", "drop_hnsw", "embeddings")
_CONFIGURATION = """
shared_buffers = 2GB
maintenance_work_mem = 512MB
max_wal_size = 8GB
"""
_SEARCH: LiteralString = "select * from search_memories(%(user)s, %(embedding)s, %(k)s)"
_EXACT: dict[str, LiteralString] = {
    "changed": "select id, embedding <=> %(embedding)s as distance from memories_of_shorter "
    "where user_id = %(user)s order by distance limit %(k)s",
    "from the start": "select id, embedding <=> %(embedding)s as distance from memories "
    "where user_id = %(user)s order by distance limit %(k)s",
}
_ADD = "insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', %s, %s)"
_LOCKS = """
select distinct mode from pg_locks where pid = pg_backend_pid() and relation = 'memories'::regclass
"""
_COLUMN = """
update memories as m set next = subvector(m.embedding, 1, 768)::vector(768)
where m.ctid = any(array(
    select s.ctid from memories as s where s.next is null and s.id > %s order by s.id limit 64
))
"""


def shorter(vectors: Vectors) -> Vectors:
    first = vectors[:, :DIMENSIONS]
    return np.ascontiguousarray(first / np.linalg.norm(first, axis=1, keepdims=True))


class Endpoint:
    """Takes 50 ms for a request, and knows the embeddings of all texts by the numbers in them."""

    model = MODEL

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        time.sleep(0.05)
        numbers = [int(number) for number in (text.partition("number ")[2].partition(";")[0] for text in texts)]
        return list(self._vectors[np.array(numbers) % len(self._vectors)])


class OnProcessor(Search):
    """Tells the server's processor time, which does not depend on how busy the machine is."""

    def run(self, embedding: Vector | HalfVector, owner: UUID, k: int) -> tuple[float, list[float]]:
        """Milliseconds, and the distances that were found."""
        before = self._milliseconds()
        _, distances = Search.run(self, embedding, owner, k)
        return self._milliseconds() - before, distances

    def _milliseconds(self) -> float:
        text = Path(f"/proc/{self.connection.info.backend_pid}/schedstat").read_text()
        return int(text.split()[0]) / 1e6


@dataclass
class Load:
    """One application that searches and one that adds, each with a connection of its own, all the while."""

    url: str
    questions: Vectors
    stopped: threading.Event = field(default_factory=threading.Event)
    phase: str = "alone"
    times: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def run(self, action: str, do: Callable[[Connection, int], object]) -> None:
        with database.connect(self.url, purpose="bench") as connection:
            prepare(connection)
            for turn in itertools.count():
                if self.stopped.is_set():
                    return
                phase, begun = self.phase, time.perf_counter()
                do(connection, turn)
                if turn > 20 and phase == self.phase:
                    self.times.setdefault((action, phase), []).append((time.perf_counter() - begun) * 1000)
                time.sleep(0.005)

    def search(self, connection: Connection, turn: int) -> None:
        question = Vector(self.questions[turn % len(self.questions)])
        given = {"embedding": question, "user": search_rows.user(turn % len(_SIZES)), "k": 10}
        connection.execute(_SEARCH, given, prepare=True, binary=True).fetchall()

    def add(self, connection: Connection, turn: int) -> None:
        owner = search_rows.user(len(_SIZES))  # of whom nothing is asked
        connection.execute(_ADD, [owner, f"Added, number {turn};", Vector(self.questions[turn % len(self.questions)])])

    def p95(self, action: str, phase: str) -> float:
        return float(np.percentile(self.times[action, phase], 95))


def run(memories: int = _MEMORIES, sizes: list[int] = _SIZES, window: float = _WINDOW) -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.real(_QUESTIONS, search_rows.SMALL)
    with ExitStack() as open:
        server = open.enter_context(embedded.temporary(configuration=_CONFIGURATION))
        folder = Path(open.enter_context(tempfile.TemporaryDirectory()))
        vectors = np.concatenate([*rows.pieces(memories)])
        np.save(folder / "new.npy", shorter(vectors))
        sql_dir = project.init(folder).sql_dir
        url = _made(server, "changed", sql_dir, rows, sizes, memories)
        with database.connect(server.url(), purpose="bench") as connection:
            connection.execute("create database of_column template changed")
        project.begin(sql_dir, MODEL, DIMENSIONS)
        yield from _filled(url, sql_dir, folder, rows.questions["alike"], window)
        yield from _switched(url, sql_dir)
        yield from _afterwards(server, url, folder, rows, sizes, memories)
        yield from _in_column(server.url("of_column"), url)


def _made(
    server: embedded.Server, name: str, sql_dir: Path, rows: search_rows.Rows, sizes: list[int], memories: int
) -> str:
    with database.connect(server.url(), purpose="bench") as connection:
        connection.execute(f"create database {name}".encode())
    url = server.url(name)
    with memdb.open(url, sql_dir=sql_dir, sets=_SETS) as db:
        db.migrate()
    with database.connect(url, purpose="bench") as connection:
        search_rows.load(connection, rows, sizes, memories)
        connection.execute("vacuum (analyze)")
    return url


def _filled(url: str, sql_dir: Path, folder: Path, questions: Vectors, window: float) -> Iterator[Comparison]:
    with memdb.open(url, sql_dir=sql_dir, sets=_SETS) as db:
        db.migrate()
    load = Load(url, questions)
    threads = [threading.Thread(target=load.run, args=one) for one in (("search", load.search), ("add", load.add))]
    for thread in threads:
        thread.start()
    time.sleep(3)
    begun = time.perf_counter()
    filling = subprocess.Popen([sys.executable, "-m", "bench.changing", "--fill", url, str(folder / "new.npy")])
    working = 0.0
    try:
        while filling.poll() is None:
            for phase, sign in (("alone", signal.SIGSTOP), ("filling", signal.SIGCONT)):
                if filling.poll() is None:
                    os.kill(filling.pid, sign)
                    load.phase = "between"
                    time.sleep(0.2)
                    load.phase, before = phase, time.perf_counter()
                    time.sleep(window)
                    working += (time.perf_counter() - before) * (phase == "filling")
    finally:
        filling.kill()
        load.stopped.set()
        for thread in threads:
            thread.join()
    with database.connect(url, purpose="bench") as connection:
        stored = connection.value("select count(*) from memory_embeddings_shorter")
    print(f"filled {stored:,} in {time.perf_counter() - begun:.0f} s, of which the endpoint was asked {working:.0f} s")
    for action, most in (("search", 1.3), ("add", 1.5)):
        label = f"p95 of {action} while the other model is filled / otherwise, ms"
        yield Comparison(label, load.p95(action, "filling"), load.p95(action, "alone"), most)


def _switched(url: str, sql_dir: Path) -> Iterator[Comparison]:
    with memdb.open(url, sql_dir=sql_dir, sets=_SETS) as db:
        with db.connected("bench") as connection:
            connection.execute("delete from memories where content like 'Added%'")
            connection.execute("vacuum (analyze)")
        print(db.compare_models(MODEL, most=100, least=Least(agreement=0)))
        project.switch(sql_dir, MODEL)
        db.migrate()
    (forward,) = sql_dir.glob("app/*_switch_search_*er.sql")
    with database.connect(url, purpose="bench") as connection:
        texts = {"taking it back": f"{forward.stem}.rollback.sql", "switching": forward.name}
        took: dict[str, list[float]] = {name: [] for name in texts}
        for _ in range(9):
            for name, file in texts.items():
                begun = time.perf_counter()
                with connection.transaction():
                    connection.execute((forward.parent / file).read_bytes())
                    modes = connection.execute(_LOCKS).fetchall()
                took[name].append((time.perf_counter() - begun) * 1000)
                assert modes == [("AccessShareLock",)], modes
    for name, times in took.items():
        yield Comparison(f"{name}: its transaction, ms", statistics.median(times), 1, 100)


def _afterwards(
    server: embedded.Server, url: str, folder: Path, rows: search_rows.Rows, sizes: list[int], memories: int
) -> Iterator[Comparison]:
    shape = DEFAULT.with_embedding(f"vector({DIMENSIONS})")
    target = folder / "start"
    files.create({target / path: text for path, text in shipping.texts(shape).items()})
    fresh = search_rows.Rows("shorter", {})
    start = _made_of(server, target, fresh, np.load(folder / "new.npy"), sizes, memories)
    questions = {kind: shorter(vectors) for kind, vectors in rows.questions.items()}
    for stage in ("switched", "retired"):
        if stage == "retired":
            project.retire(folder / "sql", MODEL)
            with memdb.open(url, sql_dir=folder / "sql", sets=_SETS) as db:
                db.migrate()
        with ExitStack() as open:
            places = {"changed": url, "from the start": start}
            connections = {
                name: prepare(open.enter_context(database.connect(place, purpose="bench")))
                for name, place in places.items()
            }
            searches = {name: OnProcessor(one, _SEARCH) for name, one in connections.items()}
            searches |= {f"{name}, exact": OnProcessor(one, _EXACT[name]) for name, one in connections.items()}
            exact = {name: f"{name.removesuffix(', exact')}, exact" for name in searches}
            measured = measure(searches, questions, dict(enumerate(sizes)), exact=exact)
        show(measured, stage)
        for size in sizes:
            for kind in questions:
                ours, theirs = (measured[size, kind, name] for name in places)
                label = f"p95, {stage} / made from the start, user of {size:,}, {kind}, processor ms"
                yield Comparison(label, ours.p95_ms, theirs.p95_ms, 1.05 if stage == "retired" else 1.3)
                yield Comparison(f"recall, {stage}, the same", ours.recall, theirs.recall, 0.99, at_least=True)


def _made_of(
    server: embedded.Server, sql_dir: Path, rows: search_rows.Rows, vectors: Vectors, sizes: list[int], memories: int
) -> str:
    """The same memories with other embeddings."""

    class Loaded(search_rows.Rows):
        def pieces(self, count: int) -> Iterator[Vectors]:
            yield vectors[:count]

    return _made(server, "start", sql_dir, Loaded(rows.name, rows.questions), sizes, memories)


def _in_column(url: str, beside: str) -> Iterator[Comparison]:
    """A second column of memories: the same embeddings, 64 memories a statement."""
    with database.connect(beside, purpose="bench") as connection:
        table = connection.value("select pg_total_relation_size('memory_embeddings_shorter')")
    with database.connect(url, purpose="bench") as connection:
        before = connection.value("select pg_total_relation_size('memories')")
        connection.execute("alter table memories add column next vector(768)")
        ids = [id for (id,) in connection.execute("select id from memories order by id")][::64]
        begun, times = time.perf_counter(), list[float]()
        for id in [UUID(int=0), *ids][: len(ids)]:
            started = time.perf_counter()
            connection.execute(_COLUMN, [id])
            times.append(time.perf_counter() - started)
        seconds = time.perf_counter() - begun
        after = connection.value("select pg_total_relation_size('memories')")
    print(f"a second column: {seconds:.0f} s of writing alone, p95 of a batch {np.percentile(times, 95) * 1000:.0f} ms")
    yield Comparison("bytes that a second column adds to memories / of the table beside", after - before, table, None)


def _fill(url: str, path: str) -> None:
    vectors = np.load(path, mmap_mode="r")
    with memdb.open(url) as db:
        print(db.embed(Endpoint(vectors), batching=Batching(requests=2)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fill"]:
        _fill(*sys.argv[2:])
    else:
        few = sys.argv[1:] == ["--quick"]
        for comparison in run(3_000, [100, 300, 500, 1_000], 1.0) if few else run():
            print(comparison, flush=True)
