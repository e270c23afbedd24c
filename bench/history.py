"""What a long history costs a run with nothing to do, and what the guards of a run cost it."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import memdb
from bench.compare import Comparison, command, medians
from memdb import database, embedded

_FEW, _MANY = 10, 1000


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    with embedded.temporary() as server, tempfile.TemporaryDirectory() as folder:
        migrate = {count: _migrated(server, Path(folder, str(count)), count) for count in (_FEW, _MANY)}
        guards = (sys.executable, "-m", "bench.guards")
        few, many = (command(*guards, "with", *migrate[count]) for count in (_FEW, _MANY))
        unguarded = command(*guards, "without", *migrate[_FEW])
        found = medians({"few": few, "many": many, "unguarded": unguarded}, runs=21)
    yield Comparison("migrate, nothing to do, of 1,000 migrations / of 10", found["many"], found["few"], 1.5)
    yield Comparison("migrate, nothing to do, with guards / without", found["few"], found["unguarded"], 1.15)


def _migrated(server: embedded.Server, folder: Path, count: int) -> list[str]:
    """The arguments for a run on a database to which `count` migrations are applied already."""
    _write(folder / "core", count)
    with database.connect(server.url(), purpose="bench") as connection:
        connection.execute(f"create database of_{count}")
    url = server.url(f"of_{count}")
    with memdb.open(url, sql_dir=folder) as db:
        db.migrate()
    return ["migrate", "--database-url", url, "--sql-dir", str(folder)]


def _write(core: Path, count: int) -> None:
    core.mkdir(parents=True)
    for number in range(1, count + 1):
        name = f"{number:04}_create_type"
        (core / f"{name}.sql").write_text(f"-- One of many.\ncreate type type_{number} as enum ('one', 'two');\n")
        (core / f"{name}.rollback.sql").write_text(f"drop type type_{number};\n")
