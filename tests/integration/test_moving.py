"""memdb export and memdb import: all that belongs to memories arrives as it was, or nothing does."""

import hashlib
import io
import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import memdb
from memdb import cli, database, migrations
from memdb.database import Connection
from memdb.errors import DatabaseError, DataError, LockTimeout, OutputError, UsageError
from memdb.moving import jsonl
from memdb.moving.hooks import Hooks
from memdb.shape import Shape, Users
from tests.conftest import new_database
from tests.integration.conftest import as_role
from tests.integration.orm import shapes

ANN, BOB, EVE = (UUID(int=number << 96) for number in (1, 2, 3))
OLDER = UUID(int=ANN.int + 9)  # and archived
SETS = ("erasure", "collections", "fast_search", "importance", "retention", "archive", "row_security")
# What a line is taken apart by, a number too long for Python, one too large for a float, and what ends a line.
METADATA = '{"a": 1, "embedding": [1], "row": {"n": 1e400}, "digits": %s, "b": "\\u2028\\n\\"}" }' % ("9" * 5000)
CONTENT = 'It\'s "quoted" \\ back, ","embedding":[ \n\t 日本語 \x7f'
TABLES = (
    *("memories", "memory_collections", "memory_archive"),
    *("memory_importance", "memory_retention", "memory_collection_members"),
)


