"""Is the schema really there? What the applied migrations make, compared with the live catalog."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from memdb import catalog
from memdb.catalog import KINDS, STAND_IN, Objects, Patch, kind_and_name, table_of
from memdb.database import MINIMUM_PGVECTOR, Connection, target_schema
from memdb.errors import SqlFilesError
from memdb.ledger import history
from memdb.ledger.sqlfiles import CORE, Sets
from memdb.verification.comparison import Difference, compare

RECOMMENDED_PGVECTOR = "0.8.4"

NOT_COMPARED = (
    "privileges and owners",
    "tablespaces and access methods of tables",
    "order of columns",
    "storage parameters of tables",
    "compression and statistics targets of columns",
    "inheritance, rules and replica identity",
    "cost and row estimates of functions",
    "views, sequences and domains",
    "tables, enums and functions that no migration makes",
)


@dataclass(frozen=True, slots=True)
class Verification:
    """`compared` are the names of what was expected, by kind; `inferred` where the history cannot be read."""

    ok: bool
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    compared: dict[str, tuple[str, ...]]
    not_compared: tuple[str, ...]
    applied: tuple[str, ...]
    inferred: bool
    database: str
    schema: str
    server_version: str
    pgvector_version: str | None


def verify(
    connection: Connection, sets: Sets, patches: Mapping[str, Patch], *, assumed: Collection[str] | None = None
) -> Verification:
    """Compares the database with the snapshot `patches` of the migrations that are applied to it, or are `assumed`.

    Reads only, and all of it at one moment. Raises SqlFilesError where the snapshot does not know a migration.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        schema, past = target_schema(connection), history.read(connection, sets)
        live = catalog.read(connection, schema, only=_names(patches))
    ids = _known(assumed, patches) if assumed is not None else _expected_migrations(past, sets, patches, live.objects)
    applied = {id: patches[id] for id in ids}
    expected, found, users_note = _leave_users_to_application(catalog.fold(applied.values()), live.objects)
    differences = compare(expected, found, applied=applied, known={key for patch in patches.values() for key in patch})
    absent = not past.applied and past.readable and not _any_standing(found)
    if absent:
        differences = [replace(difference, mend="memdb migrate") for difference in differences]
    differences += _old_pgvector(live.pgvector_version, expected)
    paths = {migration.id: _shown(migration.path) for migrations in sets.values() for migration in migrations}
    return Verification(
        ok=not differences,
        differences=tuple(replace(item, path=paths.get(item.migration or "")) for item in differences),
        notes=(*_history_notes(past, sets, ids, absent=absent), *users_note, *_pgvector_notes(live.pgvector_version)),
        compared=_by_kind(expected),
        not_compared=NOT_COMPARED,
        applied=tuple(ids) if past.applied or not past.readable else (),
        inferred=not past.readable,
        database=connection.info.dbname,
        schema=schema,
        server_version=live.server_version,
        pgvector_version=live.pgvector_version,
    )


def _names(patches: Mapping[str, Patch]) -> set[str]:
    """The tables, enums and functions that any migration makes."""
    keys = {kind_and_name(key) for patch in patches.values() for key in patch}
    return {name.split("(")[0] for kind, name in keys if kind in ("table", "enum", "function")}


def _expected_migrations(past: history.History, sets: Sets, patches: Mapping[str, Patch], found: Objects) -> list[str]:
    """What is applied; where that cannot be read, or is nothing: core, and each set that has left a trace."""
    ids = [applied.id for applied in past.applied]
    if not ids:
        ids = [migration.id for migration in sets[CORE]]
        core = catalog.fold(patches[id] for id in ids if id in patches)
        for name, migrations in sets.items():
            made = {key for migration in migrations for key in patches.get(migration.id, {})} - core.keys()
            if name != CORE and not past.readable and made & found.keys():
                ids += [migration.id for migration in migrations]
    return _known(ids, patches)


