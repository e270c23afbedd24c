"""Is the schema really there? What the applied migrations make, compared with the live catalog."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from memdb import catalog, files
from memdb.catalog import KINDS, Key, LookAlike, Objects, Patch, table_of
from memdb.database import MINIMUM_PGVECTOR, Connection, target_schema, version_number
from memdb.errors import SqlFilesError
from memdb.ledger import changes, history
from memdb.ledger.changes import Changes
from memdb.ledger.sqlfiles import CORE, Sets
from memdb.verification import applications_users, snapshot, spreading
from memdb.verification.applications_users import Owners
from memdb.verification.comparison import Difference, compare, departs
from memdb.verification.mending import surroundings
from memdb.verification.mending.surroundings import UNKNOWN, Surroundings

RECOMMENDED_PGVECTOR = "0.8.4"

NOT_COMPARED = (
    "privileges, owners and roles",
    "tablespaces and access methods of tables",
    "order of columns",
    "compression, statistics targets and options of columns, and options of their identity",
    "defaults of columns of views",
    "comments on columns of views and of types, and on constraints of domains",
    "which index a table was clustered by, whether NOT NULL is inherited, and security labels",
    "cost and row estimates of functions",
    "rows, including those that migrations insert and those of materialized views",
    "objects that no migration creates, except those that belong to expected tables",
)


@dataclass(frozen=True, slots=True)
class Verification:
    """`compared` are the names of what was expected, by kind; `inferred` where the history cannot be read."""

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

    @property
    def ok(self) -> bool:
        return not self.differences


def verify(
    connection: Connection, sets: Sets, patches: Mapping[str, Patch], *, assumed: Collection[str] | None = None
) -> Verification:
    """Compares the database with the snapshot `patches` of the migrations that are applied to it, or are `assumed`.

    Reads only, and all of it at one moment. Raises SqlFilesError where the snapshot does not know a migration, and,
    unless it is said what is assumed, HistoryError for what memdb applied and neither the files nor the snapshot know.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        schema, past = target_schema(connection), history.find(connection, sets)
        known = {key for patch in patches.values() for key in patch}
        owners = applications_users.expected(patches, schema)
        live = catalog.read(connection, schema, only={*known, owners.table}, users=owners.unqualified)
        changed = changes.find(sets, past)
        if assumed is None:
            changed.require_none_of(id for id in changed.missing if id not in patches)
        own, foreign = _own_and_foreign(past, changed, patches)
        ids = list(assumed) if assumed is not None else _expected_migrations(own, sets, patches, live.objects)
        applied = {id: patches[id] for id in _known(ids, patches)}
        expected, found = snapshot.folded(applied.values()), live.objects
        users_note: list[str] = []
        if owners.are_the_applications(expected, found):
            expected, found, users_note = owners.left_alone(connection, expected, found)
        place = _surroundings(connection, schema, past.home.schema, expected, found)
    differences = compare(expected, found, applied=applied, known=known, place=place)
    unspread, spread_notes = (
        spreading.check(connection, schema, expected, found, ids) if connection.has_citus else ([], [])
    )
    differences += unspread
    absent = not own.applied and past.readable and not _any_standing(found, owners)
    if absent:
        differences = [replace(difference, mend="memdb migrate") for difference in differences]
    differences += [*_lookalikes(live.lookalikes, expected), *_old_pgvector(live.pgvector_version, expected)]
    paths = {migration.id: files.shown(migration.path) for migration in sets.migrations}
    return Verification(
        differences=tuple(replace(item, path=paths.get(item.migration or "")) for item in differences),
        notes=(
            *_history_notes(own, sets, ids, absent=absent),
            *_foreign_notes(foreign),
            *users_note,
            *_pgvector_notes(live.pgvector_version),
            *spread_notes,
        ),
        compared=_by_kind(expected),
        not_compared=(*_not_compared_here(expected), *NOT_COMPARED),
        applied=tuple(ids) if own.applied or not past.readable else (),
        inferred=not past.readable,
        database=connection.info.dbname,
        schema=schema,
        server_version=live.server_version,
        pgvector_version=live.pgvector_version,
    )


def _own_and_foreign(
    past: history.History, found: Changes, patches: Mapping[str, Patch]
) -> tuple[history.History, list[str]]:
    """What memdb applied, by the names of its files, and what another yoyo project did that has the same history."""
    foreign = [id for id in found.unknown if id not in patches]
    names = {change.id: change.file.id for change in found.renamed}
    own = (replace(item, id=names.get(item.id, item.id)) for item in past.applied if item.id not in foreign)
    return replace(past, applied=tuple(own)), foreign


def _foreign_notes(ids: list[str]) -> Iterable[str]:
    if ids:
        shown = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        yield f"The history also has migrations of another project, which were left alone: {shown}."


