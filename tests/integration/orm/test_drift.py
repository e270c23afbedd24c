"""verify-models: silent where models and schema agree, and each change on either side is found."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from memdb import database, migrations, shipped
from memdb.cli import main
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from memdb.verification import drift, snapshot
from memdb.verification.drift import ModelsVerification
from tests.helpers import address

OURS = "memdb.models:Base"
APPLICATION = Path(__file__).parents[2] / "application.py"

Verify = Callable[..., ModelsVerification]


@pytest.fixture
def verify(connection: Connection, sets: Sets) -> Verify:
    """Compares models with the snapshot and a migrated database."""
    patches = snapshot.read(shipped.sql_directory())
    return lambda models=OURS: drift.verify_models(models, sets, patches, connection)


def objects(result: ModelsVerification) -> set[str]:
    return {f"{item.kind} {item.object}" for item in result.differences}


def test_the_models_of_memdb_are_as_the_schema_is(verify: Verify) -> None:
    result = verify()
    assert (result.ok, result.differences, result.notes) == (True, (), ())
    kinds = [name.split()[0] for name in result.compared]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "table": 3, "column": 16, "constraint": 5, "enum": 1, "relationship": 2,
    }  # fmt: skip


TAMPERED = {
    "alter table memories rename content to body": {"column memories.content", "column memories.body"},
    "alter table memories drop column metadata": {"column memories.metadata"},
    "alter table memories add importance int not null": {"column memories.importance"},
    "alter table memories alter content type varchar(100)": {"column memories.content"},
    "drop index ix_memories_embedding; alter table memories alter embedding type vector(768)": {
        "column memories.embedding"
    },
    "alter table memory_collections alter name type varchar(100)": {"column memory_collections.name"},
    "alter table memories alter created_at type timestamp": {"column memories.created_at"},
    "alter table memories alter content drop not null": {"column memories.content"},
    "alter table memories alter embedding set not null": {"column memories.embedding"},
    "alter table memories alter created_at drop default": {"column memories.created_at"},
    "alter table memories alter metadata set default '[]'": {"column memories.metadata"},
    "alter table memory_collections alter description set default ''": {"column memory_collections.description"},
    "alter table memory_collections drop description, add description text generated always as (name) stored": {
        "column memory_collections.description"
    },
    "alter type memory_type rename value 'task' to 'tasks'": {"enum memory_type"},
    "alter type memory_type add value 'archive'": {"enum memory_type"},
    "alter table memories drop constraint memories_pkey": {"constraint memories.memories_pkey"},
    "alter table memories rename constraint memories_pkey to pk": {"constraint memories.pk"},
    "alter table memories drop constraint memories_pkey, add constraint memories_pkey primary key (user_id, id)": {
        "constraint memories.memories_pkey"
    },
    "alter table memories drop constraint memories_user_id_fkey": {"constraint memories.memories_user_id_fkey"},
    "alter table memories drop constraint memories_user_id_fkey,"
    " add constraint memories_user_id_fkey foreign key (user_id) references users": {
        "constraint memories.memories_user_id_fkey",
        "relationship User.memories",
    },
    "drop table memory_collections": {"table memory_collections"},
    "alter table users drop created_at": {"column users.created_at"},
}


@pytest.mark.parametrize("sql", TAMPERED)
def test_a_change_of_the_database_is_found(connection: Connection, verify: Verify, sql: str) -> None:
    connection.execute(sql.encode())
    result = verify()
    assert objects(result) == TAMPERED[sql]
    assert {item.differs_from for item in result.differences} == {("database",)}
    assert all("verify-schema" in item.mend for item in result.differences)


class Drifted(NamedTuple):
    """A piece of the application's models, what is there instead, and what must be reported."""

    old: str
    new: str
    objects: set[str]


