"""memdb seed beside psql's \\copy of the same rows in binary, and the memory that a large load takes.

`python -m bench.seed` prints the ratio of speeds; `python -m bench.seed --memory` the ratio of the peak memory of
loading 400,000 rows to that of 100,000 (or of the two numbers that follow it).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import memdb
from bench.commands import MEMDB
from bench.compare import Comparison, Subject, medians
from bench.programs import psql
from memdb import database, embedded
from memdb.database import Connection, query

_MEMORIES = 20_000
_COPY_IN = query("seed", "copy", schema=["public"]).replace("\n", " ")


def run() -> Iterator[Comparison]:
    """The comparison of speeds, as it is measured: both as they tell it themselves, without starting up."""
    with without_vector_index() as (connection, server), tempfile.TemporaryDirectory() as folder:
        seed(server, _MEMORIES)
        file = Path(folder, "rows")
        _write_rows(connection, file)
        copy_in = _COPY_IN.replace("stdin", f"'{file}'")
        subjects = {
            "memdb": emptied(connection, lambda: seed(server, _MEMORIES)[0]),
            "psql": emptied(connection, lambda: _MEMORIES / copy_seconds(server, copy_in)),
        }
        found = medians(subjects, runs=9)
    yield Comparison("memdb seed of 20,000 / psql \\copy, rows/s", found["memdb"], found["psql"], 0.85, at_least=True)


def memory(fewer: int = 100_000, more: int = 400_000) -> Iterator[Comparison]:
    """The comparison of memory. Prints the peaks, in MB."""
    peaks = {}
    with without_vector_index() as (connection, server):
        for count in (fewer, more):
            connection.execute("truncate memories")
            _, peaks[count] = seed(server, count)
            print(f"{count:,} rows: {peaks[count]:,.0f} MB at most")
    yield Comparison(f"memdb seed, peak memory of {more:,} / {fewer:,} rows", peaks[more], peaks[fewer], 1.1)


@contextmanager
def without_vector_index() -> Iterator[tuple[Connection, embedded.Server]]:
    with (
        embedded.temporary() as server,
        database.connect(database.conninfo(server.url()), purpose="bench") as connection,
    ):
        memdb.open(server.url()).migrate(to="0006")
        yield connection, server


def emptied(connection: Connection, subject: Subject) -> Subject:
    def run() -> float | None:
        connection.execute("truncate memories")
        connection.execute("checkpoint")  # or the one run pays for the other's writes
        return subject()

    return run


def seed(server: embedded.Server, count: int) -> tuple[float, float]:
    """Rows per second, and the process's peak memory in MB."""
    result, megabytes = ran(server, "seed", "--memories", str(count))
    return result["rows_per_second"], megabytes


def ran(server: embedded.Server, *arguments: str) -> tuple[dict[str, Any], float]:
    """What a command says, and its peak memory in MB."""
    command = [*MEMDB, *arguments, "--format", "json", "--database-url", server.url()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        result = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return result, kilobytes / 1024


def copy_seconds(server: embedded.Server, copy: str) -> float:
    """What psql's \\timing says of its \\copy."""
    arguments = [*psql(server), "-c", "\\timing on", "-c", f"\\{copy}"]
    shown = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Time: ([\d.]+) ms", shown)
    assert found is not None, shown
    return float(found[1]) / 1000


def _write_rows(connection: Connection, file: Path) -> None:
    copy_out = _COPY_IN.replace("from stdin", "to stdout")
    with file.open("wb") as stream, connection.cursor() as cursor, cursor.copy(copy_out) as copy:
        for piece in copy:
            stream.write(piece)


if __name__ == "__main__":
    asked_memory, *counts = sys.argv[1:] or [""]
    for comparison in memory(*map(int, counts)) if asked_memory == "--memory" else run():
        print(comparison)
