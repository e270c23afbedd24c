"""Reading a SQL directory: what is accepted, and what is refused with which words."""

import contextlib
import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from memdb import shipped
from memdb.errors import SqlFilesError, UsageError
from memdb.ledger import plan, sqlfiles, texts

Files = dict[str, str | bytes]
WriteSets = Callable[[Files], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteSets:
    """Writes files into a new SQL directory; a migration given without its rollback gets one."""

    def write(contents: Files) -> Path:
        for name, content in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            if path.suffix == ".sql" and not name.endswith(".rollback.sql"):
                path.with_name(f"{path.stem}.rollback.sql").write_text("select 1;")
        return tmp_path

    return write


def ids(directory: Path) -> dict[str, list[str]]:
    return {name: [m.id for m in migrations] for name, migrations in sqlfiles.read_sets(directory).items()}


def test_every_shipped_migration_has_a_well_formed_name_and_a_rollback() -> None:
    core = sqlfiles.read_sets(shipped.sql_directory())["core"]
    assert [migration.id[:4] for migration in core] == [f"{n:04}" for n in range(1, len(core) + 1)]
    assert all(migration.read_rollback().strip() for migration in core)


def test_every_shipped_migration_begins_with_why() -> None:
    core = sqlfiles.read_sets(shipped.sql_directory())["core"]
    assert all(migration.sql.startswith("-- ") or len(migration.sql.splitlines()) < 3 for migration in core)


def test_sets_are_in_order_core_first_and_migrations_by_number(write: WriteSets) -> None:
    directory = write(
        {
            "alpha/0001_first.sql": "select 1;",
            "core/0010_ten.sql": "select 1;",
            "core/0009_nine.sql": "select 1;",
            "core/10000_last.sql": "select 1;",
            "queries/named.sql": "-- name: x",
        }
    )
    assert ids(directory) == {"core": ["0009_nine", "0010_ten", "10000_last"], "alpha": ["0001_first"]}


def test_a_directory_name_with_glob_characters_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "a[b]*" / "core"
    folder.mkdir(parents=True)
    (folder / "0001_x.sql").write_text("select 1;")
    (folder / "0001_x.rollback.sql").write_text("select 1;")
    assert ids(tmp_path / "a[b]*") == {"core": ["0001_x"]}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_mark_do_not_change_the_checksum(write: WriteSets, line_end: str) -> None:
    sql = f"-- Why.{line_end}-- transactional: false{line_end}select '{line_end}';"
    directory = write({"core/0001_x.sql": b"\xef\xbb\xbf" + sql.encode()})
    (migration,) = sqlfiles.read_sets(directory)["core"]
    assert migration.checksum == hashlib.sha256(b"-- Why.\n-- transactional: false\nselect '\n';").hexdigest()
    assert migration.transactional is False
    assert migration.sql == sql  # what is in a literal is data, and sent as it is


def test_directives_are_read_from_the_leading_comment_only(write: WriteSets) -> None:
    directory = write(
        {
            "core/0001_x.sql": "-- Why: because.\n-- transactional: false\n\nselect 1;\n-- transactional: true\n",
            "core/0002_y.sql": "-- depends: 0001_x\nselect 1;",
        }
    )
    first, second = sqlfiles.read_sets(directory)["core"]
    assert (first.transactional, second.transactional, second.depends) == (False, True, ("0001_x",))


def test_what_is_alongside_a_set_is_part_of_its_own_only_where_that_is_wanted_too(write: WriteSets) -> None:
    directory = write(
        {
            "core/0001_x.sql": "",
            "a/0011_y.sql": "",
            "a/0012_y_beside_z.sql": "-- alongside: z\n",
            "a/0013_y.sql": "",
            "b/0021_w.sql": "-- alongside: gone\n",
            "c/0031_v_beside_both.sql": "-- alongside: a z\n",
            "c/0032_v_beside_both.sql": "-- alongside: a\n-- alongside: z\n",
            "z/0091_z.sql": "",
        }
    )
    sets = sqlfiles.read_sets(directory)
    assert list(sets) == ["core", "z", "a", "b", "c"]
    assert [len(sets.applicable(name)) for name in sets] == [1, 1, 3, 0, 2]

    def ids(applied: tuple[str, ...], *chosen: str) -> list[str]:
        return [migration.id.split("_")[0] for migration in sets.active(applied, chosen)]

    assert ids((), "a", "b") == ["0001", "0011", "0013"]
    assert ids((), "z") == ["0001", "0091"]
    assert ids(("0011_y", "0013_y"), "z") == ids(("0091_z",), "a") == ["0001", "0091", "0011", "0012", "0013"]
    assert plan.late(sets.active(("0011_y", "0013_y"), ("z",)), ("0011_y", "0013_y")) == []
    assert [migration.id for migration in sets.below("a")] == ["0001_x", "0091_z"]
    assert ids((), "a", "c") == ["0001", "0011", "0013"]
    with pytest.raises(UsageError, match="there is no set 'a,z'") as refused:
        sets.active((), ["a,z"])
    assert refused.value.hint == "The sets are core, z, a, b, c. Name each by itself: --with ONE --with OTHER."
    assert ids((), "z", "c") == ["0001", "0091"]
    assert ids((), "a", "c", "z") == ["0001", "0091", "0011", "0012", "0013", "0031", "0032"]


@pytest.mark.parametrize(
    "line",
    [
        "-- alongside: a, b",
        "-- transactional: no",
        "-- transactional : false",
        "--transactional: false",
        "-- Transactional: false",
        "-- transactionnal: false",
        "-- transactional:false",
        "-- transactional: FALSE",
        "-- depend: 0001_x",
        "-- depends:",
        "-- formerly: 0001_x",
        f"-- formerly: {64 * 'A'}",
    ],
)
def test_a_misspelt_directive_is_an_error_and_not_a_comment(write: WriteSets, line: str) -> None:
    directory = write({"core/0001_x.sql": f"-- Why.\n{line}\nselect 1;"})
    with pytest.raises(SqlFilesError, match=r"0001_x\.sql:2: misspelt directive"):
        sqlfiles.read_sets(directory)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({}, "has no migrations in core/"),
        ({"core/README.md": ""}, "has no migrations in core/"),
        ({"other/0001_x.sql": ""}, "has no migrations in core/"),
        ({"core/0001_x.sql": "", "core/0001_y.sql": ""}, "0001_x.sql and 0001_y.sql have the same number"),
        ({"core/0001_x.sql": "", "more/0001_x.sql": ""}, "have the same name"),
        ({"core/1_x.sql": ""}, "not named like a migration"),
        ({"core/0001-x.sql": ""}, "not named like a migration"),
        ({"core/0001_X.sql": ""}, "not named like a migration"),
        ({"core/0001_x.rollback.sql": ""}, "rolls back a migration that does not exist"),
        ({"core/0001_x.sql": b"select '\xff';"}, r"0001_x.sql is not UTF-8: byte 8 is 0xff"),
        ({"core/0001_x.sql": b"-- ok\r\nselect '\xe4';"}, r"byte 15 is 0xe4, in line 2"),
        ({"core/0001_x.sql": "select 1;\nselect 2;\0"}, "contains a NUL character, in line 2"),
        ({"core/0001_x.sql": "select 1;".encode("utf-16")}, "0001_x.sql is UTF-16"),
        ({"core/0001_x.sql": "select 1;".encode("utf-16-le")}, "contains a NUL character, in line 1"),
        ({"core/0001_x.SQL": "", "core/0002_y.sql": ""}, r"0001_x.SQL ends in .SQL"),
        ({"core/0001_x.Rollback.sql": "", "core/0001_x.sql": ""}, "not named like a migration"),
        ({"core/١٢٣٤_x.sql": ""}, "not named like a migration"),
        ({"core/0001_x.sql": "-- depends: 0002_y\nselect 1;", "core/0002_y.sql": ""}, "does not come before it"),
    ],
)
def test_a_directory_that_cannot_be_used_is_refused(write: WriteSets, contents: Files, message: str) -> None:
    with pytest.raises(SqlFilesError, match=message) as raised:
        sqlfiles.read_sets(write(contents))
    assert raised.value.hint
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    "name",
    [".0001_x.sql.swp", ".#0001_x.sql", "#0001_x.sql#", "0001_x.sql~", "0001_x.sql.orig", "0001_x.sql.bak",
     "0001_x.sql.rej", "._0001_x.sql", ".hidden.sql", "Thumbs.db", ".DS_Store", "README.md"],
)  # fmt: skip
def test_what_editors_and_merges_leave_beside_a_migration_is_passed_over(write: WriteSets, name: str) -> None:
    directory = write({"core/0001_x.sql": "select 1;"})
    (directory / "core" / name).write_bytes(b"\0 no SQL")
    assert ids(directory) == {"core": ["0001_x"]}


