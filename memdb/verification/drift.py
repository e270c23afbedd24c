"""Have an application's models drifted from the schema? What they declare, compared with snapshot and database.

SQLAlchemy is loaded only when models are read, by memdb.verification.declared.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from memdb import catalog, distribution
from memdb.catalog import Objects, Patch
from memdb.database import Connection, target_schema
from memdb.errors import SetupError
from memdb.ledger.sqlfiles import CORE, OWN, Sets
from memdb.shape import quoted, unquoted
from memdb.successor import TABLES
from memdb.verification import applications_users, snapshot
from memdb.verification.declarations import USERS, Comparison, Declared, Drift, with_users_of_application

SNAPSHOT, DATABASE = "snapshot", "database"

NOT_COMPARED = (
    "indexes, checks and comments, which models need not declare",
    "tables that core does not create",
    "keys of the application's users, except the primary key",
)


@dataclass(frozen=True, slots=True)
class ModelsVerification:
    """`database` is None where the models were compared with the snapshot only."""

    models: str
    differences: tuple[Drift, ...]
    notes: tuple[str, ...]
    compared: tuple[str, ...]
    not_compared: tuple[str, ...]
    database: str | None
    schema: str | None

    @property
    def ok(self) -> bool:
        return not self.differences


def verify_models(
    models: str, sets: Sets, patches: Mapping[str, Patch], connection: Connection | None = None
) -> ModelsVerification:
    """Compares the models of a declarative base, given as `package.module:Base`, with the snapshot of core and of the
    application's own migrations.

    Given a connection, they are compared with its database, too; it is only read. Raises UsageError where there is no
    such base, SetupError where SQLAlchemy is not installed.
    """
    theirs = [migration.id for migration in [*sets[CORE], *sets.get(OWN, ())] if migration.id in patches]
    others = {key for id, patch in patches.items() if id not in theirs for key in patch}
    core = snapshot.folded((patches[id] for id in theirs), of_others=others)
    made = [key for key in core if key.kind in ("table", "enum") and not key.identity.startswith(TABLES)]
    tables = {key.identity for key in made if key.kind == "table"}
    declared = _read(models, tables)
    schema, sides = None, {SNAPSHOT: core if declared.own_users else with_users_of_application(core)}
    if connection is not None:
        schema = declared.schema or target_schema(connection)
        owners = applications_users.expected(patches, schema)
        live = catalog.read(connection, schema, only=made, users=owners.unqualified).objects
        sides[DATABASE] = _with_keys_of_one_server(live, declared, distribution.columns(connection))
    comparisons = {side: Comparison(objects, declared.objects, tables) for side, objects in sides.items()}
    found = {side: list(comparison.differences()) for side, comparison in comparisons.items()}
    foreign = any(comparison.is_of_application(USERS) for comparison in comparisons.values())
    mend_users = _MEND_USERS[declared.own_users] if foreign or not declared.own_users else None
    return ModelsVerification(
        models=models,
        differences=tuple(_merged(found, mend_users, declared)),
        notes=tuple(dict.fromkeys(note for comparison in comparisons.values() for note in comparison.left_out())),
        compared=tuple(sorted(map(str, declared.objects))),
        not_compared=NOT_COMPARED,
        database=connection.info.dbname if connection is not None else None,
        schema=schema,
    )


def _with_keys_of_one_server(found: Objects, declared: Declared, spread: Mapping[str, str]) -> Objects:
    """The database's objects, with the primary keys that models declare where those of tables that are spread over a
    cluster only have the column by which they are before them: an id is no less one."""
    keys = {
        key: attributes | {"definition": ours["definition"]}
        for key, attributes in found.items()
        if (column := spread.get(unquoted(key.within))) is not None
        and (ours := declared.objects.get(key)) is not None
        and attributes.get("definition") == _spread_key(str(ours.get("definition")), column)
    }
    return found | keys


def _spread_key(definition: str, column: str) -> str:
    return definition.replace("PRIMARY KEY (", f"PRIMARY KEY ({quoted(column)}, ", 1)


def _read(models: str, tables: Collection[str]) -> Declared:
    try:
        from memdb.verification import declared
    except ModuleNotFoundError as error:
        raise SetupError(
            f"reading models needs {error.name}, which is not installed", hint="Run: pip install 'memdb-pg[orm]'"
        ) from None
    return declared.read(models, tables)


def _merged(found: Mapping[str, list[Drift]], mend_users: str | None, declared: Declared) -> Iterator[Drift]:
    """Each difference once, with all sides that it is one from, and what to do about it."""
    seen: list[Drift] = []
    for difference in (difference for differences in found.values() for difference in differences):
        if difference not in seen:
            seen.append(difference)
            sides = tuple(side for side, differences in found.items() if difference in differences)
            yield replace(difference, differs_from=sides, mend=_mend(difference, found, mend_users, declared))


def _mend(difference: Drift, found: Mapping[str, list[Drift]], mend_users: str | None, declared: Declared) -> str:
    """The model, unless a side agrees with it; memdb's own is nobody's to change."""
    departing = [side for side, differences in found.items() if difference.key in {other.key for other in differences}]
    if len(departing) == len(found):
        return _MEND_OWN if declared.own_users else _mend_model(difference)
    is_of_users = USERS in (difference.key.within, difference.object)
    return mend_users if mend_users and is_of_users else _MEND_SIDE[departing[0]]


_MEND_USERS = {
    True: "these users are the application's: verify a base with a model of them (Your own users, in docs/models.md)",
    False: "change either the model or the application's table; of users, memdb itself creates only the id",
}
"""Whether the models of users are memdb's own."""

_MEND_OWN = (
    "memdb's own models are of the schema that memdb ships: verify a base with models of yours "
    "(Your own users; Other users, other embeddings, in docs/models.md)"
)

_MEND_SIDE = {
    SNAPSHOT: "the database agrees with the models, but not with the snapshot; see: memdb verify-schema",
    DATABASE: "the snapshot agrees with the models, but not with the database; see: memdb verify-schema",
}


def _mend_model(difference: Drift) -> str:
    kind, name, wanted = difference.kind, difference.object, difference.expected or {}
    if difference.problem == "missing":
        return f"map the {kind} {name}" + (", as the mixins of memdb.models do" if kind == "table" else "")
    if difference.problem == "unexpected":
        return f"take the {kind} out of the model, or put it into a migration: memdb new NAME"
    if kind == "relationship":
        return _MEND_RELATIONSHIP[bool(wanted["passive_deletes"])]
    if kind == "enum":
        return "use ENUM(…, create_type=False, values_callable=…) of sqlalchemy.dialects.postgresql"
    described = ", ".join(f"{attribute} {value}" for attribute, value in wanted.items())
    return f"declare in the model of {difference.key.within}: {described}"


_MEND_RELATIONSHIP = {
    True: 'use relationship(…, cascade="all, delete-orphan", passive_deletes=True)',
    False: "do not set passive_deletes: the database would not delete the rows",
}
