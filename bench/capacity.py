"""What memories take on disk and cost in time: measures what `memdb capacity` predicts from, and how near it comes.

`python -m bench capacity` takes an hour and 20 GB of disk, and writes memdb/capacity/measured.json anew. `python -m
bench.capacity --quick` measures some databases of 10,000 memories only, and writes nothing.
"""

import dataclasses
import json
import math
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import memdb
from bench import capacity_fitting, capacity_measuring
from bench.compare import Comparison
from memdb import embedded
from memdb.capacity import measured, parts
from memdb.capacity.measured import Constants, Measured, Measurement, Source
from memdb.capacity.timing import Clock
from memdb.shape import DEFAULT

_PLAN = (
    # Embedding, memories, and whether HNSW indexes are built as well, which takes most of the time.
    ("vector(1536)", 10_000, True),
    ("vector(384)", 10_000, True),
    ("halfvec(1536)", 10_000, True),
    ("vector(768)", 10_000, True),
    ("halfvec(3072)", 10_000, True),
    ("vector(1536)", 100_000, True),
    ("halfvec(1536)", 100_000, False),
    ("vector(128)", 1_000_000, True),
    ("vector(1536)", 1_000_000, False),
)
_OFF = 1.2


def run(*, quick: bool = False) -> Iterator[Comparison]:
    """How near the predictions come to what was measured."""
    found = list(_measured(_PLAN[:2] if quick else _PLAN))
    if not quick:
        write(found)
    yield from near(found, capacity_fitting.constants(found))


def _measured(plan: Sequence[tuple[str, int, bool]]) -> Iterator[Measurement]:
    with embedded.temporary(configuration=capacity_measuring.CONFIGURATION) as server:
        for embedding, memories, graph in plan:
            print(f"{memories:,} memories of {embedding} …", file=sys.stderr, flush=True)
            shape = DEFAULT.with_embedding(embedding)
            with capacity_measuring.filled(server, shape, memories) as connection:
                yield from capacity_measuring.measure(connection, shape, memories, graph=graph)


def write(found: Sequence[Measurement]) -> None:
    """Replaces the file with what was found on this machine."""
    kept = Measured(_source(), capacity_fitting.constants(found), tuple(found))
    measured.FILE.write_text(json.dumps(dataclasses.asdict(kept), indent=1) + "\n", encoding="utf-8")


def _source() -> Source:
    with memdb.open("temporary") as db:
        db.migrate(to="0001")
        with db.connected("bench") as connection:
            versions = connection.value("select extversion from pg_extension where extname = 'vector'")
            server = str(connection.value("show server_version"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Source(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB",
        load=f"{os.getloadavg()[2]:.1f}",
        postgresql=server.split()[0],
        pgvector=str(versions),
        memdb=memdb.__version__,
        configuration=", ".join(capacity_measuring.CONFIGURATION.split("\n")[1:-1]),
    )


def _processor() -> str:
    """Its name, as Linux has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def near(found: Sequence[Measurement], constants: Constants) -> Iterator[Comparison]:
    """By how much sizes and times are off, at least 1."""
    for one in found:
        demand = capacity_fitting.demand(one)
        name = f"{one.embedding}, {one.memories:,}, {one.sets}"
        predicted = sum(part.bytes for part in parts.parts(demand) if part.name != "users")
        yield Comparison(f"{name}: bytes off by", _off(predicted, one.bytes_each), 1, _OFF)
        clock = Clock(demand, constants)
        times = clock.times(one.memories)
        yield Comparison(f"{name}: insert off by", _off(times.insert_ms, one.insert_ms), 1, None)
        if one.built_seconds:
            yield Comparison(f"{name}: HNSW build off by", _off(times.build_seconds, one.built_seconds), 1, None)
        if one.migrated_seconds:
            yield Comparison(f"{name}: migration off by", _off(times.migrate_seconds, one.migrated_seconds), 1, None)
        for size, (used, *_) in one.searches.items():
            told = float(clock.search_ms(np.array([float(size)]))[0])
            yield Comparison(f"{name}: search of {int(size):,} off by", _off(told, used), 1, None)


def _off(predicted: float, found: float) -> float:
    return math.exp(abs(math.log(predicted / found)))


if __name__ == "__main__":
    for comparison in run(quick="--quick" in sys.argv):
        print(comparison, flush=True)