def test_the_lock_of_an_editor_leads_nowhere_and_is_passed_over(write: WriteSets) -> None:
    directory = write({"core/0001_x.sql": "select 1;"})
    (directory / "core" / ".#0001_x.sql").symlink_to("somebody@somewhere.1234:1700000000")
    assert ids(directory) == {"core": ["0001_x"]}


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(path.parent):
        server.bind(path.name)  # the length of a socket's path is limited


@pytest.mark.parametrize("name", ["0002_y.sql", "0001_x.rollback.sql"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (Path.mkdir, "a directory"),
        (os.mkfifo, "a named pipe"),
        (lambda path: path.symlink_to("nowhere"), "a broken symbolic link"),
        (lambda path: path.symlink_to(path.name), "a broken symbolic link"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (make_socket, "a socket"),
    ],
)
def test_what_is_no_file_is_refused_and_not_waited_for(
    write: WriteSets, make: Callable[[Path], object], kind: str, name: str
) -> None:
    path = write({"core/0001_x.sql": "select 1;"}) / "core" / name
    path.unlink(missing_ok=True)
    make(path)
    with pytest.raises(SqlFilesError, match=f"{name} is {kind}"):
        sqlfiles.read_sets(path.parents[1])


def test_a_link_to_a_file_is_a_file(write: WriteSets, tmp_path: Path) -> None:
    directory = write({"core/0001_x.sql": "select 1;", "core/0002_y.sql": ""})
    (directory / "core" / "0002_y.sql").unlink()
    (directory / "core" / "0002_y.sql").symlink_to("0001_x.sql")
    assert ids(directory) == {"core": ["0001_x", "0002_y"]}


def test_a_link_to_what_is_no_sql_is_not_read_and_so_not_shown(write: WriteSets, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PASSWORD=geheim")
    path = write({"core/0001_x.sql": "select 1;"}) / "core" / "0001_x.sql"
    for linked in (path.with_name("0001_x.rollback.sql"), path):
        linked.unlink()
        linked.symlink_to(tmp_path / ".env")
        with pytest.raises(SqlFilesError, match="is not read: its name, or that of the file to which it leads"):
            sqlfiles.read_sets(path.parents[1])["core"][0].read_rollback()
    with pytest.raises(SqlFilesError, match=r"\.env is not read"):
        texts.read(tmp_path / ".env")  # as the project's scratch_setup


def test_a_migration_without_rollback_is_refused(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "0001_x.sql").write_text("select 1;")
    with pytest.raises(SqlFilesError, match="has no rollback") as raised:
        sqlfiles.read_sets(tmp_path)
    assert "0001_x.rollback.sql" in raised.value.hint


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SqlFilesError, match="does not exist"):
        sqlfiles.read_sets(tmp_path / "nowhere")


def test_named_queries_are_found_by_name() -> None:
    assert "insert into {schema}.memdb_migrations" in shipped.queries("history")["finish"]