def _known(ids: Collection[str], patches: Mapping[str, Patch]) -> list[str]:
    if unknown := [id for id in ids if id not in patches]:
        raise SqlFilesError(
            f"the snapshot sql/schema.json does not know the migration {unknown[0]}",
            hint="Write it anew with: memdb snapshot (or name the SQL directory of that migration with --sql-dir).",
        )
    return list(ids)


def _history_notes(past: history.History, sets: Sets, ids: list[str], *, absent: bool) -> Iterable[str]:
    if not past.readable:
        names = ", ".join(name for name, migrations in sets.items() if any(m.id in ids for m in migrations))
        yield f"This role may not read the migration history; all of these sets was expected: {names}."
    elif absent:
        yield "The schema is missing: no migration is applied here. memdb migrate makes all of core."
    elif not past.applied:
        yield "The migration history is empty, although parts of the schema are there. All of core was expected."
    else:
        pending = [migration.id for migration in sets.active(past.ids) if migration.id not in past.ids]
        if pending:
            yield f"Pending, so what they make was not expected: {', '.join(pending)}."


def _leave_users_to_application(expected: Objects, found: Objects) -> tuple[Objects, Objects, list[str]]:
    """Where `users` is not memdb's stand-in, only what a foreign key to users(id) needs is compared."""
    users = found.get("table users")
    if users is None or "table users" not in expected or str(users.get("comment")).startswith(STAND_IN):
        return expected, found, []

    def others(objects: Objects) -> Objects:
        return {
            key: attributes
            for key, attributes in objects.items()
            if key != "table users" and table_of(key, attributes) != "users"
        }

    column = found.get("column users.id")
    there = {} if column is None else {"column users.id": {"type": column["type"], "referable": _referable(found)}}
    needed = {"column users.id": {"type": "uuid", "referable": True}}
    note = 'The table "users" is the application\'s: compared was only that memories can refer to users.id.'
    return others(expected) | needed, others(found) | there, [note]


def _referable(found: Objects) -> bool:
    keys = {"PRIMARY KEY (id)", "UNIQUE (id)"}
    constraints = (
        key.startswith("constraint users.") and attributes["definition"] in keys for key, attributes in found.items()
    )
    indexes = (
        key.startswith("index ") and attributes["table"] == "users" and attributes["unique"] and attributes["valid"]
        and attributes["keys"] == ["id uuid_ops"] and "where" not in attributes
        for key, attributes in found.items()
    )  # fmt: skip
    return any(constraints) or any(indexes)


def _any_standing(found: Objects) -> bool:
    """Whether anything is there that only migrations make; the extension and users may be there before them."""
    return any(not key.startswith("extension ") and key != "column users.id" for key in found)


def _old_pgvector(version: str | None, expected: Objects) -> list[Difference]:
    if "extension vector" not in expected or version is None or _number(version) >= _number(MINIMUM_PGVECTOR):
        return []
    return [
        Difference(
            "extension",
            "vector",
            "different",
            {"version": f"{MINIMUM_PGVECTOR} or newer"},
            {"version": version},
            "-- once a newer pgvector is installed on the server\nalter extension vector update;",
        )
    ]


def _pgvector_notes(version: str | None) -> Iterable[str]:
    if version is not None and _number(MINIMUM_PGVECTOR) <= _number(version) < _number(RECOMMENDED_PGVECTOR):
        yield (
            f"pgvector {version} works, but lacks fixes for indexes that become corrupt; "
            f"update it to {RECOMMENDED_PGVECTOR} or newer, then: alter extension vector update"
        )


def _number(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def _by_kind(objects: Objects) -> dict[str, tuple[str, ...]]:
    names: dict[str, list[str]] = {}
    for kind, name in sorted(map(kind_and_name, objects), key=lambda pair: KINDS.index(pair[0])):
        names.setdefault(kind, []).append(name)
    return {kind: tuple(sorted(of_kind)) for kind, of_kind in names.items()}


def _shown(path: Path) -> str:
    """Relative to the current directory where it is inside, as annotations of a checkout need it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
