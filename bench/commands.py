"""Whole commands: `memdb --help`, a migrate with nothing to do, verify-schema, and a file of 5,000 statements."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

import memdb
from bench.compare import Comparison, Subject, command, medians, timed
from bench.programs import psql
from memdb import database, embedded, shipped

PYTHON = sys.executable
MEMDB = (PYTHON, "-m", "memdb")
_ALEMBIC_ENV = """
from alembic import context
from sqlalchemy import create_engine
engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
_ALEMBIC_REVISION = """
from alembic import op
revision, down_revision = {id!r}, {previous!r}
def upgrade(): op.execute("create table alembic_{id} (a int)")
def downgrade(): op.execute("drop table alembic_{id}")
"""


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    yield _help()
    with embedded.temporary() as server, tempfile.TemporaryDirectory() as folder:
        conninfo = database.conninfo(server.url())
        core = shipped.sql_directory() / "core"
        with memdb.open(conninfo, sql_dir=core.parent) as db:
            db.migrate()
        yield from _no_op(conninfo, core, Path(folder))
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("create database statements")
        yield from _many_statements(server.url("statements"), Path(folder), psql(server, "statements"))


def _help() -> Comparison:
    subjects = {"memdb": command(*MEMDB, "--help"), "typer": command(PYTHON, "-c", "import typer")}
    found = medians(subjects, runs=15)
    return Comparison("memdb --help / python -c 'import typer'", found["memdb"], found["typer"], 1.6)


def _no_op(conninfo: str, core: Path, folder: Path) -> Iterator[Comparison]:
    url = "postgresql+psycopg:///?" + urlencode({k: str(v) for k, v in conninfo_to_dict(conninfo).items()})
    environment = os.environ | {"MEMDB_DATABASE_URL": conninfo}
    yoyo = (PYTHON, "-m", "yoyo", "apply", "--batch", "--no-config-file", "-d", url, str(core))
    alembic = (PYTHON, "-m", "alembic", "-c", str(_alembic(folder, conninfo)), "upgrade", "head")
    command(*alembic)()
    subjects = {
        "migrate": command(*MEMDB, "migrate", environment=environment),
        "verify": command(*MEMDB, "verify-schema", environment=environment),
        "yoyo": command(*yoyo),
        "alembic": command(*alembic),
    }
    found = medians(subjects, runs=11)
    yield Comparison("memdb migrate, nothing to do / yoyo apply", found["migrate"], found["yoyo"], 1.0)
    yield Comparison("memdb migrate, nothing to do / alembic upgrade head", found["migrate"], found["alembic"], 0.5)
    yield Comparison("memdb verify-schema / memdb migrate, nothing to do", found["verify"], found["migrate"], 1.3)


def _alembic(folder: Path, conninfo: str) -> Path:
    """An Alembic project with eight revisions on the same server, and its configuration file."""
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text(_ALEMBIC_ENV)
    for number in range(1, 9):
        previous = f"r{number - 1}" if number > 1 else None
        (versions / f"r{number}.py").write_text(_ALEMBIC_REVISION.format(id=f"r{number}", previous=previous))
    values = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    url = f"postgresql+psycopg://{values.pop('user')}@/{values.pop('dbname')}?{urlencode(values)}"
    configuration = folder / "alembic.ini"
    escaped = url.replace("%", "%%")
    configuration.write_text(f"[alembic]\nscript_location = {versions.parent}\nsqlalchemy.url = {escaped}\n")
    return configuration


def _many_statements(conninfo: str, folder: Path, client: tuple[str, ...]) -> Iterator[Comparison]:
    core = folder / "many" / "core"
    core.mkdir(parents=True)
    inserts = "".join(f"insert into many values ({n}, 'row {n}');\n" for n in range(5000))
    file = core / "0001_many.sql"
    file.write_text(f"create table many (id int, name text);\n{inserts}")
    (core / "0001_many.rollback.sql").write_text("drop table many;\n")
    reset = "drop table if exists many; delete from _yoyo_migration; delete from memdb_migrations"

    def after_reset(run: Subject) -> Subject:
        def subject() -> float:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute(reset)
            return timed(run)

        return subject

    arguments = (*MEMDB, "migrate", "--sql-dir", str(core.parent), "--database-url", conninfo)
    migrate, psql_file = command(*arguments), command(*client, "-1", "-f", str(file))

    def migration_itself() -> float:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(reset)
        shown = subprocess.run((*arguments, "--format", "json"), capture_output=True, check=True).stdout
        return float(json.loads(shown)["steps"][0]["duration_ms"]) / 1000

    migrate()  # makes the tables of the history
    subjects = {"memdb": after_reset(migrate), "itself": migration_itself, "psql": after_reset(psql_file)}
    found = medians(subjects, runs=7)
    yield Comparison("a migration of 5,000 statements / psql -1 -f", found["itself"], found["psql"], 1.2)
    yield Comparison("  the same with the start of the program", found["memdb"], found["psql"], None)