IN_MEMORY = "class Memory(MemoryMixin, Base): ..."
IN_USER = "class User(UserMixin, Base):"
DRIFTED = {
    "name of a column": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    content: Mapped[str] = mapped_column('text')",
        {"column memories.content", "column memories.text"},
    ),
    "another column": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    importance: Mapped[int]",
        {"column memories.importance"},
    ),
    "type": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    content: Mapped[str] = mapped_column(String(100))",
        {"column memories.content"},
    ),
    "dimensions": Drifted(
        IN_MEMORY,
        "from pgvector.sqlalchemy import Vector\n"
        "class Memory(MemoryMixin, Base):\n    embedding: Mapped[list[float] | None] = mapped_column(Vector(768))",
        {"column memories.embedding"},
    ),
    "nullability": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    content: Mapped[str | None] = mapped_column(Text)",
        {"column memories.content"},
    ),
    "default": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    content: Mapped[str] = mapped_column(Text, server_default='nothing')",
        {"column memories.content"},
    ),
    "enum": Drifted(
        IN_MEMORY,
        "import enum\nclass Tier(enum.Enum):\n    PERSONAL = 1\n"
        "class Memory(MemoryMixin, Base):\n"
        "    memory_type: Mapped[Tier] = mapped_column(Enum(Tier, name='memory_type'))",
        {"enum memory_type"},
    ),
    "primary key": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    __table_args__ = (PrimaryKeyConstraint('id', 'user_id'),)",
        {"constraint memories.memories_pkey"},
    ),
    "name of the primary key": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    __table_args__ = (PrimaryKeyConstraint('id', name='pk'),)",
        {"constraint memories.memories_pkey"},
    ),
    "cascade of the foreign key": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    user_id: Mapped[UUID] = mapped_column(ForeignKey('users.id'))",
        {"constraint memories.memories_user_id_fkey"},
    ),
    "a key that is not there": Drifted(
        IN_MEMORY,
        "class Memory(MemoryMixin, Base):\n    content: Mapped[str] = mapped_column(Text, unique=True)",
        {"constraint memories.UNIQUE (content)"},
    ),
    "cascade of a relationship": Drifted(
        IN_USER,
        IN_USER + "\n    memories: Mapped[list['Memory']] = relationship(back_populates='user')",
        {"relationship User.memories"},
    ),
    "relationship that loads what the database deletes": Drifted(
        IN_USER,
        IN_USER + "\n    memories: Mapped[list['Memory']] = "
        "relationship(back_populates='user', cascade='all, delete-orphan')",
        {"relationship User.memories"},
    ),
    "a table that is not mapped": Drifted(
        "class MemoryCollection(MemoryCollectionMixin, Base): ...",
        "class MemoryCollection(MemoryCollectionMixin, Base):\n    __tablename__ = 'collections'",
        {"table memory_collections"},
    ),
    "type of the users' key": Drifted(
        "primary_key=True, default=uuid4",
        "String(36), primary_key=True",
        {"column users.id", "column memories.user_id", "column memory_collections.user_id"},
    ),
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], str]]:
    """Writes the models of an application into a module of their own, with a piece replaced; returns their path."""
    monkeypatch.chdir(tmp_path)
    name = f"models_of_{tmp_path.name}"

    def write(old: str = "", new: str = "") -> str:
        text = APPLICATION.read_text()
        assert old in text
        text = text.replace("import String\n", "import *\n").replace("from uuid import UUID, uuid4\n", "")
        text = text.replace("class Base(", "from uuid import UUID, uuid4\n\n\nclass Base(", 1)
        text = text.replace("import DeclarativeBase,", "import DeclarativeBase, relationship,")
        (tmp_path / f"{name}.py").write_text(text.replace(old, new) if old else text)
        importlib.invalidate_caches()
        return f"{name}:Base"

    yield write
    module: ModuleType | None = sys.modules.pop(name, None)
    if module is not None:
        module.Base.registry.dispose()


@pytest.mark.parametrize("change", DRIFTED)
def test_a_change_of_the_models_is_found(sets: Sets, written: Callable[..., str], change: str) -> None:
    drifted = DRIFTED[change]
    models = written(drifted.old, drifted.new)
    result = drift.verify_models(models, sets, snapshot.read(shipped.sql_directory()))
    assert objects(result) == drifted.objects
    assert all(item.mend and item.differs_from == ("snapshot",) for item in result.differences)


SAME = {
    "class Memory(MemoryMixin, Base): ...": "",
    """class Memory(MemoryMixin, Base):
    __table_args__ = (
        CheckConstraint("content <> 'a (b)'"),
        CheckConstraint("content <> ''", name="UNIQUE ("),
        Index("anything", text("lower(content)")),
    )""": "alter table memories add check (content <> 'a (b)')",
    """class Mood(Base):
    __tablename__, __table_args__ = "moods", {"schema": "audit"}
    id: Mapped[int] = mapped_column(primary_key=True)
class Memory(MemoryMixin, Base):
    mood: Mapped[int | None] = mapped_column(
        ForeignKey("audit.moods.id", match="full", onupdate="cascade", deferrable=True, initially="deferred"))""": """
    create schema audit; create table audit.moods (id int primary key);
    alter table memories add mood int
    references audit.moods match full on update cascade deferrable initially deferred""",
    """class Memory(MemoryMixin, Base):
    after: Mapped[UUID | None] = mapped_column(ForeignKey("memories.id"))""": (
        "alter table memories add after uuid references memories"
    ),
    """class Memory(MemoryMixin, Base):
    size: Mapped[int] = mapped_column(Computed("length(content)"))
    number: Mapped[int] = mapped_column(Integer, Identity())""": """
    alter table memories add size int not null generated always as (length(content)) stored,
        add number int generated by default as identity""",
    """class Memory(MemoryMixin, Base):
    created_at: Mapped[object] = mapped_column(DateTime(timezone=True), default=func.now)""": "",
    """class Memory(MemoryMixin, Base): ...
class Diary(Base):
    __tablename__ = "diaries"
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    read: Mapped[list[Memory]] = relationship(
        primaryjoin="Diary.user_id == foreign(Memory.user_id)", viewonly=True)""": "",
}


