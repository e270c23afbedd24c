"""What mends have to know of a database beyond the objects that are compared: what else uses them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from memdb.catalog import Attributes, Key, Objects
from memdb.database import Connection, own_names, query


@dataclass(frozen=True, slots=True)
class Use:
    """Something that keeps a column from changing its type.

    `view` is its key where it is a view; `simple` says that this has no privileges, triggers or rules to be lost.
    """

    description: str
    view: Key | None = None
    simple: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`empty` are the tables without any row, `partitioned` those that are partitioned.

    `uses` are by the key of a column, so that each comes after those that it reads; `disabled`, by the key of a
    constraint, the statements that enable its triggers; `in_place_of`, by the key of an object that is missing, what
    has its name: something of another kind, or of another table; `elsewhere`, the other schema that has one of its
    name. `history` is the schema of the history. `server_version` is as libpq has it, 160004.
    """

    empty: Collection[str] = ()
    partitioned: Collection[str] = ()
    uses: Mapping[Key, Sequence[Use]] = field(default_factory=dict)
    disabled: Mapping[Key, Sequence[str]] = field(default_factory=dict)
    in_place_of: Mapping[Key, str] = field(default_factory=dict)
    elsewhere: Mapping[Key, str] = field(default_factory=dict)
    history: str = ""
    server_version: int = 0


_SPACES = {
    **dict.fromkeys(("table", "view", "sequence"), "relation"),
    **dict.fromkeys(("enum", "domain", "type"), "type"),
    **dict.fromkeys(("function", "aggregate"), "routine"),
}

UNKNOWN = Surroundings()
"""Every table may have rows, and nothing is known of who uses them."""


def read(
    connection: Connection,
    schema: str,
    history: str,
    *,
    tables: Collection[str],
    columns: Collection[Key],
    missing: Objects,
) -> Surroundings:
    """What stands around these tables, uses these columns, or is where objects are not."""
    home = {"home": schema}
    uses: dict[Key, list[Use]] = defaultdict(list)
    disabled: dict[Key, list[str]] = defaultdict(list)
    with own_names(connection):
        found = connection.execute(query("mending", "tables"), home | {"tables": list(tables)}).fetchall()
        asked = home | {"columns": [column.identity for column in columns]}
        for column, use, view, simple in connection.execute(query("mending", "uses_of_columns"), asked):
            uses[Key.of("column", column)].append(Use(use, view and Key.of("view", view), simple))
        for constraint, statement in connection.execute(query("mending", "disabled_constraints"), home):
            disabled[Key.of("constraint", constraint)].append(statement)
        in_place_of = _in_place_of(connection, schema, missing)
        elsewhere = _elsewhere(connection, schema, history, missing)
    return Surroundings(
        empty={name for name, is_empty, _ in found if is_empty},
        partitioned={name for name, _, is_partitioned in found if is_partitioned},
        uses=uses,
        disabled=disabled,
        in_place_of=in_place_of,
        elsewhere=elsewhere,
        history=history,
        server_version=connection.info.server_version,
    )


def _in_place_of(connection: Connection, schema: str, missing: Objects) -> dict[Key, str]:
    names = {key: _names(key, attributes) for key, attributes in missing.items()}
    wanted = {"home": schema, "names": [name for found in names.values() for name in found]}
    taken = dict(connection.execute(query("mending", "taken_names"), wanted).fetchall())
    return {key: taken[name] for key, found in names.items() for name in found if name in taken}


def _elsewhere(connection: Connection, schema: str, history: str, missing: Objects) -> dict[Key, str]:
    """Of what stands by itself in the target schema, which alone is named without one."""
    names = {key: f"{_SPACES[key.kind]} {key.name}" for key in missing if key.kind in _SPACES and not key.within}
    wanted = {"home": schema, "history": history, "names": list(names.values())}
    schemas = dict(connection.execute(query("mending", "elsewhere"), wanted).fetchall())
    return {key: schemas[name] for key, name in names.items() if name in schemas}


def _names(key: Key, attributes: Attributes) -> list[str]:
    """The names that an object needs for itself, as relation or as type; a table and a view are both."""
    if key.kind == "constraint" and attributes["definition"].startswith(("PRIMARY KEY", "UNIQUE", "EXCLUDE")):
        key = Key("index", key.name, Key.of("table", key.within).within)  # it is made in the schema of the table
    spaces = {"index": ["relation"], "sequence": ["relation"], "enum": ["type"], "domain": ["type"]}
    both = ["relation", "type"] if key.kind in ("view", "type") else []
    return [f"{space} {key.identity}" for space in spaces.get(key.kind, both)]
