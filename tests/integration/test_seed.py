"""memdb seed on a real database: what is loaded, all of it or nothing, and what --reset removes."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from memdb import cli, database
from memdb.database import Connection
from memdb.errors import ConnectionFailed, DatabaseError, DataError
from memdb.seeding import memories, rows
from memdb.seeding.files import FileSource
from memdb.seeding.hooks import Hooks
from memdb.seeding.memories import Synthetic
from memdb.seeding.resetting import Reset, reset
from memdb.seeding.seed import seed

pytestmark = pytest.mark.once

SMALL = Synthetic(users=5, memories=150, random_seed=1)


def one(connection: Connection, sql: str, *parameters: Any) -> Any:
    """The one row of a query, or its one value."""
    row = connection.execute(sql.encode(), parameters).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def contents_of(connection: Connection) -> list[tuple[Any, ...]]:
    """Everything in memories that depends on the random seed only."""
    return connection.execute(
        "select id, user_id, memory_type, content, embedding::text, metadata from memories order by id"
    ).fetchall()


def file_of(path: Path, users: list[str]) -> Path:
    vectors = np.eye(len(users), 1536, dtype=np.float32)
    contents = np.array([f"memory {number}" for number in range(len(users))])
    np.savez(path, embedding=vectors, user=np.array(users), content=contents)
    return path


def test_everything_asked_for_is_loaded(connection: Connection) -> None:
    heard: list[int] = []
    result = seed(connection, SMALL, hooks=Hooks(on_progress=heard.append))
    assert (result.memories, result.users, result.users_created) == (150, 5, 5)
    assert sum(heard) == sum(result.by_tier.values()) == one(connection, "select count(*) from memories") == 150
    assert one(connection, "select count(*) from users") == 5
    assert result.rows_per_second == pytest.approx(150 / result.load_seconds)


def test_the_time_is_read_in_whatever_form_the_database_writes_it(connection: Connection) -> None:
    connection.execute("set datestyle = 'German'")
    seed(connection, SMALL)
    assert one(connection, "select count(*) from memories where created_at <= now()") == 150


def test_rows_arrive_as_they_were_generated(connection: Connection) -> None:
    seed(connection, SMALL)
    now = one(connection, "select max(accessed_at) from memories")
    batch = next(SMALL.batches(now))
    row = connection.execute(
        "select user_id, memory_type::text, content, embedding::text, metadata, accessed_at >= created_at "
        "from memories where id = %s",
        [UUID(bytes=batch.ids[3].tobytes())],
    ).fetchone()
    assert row is not None
    assert row[:3] == (batch.users[3], batch.tiers[3], batch.contents[3])
    np.testing.assert_allclose(json.loads(row[3]), batch.embeddings[3], rtol=1e-5)
    assert row[4] == json.loads(batch.metadata[3])
    assert row[5]


def test_every_embedding_is_of_unit_length_and_every_time_in_the_past(connection: Connection) -> None:
    seed(connection, SMALL)
    assert one(connection, "select bool_and(abs(1 + (embedding <#> embedding)) < 0.001) is null from memories") is False
    assert one(connection, "select bool_and(accessed_at between created_at and now()) from memories") is True
    older = "select count(*) from memories where memory_type = 'task' and created_at < now() - interval '30 days'"
    assert one(connection, older) > 0


def test_the_same_random_seed_gives_the_same_rows_whatever_the_batches(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(connection, SMALL)
    first = contents_of(connection)
    reset(connection)
    monkeypatch.setattr(memories, "_BATCH", 40)
    seed(connection, SMALL)
    assert contents_of(connection) == first


def test_a_table_with_rows_is_left_alone_without_append(connection: Connection) -> None:
    user = one(connection, "insert into users default values returning id")
    connection.execute("insert into memories (user_id, memory_type, content) values (%s, 'task', 'mine')", [user])
    with pytest.raises(DataError, match="already has rows") as caught:
        seed(connection, SMALL)
    assert "--append" in caught.value.hint
    assert "--reset" in caught.value.hint
    assert one(connection, "select count(*) from memories") == 1
    assert seed(connection, SMALL, append=True).memories == 150
    assert one(connection, "select count(*) from memories") == 151


def test_the_vector_index_is_built_afterwards_and_is_as_before(connection: Connection) -> None:
    definition = "select pg_get_indexdef(oid), obj_description(oid, 'pg_class') from pg_class where relname = %s"
    before = one(connection, definition, "ix_memories_embedding")
    heard: list[str] = []
    assert seed(connection, SMALL, hooks=Hooks(on_index=heard.append)).index_seconds > 0
    assert heard == ["ix_memories_embedding"]
    assert one(connection, definition, "ix_memories_embedding") == before
    assert "hnsw" in before[0]
    assert before[1]


def test_a_role_that_does_not_own_the_table_can_load(connection: Connection) -> None:
    connection.execute("drop role if exists seed_guest; create role seed_guest")
    connection.execute("grant all on users, memories, memory_collections to seed_guest; set role seed_guest")
    try:
        assert seed(connection, SMALL).memories == 150
        assert reset(connection).memories == 150
    finally:
        connection.execute("reset role; drop owned by seed_guest; drop role seed_guest")


@pytest.fixture
def application(connection: Connection) -> UUID:
    """A user of the application, with a memory, and a table of the application that refers to users and memories."""
    user: UUID = one(connection, "insert into users default values returning id")
    connection.execute("insert into memories (user_id, memory_type, content) values (%s, 'task', 'mine')", [user])
    connection.execute(
        """create table "Orders" (
            id int, "buyer" uuid references users (id) on delete cascade,
            about uuid references memories (id) on delete cascade
        )"""
    )
    return user


def test_reset_removes_what_was_seeded_and_nothing_else(connection: Connection, application: UUID) -> None:
    before = contents_of(connection)
    seed(connection, SMALL, append=True)
    assert reset(connection) == Reset(memories=150, users=5, memories_kept=0)
    assert contents_of(connection) == before
    assert one(connection, "select array_agg(id) from users") == [application]
    assert reset(connection) == Reset(memories=0, users=0, memories_kept=0)


def test_reset_keeps_users_that_were_there_before(connection: Connection, application: UUID, tmp_path: Path) -> None:
    seed(connection, FileSource(file_of(tmp_path / "a.npz", [str(application), "ann"]), 1), append=True)
    assert reset(connection) == Reset(memories=2, users=1, memories_kept=0)
    assert one(connection, "select array_agg(id) from users") == [application]


def test_reset_keeps_users_to_whom_the_application_has_come_to_refer(connection: Connection, application: UUID) -> None:
    seed(connection, SMALL, append=True)
    taken = one(connection, "select user_id from memories where user_id <> %s order by user_id limit 1", application)
    connection.execute('insert into "Orders" (id, buyer) values (1, %s)', [taken])
    assert reset(connection) == Reset(memories=150, users=4, memories_kept=0, users_kept=1)
    assert one(connection, 'select buyer from "Orders"') == taken


def test_reset_keeps_memories_to_which_the_application_has_come_to_refer(
    connection: Connection, application: UUID
) -> None:
    seed(connection, SMALL, append=True)
    taken = one(connection, "select id from memories where user_id <> %s order by id limit 1", application)
    connection.execute('insert into "Orders" (id, about) values (1, %s)', [taken])
    assert reset(connection) == Reset(memories=149, users=4, memories_kept=1, users_kept=1)
    assert one(connection, 'select about from "Orders"') == taken


def test_users_of_an_earlier_load_are_removed_after_a_later_one(connection: Connection, tmp_path: Path) -> None:
    seed(connection, FileSource(file_of(tmp_path / "a.npz", ["ann"]), 1))
    later = FileSource(file_of(tmp_path / "b.npz", ["ann", "bob"]), 2)
    assert seed(connection, later, append=True).users_created == 1
    connection.execute("delete from memories where metadata->>'source' = 'a.npz'")
    seed(connection, FileSource(file_of(tmp_path / "c.npz", ["ann"]), 3), append=True)
    assert reset(connection).users == 2
    assert one(connection, "select count(*) from users") == 0


def test_users_of_an_application_that_need_more_than_an_id_are_explained(connection: Connection) -> None:
    connection.execute("alter table users add email text not null")
    with pytest.raises(DataError, match="users needs a value for email in each row") as caught:
        seed(connection, SMALL)
    assert "--from" in caught.value.hint
    connection.execute("insert into users (id, email) select gen_random_uuid(), 'a@b' from generate_series(1, 1)")


ADDED = {
    "alter table memories add mood text not null": "memories needs a value for mood in each row",
    "alter table memories add check (length(content) < 9)": 'violates check constraint "memories_content_check"',
    "alter table memories alter content type varchar(9)": "refuses a row: value too long",
    """
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not on Sundays'; end $$;
    create trigger refuse before insert on memories for each row execute function refuse()
    """: "refuses a row: not on Sundays",
}


@pytest.mark.parametrize("added", ADDED)
def test_what_an_application_has_added_to_the_table_is_told(connection: Connection, added: str) -> None:
    connection.execute(added.encode())
    with pytest.raises(DataError, match=ADDED[added]) as caught:
        seed(connection, SMALL)
    assert caught.value.hint.startswith("Nothing was loaded. ")
    assert "users" not in caught.value.hint


def test_a_file_with_the_applications_own_users_needs_no_new_ones(connection: Connection, tmp_path: Path) -> None:
    connection.execute("alter table users add email text not null")
    user = uuid4()
    connection.execute("insert into users (id, email) values (%s, 'ann@example.org')", [user])
    result = seed(connection, FileSource(file_of(tmp_path / "a.npz", [str(user)]), 1))
    assert (result.users, result.users_created) == (1, 0)


def test_users_that_turn_up_late_in_a_file_are_added_in_time(connection: Connection, tmp_path: Path) -> None:
    names = ["ann"] * 1100 + ["bob"] * 300
    assert seed(connection, FileSource(file_of(tmp_path / "a.npz", names), 1)).users_created == 2
    assert one(connection, "select count(*) from memories") == 1400


def test_nothing_is_loaded_when_a_late_row_is_bad(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    vector = [1.0] + [0.0] * 1535
    good = json.dumps({"embedding": vector, "user": "ann", "content": "good"})
    path.write_text(f"{good}\n" * 2100 + json.dumps({"embedding": vector, "user": "bob", "content": ""}))
    with pytest.raises(DataError, match="row 2101: content is empty"):
        seed(connection, FileSource(path, 1))
    assert one(connection, "select count(*) from memories") == 0
    assert one(connection, "select count(*) from users") == 0
    assert one(connection, "select count(*) from pg_indexes where indexname = 'ix_memories_embedding'") == 1


def test_nothing_is_loaded_when_it_is_interrupted(connection: Connection) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed(connection, SMALL, hooks=Hooks(on_progress=interrupt))
    assert one(connection, "select count(*) from memories") == 0
    assert one(connection, "select count(*) from users") == 0


def test_nothing_is_loaded_when_the_connection_is_lost(migrated: str, connection: Connection) -> None:
    def lose(victim: Connection) -> None:
        one(connection, "select pg_terminate_backend(%s, 5000)", victim.info.backend_pid)

    with (
        database.connect(migrated, purpose="seed") as victim,
        pytest.raises(ConnectionFailed),
        database.translated_errors(),
    ):
        seed(victim, SMALL, hooks=Hooks(on_progress=lambda _: lose(victim)))
    assert one(connection, "select count(*) from memories") == 0


def test_two_loads_at_once_do_not_both_find_the_table_empty(migrated: str) -> None:
    command = [sys.executable, "-m", "memdb", "seed", "--memories", "300", "--database-url", migrated]
    loads = [subprocess.Popen([*command, "--random-seed", n], stderr=subprocess.PIPE, text=True) for n in "12"]
    errors = [load.communicate()[1] for load in loads]
    assert sorted(load.returncode for load in loads) == [0, 3]
    assert "already has rows" in "".join(errors)


def test_without_tables_it_says_how_to_make_them(empty_connection: Connection) -> None:
    with pytest.raises(DatabaseError) as caught:
        seed(empty_connection, SMALL)
    assert "memdb migrate" in caught.value.hint
    with pytest.raises(DatabaseError):
        reset(empty_connection)


def test_a_file_of_embeddings_is_loaded(connection: Connection, embeddings: Path) -> None:
    result = seed(connection, FileSource(embeddings, 1, limit=1500))
    assert result.memories == one(connection, "select count(*) from memories") == 1500
    expected = np.load(embeddings)["embedding"][0]
    stored = one(connection, "select embedding::text from memories where user_id is not null order by id limit 1")
    assert len(json.loads(stored)) == len(expected)


def test_texts_of_any_script_and_length_arrive(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    texts = ['quotes " and \\ and {braces} %s', "日本語 🙂 e\u0301", "x" * 10_000, "tab\tand\nnewline"]
    vector = [1.0] + [0.0] * 1535
    lines = [{"embedding": vector, "user": text[:20], "content": text, "metadata": {"t": text}} for text in texts]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    seed(connection, FileSource(path, 1))
    stored = connection.execute("select content, metadata->>'t' from memories").fetchall()
    assert set(stored) == {(text, text) for text in texts}


def test_a_marker_in_the_data_does_not_count(connection: Connection, application: UUID, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    metadata = {"seeded": {"by": "memdb", "user_created": True}, "source": "a dump"}
    line = {"embedding": [1.0] * 1536, "user": str(application), "content": "dumped", "metadata": metadata}
    path.write_text(json.dumps(line))
    seed(connection, FileSource(path, 1), append=True)
    assert reset(connection) == Reset(memories=1, users=0, memories_kept=0)


def test_each_piece_of_the_stream_is_small(connection: Connection) -> None:
    now: datetime = one(connection, "select now()")
    assert max(len(piece) for piece in rows.encode(next(SMALL.batches(now)))) < 1_000_000


def run(*arguments: str, url: str) -> int:
    return cli.main(["seed", *arguments, "--database-url", url])


def test_the_command_reports_in_json(migrated: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--users", "2", "--memories", "50", "--tiers", "1,0,0", "--format", "json", url=migrated) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["by_tier"] == {"personal": 50, "project": 0, "task": 0}
    assert result["source"] == "synthetic"
    assert run("--reset", "--format", "json", url=migrated) == 0
    removed = json.loads(capsys.readouterr().out)
    assert f"dbname={removed.pop('address').rpartition('/')[2]} " in migrated
    assert removed == {"memories": 50, "users": 2, "memories_kept": 0, "users_kept": 0, "notes": []}


def test_the_command_tells_people_what_it_did(migrated: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--users", "1", "--memories", "1", "--tiers", "0,0,1", url=migrated) == 0
    captured = capsys.readouterr()
    assert "Loaded 1 memory of 1 user: 0 personal, 0 project, 1 task (random seed 1)." in captured.out
    assert "Building ix_memories_embedding" in captured.err
    assert run("--reset", url=migrated) == 0
    assert "Removed 1 seeded memory and 1 user made for them." in capsys.readouterr().out


def test_the_command_loads_a_file(migrated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path / "a.npz", ["ann", "bob", "ann"])
    assert run("--from", str(path), "--memories", "2", url=migrated) == 0
    assert f"from {path}" in capsys.readouterr().out
    assert run("--from", str(path), url=migrated) == 3
    assert run("--from", str(tmp_path / "none.npz"), url=migrated) == 3
    assert "there is no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--append", "--reset"],
        ["--reset", "--memories", "5"],
        ["--users", "5", "--from", "a.npz"],
        ["--users", "5", "--memories", "4"],
        ["--tiers", "1,2"],
        ["--tiers", "0,0,0"],
        ["--tiers", "-1,1,1"],
        ["--tiers", "nan,1,1"],
        ["--tiers", "inf,1,1"],
        ["--memories", "0"],
        ["--random-seed", "-1"],
    ],
)
def test_wrong_usage_is_refused(arguments: list[str], migrated: str) -> None:
    assert run(*arguments, url=migrated) == 2


def test_ctrl_c_loads_nothing_and_leaves_no_session_behind(migrated: str, connection: Connection) -> None:
    command = [sys.executable, "-m", "memdb", "seed", "--memories", "200000", "--database-url", migrated]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"COLUMNS": "80"}) as process:
        loading = (
            "select count(*) from pg_stat_progress_copy where datname = current_database() and tuples_processed > 0"
        )
        deadline = time.monotonic() + 20
        while not one(connection, loading) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert b"Traceback" not in errors
    assert one(connection, "select count(*) from memories") == 0
