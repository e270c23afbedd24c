"""What mends have to know of a database beyond the objects that are compared: what else uses them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from memdb.catalog import Attributes, Objects, identifiers, kind_and_name, member
from memdb.database import Connection, own_names, query


@dataclass(frozen=True, slots=True)
class Use:
    """Something that keeps a column from changing its type.

    `view` is its name where it is a view; `simple` says that this has no privileges, triggers or rules to be lost.
    """

    description: str
    view: str | None = None
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
    uses: Mapping[str, tuple[Use, ...]] = field(default_factory=dict)
    disabled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    in_place_of: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
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
    columns: Collection[str],
    missing: Objects,
) -> Surroundings:
    """What stands around these tables, uses these columns, given as `memories.content`, or is where objects are not."""
    home = {"home": schema}
    uses: dict[str, tuple[Use, ...]] = {}
    disabled: dict[str, tuple[str, ...]] = {}
    with own_names(connection):
        found = connection.execute(query("mending", "tables"), home | {"tables": list(tables)}).fetchall()
        for column, *use in connection.execute(query("mending", "uses_of_columns"), home | {"columns": list(columns)}):
            uses[f"column {column}"] = (*uses.get(f"column {column}", ()), Use(*use))
        for constraint, statement in connection.execute(query("mending", "disabled_constraints"), home):
            disabled[f"constraint {constraint}"] = (*disabled.get(f"constraint {constraint}", ()), statement)
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


def _in_place_of(connection: Connection, schema: str, missing: Objects) -> dict[str, str]:
    names = {key: _names(key, attributes) for key, attributes in missing.items()}
    wanted = {"home": schema, "names": [name for found in names.values() for name in found]}
    taken = dict(connection.execute(query("mending", "taken_names"), wanted).fetchall())
    return {key: taken[name] for key, found in names.items() for name in found if name in taken}


def _elsewhere(connection: Connection, schema: str, history: str, missing: Objects) -> dict[str, str]:
    """Of what stands by itself in the target schema, which alone is named without one."""
    parts = {key: (_SPACES.get(kind_and_name(key)[0]), identifiers(kind_and_name(key)[1])) for key in missing}
    names = {key: f"{space} {name[0]}" for key, (space, name) in parts.items() if space and len(name) == 1}
    wanted = {"home": schema, "history": history, "names": list(names.values())}
    schemas = dict(connection.execute(query("mending", "elsewhere"), wanted).fetchall())
    return {key: schemas[name] for key, name in names.items() if name in schemas}


def _names(key: str, attributes: Attributes) -> list[str]:
    """The names that an object needs for itself, as relation or as type; a table and a view are both."""
    kind, name = kind_and_name(key)
    if kind == "constraint" and attributes["definition"].startswith(("PRIMARY KEY", "UNIQUE", "EXCLUDE")):
        table, constraint = member(name)  # an index with its name is made in the schema of the table
        kind, name = "index", ".".join((*identifiers(table)[:-1], constraint))
    spaces = {"index": ["relation"], "sequence": ["relation"], "enum": ["type"], "domain": ["type"]}
    both = ["relation", "type"] if kind in ("view", "type") else []
    return [f"{space} {name}" for space in spaces.get(kind, both)]
