"""New migrations of a team's own: to be filled in, or complete."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from memdb import files, statements
from memdb.errors import UsageError
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import OWN
from memdb.project.own import FIRST_NUMBER, default_set, require_own
from memdb.project.writing import writing

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
_NUMBER = re.compile(r"\d{4,}(?=_)", re.ASCII)
_SET_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
Pair: TypeAlias = tuple[str, str, str]  # what a migration does, its SQL, its rollback


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


def new(sql_dir: Path, name: str | None, *, index: str | None = None, set_name: str | None = None) -> NewMigration:
    """Writes the next numbered pair into a set of `sql_dir`: to be filled in, or to build `index` concurrently.

    Raises UsageError when nothing of `name` is left as a file name, for an `index` that cannot be read, for a
    `set_name` that is none, or for the SQL that memdb itself ships.
    """
    wanted = parse_index(index) if index is not None else None
    name = name or (f"create {wanted.name}" if wanted else "")
    (written,) = write_pairs(sql_dir, set_name, [(name, *_texts(name, wanted))])
    return written


def recommended(sql_dir: Path, report: Path, *, set_name: str | None = None) -> NewMigrations:
    """Writes the migrations that would apply what a JSON report of benchmark-similarity recommends, in its order.

    Raises UsageError when it is no such report or recommends nothing to migrate, or for the SQL that memdb ships.
    """
    steps = _steps(report)
    if not steps:
        raise UsageError(
            f"{report} recommends nothing that a migration would change",
            hint="Sweep over more values with benchmark-similarity: --strategies strict --ef-search 40,100,200 --try-m "
            "16,24",
        )
    headed = [(name, f"-- {_sentence(name)}.\n--\n{sql}", _ROLLBACK + rollback) for name, sql, rollback in steps]
    return NewMigrations(tuple(write_pairs(sql_dir, set_name, headed)))


def _steps(report: Path) -> list[Pair]:
    """The migrations in a report."""
    try:
        found = files.read_json(report)
        steps = [step for one in found["verdict"]["recommendations"] for step in one["migrations"]]
        pairs = [(step["name"], step["sql"], step["rollback"]) for step in steps]
        if not all(isinstance(text, str) for pair in pairs for text in pair):
            raise ValueError("what it recommends is not SQL")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = "it lacks recommendations" if isinstance(error, KeyError | TypeError) else error
        raise UsageError(
            f"{report} is not a report of benchmark-similarity: {reason}", hint="Write one with --report FILE.json."
        ) from None
    return pairs


def write_pairs(sql_dir: Path, set_name: str | None, pairs: Sequence[Pair]) -> list[NewMigration]:
    """Writes migrations with their rollbacks, in which {id} stands for what each is called: all of them or none.

    They get the next free numbers, in their order.
    """
    for name, _, _ in pairs:
        _check_name(name)
    set_name = default_set(sql_dir) if set_name is None else set_name
    if not _SET_NAME.fullmatch(set_name) or set_name in sqlfiles.NOT_SETS:
        raise UsageError(
            f"{set_name!r} is not a name for a set", hint="Use letters, digits, - and _, as in: fast_search"
        )
    require_own(sql_dir)
    folder = sql_dir / set_name
    with writing("Check the permissions of the SQL directory."), files.alone(sql_dir):
        files.expect_inside(sql_dir, folder)
        first = _next_number(folder)
        written = [_new(folder, f"{number:04}_{_slug(name)}") for number, (name, _, _) in enumerate(pairs, first)]
        texts: dict[Path, str] = {}
        for new, (_, migration, rollback) in zip(written, pairs, strict=True):
            texts |= {new.path: migration, new.rollback_path: rollback.replace("{id}", new.id)}
        files.create(texts)
    return written


def _check_name(name: str) -> None:
    if not _slug(name):
        problem = f"{name!r} has no letter or digit" if name else "the migration has no name"
        raise UsageError(problem, hint="Name what it does: memdb new add_importance")


def _next_number(folder: Path) -> int:
    found = (_NUMBER.match(path.name) for path in folder.glob("*.sql"))
    numbers = [int(match[0]) for match in found if match]
    return max([*numbers, FIRST_NUMBER - 1 if folder.name == OWN else 0]) + 1


def _new(folder: Path, id: str) -> NewMigration:
    return NewMigration(id, folder / f"{id}.sql", folder / f"{id}{sqlfiles.ROLLBACK_SUFFIX}")


def parse_index(text: str) -> Index:
    """Reads `memories using hnsw (embedding vector_cosine_ops)`, as it follows `create index … on`.

    The name is ix_TABLE_COLUMNS, cut to the 63 bytes that PostgreSQL keeps. Raises UsageError for anything else.
    """
    match = _INDEX.fullmatch(text.strip().rstrip("; "))
    if match is None or len(statements.split(text)) != 1:
        raise UsageError(
            f"{text!r} is not an index",
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
    """A name as the beginning of a sentence on one line, without its end."""
    title = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split()).rstrip(".")
    return title[:1].upper() + title[1:]