@pytest.mark.parametrize("models", SAME)
def test_models_may_declare_whatever_sqlalchemy_has(
    with_users: Connection, sets: Sets, written: Callable[..., str], models: str
) -> None:
    with_users.execute(SAME[models].encode() or b"select")
    path = written(IN_MEMORY, models)
    result = drift.verify_models(path, sets, snapshot.read(shipped.sql_directory()), with_users)
    assert {item for item in result.differences if "database" in item.differs_from} == set()


@pytest.fixture
def with_users(empty_connection: Connection, sets: Sets) -> Connection:
    """A database whose users are the application's."""
    empty_connection.execute(
        "create table users (id uuid primary key, email varchar(320) not null unique, born date, tags text[] not null"
        " default '{}')"
    )
    migrations.migrate(empty_connection, sets)
    return empty_connection


def test_models_of_an_application_with_its_own_users(
    with_users: Connection, sets: Sets, written: Callable[..., str]
) -> None:
    patches, models = snapshot.read(shipped.sql_directory()), written()
    result = drift.verify_models(models, sets, patches, with_users)
    assert (result.ok, result.differences, result.notes) == (True, (), ())
    with_users.execute("alter table users alter email type text, add password text not null")
    result = drift.verify_models(models, sets, patches, with_users)
    assert objects(result) == {"column users.email", "column users.password"}
    assert all("change either the model or the application's table" in item.mend for item in result.differences)
    ours = drift.verify_models(OURS, sets, patches, with_users)
    assert objects(ours) >= {"column users.created_at"}
    assert all("these users are the application's" in item.mend for item in ours.differences)


def test_memdbs_own_models_are_nobodys_to_change(sets: Sets, tmp_path: Path) -> None:
    text = (shipped.sql_directory() / "schema.json").read_text()
    (tmp_path / "schema.json").write_text(text.replace("vector(1536)", "vector(768)"))
    (found,) = drift.verify_models(OURS, sets, snapshot.read(tmp_path)).differences
    assert found.object == "memories.embedding"
    assert "verify a base with models of yours (Your own users; Other users, other embeddings" in found.mend


def test_models_that_differ_from_both_sides_in_two_ways_are_what_is_to_be_changed(
    with_users: Connection, sets: Sets, written: Callable[..., str]
) -> None:
    with_users.execute("alter table memories add mood text")
    models = written(IN_MEMORY, "class Memory(MemoryMixin, Base):\n    mood: Mapped[int] = mapped_column(unique=True)")
    result = drift.verify_models(models, sets, snapshot.read(shipped.sql_directory()), with_users)
    assert objects(result) == {"column memories.mood", "constraint memories.UNIQUE (mood)"}
    assert not any("agree" in item.mend for item in result.differences)
    assert [item.found for item in result.differences if item.kind == "constraint"] == [{"definition": "UNIQUE (mood)"}]


