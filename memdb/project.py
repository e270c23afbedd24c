"""A team's own SQL directory: a copy of the one memdb ships, and new migrations in it."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from memdb import sqlfiles, statements
from memdb.errors import SqlFilesError, UsageError

_MIGRATION = """\
-- {title}.
--
-- Say why here. The file runs in one transaction; name every constraint and index, and comment on each object.
"""
_ROLLBACK = """\
-- Undoes {id}.sql, and nothing else.
"""
_INDEX_MIGRATION = """\
-- {title}.
--
-- Say why here. The table can be written to while the index is built, which needs to be outside of a transaction and
-- alone in its file: comment on the index in the next migration.
-- transactional: false
create index concurrently {index} on {on};
"""
_INDEX_ROLLBACK = """\
-- Undoes {id}.sql, and like that runs outside of a transaction.
drop index concurrently {schema}{index};
"""
_NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_INDEX = re.compile(
    rf"(?:on\s+)?(?P<schema>{_NAME}\.)?(?P<table>{_NAME})\s*(?P<rest>(?:using\s+\w+\s*)?\((?P<keys>.+)\).*)",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST_NAME = 63
_SETTINGS = """\
# Settings of memdb for this directory. Flags, the environment and .env come first.
sql_dir = "sql"
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A directory that memdb commands can be run in; `created` are the files that were written."""

    directory: Path
    sql_dir: Path
    created: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class NewMigration:
    id: str
    path: Path
    rollback_path: Path


@dataclass(frozen=True, slots=True)
class NewMigrations:
    """Several, to be applied in this order."""

    migrations: tuple[NewMigration, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """An index to be built: its name, and what follows the name's `on` in `create index`."""

    name: str
    schema: str
    on: str


def init(directory: Path) -> Project:
    """Copies the shipped sets and snapshot to `directory/sql`, and points memdb.toml at them.

    Raises SqlFilesError when there is something at `directory/sql` already; nothing is overwritten.
    """
    target = directory / "sql"
    if target.exists():
        raise SqlFilesError(f"{target} is there already", hint="Choose another directory; nothing is overwritten.")
    # What the program itself runs is not the team's to edit, and must fit the installed version.
    leave_out = shutil.ignore_patterns(*sqlfiles.NOT_SETS)
    try:
        shutil.copytree(sqlfiles.shipped_directory(), target, ignore=leave_out)
        created = sorted(path for path in target.rglob("*") if path.is_file())
        settings = directory / "memdb.toml"
        if not settings.exists():
            settings.write_text(_SETTINGS, encoding="utf-8")
            created.append(settings)
    except OSError as error:
        raise SqlFilesError(
            f"{error.filename or target} cannot be written: {error.strerror or error}", hint="Choose another directory."
        ) from None
    return Project(directory, target, tuple(created))


def new(sql_dir: Path, name: str | None, *, index: str | None = None, set_name: str = sqlfiles.CORE) -> NewMigration:
    """Writes the next numbered pair into a set of `sql_dir`: to be filled in, or to build `index` concurrently.

    Raises UsageError when nothing of `name` is left as a file name, for an `index` that cannot be read, or for the
    SQL that memdb itself ships.
    """
    wanted = parse_index(index) if index is not None else None
    name = name or (f"create {wanted.name}" if wanted else "")
    _require_own(sql_dir, name)
    return _write_pair(sql_dir / set_name, name, *_texts(name, wanted))


def recommended(sql_dir: Path, report: Path, *, set_name: str = sqlfiles.CORE) -> NewMigrations:
    """Writes the migrations that would apply what a JSON report of benchmark-similarity recommends, in its order.

    Raises UsageError when it is no such report or recommends nothing to migrate, or for the SQL that memdb ships.
    """
    steps = _steps(report)
    if not steps:
        raise UsageError(
            f"{report} recommends nothing that a migration would change",
            hint="Sweep over more with benchmark-similarity: --strategies strict --ef-search 40,100,200 --try-m 16,24",
        )
    written = []
    for name, migration, rollback in steps:
        _require_own(sql_dir, name)
        heading = f"-- {_sentence(name)}.\n--\n"
        written.append(_write_pair(sql_dir / set_name, name, heading + migration, _ROLLBACK + rollback))
    return NewMigrations(tuple(written))


