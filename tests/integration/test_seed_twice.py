"""memdb seed --append, again and again: what is there stays as it is, what is not comes, and both are told."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from memdb import cli
from memdb.database import Connection
from memdb.errors import DataError
from memdb.reading import ids
from memdb.seeding.files import FileSource
from memdb.seeding.memories import Further, Synthetic
from memdb.seeding.resetting import reset
from memdb.seeding.seed import seed

pytestmark = pytest.mark.once

SMALL = Synthetic(users=5, memories=150, random_seed=1)
VECTOR = np.eye(1, 1536)[0].tolist()


def contents(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select id, user_id, memory_type, content, embedding::text, metadata, created_at from memories order by id"
    ).fetchall()


def count(connection: Connection) -> int:
    return len(connection.execute("select from memories").fetchall())


def lines(path: Path, *rows: dict[str, Any]) -> FileSource:
    given = ({"embedding": VECTOR, "user": "ann", "content": "tea"} | row for row in rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    return FileSource(path, 1)


def test_the_same_rows_again_change_nothing_and_are_counted(connection: Connection) -> None:
    seed(connection, SMALL)
    before = contents(connection)
    result = seed(connection, SMALL, append=True)
    assert (result.memories, result.users, result.users_created, result.already_there) == (0, 0, 0, 150)
    assert contents(connection) == before


def test_a_larger_load_adds_what_is_not_there(connection: Connection, tmp_path: Path) -> None:
    rows = [{"content": f"memory {number}", "user": f"user {number}"} for number in range(1100)]
    seed(connection, lines(tmp_path / "a.jsonl", *rows[:600]))
    before = contents(connection)
    result = seed(connection, lines(tmp_path / "a.jsonl", *rows), append=True)
    assert (result.memories, result.users, result.users_created, result.already_there) == (500, 500, 500, 600)
    after = contents(connection)
    assert [row for row in after if row in before] == before
    assert len(after) == 1100


def test_what_the_application_has_changed_since_is_not_written_over(connection: Connection, tmp_path: Path) -> None:
    id = str(uuid4())
    source = lines(tmp_path / "a.jsonl", {"id": id}, {"content": "milk"})
    seed(connection, source)
    connection.execute("update memories set content = 'coffee' where id = %s", [id])
    connection.execute("delete from memories where content = 'milk'")
    result = seed(connection, source, append=True)
    assert (result.memories, result.already_there) == (1, 1)
    assert {row[3] for row in contents(connection)} == {"coffee", "milk"}


def test_a_further_load_takes_the_next_random_seed(connection: Connection) -> None:
    further = Further(users=3, memories=120)
    assert [seed(connection, further, append=True).random_seed for _ in range(3)] == [1, 2, 3]
    assert count(connection) == 360
    connection.execute("delete from memories where ctid in (select ctid from memories order by random() limit 180)")
    assert seed(connection, further, append=True).random_seed == 4
    assert reset(connection).memories == 300


@pytest.mark.parametrize("with_rows", [False, True], ids=["empty", "with rows"])
@pytest.mark.parametrize(("first", "second", "rows"), [(1, 2, 3), (7, 2050, 2100)])
@pytest.mark.parametrize("id", [uuid4(), ids.MEMORIES.made_from(b"dumped")], ids=["own", "seeded"])
def test_an_id_that_stands_twice_in_a_file_is_told_with_both_rows(
    connection: Connection, tmp_path: Path, with_rows: bool, first: int, second: int, rows: int, id: UUID
) -> None:
    if with_rows:
        seed(connection, SMALL)
    before = contents(connection)
    numbers = range(1, rows + 1)
    source = lines(tmp_path / "a.jsonl", *({"id": str(id)} if n in (first, second) else {} for n in numbers))
    with pytest.raises(DataError) as caught:
        seed(connection, source, append=True)
    assert f"the id {id} appears twice in this file, in rows {first} and {second}" in caught.value.message
    assert str(tmp_path / "a.jsonl") in caught.value.message
    assert caught.value.hint == "Nothing was loaded. Correct or remove one of these rows."
    assert contents(connection) == before


def test_an_id_that_is_none_in_a_later_row_does_not_hide_that_one_stands_twice(
    connection: Connection, tmp_path: Path
) -> None:
    rows = [{"id": str(uuid4())}] * 2 + [{}] * 3000 + [{"id": "none"}]
    source = lines(tmp_path / "a.jsonl", *rows)
    with pytest.raises(DataError, match=r"appears twice in this file, in rows 1 and 2|row 3003: id must be a UUID"):
        seed(connection, source)
    assert source.rows_of(UUID(rows[0]["id"])) == [1, 2]
    assert source.rows_of(uuid4()) == []


def test_a_constraint_of_the_application_is_named(connection: Connection, tmp_path: Path) -> None:
    connection.execute("alter table memories add constraint once unique (user_id, content)")
    with pytest.raises(DataError, match=r"a row breaks the unique constraint once of memories: .*tea") as caught:
        seed(connection, lines(tmp_path / "a.jsonl", {}, {}))
    assert "Nothing was loaded" in caught.value.hint


def run(*arguments: str, url: str) -> int:
    return cli.main(["seed", *arguments, "--database-url", url])


def test_the_command_twice_gives_more_and_says_of_which_random_seed(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--users", "2", "--memories", "20"]
    assert run(*asked, url=migrated) == 0
    assert "(random seed 1)" in capsys.readouterr().out
    assert run(*asked, "--append", url=migrated) == 0
    assert "(random seed 2)" in capsys.readouterr().out
    assert count(connection) == 40
    assert run(*asked, "--append", "--random-seed", "2", url=migrated) == 0
    told = capsys.readouterr().out
    assert "Loaded 0 memories of 0 users" in told
    assert "20 memories were already there, with the same ids, and not changed." in told
    assert count(connection) == 40


def test_the_command_loads_a_file_again_and_says_that_it_was_there(
    migrated: str, connection: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = lines(tmp_path / "a.jsonl", {"id": str(uuid4())})
    for told in ("Loaded 1 memory of 1 user", "1 memory was already there"):
        assert run("--from", str(source.path), "--append", url=migrated) == 0
        assert told in capsys.readouterr().out
    assert count(connection) == 1
    assert run("--from", str(source.path), "--append", "--format", "json", url=migrated) == 0
    assert json.loads(capsys.readouterr().out)["already_there"] == 1
