"""The set embeddings: which model made an embedding, of which text, is known until one of them changes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import database
from memdb.database import Connection
from tests.conftest import new_database
from tests.helpers import vectors

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("drop_hnsw", "archive", "embeddings", "row_security")
NOTE: LiteralString = "select note_embedding_model(%s, %s, %s)"
STATES: LiteralString = "select memory_id, state from memory_embedding_states(%s) order by memory_id"


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann has four memories with embeddings and one without, Bob has one."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            add(connection, [ANN] * 4 + [BOB])
            connection.execute(
                "insert into memories (id, user_id, memory_type, content) values (%s, %s, 'task', 'bare')",
                [UUID(int=9), ANN],
            )
        yield conninfo


def add(connection: Connection, users: list[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into memories (id, user_id, memory_type, content, embedding) values (%s, %s, 'task', %s, %s)",
            [
                (UUID(int=n), user, f"né {n}", str(vector))
                for n, (user, vector) in enumerate(zip(users, vectors(len(users)), strict=True), 1)
            ],
        )


@pytest.fixture
def sources(filled: str) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        yield connection


def states(connection: Connection, model: str | None = "m") -> dict[int, str]:
    return {id.int: state for id, state in connection.execute(STATES, [model])}


def note(connection: Connection, ids: list[int], model: str = "m", user: UUID = ANN) -> Any:
    return connection.value(NOTE, [user, [UUID(int=id) for id in ids], model])


def test_an_embedding_is_unknown_until_its_model_is_noted_and_then_current_stale_or_of_another_model(
    sources: Connection,
) -> None:
    assert set(states(sources).values()) == {"unknown", "missing"}
    assert (note(sources, [1, 2, 3, 5, 9, 77]), note(sources, [4], "old")) == (3, 1)  # 5 is Bob's, 9 has none
    sources.execute("update memories set content = 'other' where id = %s", [UUID(int=2)])
    sources.execute("update memories set embedding = embedding + embedding where id = %s", [UUID(int=3)])
    expected = {1: "current", 2: "stale", 3: "unknown", 4: "other model", 5: "unknown", 9: "missing"}
    assert states(sources) == expected
    assert states(sources, None)[4] == "current"
    sources.execute("update memories set content = 'né 2' where id = %s", [UUID(int=2)])
    assert note(sources, [3, 4]) == 2
    assert states(sources) == dict.fromkeys((1, 2, 3, 4), "current") | {5: "unknown", 9: "missing"}


def test_what_is_known_is_archived_restored_exported_and_imported_with_the_memory(
    filled: str, server: str, tmp_path: Path
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])
    with new_database(server, template=name) as copied:
        with database.connect(copied, purpose="test") as connection:
            assert note(connection, [1, 2]) == 2
            connection.execute("update memories set content = 'other' where id = %s", [UUID(int=2)])
            connection.execute("select * from archive_memories(%s, %s, 'pruned')", [ANN, [UUID(int=1)]])
            assert 1 not in states(connection)
            connection.execute("select * from restore_memories(%s, %s)", [ANN, [UUID(int=1)]])
            before = states(connection)
        assert (before[1], before[2]) == ("current", "stale")
        with memdb.open(copied) as db:
            db.export(tmp_path / "all.jsonl")
        with database.connect(copied, purpose="test") as connection:
            connection.execute("delete from memories")
        with memdb.open(copied) as db:
            db.import_(tmp_path / "all.jsonl")
        with database.connect(copied, purpose="test") as connection:
            assert states(connection) == before


def test_hashes_are_those_that_any_program_makes(sources: Connection) -> None:
    expected = hashlib.sha256("né 1".encode()).digest()[:16]
    assert sources.value("select memory_content_hash('né 1')") == expected