def _surroundings(connection: Connection, schema: str, home: str, expected: Objects, found: Objects) -> Surroundings:
    """What mends have to know, which is asked only where there is something to mend."""
    departing = departs(expected, found)
    if not departing:
        return UNKNOWN
    tables = {table_of(key, expected[key]) or key.identity for key in departing}
    columns = {key for key in departing if key.kind == "column" and key in found}
    missing = {key: expected[key] for key in departing if key not in found}
    return surroundings.read(connection, schema, home, tables=tables, columns=columns, missing=missing)


def _not_compared_here(expected: Objects) -> Iterable[str]:
    """What migrations make of which less is compared than that it is as they make it."""
    partitioned = [key.identity for key, attributes in expected.items() if "partitioned" in attributes]
    if partitioned:
        yield f"partitions of {', '.join(partitioned)}"
    objects = [key.identity for key in expected if key.kind == "object"]
    if objects:
        yield f"the definitions of these, which are only known to exist: {', '.join(objects)}"


def _expected_migrations(past: history.History, sets: Sets, patches: Mapping[str, Patch], found: Objects) -> list[str]:
    """What is applied; where that cannot be read, or is nothing: core, and each set that has left a trace."""
    ids = [applied.id for applied in past.applied]
    if not ids:
        names = {CORE} if past.readable else {CORE, *_standing(sets, patches, found)}
        ids = [migration.id for migration in sets.of(names)]
    return ids


def _standing(sets: Sets, patches: Mapping[str, Patch], found: Objects) -> Iterable[str]:
    """Sets of which something is there that no other makes or changes: a set may fill in a function of another."""
    made = {name: {key for one in migrations for key in patches.get(one.id, {})} for name, migrations in sets.items()}
    times = Counter(key for keys in made.values() for key in keys)
    return [name for name, keys in made.items() if any(times[key] == 1 and key in found for key in keys)]


def _known(ids: Collection[str], patches: Mapping[str, Patch]) -> list[str]:
    if unknown := [id for id in ids if id not in patches]:
        raise SqlFilesError(
            f"the snapshot sql/schema.json does not know the migration {unknown[0]}",
            hint="Write it again with: memdb snapshot (or name the SQL directory of that migration with --sql-dir).",
        )
    return list(ids)


def _history_notes(past: history.History, sets: Sets, ids: list[str], *, absent: bool) -> Iterable[str]:
    if not past.readable:
        names = ", ".join(name for name, migrations in sets.items() if any(m.id in ids for m in migrations))
        yield f"This role is not allowed to read the migration history, so all of these sets was expected: {names}."
    elif absent:
        yield "The schema is missing: no migration is applied here. memdb migrate creates all of core."
    else:
        pending = [migration.id for migration in sets.active(ids) if migration.id not in ids]
        if not past.applied:
            expected = "" if pending else " All of core was expected."
            yield f"The migration history is empty, although parts of the schema are there.{expected}"
        if pending:
            yield f"Pending, so what they create was not expected: {', '.join(pending)}."


def _any_standing(found: Objects, owners: Owners) -> bool:
    """Whether anything is there that only migrations make; the extension and users may be there before them."""
    return any(key.kind not in ("extension", "schema", "object") and key != owners.key for key in found)


def _lookalikes(found: Iterable[LookAlike], expected: Objects) -> Iterable[Difference]:
    """What an expected object uses under a name that migrations mean something else by."""
    for alike in found:
        if alike.key in expected and not alike.is_among(expected):
            yield Difference(
                alike.key.kind,
                alike.key.identity,
                "different",
                {"uses": "what PostgreSQL, the extension or a migration calls so"},
                {"uses": alike.used},
                f"-- {alike.used} only has the name of what is meant: find out who has made it and what it does",
            )


def _old_pgvector(version: str | None, expected: Objects) -> list[Difference]:
    if (
        Key("extension", "vector") not in expected
        or version is None
        or version_number(version) >= version_number(MINIMUM_PGVECTOR)
    ):
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
    if version is not None and version_number(MINIMUM_PGVECTOR) <= version_number(version) < version_number(
        RECOMMENDED_PGVECTOR
    ):
        yield (
            f"pgvector {version} works, but lacks fixes for indexes that become corrupt; "
            f"update it to {RECOMMENDED_PGVECTOR} or newer, then: alter extension vector update"
        )


def _by_kind(objects: Objects) -> dict[str, tuple[str, ...]]:
    names: dict[str, list[str]] = {}
    for key in sorted(objects, key=lambda key: KINDS.index(key.kind)):
        names.setdefault(key.kind, []).append(key.identity)
    return {kind: tuple(sorted(of_kind)) for kind, of_kind in names.items()}
