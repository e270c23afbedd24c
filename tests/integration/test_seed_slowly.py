"""Slow ways of loading announce themselves beforehand, with the faster one."""

import re
from pathlib import Path

import pytest

from memdb import cli, database, output
from memdb.database import Connection
from memdb.errors import LockTimeout
from memdb.output import bars
from memdb.seeding.files import FileSource
from memdb.seeding.hooks import Hooks, Outgrown, Upkeep
from memdb.seeding.memories import Further, Synthetic
from memdb.seeding.seed import seed
from tests.integration.test_seed import file_of

pytestmark = pytest.mark.once

SMALL = Synthetic(users=3, memories=60, random_seed=1)
MORE = Further(users=3, memories=1200)
INDEX = "ix_memories_embedding"


def indexes(connection: Connection) -> list[tuple[str, str, bool]]:
    return connection.execute(
        "select pg_get_indexdef(indexrelid), obj_description(indexrelid, 'pg_class'), indisvalid from pg_index "
        "where indrelid = 'memories'::regclass order by 1"
    ).fetchall()


def test_a_graph_that_is_kept_up_row_by_row_is_told_before_it_begins(connection: Connection) -> None:
    heard: list[object] = []
    hooks = Hooks(on_upkeep=heard.append, on_progress=heard.append)
    seed(connection, SMALL, hooks=hooks)
    assert heard == [60]
    seed(connection, MORE, append=True, hooks=hooks)
    told = heard[1]
    assert isinstance(told, Upkeep)
    assert (told.indexes, told.rows) == ((INDEX,), 1200)
    assert told.seconds is not None
    assert told.rebuild_seconds is not None
    assert 0 < told.rebuild_seconds < told.seconds


def test_few_rows_are_not_worth_telling(connection: Connection) -> None:
    seed(connection, SMALL)
    heard: list[Upkeep] = []
    seed(connection, Further(users=3, memories=60), append=True, hooks=Hooks(on_upkeep=heard.append))
    assert heard == []


def test_a_role_that_cannot_drop_the_index_is_not_told_to(connection: Connection) -> None:
    connection.execute("create role seed_guest; grant all on users, memories to seed_guest; set role seed_guest")
    try:
        heard: list[Upkeep] = []
        seed(connection, MORE, hooks=Hooks(on_upkeep=heard.append))
    finally:
        connection.execute("reset role; drop owned by seed_guest; drop role seed_guest")
    assert [(upkeep.indexes, upkeep.rebuild_seconds) for upkeep in heard] == [((INDEX,), None)]


def test_indexes_are_rebuilt_where_that_is_asked_for(connection: Connection) -> None:
    seed(connection, SMALL)
    before, heard = indexes(connection), list[str]()
    hooks = Hooks(on_index=heard.append, on_upkeep=lambda upkeep: heard.append(str(upkeep)))
    result = seed(connection, MORE, append=True, rebuild_indexes=True, hooks=hooks)
    assert (result.memories, heard) == (1200, [INDEX])
    assert result.index_seconds > 0
    assert indexes(connection) == before


def test_who_looks_into_the_table_is_waited_for_before_its_indexes_are_dropped(
    migrated: str, connection: Connection
) -> None:
    seed(connection, SMALL)
    before = indexes(connection)
    with database.connect(migrated, purpose="an application") as other, other.transaction():
        other.execute("select from memories")
        with pytest.raises(LockTimeout, match="holds AccessShareLock on public"):
            seed(connection, MORE, append=True, rebuild_indexes=True, wait_seconds=0)
    assert indexes(connection) == before


def test_a_graph_that_outgrows_the_memory_is_told_with_what_would_hold_it(connection: Connection) -> None:
    connection.execute("set maintenance_work_mem = '2MB'; set max_parallel_maintenance_workers = 0")
    heard: list[Outgrown] = []
    seed(connection, Synthetic(users=3, memories=1000, random_seed=1), hooks=Hooks(on_outgrown=heard.append))
    (told,) = heard
    assert (told.index, told.memory) == (INDEX, 2)
    connection.execute(f"delete from memories; set maintenance_work_mem = '{told.needed}MB'".encode())
    seed(connection, Synthetic(users=3, memories=1000, random_seed=1), hooks=Hooks(on_outgrown=heard.append))
    assert len(heard) == 1


def test_the_command_tells_it_in_words(
    migrated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c maintenance_work_mem=2MB -c max_parallel_maintenance_workers=0")
    command = ["seed", "--users", "3", "--memories", "1000", "--database-url", migrated]
    assert cli.main(command) == 0
    told = capsys.readouterr().err
    assert re.search(
        r"The graph of ix_memories_embedding outgrows maintenance_work_mem \(2 MB\): the build goes on, but slowly. "
        r"It would fit with PGOPTIONS='-c maintenance_work_mem=\d+MB'\.",
        told,
    )
    assert "NOTICE" not in told
    assert cli.main([*command, "--append"]) == 0
    told = capsys.readouterr().err
    assert "Each row is added to ix_memories_embedding as it is loaded, which is slow: about 400 rows a second" in told
    assert told.index("as it is loaded") < told.index("Vacuuming memories …")
    assert cli.main([*command, "--append", "--rebuild-indexes"]) == 0
    told = capsys.readouterr().err
    assert "as it comes" not in told
    assert told.index("Building ix_memories_embedding …") < told.index("Vacuuming memories …")


@pytest.mark.parametrize(
    ("rows", "rebuild", "expected"),
    [
        (
            100_000,
            60.0,
            "400 rows a second, or 4 minutes for 100,000 rows. With --rebuild-indexes, they are built once",
        ),
        (100_000, 600.0, "400 rows a second, or 4 minutes for 100,000 rows."),
        (100_000, None, "400 rows a second, or 4 minutes for 100,000 rows."),
        (None, 0.1, "400 rows a second. With --rebuild-indexes, they are built once, in about 1 second"),
    ],
)
def test_the_faster_way_is_named_where_it_is_one(
    rows: int | None, rebuild: float | None, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output.emit(Upkeep(("a",), rows, 400, rebuild), "text", to_stderr=True)
    told = capsys.readouterr().err.replace("\n", " ").strip()
    assert expected in told
    assert ("--rebuild" in told) == ("--rebuild" in expected)


@pytest.mark.parametrize("between_seconds", [0, 10])
def test_without_a_terminal_there_is_a_line_now_and_then(
    migrated: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, between_seconds: float
) -> None:
    monkeypatch.setattr(bars, "_SECONDS_BETWEEN_LINES", between_seconds)
    assert cli.main(["seed", "--users", "3", "--memories", "1200", "--database-url", migrated]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  Loading")]
    told = ["  Loading: 500 of 1,200", "  Loading: 1,000 of 1,200", "  Loading: 1,200 of 1,200"]
    assert lines == ([] if between_seconds else told)


def test_a_file_whose_length_is_not_known_is_told_without_it(connection: Connection, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"embedding": [' + "1, " * 1535 + '1], "user": "ann", "content": "tea"}\n')
    seed(connection, FileSource(file_of(tmp_path / "a.npz", ["ann"]), 1))
    heard: list[Upkeep] = []
    seed(connection, FileSource(source, 1), append=True, hooks=Hooks(on_upkeep=heard.append))
    assert [upkeep.seconds for upkeep in heard] == [None]
