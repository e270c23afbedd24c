"""memdb export and memdb import beside psql's \\copy of the same rows as text, and the memory that they take.

`python -m bench.moving` prints the ratios of speeds; `python -m bench.moving --memory` the ratio of the peak memory of
moving 200,000 rows to that of 20,000 (or of the two numbers that follow it).
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.compare import Comparison, medians
from bench.seed import copy_seconds, emptied, ran, seed, without_vector_index
from memdb import embedded

_MEMORIES = 20_000


def run() -> Iterator[Comparison]:
    """The comparisons of speeds, as all of them tell it themselves, without starting up."""
    with without_vector_index() as (connection, server), tempfile.TemporaryDirectory() as folder:
        seed(server, _MEMORIES)
        rows, file = Path(folder, "rows"), Path(folder, "memories.jsonl")

        def export() -> float:
            return _MEMORIES / _seconds(server, "export", str(file), "--overwrite")

        def copy_out() -> float:
            return _MEMORIES / copy_seconds(server, f"copy memories to '{rows}'")

        out = medians({"memdb": export, "psql": copy_out}, runs=5)
        subjects = {
            "memdb": emptied(connection, lambda: _MEMORIES / _seconds(server, "import", str(file))),
            "psql": emptied(connection, lambda: _MEMORIES / copy_seconds(server, f"copy memories from '{rows}'")),
        }
        back = medians(subjects, runs=5)
    for name, found in (("export", out), ("import", back)):
        label = f"memdb {name} of 20,000 / psql \\copy as text, rows/s"
        yield Comparison(label, found["memdb"], found["psql"], 0.5, at_least=True)


def memory(fewer: int = 20_000, more: int = 200_000) -> Iterator[Comparison]:
    """The comparisons of memory. Prints the peaks, in MB."""
    peaks: dict[str, list[float]] = {"export": [], "import": []}
    with without_vector_index() as (connection, server), tempfile.TemporaryDirectory() as folder:
        for count in (fewer, more):
            connection.execute("truncate memories")
            seed(server, count)
            for name, found in peaks.items():
                _, peak = ran(server, name, str(Path(folder, f"{count}.jsonl")))
                found.append(peak)
                print(f"{name}, {count:,} rows: {peak:,.0f} MB at most")
                connection.execute("truncate memories")
    for name, (small, large) in peaks.items():
        yield Comparison(f"memdb {name}, peak memory of {more:,} / {fewer:,} rows", large, small, 1.1)


def _seconds(server: embedded.Server, *arguments: str) -> float:
    return float(ran(server, *arguments)[0]["seconds"])


if __name__ == "__main__":
    asked_memory, *counts = sys.argv[1:] or [""]
    for comparison in memory(*map(int, counts)) if asked_memory == "--memory" else run():
        print(comparison)