@pytest.fixture(scope="module")
def with_sets(server: str, template: str) -> Iterator[str]:
    """The name of a database with some sets applied, to be cloned."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        yield database_name(conninfo)


@pytest.fixture
def source(server: str, with_sets: str) -> Iterator[str]:
    """Ann has three memories, of which one replaced an older one, and Bob one; two are important, one is pinned."""
    with new_database(server, template=with_sets) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            fill(connection)
        yield conninfo


@pytest.fixture
def destination(server: str, with_sets: str) -> Iterator[str]:
    """The same without rows."""
    with new_database(server, template=with_sets) as conninfo:
        yield conninfo


@pytest.fixture
def file(tmp_path: Path, source: str) -> Path:
    """All of the source."""
    return exported(source, tmp_path / "memories.jsonl")


def exported(conninfo: str, path: Path) -> Path:
    with memdb.open(conninfo) as db:
        return Path(db.export(path).path)


def fill(connection: Connection) -> None:
    connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
    rows = [(id_of(n, ANN), ANN, f"memory {n}", n < 2) for n in range(3)] + [(id_of(0, BOB), BOB, "Bob's", True)]
    connection.cursor().executemany(
        "insert into memories (id, user_id, memory_type, content, embedding, created_at) values (%s, %s, 'task', %s, "
        "case when %s then array_fill(0.1, '{1536}')::vector end, '-infinity')",
        rows,
    )
    connection.execute(
        "update memories set content = %s, metadata = %s where id = %s", [CONTENT, METADATA, id_of(1, ANN)]
    )
    connection.execute(
        "insert into memory_collections (user_id, collection_type, name) values (%s, 'goals', 'x'), (%s, 'goals', 'y')",
        [ANN, BOB],
    )
    connection.execute(
        "insert into memory_importance (memory_id, importance) values (%s, 0.9), (%s, 0.1)",
        [id_of(1, ANN), id_of(0, BOB)],
    )
    connection.execute(
        "insert into memory_retention (memory_id, user_id, pinned) values (%s, %s, true)", [id_of(1, ANN), ANN]
    )
    connection.execute(
        "insert into memories (id, user_id, memory_type, content, embedding) "
        "values (%s, %s, 'task', 'older', array_fill(0.2, '{1536}')::vector)",
        [OLDER, ANN],
    )
    connection.execute("insert into memory_importance (memory_id, importance) values (%s, 0.5)", [OLDER])
    connection.execute("select supersede_memory(%s, %s, %s)", [ANN, OLDER, id_of(0, ANN)])
    connection.execute("select add_to_collection(user_id, id, array[%s]) from memory_collections", [id_of(0, ANN)])


def id_of(number: int, user: UUID) -> UUID:
    return UUID(int=user.int + number)


def database_name(conninfo: str) -> str:
    with database.connect(conninfo, purpose="test") as connection:
        return connection.info.dbname


def rows(conninfo: str, table: str, where: str = "true") -> list[Any]:
    with database.connect(conninfo, purpose="test") as connection:
        text = f"select t::text from {table} as t where {where} order by 1"
        return [row for (row,) in connection.execute(text.encode())]


def everything(conninfo: str) -> list[list[Any]]:
    return [rows(conninfo, table) for table in TABLES]


def execute(conninfo: str, statement: str, *given: Any) -> None:
    with database.connect(conninfo, purpose="test") as connection:
        connection.execute(statement.encode(), given)


def imported(conninfo: str, file: Path, **how: Any) -> Any:
    with memdb.open(conninfo) as db:
        return db.import_(file, **how)


def test_all_that_belongs_to_memories_arrives_as_it_was_and_once(source: str, destination: str, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    first, again = imported(destination, file), imported(destination, file)
    assert everything(destination) == everything(source)
    assert (first.memories, first.users, first.users_created, first.already_there) == (4, 2, 2, 0)
    assert first.beside == dict(zip(TABLES[1:], (2, 1, 2, 1, 1), strict=True))
    assert (again.memories, again.users_created, again.already_there) == (0, 0, 4)
    assert set(again.beside.values()) == {0}


def test_a_file_is_as_the_database_was_at_one_moment(source: str, tmp_path: Path) -> None:
    def meanwhile(total: int) -> None:
        assert total == 11
        execute(source, "delete from memories where user_id = %s", ANN)

    with memdb.open(source) as db:
        made = db.export(tmp_path / "all.jsonl", hooks=Hooks(on_start=meanwhile))
        after = db.export(tmp_path / "after.jsonl")
    assert (made.memories, made.users, made.beside["memory_importance"], after.memories) == (4, 2, 2, 1)
    *lines, last = made.path.read_text().split("\n")[:-1]
    assert json.loads(last) == {"sha256": made.sha256, "lines": len(lines)}
    order = [line.split('"')[3] for line in lines[1:]]
    assert order[:6] + order[-1:] == ["memories"] * 4 + ["memory_collections"] * 2 + ["memory_archive"]
    assert sorted(order[6:-1]) == sorted((*TABLES[3:], "memory_importance"))


def test_one_user_is_taken_along_without_the_others(source: str, destination: str, tmp_path: Path) -> None:
    with memdb.open(source) as db:
        made = db.export(tmp_path / "ann.jsonl", user=str(ANN), embeddings=False)
        with pytest.raises(DataError, match="has no memories"):
            db.export(tmp_path / "eve.jsonl", user=EVE)
    assert str(BOB) not in made.path.read_text()
    assert not (tmp_path / "eve.jsonl").exists()
    found = imported(destination, made.path)
    assert (found.memories, found.beside) == (
        3,
        dict.fromkeys(TABLES[1:], 1),
    )
    assert rows(destination, "memories", "embedding is not null") == []
    assert rows(destination, "memory_archive", "embedding is not null") == []


def test_what_is_there_stays_or_is_overwritten_and_keeps_its_embedding_with_its_text(source: str, file: Path) -> None:
    before = everything(source)
    execute(source, "update memories set content = 'changed', memory_type = 'project' where id = %s", id_of(0, ANN))
    execute(source, "update memory_importance set importance = 0.5")
    changed = everything(source)
    assert imported(source, file).already_there == 4
    assert everything(source) == changed
    assert imported(source, file, on_conflict="overwrite", embeddings=False).memories == 4
    kept = rows(source, "memories", "embedding is null")
    assert sorted(row[1:37] for row in kept) == [str(id_of(0, ANN)), str(id_of(2, ANN))]
    imported(source, file, on_conflict="overwrite")
    assert everything(source) == before


def test_new_ids_let_another_user_have_the_same_memories_once(source: str, file: Path, tmp_path: Path) -> None:
    execute(source, "insert into users (id) values (%s)", EVE)
    users = tmp_path / "users.json"
    users.write_text(json.dumps({str(ANN): str(EVE), str(BOB): str(BOB)}))
    with pytest.raises(DataError, match="another user's row"):
        imported(source, file, map_users=users)
    for stored in (4, 0):
        assert imported(source, file, map_users=users, on_conflict="new-ids").memories == stored
    with database.connect(source, purpose="test") as connection:
        (counts,) = connection.execute(
            "select count(*), count(distinct m.id), count(*) filter (where m.user_id = %s), count(i), "
            "(select count(*) from memory_collections), "
            "(select count(*) from memory_collection_members where user_id = %s) "
            "from memories as m left join memory_importance as i on i.memory_id = m.id",
            [EVE, EVE],
        )
        back = connection.execute(
            "select replaced_by from restore_memories(%s, array(select id from memory_archive))", [EVE]
        )
        (replaced,) = back.fetchall()
        (kept,) = connection.execute(
            "select count(*) from memories as m join memory_importance as i on i.memory_id = m.id "
            "join memories as by on by.id = %s where (m.content, m.user_id, by.user_id) = ('older', %s, %s)",
            [*replaced, EVE, EVE],
        )
    assert (counts, kept) == ((8, 8, 3, 4, 4, 1), (1,))
    assert imported(source, file, map_users=users, on_conflict="new-ids").beside["memory_archive"] == 0
    users.write_text(json.dumps({str(ANN): str(EVE)}))
    with pytest.raises(DataError, match=f'no entry for "{BOB}"'):
        imported(source, file, map_users=users)


def test_nothing_arrives_under_an_id_that_is_archived_of_another_user(source: str, file: Path) -> None:
    execute(source, "insert into users (id) values (%s)", EVE)
    execute(source, "select archive_memories(user_id, array[id], 'pruned') from memories")
    with pytest.raises(DataError, match="another user's row in memory_archive"):
        imported(source, file, map_users={str(ANN): str(EVE), str(BOB): str(EVE)})


OTHER_SHAPES = [
    Shape(Users("auth.accounts", "id", "bigint", may_be_made=False), "halfvec", 1536),
    Shape(Users('"People"', '"userId"', "varchar(40)", may_be_made=False), "vector", 4),
]


@pytest.mark.parametrize("shape", OTHER_SHAPES, ids=lambda shape: f"{shape.users.key_type}, {shape.embedding}")
def test_memories_move_to_another_shape_and_back(
    connection_to_empty: Connection, empty: str, source: str, file: Path, tmp_path: Path, shape: Shape
) -> None:
    execute(source, "truncate memory_importance, memory_retention, memory_archive")
    with memdb.open(source) as db:
        file = db.export(tmp_path / "without.jsonl").path
    written = shapes.write(tmp_path / "sql", shape)
    shapes.make_users(connection_to_empty, shape)
    migrations.run(connection_to_empty, written, migrations.Migrate(chosen=("collections",)))
    ann, bob, nobody = shapes.IDS[shape.users.python_type]
    fits = shape.dimensions == 1536
    mapping = {str(ANN): ann, str(BOB): bob}
    if not fits:
        with pytest.raises(DataError, match=r"type vector\(1536\), and the column here is vector\(4\)"):
            imported(empty, file, map_users=mapping)
    if shape.users.python_type is int:
        with pytest.raises(DataError, match="has no key for"):
            imported(empty, file, embeddings=fits)
    with pytest.raises(DataError, match=f'"{nobody}" is not among the users in'):
        imported(empty, file, map_users={**mapping, str(BOB): nobody}, embeddings=fits)
    assert rows(empty, "memories") == []
    assert imported(empty, file, map_users=mapping, embeddings=fits).memories == 4
    execute(source, "truncate memory_collection_members, memory_collections")
    with memdb.open(empty) as db:
        back = db.export(tmp_path / "back.jsonl").path
    imported(source, back, map_users={str(ann): ANN, str(bob): BOB}, on_conflict="overwrite", embeddings=fits)
    assert len(rows(source, "memory_collection_members", f"user_id = '{ANN}'")) == 1
    assert len(rows(source, "memories", "(embedding <-> array_fill(0.1, '{1536}')::vector) < 0.001")) == 3


@pytest.fixture
def connection_to_empty(empty: str) -> Iterator[Connection]:
    with database.connect(empty, purpose="test") as connection:
        yield connection


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) // 2],
    "cut off after a line": lambda data: data[: data.rindex(b"\n", 0, -1) + 1],
    "cut off in its last line": lambda data: data[:-10],
    "a digit": lambda data: data.replace(b"0.1,", b"0.2,", 1),
    "a line less": lambda data: data[: data.index(b"\n") + 1] + data[data.index(b"\n", data.index(b"\n") + 1) + 1 :],
    "a line more": lambda data: data + b"{}\n",
    "another header": lambda data: data.replace(b'"user_type"', b'"user_types"', 1),
    "a later format": lambda data: data.replace(b'"format": 1', b'"format": 2', 1),
    "a list for a table": lambda data: data.replace(b'{"table":"memories"', b'{"table":["memories"]', 1),
    "a table without end": lambda data: data.replace(b'{"table":"memories"', b'{"table":' + b"[" * 100_000, 1),
    "empty": lambda data: b"",
    "something else": lambda data: b'{"content": "x"}\n',
}


@pytest.mark.once
def test_a_file_that_was_cut_off_or_altered_is_refused_before_the_database_is_asked(file: Path) -> None:
    whole = file.read_bytes()
    for what, damage in DAMAGE.items():
        file.write_bytes(damage(whole))
        with pytest.raises(DataError) as refused:
            imported("postgresql://nobody@127.0.0.1:1/nowhere", file)
        assert refused.value.hint, what


def test_a_file_that_does_not_fit_leaves_nothing(server: str, template: str, destination: str, file: Path) -> None:
    with new_database(server, template=template) as core, pytest.raises(DataError, match=r"memory_\w+, which is"):
        imported(core, file)
    execute(destination, "alter table memory_importance add check (importance < 0.5)")
    with pytest.raises(DataError, match=r"lines \d+ to \d+: the database refuses a row of memory_importance.*check"):
        imported(destination, file)
    assert not any(everything(destination))
    with pytest.raises(UsageError, match="on_conflict"):
        imported(destination, file, on_conflict="replace")
    edit(file, b"vector(1536)", b"tensor(1536)")
    with pytest.raises(DataError, match=r"no embedding has the type 'tensor\(1536\)'"):
        imported(destination, file)


def edit(file: Path, old: bytes, new: bytes) -> None:
    """Changes the first that there is, and the checksum with it."""
    *lines, _ = file.read_bytes().splitlines(keepends=True)
    content = b"".join(lines)
    assert old in content
    content = content.replace(old, new, 1)
    checksum = hashlib.sha256(content).hexdigest().encode()
    file.write_bytes(content + b'{"sha256":"%b","lines":%d}\n' % (checksum, len(lines)))


@pytest.mark.once
@pytest.mark.parametrize("time", ["tomorrow", "now", "2026-01-01T00:00:00", "2026-01-01 00:00 Europe/Berlin"])
@pytest.mark.parametrize("column", ["created_at", "archived_at"])
def test_a_time_that_another_day_or_zone_would_read_otherwise_is_refused(
    source: str, destination: str, tmp_path: Path, time: str, column: str
) -> None:
    execute(source, "update memory_archive set archived_at = '-infinity'")
    file = exported(source, tmp_path / "times.jsonl")
    edit(file, b'"%b":"-infinity"' % column.encode(), b'"%b":"%b"' % (column.encode(), time.encode()))
    with pytest.raises(DataError, match=rf"line \d+: {column} of memor\w+ is no time with an offset: '{time}'"):
        imported(destination, file)
    assert not any(everything(destination))


@pytest.mark.once
def test_any_time_that_the_database_has_arrives(source: str, destination: str, tmp_path: Path) -> None:
    times = [
        "0044-03-15 12:00:00.5+00 BC",
        "20000-01-01 00:00:00+00",
        "infinity",
        "1900-01-01 00:00:00.000001+05:45:30",
    ]
    execute(source, "alter table memories add column times timestamptz(6), add column plain timestamp default 'now'")
    execute(destination, "alter table memories add column times timestamptz(6), add column plain timestamp")
    for time in times:
        execute(source, "update memories set times = %s", time)
        imported(destination, exported(source, tmp_path / f"{len(time)}"), on_conflict="overwrite")
        assert rows(destination, "memories") == rows(source, "memories")


@pytest.mark.once
def test_an_export_waits_no_longer_for_a_table_that_is_locked_than_it_may(source: str, tmp_path: Path) -> None:
    with database.connect(source, purpose="test") as other, other.transaction(), memdb.open(source) as db:
        other.execute("lock table memories in access exclusive mode")
        with pytest.raises(LockTimeout):
            db.export(tmp_path / "memories.jsonl", wait_seconds=0.05)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.once
def test_a_null_of_json_arrives_in_a_column_that_has_no_other(source: str, destination: str, tmp_path: Path) -> None:
    """What an ORM stores for a None where the column is not null."""
    for conninfo in (source, destination):
        execute(conninfo, "alter table memories add column notes jsonb not null default 'null', add column told json")
    imported(destination, exported(source, tmp_path / "nulls.jsonl"))
    assert rows(destination, "memories", "jsonb_typeof(notes) = 'null' and told is null") == rows(source, "memories")


def test_parquet_has_the_same_with_numbers_as_numbers(source: str, destination: str, tmp_path: Path) -> None:
    file = exported(source, tmp_path / "memories.parquet")
    table = parquet.read_table(file)
    assert table.column_names == ["table", "row", "embedding"]
    assert table["embedding"].drop_null()[0].as_py() == [np.float32(0.1)] * 1536
    assert json.loads(table.schema.metadata[b"memdb"])["tables"]["memories"]["rows"] == 4
    first, again = imported(destination, file), imported(destination, file)
    assert everything(destination) == everything(source)
    assert (first.memories, again.memories, again.already_there) == (4, 0, 4)


DAMAGE_OF_COLUMNS: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) // 2],
    "cut off at its end": lambda data: data[:-10],
    "a byte": lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
    "another header": lambda data: data.replace(b'"user_type"', b'"user_typo"'),
    "other counts": lambda data: data.replace(b'"rows": 4', b'"rows": 5'),
    "a later format": lambda data: data.replace(b'"format": 1', b'"format": 2'),
    "another checksum": lambda data: data.replace(b"sha256", b"sha255"),
}


@pytest.mark.once
def test_parquet_that_was_cut_off_or_altered_is_refused_before_the_database_is_asked(
    source: str, tmp_path: Path
) -> None:
    file = exported(source, tmp_path / "memories.parquet")
    whole = file.read_bytes()
    for what, damage in DAMAGE_OF_COLUMNS.items():
        file.write_bytes(damage(whole))
        assert file.read_bytes() != whole, what
        with pytest.raises(DataError) as refused:
            imported("postgresql://nobody@127.0.0.1:1/nowhere", file)
        assert refused.value.hint, what
    altered = parquet.read_table(io.BytesIO(whole))
    for change in (altered.slice(1), altered.take([1, 0, *range(2, len(altered))]), pa.concat_tables([altered] * 2)):
        parquet.write_table(change.replace_schema_metadata(altered.schema.metadata), file)
        with pytest.raises(DataError, match="was altered"):
            imported("postgresql://nobody@127.0.0.1:1/nowhere", file)


@pytest.mark.once
def test_a_file_is_never_replaced_unasked_and_a_full_disk_leaves_nothing(
    source: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with memdb.open(source) as db:
        with pytest.raises(UsageError, match="already exists"):
            db.export(file)
        with monkeypatch.context() as patched:
            patched.setattr(jsonl.Writer, "row", full)
            with pytest.raises(OutputError, match="No space left"):
                db.export(file, overwrite=True)
        assert (file.read_bytes(), [*file.parent.iterdir()]) == (whole, [file])
        db.export(file, user=ANN, overwrite=True)
    assert file.read_bytes() != whole


@pytest.mark.once
@pytest.mark.parametrize("name", ["memories.jsonl", "memories.parquet"])
def test_a_disk_that_fills_leaves_no_file_of_either_kind(source: str, tmp_path: Path, name: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputError, match="File too large"):
            exported(source, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [*tmp_path.iterdir()] == []


def test_a_role_that_is_held_to_policies_takes_along_one_user(source: str, destination: str, tmp_path: Path) -> None:
    with database.connect(source, purpose="test") as admin, as_role(admin, "held_to_policies") as role:
        for conninfo in (source, destination):
            execute(
                conninfo,
                "grant usage on schema public to held_to_policies; "
                "grant select, insert, update on all tables in schema public to held_to_policies",
            )
        as_them = f"options='-c role={role.execute('select current_user').fetchone()[0]}'"  # type: ignore[index]
        with memdb.open(f"{source} {as_them}") as db:
            with pytest.raises(DatabaseError, match="may hide memories"):
                db.export(tmp_path / "all.jsonl")
            made = db.export(tmp_path / "ann.jsonl", user=ANN)
        with memdb.open(source) as db:
            both = db.export(tmp_path / "both.jsonl").path
        with pytest.raises(DatabaseError, match="one user at a time, and these are of 2"):
            imported(f"{destination} {as_them}", both)
        assert (made.memories, made.beside["memory_importance"]) == (3, 1)
        found = imported(f"{destination} {as_them}", made.path)
        assert (found.memories, found.users_created, found.beside["memory_importance"]) == (3, 1, 1)
        assert imported(f"{destination} {as_them}", made.path).already_there == 3
        execute(destination, "drop owned by held_to_policies")
    assert rows(destination, "memories") == rows(source, "memories", f"user_id = '{ANN}'")


@pytest.mark.once
def test_a_superuser_does_not_use_tables_of_others(source: str, file: Path) -> None:
    with database.connect(source, purpose="test") as admin, as_role(admin, "mallory"):
        admin.execute("alter table memory_importance owner to mallory")
        with memdb.open(source) as db, pytest.raises(DatabaseError, match="belongs to 'mallory'"):
            db.export(file, overwrite=True)
        with pytest.raises(DatabaseError, match="belongs to 'mallory'"):
            imported(source, file)
        admin.execute("reassign owned by mallory to current_user")


def test_two_imports_at_once_store_each_memory_once(source: str, destination: str, file: Path) -> None:
    both, stored = Barrier(2), list[int]()

    def run() -> None:
        with memdb.open(destination) as db:
            both.wait(60)
            stored.append(db.import_(file).memories)

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored) == [0, 4]
    assert everything(destination) == everything(source)


def test_the_commands_say_what_was_taken_along(
    source: str, destination: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "memories.jsonl")
    assert cli.main(["export", file, "--database-url", source]) == 0
    told = capsys.readouterr().out
    assert "Exported 4 memories of 2 users to" in told
    for rows_told in ("2 rows of memory_collections", "1 row of memory_retention", "1 row of memory_collection_m"):
        assert rows_told in told
    assert cli.main(["import", file, "--database-url", destination, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["memories"] == 4
    assert cli.main(["import", file, "--database-url", destination]) == 0
    assert "4 memories already there, with the same ids, and not changed." in capsys.readouterr().out
