"""What a person sees at a terminal of 80 columns."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

pytestmark = pytest.mark.once


END = "\x04"  # Ctrl-D


def at_a_terminal(*command: str, answers: Sequence[str] = (), columns: int = 80, **options: Any) -> tuple[int, str]:
    """Runs memdb at a terminal of its own, and answers its questions. Returns the exit code, and what was seen."""
    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    seen, asked, left = "", 0, list(answers)
    run = [sys.executable, "-m", "memdb", *command]
    with subprocess.Popen(run, stdin=side, stdout=side, stderr=side, **options) as running:
        os.close(side)
        for part in _parts(terminal):
            seen += part
            if left and seen[asked:].endswith("]: "):
                asked, answer = len(seen), left.pop(0)
                os.write(terminal, answer.encode() if answer == END else f"{answer}\n".encode())
    os.close(terminal)
    return running.returncode, seen


def _parts(terminal: int) -> Iterator[str]:
    """What is written, until nobody is left to write."""
    try:
        while part := os.read(terminal, 65536):
            yield part.decode(errors="replace")
    except OSError:  # Linux has an error for the end
        return


@pytest.mark.parametrize(("answer", "code", "stays"), [("n", 130, True), ("y", 0, False)])
def test_the_question_before_rows_are_lost_is_seen_and_its_answer_counts(
    migrated: str, answer: str, code: int, stays: bool
) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("insert into users default values")
        connection.execute("insert into memories (user_id, memory_type, content) select id, 'task', 'x' from users")
        result, seen = at_a_terminal("rollback", "--to", "0003", "--database-url", migrated, answers=[answer])
        assert (result, "public.memories (1 row). Continue? [y/N]:" in seen) == (code, True), seen
        found = connection.execute("select to_regclass('memories') is not null").fetchone()
    assert found == (stays,)


def lines_drawn(seen: str) -> list[str]:
    """What stood on the lines of the screen at any time, without colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain)]


def test_the_bar_of_a_load_moves_fits_and_is_gone_before_what_comes_next(migrated: str) -> None:
    code, seen = at_a_terminal("seed", "--memories", "6000", "--users", "3", "--database-url", migrated)
    assert code == 0, seen
    drawn = lines_drawn(seen)
    assert max(len(line) for line in drawn if "━" in line) <= 80
    assert len({line for line in drawn if line.startswith("Loading ")}) > 1
    assert len({line.split()[-2] for line in drawn if line.startswith("  Building ━")}) > 1
    for before, after in (
        ("Loading ", "Building ix_memories_embedding …"),
        ("  Building", "Vacuuming memories …"),
        ("  Building", "Loaded 6,000 memories"),
    ):
        assert max(n for n, line in enumerate(drawn) if line.startswith(f"{before}") and "━" in line) < next(
            n for n, line in enumerate(drawn) if line.startswith(after)
        )
    assert "\x1b[2K" in seen.partition("Vacuuming")[0][-20:]


def test_prose_is_broken_between_words(migrated: str) -> None:
    code, seen = at_a_terminal("verify-schema", "--database-url", migrated)
    drawn = lines_drawn(seen)
    assert (code, max(len(line) for line in drawn if "memdb_test" not in line) <= 80) == (0, True), seen
    assert "objects that no migration creates, except those that belong to expected tables." in " ".join(drawn)


def test_each_migration_is_told_once(empty: str) -> None:
    for command, doing, done in (("migrate", "Applying", "Applied"), ("rollback", "Rolling back", "Rolled back")):
        code, seen = at_a_terminal(command, "--database-url", empty)
        begun, ended = f"{doing} 0008_create_performance_indexes …", f"{done} 0008_create_performance_indexes  ("
        assert (code, seen.count(begun), seen.count(ended)) == (0, 1, 1), seen
        assert f"{begun}\r\x1b[2K" in seen


def test_an_error_is_broken_between_words(empty: str) -> None:
    code, seen = at_a_terminal("migrate", "--to", "nothing", "--database-url", empty)
    error, hint, *more, address = lines_drawn(seen)[:-1]
    assert (code, error, hint[:7], address[:10]) == (2, "error: no migration 'nothing'", "hint:  ", "Database: ")
    assert max(map(len, more)) <= 80
    assert all(re.match(r" {7}[0-9]{4}_\w+[,.]", line) for line in more), seen


def test_ids_are_shown_whole_as_they_are_given_to_other_commands(migrated: str) -> None:
    code, seen = at_a_terminal("status", "--database-url", migrated)
    assert (code, "0008_create_performance_indexes" in seen) == (0, True), seen


UNREACHABLE = "postgresql://somebody:secret@127.0.0.1:1/app"


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        (["", "", "", ""], 0, "Memories belong to users (id), uuid (created if missing); embeddings are vector(1536)."),
        (["memories", "", "money", "", "1e3", "768", "sparsevec", END], 130, "Nothing was changed."),
    ],
)
def test_init_asks_for_what_no_database_tells_until_it_can_be_read(
    tmp_path: Path, answers: list[str], code: int, said: str
) -> None:
    environment = os.environ | {"MEMDB_DATABASE_URL": UNREACHABLE}
    result, seen = at_a_terminal("init", ".", answers=answers, cwd=tmp_path, env=environment, columns=200)
    assert (result, said in seen) == (code, True), seen
    assert "Your database was not searched for users: cannot connect to somebody@127.0.0.1:1/app: " in seen
    assert "secret" not in seen
    wrong = ["memories cannot be the table", "cannot have the type 'money'", "'1e3' is not a number", "'sparsevec'"]
    assert [text in seen for text in wrong] == [len(answers) == 8] * 4
    assert {path.name for path in tmp_path.iterdir()} == ({"sql", "memdb.toml"} if code == 0 else set())


def test_init_finds_users_in_the_database_and_asks_for_no_type_that_it_knows(empty: str, tmp_path: Path) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create table users (id bigint primary key); create table people (name text primary key)")
    place: dict[str, Any] = {"cwd": tmp_path, "env": os.environ | {"MEMDB_DATABASE_URL": empty}}
    result, seen = at_a_terminal("init", ".", answers=["people", END], **place)
    assert (result, "Found people (name), text." in seen, "Type of their ids" in seen) == (130, True, False), seen
    assert "Table of your users [users (id)]" in seen


def test_an_address_that_was_given_has_to_be_reached(tmp_path: Path) -> None:
    result, seen = at_a_terminal("init", ".", "--database-url", UNREACHABLE, cwd=tmp_path)
    assert (result, "cannot connect to" in seen, list(tmp_path.iterdir())) == (3, True, []), seen
