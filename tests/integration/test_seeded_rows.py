"""What was seeded is told by its id: memdb seed --reset removes that, and nothing that anybody else has made."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid1, uuid4, uuid5

import numpy as np
import pytest

from memdb import cli, database
from memdb.database import Connection
from memdb.errors import DatabaseError
from memdb.reading import ids
from memdb.seeding.files import FileSource
from memdb.seeding.memories import Synthetic
from memdb.seeding.resetting import Reset, reset
from memdb.seeding.seed import seed

SMALL = Synthetic(users=3, memories=60, random_seed=1)
MARK = {"seeded": {"by": "memdb", "user_created": True}}


def one(connection: Connection, sql: str, *parameters: Any) -> Any:
    """The one value of a query."""
    row = connection.execute(sql.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def ids_of(connection: Connection, table: str) -> set[UUID]:
    return {id for (id,) in connection.execute(f"select id from {table}".encode())}


def file_of(path: Path, *rows: dict[str, Any]) -> FileSource:
    lines = [{"embedding": [1.0] + [0.0] * 1535, "content": "real", **row} for row in rows]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return FileSource(path, 1)


@contextmanager
def role(connection: Connection, name: str, *statements: str) -> Iterator[None]:
    """A role of this test, with what it is granted, or has made."""
    connection.execute(f"create role {name} login; grant all on users, memories to {name}".encode())
    try:
        for statement in statements:
            connection.execute(statement.encode())
        yield
    finally:
        connection.execute(f"reset role; drop owned by {name} cascade; drop role {name}".encode())


def test_ids_of_no_other_version_are_taken_for_seeded_ones() -> None:
    others = [uuid1(), uuid4(), uuid5(uuid4(), "a"), UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), UUID(int=0)]
    near = [UUID(bytes=b"memdbm" + bytes([version << 4]) + b"\x80" * 9) for version in range(16)]
    given = np.array([id.bytes for id in [*others, *near, UUID(bytes=b"memdbu\x80" + b"\x80" * 9)]], "V16")
    assert ids.MEMORIES.holds(given).nonzero()[0].tolist() == [len(others) + 8]
    assert ids.USERS.holds(given).nonzero()[0].tolist() == [len(given) - 1]


@pytest.mark.parametrize("given", [b"", b"a", bytes(16), b"\xff" * 500])
def test_an_id_follows_from_what_it_describes(given: bytes) -> None:
    id = ids.MEMORIES.made_from(given)
    assert (id.bytes[6] >> 4, id.variant) == (8, "specified in RFC 4122")
    assert ids.MEMORIES.first <= id <= ids.MEMORIES.last
    assert id == ids.MEMORIES.made_from(given) != ids.MEMORIES.made_from(given, b"b")


def test_plain_sql_finds_what_was_seeded_through_the_primary_keys(connection: Connection) -> None:
    seed(connection, SMALL)
    connection.execute("insert into users select gen_random_uuid() from generate_series(1, 500)")
    for table, range in (("memories", ids.MEMORIES), ("users", ids.USERS)):
        condition = f"from {table} where id between '{range.first}' and '{range.last}'"
        assert one(connection, f"select count(*) {condition}") == {"memories": 60, "users": 3}[table]
        connection.execute("set enable_seqscan = off")
        plan = connection.execute(f"explain select {condition}".encode()).fetchall()
        assert f"{table}_pkey" in str(plan)


@pytest.mark.parametrize(
    "metadata", [MARK, {"seeded": MARK["seeded"] | {"x": [1]}, "note": "mine"}, {"seeded": [MARK]}]
)
def test_nothing_that_an_end_user_writes_has_a_memory_or_its_user_removed(
    connection: Connection, metadata: dict[str, Any]
) -> None:
    user = one(connection, "insert into users default values returning id")
    connection.execute(
        "insert into memories (user_id, memory_type, content, metadata) values (%s, 'task', 'real', %s)",
        [user, json.dumps(metadata)],
    )
    seed(connection, SMALL, append=True)
    result = reset(connection)
    assert (result.memories, result.users) == (60, 3)
    assert one(connection, "select count(*) from memories where user_id = %s", user) == 1
    assert ids_of(connection, "users") == {user}


def test_marks_of_an_earlier_version_are_counted_and_shown_and_not_trusted(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(connection, SMALL)
    connection.execute("update memories set id = gen_random_uuid(), metadata = metadata || %s", [json.dumps(MARK)])
    result = reset(connection)
    assert (result.memories, result.users, result.users_kept) == (0, 0, 3)
    (note,) = result.notes
    assert note.startswith("60 memories say in their metadata that an earlier memdb seeded them, and 3 of their users")
    looking = note.partition("To look at them: ")[2]
    assert looking.startswith("select ")
    assert len(connection.execute(looking.encode()).fetchall()) == 60


def test_rows_with_ids_of_their_own_stay_and_that_is_said(
    migrated: str, connection: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    user, memory = uuid4(), uuid4()
    source = file_of(tmp_path / "a.jsonl", {"user": str(user), "id": str(memory)}, {"user": "ann"})
    assert cli.main(["seed", "--from", str(source.path), "--database-url", migrated]) == 0
    assert "1 memory and 1 user came with ids of their own" in capsys.readouterr().out
    assert reset(connection) == Reset(memories=1, users=1, memories_kept=0)
    assert (ids_of(connection, "memories"), ids_of(connection, "users")) == ({memory}, {user})


def test_a_dump_of_seeded_rows_is_still_told_by_its_ids(connection: Connection, tmp_path: Path) -> None:
    seed(connection, SMALL)
    dumped = connection.execute("select id::text, user_id::text from memories").fetchall()
    reset(connection)
    rows = [{"id": id, "user": user, "metadata": MARK} for id, user in dumped]
    assert seed(connection, file_of(tmp_path / "a.jsonl", *rows)).memories_with_own_ids == 0
    result = reset(connection)
    assert (result.memories, result.users) == (60, 3)


CLAIMS = {
    "a memory of hers": "insert into memories (user_id, memory_type, content) values ('{user}', 'task', 'real')",
    "a collection": "insert into memory_collections (user_id, collection_type, name) values ('{user}', 'a', 'b')",
    "a value in her row": "alter table users add name text; update users set name = 'Ann' where id = '{user}'",
    "a column without a key": "create table profiles (id uuid); insert into profiles values ('{user}')",
    "an odd name": """create table "100%s" ("%(b)s" uuid references users); insert into "100%s" values ('{user}')""",
    "the same without a key": """create table "50%s{{x}}" ("%s" uuid); insert into "50%s{{x}}" values ('{user}')""",
    "a domain": "create domain owner as uuid; create table t (o owner); insert into t values ('{user}')",
    "another schema": "create schema app; create table app.t (u uuid); insert into app.t values ('{user}')",
    "a partition": "create table p (u uuid) partition by list (u); create table p1 partition of p default; "
    "insert into p values ('{user}')",
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_seeded_user_who_has_become_real_stays(connection: Connection, claim: str) -> None:
    seed(connection, SMALL)
    user = one(connection, "select min(id::text) from users")
    for statement in claim.format(user=user).split("; "):
        connection.execute(statement.encode())
    assert reset(connection) == Reset(memories=60, users=2, memories_kept=0, users_kept=1)
    assert ids_of(connection, "users") == {UUID(user)}


@pytest.mark.parametrize("key", ["", "references memories on delete cascade", "references memories on delete set null"])
def test_a_seeded_memory_to_which_something_refers_stays(connection: Connection, key: str) -> None:
    seed(connection, SMALL)
    connection.execute(f"create table notes (memory_id uuid {key})".encode())
    connection.execute("insert into notes select id from memories limit 2")
    result = reset(connection)
    assert (result.memories, result.memories_kept) == (58, 2)
    assert one(connection, "select count(memory_id) from notes") == 2


@pytest.mark.parametrize(
    "write",
    [
        "insert into memories (user_id, memory_type, content) select id, 'task', 'real' from users order by id limit 1",
        "insert into notes select id from memories limit 1",
    ],
)
def test_what_arrives_while_rows_are_removed_is_kept(migrated: str, connection: Connection, write: str) -> None:
    seed(connection, SMALL)
    connection.execute("create table notes (memory_id uuid references memories on delete cascade)")
    connection.execute(
        f"alter database {connection.info.dbname} set default_transaction_isolation = serializable".encode()
    )
    removed: list[Reset] = []
    waiting = threading.Event()

    def remove() -> None:
        with database.connect(migrated, purpose="test") as other:
            removed.append(reset(other, on_wait=lambda _: waiting.set()))

    with connection.transaction():
        connection.execute(write.encode())
        remover = threading.Thread(target=remove)
        remover.start()
        assert waiting.wait(20)
    remover.join()
    assert removed[0].users == 2
    assert one(connection, "select (select count(*) from memories) + (select count(*) from notes)") in (1, 2)
    assert one(connection, "select count(*) from notes") == (1 if "notes" in write else 0)


@pytest.mark.parametrize("forced", ["enable", "enable row level security; alter table {} force"])
@pytest.mark.parametrize("table", ["memories", "users"])
def test_under_row_level_security_nothing_is_guessed(connection: Connection, table: str, forced: str) -> None:
    seed(connection, SMALL)
    owned = [f"alter table {name} owner to seed_owner" for name in ("users", "memories")]
    hidden = f"alter table {table} {forced.format(table)} row level security"
    with role(connection, "seed_owner"), role(connection, "seed_guest"):
        owner = "force" in forced
        for statement in (*(owned if owner else ()), hidden, f"set role {'seed_owner' if owner else 'seed_guest'}"):
            connection.execute(statement.encode())
        for run in (lambda: seed(connection, SMALL, append=True), lambda: reset(connection)):
            with pytest.raises(DatabaseError, match=f"may hide rows of public.{table} from this role") as caught:
                run()
            assert "BYPASSRLS" in caught.value.hint
        connection.execute("reset role; reassign owned by seed_owner to current_user")
    assert one(connection, "select count(*) from memories") == 60


PLANTED = {
    "unnest(uuid[])": "create function unnest(uuid[]) returns setof uuid language sql as 'select planted()::uuid'",
    "=(uuid, uuid)": "create operator = (leftarg = uuid, rightarg = uuid, function = planted)",
    "format(text, text)": "create function format(text, text) returns text language sql as 'select planted()'",
    "<=>(vector, vector)": "create operator <=> (leftarg = vector, rightarg = vector, function = planted)",
    "memories": "create view memories as select planted() as id",
}


@pytest.mark.parametrize("object", PLANTED.values(), ids=PLANTED)
def test_names_that_others_plant_before_the_tables_are_never_called(connection: Connection, object: str) -> None:
    connection.execute("create schema planted; set search_path = planted, public, pg_catalog")
    connection.execute(
        """create function planted() returns text language plpgsql as $$begin raise 'called'; end$$;
        create function planted(uuid, uuid) returns bool language plpgsql as $$begin raise 'called'; end$$;
        create function planted(vector, vector) returns float language plpgsql as $$begin raise 'called'; end$$"""
    )
    connection.execute(object.encode())
    assert seed(connection, SMALL).memories == 60
    assert reset(connection) == Reset(memories=60, users=3, memories_kept=0)