def test_a_column_that_need_not_be_mapped_is_told(connection: Connection, verify: Verify) -> None:
    connection.execute("alter table memories add importance real, add rank int generated always as identity")
    result = verify()
    assert (result.ok, len(result.notes)) == (True, 2)
    assert "memories.importance" in result.notes[0]


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["verify-models", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_the_command_tells_what_differs(
    migrated: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--database-url", migrated]
    code, out, _ = run(url, capsys)
    assert (code, "match the schema: 27 objects compared" in out) == (0, True)
    connection.execute("alter table memories alter content drop not null")
    code, out, _ = run(url, capsys)
    assert code == 1
    assert "column memories.content differs (database)\n  schema  nullable yes\n  models  nullable no\n" in out
    code, out, _ = run([*url, "--format", "json"], capsys)
    (difference,) = json.loads(out)["differences"]
    assert (difference["object"], difference["expected"]) == ("memories.content", {"nullable": True})
    code, out, _ = run(["--offline", "--format", "json"], capsys)
    assert (code, json.loads(out)["database"]) == (0, None)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("models", "not an import path"),
        (":Base", "not an import path"),
        ("no_such_module:Base", "No module named"),
        ("memdb.models:Nothing", "no attribute"),
        ("memdb.models:MemoryType", "not a declarative base"),
    ],
)
def test_what_are_no_models_is_wrong_usage(models: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run([models, "--offline"], capsys)
    assert (code, message in err, "package.module:Base" in err) == (2, True, True)


@pytest.mark.parametrize("raised", ["RuntimeError('hunter2')", "SystemExit(7)", "RecursionError", "UnicodeError('x')"])
def test_models_that_fail_as_they_are_imported_are_wrong_usage(
    raised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = f"fails_{re.sub(r'[^a-z]', '', raised.lower())}"
    (tmp_path / f"{module}.py").write_text(f"raise {raised}")
    monkeypatch.chdir(tmp_path)
    code, _, err = run([f"{module}:Base", "--offline"], capsys)
    assert (code, f"{module} raises {raised.partition('(')[0]}" in err, "hunter2" in err) == (2, True, False)


def test_a_column_that_has_no_type_is_wrong_usage(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    models = written(IN_MEMORY, f"{IN_MEMORY.removesuffix(' ...')}\n    mood = mapped_column(ForeignKey('nowhere.id'))")
    code, _, err = run([models, "--offline"], capsys)
    assert (code, "give the column memories.mood no type" in err) == (2, True)


def test_models_that_sqlalchemy_cannot_use_are_wrong_usage(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    models = written("class MemoryCollection(MemoryCollectionMixin, Base): ...", "")
    code, _, err = run([models, "--offline"], capsys)
    assert (code, "SQLAlchemy cannot use the models" in err) == (2, True)
    assert run([OURS, "--offline"], capsys)[0] == 0  # what else the process has mapped is another matter


@pytest.mark.once
def test_the_fixture_tells_once_what_is_no_model(tmp_path: Path) -> None:
    result = run_tests(tmp_path, "nowhere:Base", None)
    assert result.stdout.count("No module named 'nowhere'") == 1, result


_TESTS = """
def test_models(assert_models_match, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # as a test of the application may do
    assert_models_match({models!r}, {url!r})
"""


def run_tests(directory: Path, models: str, url: str | None, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs a test of an application, in a folder, that holds its models to the schema."""
    (directory / "conftest.py").write_text("pytest_plugins = ['memdb.pytest_plugin']\n")
    (directory / "test_models.py").write_text(_TESTS.format(models=models, url=url))
    options = ["-q", "-rN", "-W", "error", "-p", "no:cacheprovider", "-p", "no:asyncio", "--rootdir", str(directory)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=directory,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(directory)} | environment,
    )


@pytest.mark.once
@pytest.mark.parametrize("drifted", [False, True])
def test_an_applications_own_tests_can_hold_its_models(
    with_users: Connection, empty: str, written: Callable[..., str], tmp_path: Path, drifted: bool
) -> None:
    models = written(*DRIFTED["type"][:2]) if drifted else written()
    result = run_tests(tmp_path, models, address(empty, "asyncpg"))
    expected: Any = (1, True) if drifted else (0, False)
    assert (result.returncode, "column memories.content differs" in result.stdout) == expected, result


@pytest.mark.once
@pytest.mark.parametrize("told_by", ["memdb.toml", "MEMDB_SQL_DIR"])
def test_the_fixture_reads_the_sql_that_the_command_reads(tmp_path: Path, told_by: str) -> None:
    """A team's own SQL, whose snapshot has a column that the models do not know."""
    own = tmp_path / "database"
    shutil.copytree(shipped.sql_directory(), own)
    patches = json.loads((own / "schema.json").read_text())
    patches["0004_create_memories"]["column memories.mood"] = {"nullable": False, "type": "text"}
    (own / "schema.json").write_text(json.dumps(patches))
    environment = {}
    if told_by == "memdb.toml":
        (tmp_path / "memdb.toml").write_text('sql_dir = "database"\n')
    else:
        environment["MEMDB_SQL_DIR"] = str(own)
    result = run_tests(tmp_path, OURS, None, **environment)
    assert (result.returncode, "column memories.mood is missing in the models" in result.stdout) == (1, True), result
    command = [sys.executable, "-m", "memdb", "verify-models", "--offline"]
    by_command = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | environment)
    assert (by_command.returncode, "column memories.mood" in by_command.stdout) == (1, True), by_command


@pytest.mark.once
def test_the_fixture_works_in_the_schema_that_the_command_works_in(
    empty_connection: Connection, empty: str, sets: Sets, tmp_path: Path
) -> None:
    empty_connection.execute("create schema memory")
    database.use_schema(empty_connection, "memory")
    migrations.migrate(empty_connection, sets)
    assert run_tests(tmp_path, OURS, empty).returncode == 1
    (tmp_path / "memdb.toml").write_text('schema = "memory"\n')
    result = run_tests(tmp_path, OURS, empty)
    assert result.returncode == 0, result


@pytest.mark.once
def test_what_the_fixture_cannot_use_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "memdb.toml").write_text('sql_dir = "nowhere"\n')
    result = run_tests(tmp_path, OURS, None)
    assert (result.returncode, "nowhere" in result.stdout, "Traceback" in result.stdout) == (1, True, False), result