def _steps(report: Path) -> list[tuple[str, str, str]]:
    """Name, SQL and rollback of each migration in a report."""
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
        steps = [step for one in found["verdict"]["recommendations"] for step in one["migrations"]]
        return [(str(step["name"]), str(step["sql"]), str(step["rollback"])) for step in steps]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{report} is no report of benchmark-similarity: {error}", hint="Write one with --report FILE.json."
        ) from None


def _require_own(sql_dir: Path, name: str) -> None:
    if not _slug(name):
        problem = f"{name!r} has no letter or digit" if name else "the migration has no name"
        raise UsageError(problem, hint="Name what it does: memdb new add_importance")
    if sql_dir == sqlfiles.shipped_directory():
        raise UsageError(
            "the SQL that memdb ships is not yours to extend",
            hint="Make a copy with: memdb init . (or name your own with --sql-dir)",
        )


def _write_pair(folder: Path, name: str, migration: str, rollback: str) -> NewMigration:
    """Writes a migration and its rollback, in which {id} stands for what it is called: the next free number."""
    numbers = [int(path.name.split("_")[0]) for path in folder.glob("[0-9]*_*.sql") if path.name[:4].isdigit()]
    id = f"{max(numbers, default=0) + 1:04}_{_slug(name)}"
    path, rollback_path = folder / f"{id}.sql", folder / f"{id}{sqlfiles.ROLLBACK_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(path, migration)
        _write_new(rollback_path, rollback.replace("{id}", id))
    except OSError as error:
        raise SqlFilesError(
            f"{error.filename} cannot be written: {error.strerror}", hint="Check the permissions of the SQL directory."
        ) from None
    return NewMigration(id, path, rollback_path)


def parse_index(text: str) -> Index:
    """Reads `memories using hnsw (embedding vector_cosine_ops)`, as it follows `create index … on`.

    The name is ix_TABLE_COLUMNS, cut to the 63 bytes that PostgreSQL keeps. Raises UsageError for anything else.
    """
    match = _INDEX.fullmatch(text.strip().rstrip("; "))
    if match is None or len(statements.split(text)) != 1:
        raise UsageError(
            f"{text!r} is no index",
            hint="Write what follows `on` in create index: memdb new --index 'memories (user_id, created_at)'",
        )
    columns = [_slug(key) for key in _key_names(match["keys"])]
    name = "_".join(["ix", _slug(match["table"]), *columns])[:_LONGEST_NAME].rstrip("_")
    schema = match["schema"] or ""
    separator = "\n" if match["rest"].lower().startswith("using") else " "
    return Index(name, schema, f"{schema}{match['table']}{separator}{match['rest']}")


def _key_names(keys: str) -> list[str]:
    """The columns or expressions of `(a desc, lower(b) text_ops) with (…)`, without what follows each."""
    depth, parts = 0, [""]
    for character in keys:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break  # the end of the list; options follow
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [_key_name(part.strip()) for part in parts]


def _key_name(key: str) -> str:
    """`embedding` of `embedding vector_cosine_ops`; an expression whole."""
    expression = re.match(r"\w*\s*\(.*\)", key, re.DOTALL)
    return expression[0] if expression else re.split(r"\s", key, maxsplit=1)[0]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _texts(name: str, index: Index | None) -> tuple[str, str]:
    """The migration and its rollback, in which {id} stands for what it is called."""
    title = _sentence(name)
    if index is None:
        return _MIGRATION.format(title=title), _ROLLBACK
    migration = _INDEX_MIGRATION.format(title=title, index=index.name, on=index.on)
    return migration, _INDEX_ROLLBACK.format(id="{id}", index=index.name, schema=index.schema)


def _sentence(name: str) -> str:
    """A name as the beginning of a sentence, without its end."""
    title = name.strip().rstrip(".")
    return title[:1].upper() + title[1:]


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
