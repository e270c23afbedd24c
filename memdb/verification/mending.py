"""The SQL that makes an object of a database what the snapshot says it is. Pure: attributes in, SQL out.

What could lose data, or cannot be done by one statement, is said in an SQL comment beside it.
"""

from collections.abc import Collection

from memdb.catalog import Attributes, Objects, kind_and_name, member


def create(key: str, attributes: Attributes) -> list[str]:
    """The statements that create an object; none where only the migration's own file will do."""
    kind, name = kind_and_name(key)
    statements = {
        "enum": _create_enum,
        "column": _add_column,
        "constraint": _add_constraint,
        "index": _create_index,
        "trigger": _create_trigger,
        "policy": _create_policy,
    }
    if kind == "extension":
        return [f"create extension {name};"]
    if kind not in statements:
        return []
    comment = [_comment(key, attributes["comment"])] if "comment" in attributes else []
    return statements[kind](name, attributes) + comment


def remove(key: str) -> list[str]:
    """The statements that drop a function or an object of a table."""
    kind, name = kind_and_name(key)
    if kind == "index":
        return [f"drop index concurrently if exists {name};"]
    if kind == "function":
        return [f"drop function {name};"]
    table, part = member(name)
    if kind in ("column", "constraint"):
        return [f"alter table {table} drop {kind} if exists {part};"]
    return [f"drop {kind} {part} on {table};"]


def rename(key: str, to: str) -> list[str]:
    """The statement that gives an object the name of another of its kind on the same table."""
    kind, name = kind_and_name(key)
    new = kind_and_name(to)[1]
    if kind == "index":
        return [f"alter index {name} rename to {new};"]
    table, part = member(name)
    new = member(new)[1]
    if kind in ("column", "constraint"):
        return [f"alter table {table} rename {kind} {part} to {new};"]
    return [f"alter {kind} {part} on {table} rename to {new};"]


def change(key: str, expected: Attributes, found: Attributes, names: Collection[str], objects: Objects) -> list[str]:
    """The statements that give an object the expected value of each attribute in `names`.

    `objects` are all that are expected. None where only the migration's own file will do.
    """
    kind, name = kind_and_name(key)
    statements: list[str] = []
    if others := [attribute for attribute in sorted(names) if attribute != "comment"]:
        if kind == "enum":
            statements = _change_enum(name, expected, found["labels"], objects)
        elif kind == "table":
            statements = [_change_table(name, attribute, expected) for attribute in others]
        elif kind == "column":
            statements = _change_column(name, others, expected)
        elif kind == "trigger" and others == ["enabled"]:
            statements = [_enable_trigger(name, expected)]
        elif kind == "constraint" and "definition" not in others:
            statements = [_change_constraint(name, attribute) for attribute in others]
        else:
            created = create(key, expected)
            return remove(key) + created if created else []
    if "comment" in names:
        statements.append(_comment(key, expected.get("comment")))
    return list(dict.fromkeys(statement for statement in statements if statement))


def literal(text: str) -> str:
    """A string literal, for a server with standard_conforming_strings."""
    return "'" + text.replace("'", "''") + "'"


def _comment(key: str, text: str | None) -> str:
    kind, name = kind_and_name(key)
    if kind in ("constraint", "trigger", "policy"):
        table, part = member(name)
        name = f"{part} on {table}"
    target = "type" if kind == "enum" else kind
    return f"comment on {target} {name} is {literal(text) if text is not None else 'null'};"


def _create_enum(name: str, attributes: Attributes) -> list[str]:
    return [f"create type {name} as enum ({', '.join(map(literal, attributes['labels']))});"]


def _change_enum(name: str, expected: Attributes, found: list[str], objects: Objects) -> list[str]:
    labels = expected["labels"]
    if len(labels) == len(found) and set(labels) != set(found):
        renamed = [(old, new) for old, new in zip(found, labels, strict=True) if old != new]
        return [f"alter type {name} rename value {literal(old)} to {literal(new)};" for old, new in renamed]
    if found == [label for label in labels if label in found]:
        return [
            f"alter type {name} add value {literal(label)} {_neighbour(labels, position, found)};"
            for position, label in enumerate(labels)
            if label not in found
        ]
    # The server can neither drop labels nor put them into another order.
    columns = [
        member(kind_and_name(key)[1])
        for key, attributes in objects.items()
        if key.startswith("column ") and attributes["type"] == name
    ]
    return [
        "-- rewrites the tables that have such a column; fails while a row has a label that is not expected",
        f"alter type {name} rename to {name}_old;",
        *_create_enum(name, expected),
        *(f"alter table {table} alter column {c} type {name} using {c}::text::{name};" for table, c in columns),
        f"drop type {name}_old;",
        _comment(f"enum {name}", expected.get("comment")),
    ]


def _neighbour(labels: list[str], position: int, found: list[str]) -> str:
    """Where a label belongs: after the one before it, which is there or has just been added."""
    return f"after {literal(labels[position - 1])}" if position else f"before {literal(found[0])}"


def _change_table(name: str, attribute: str, expected: Attributes) -> str:
    wanted = expected.get(attribute, False)
    return {
        "row_security": f"alter table {name} {'enable' if wanted else 'disable'} row level security;",
        "force_row_security": f"alter table {name} {'' if wanted else 'no '}force row level security;",
        "unlogged": f"alter table {name} set {'unlogged' if wanted else 'logged'};",
    }.get(attribute, "")


def _column_type(attributes: Attributes) -> str:
    collate = f" collate {attributes['collation']}" if "collation" in attributes else ""
    return f"{attributes['type']}{collate}"


def _add_column(name: str, attributes: Attributes) -> list[str]:
    table, column = member(name)
    clauses = [f"alter table {table} add column {column} {_column_type(attributes)}"]
    if "generated" in attributes:
        clauses.append(f"generated always as {attributes['generated']}")
    if "identity" in attributes:
        clauses.append(f"generated {attributes['identity']} as identity")
    if "default" in attributes:
        clauses.append(f"default {attributes['default']}")
    warning = []
    if not attributes["nullable"]:
        clauses.append("not null")
        if not attributes.keys() & {"default", "generated", "identity"}:
            warning = ['-- in a table with rows: add it without "not null", fill it, then set it not null']
    storage = [_set_storage(name, attributes)] if "storage" in attributes else []
    return [*warning, " ".join(clauses) + ";", *storage]


def _set_storage(name: str, attributes: Attributes) -> str:
    table, column = member(name)
    return f"alter table {table} alter column {column} set storage {attributes.get('storage', 'default')};"


def _change_column(name: str, names: list[str], expected: Attributes) -> list[str]:
    table, column = member(name)
    alter = f"alter table {table} alter column {column}"
    if "generated" in names and "generated" in expected:
        return [f"alter table {table} drop column {column}; -- its values are computed", *_add_column(name, expected)]
    statements = {
        "type": [
            f"-- rewrites the table; fails where a value of {column} cannot be converted",
            f"{alter} type {_column_type(expected)} using {column}::{expected['type']};",
        ],
        "collation": [f"{alter} type {_column_type(expected)};"],
        "nullable": [f"{alter} {'drop' if expected['nullable'] else 'set'} not null;"],
        "default": [
            f"{alter} set default {expected['default']};" if "default" in expected else f"{alter} drop default;"
        ],
        "generated": [f"{alter} drop expression;"],
        "identity": [f"{alter} drop identity if exists;"]
        + ([f"{alter} add generated {expected['identity']} as identity;"] if "identity" in expected else []),
        "storage": [_set_storage(name, expected)],
    }
    # A default may be of the old type: it goes away before the type changes and comes back after.
    order = sorted(names, key=lambda attribute: (attribute == "default" and "default" in expected, attribute))
    return [statement for attribute in order for statement in statements[attribute]]


def _add_constraint(name: str, attributes: Attributes) -> list[str]:
    table, constraint = member(name)
    add = f"alter table {table} add constraint {constraint} {attributes['definition']}"
    if attributes["definition"].startswith(("FOREIGN KEY", "CHECK")):
        # In two steps, because the check of the rows that are there then blocks nobody who writes.
        return [f"{add} not valid;", f"alter table {table} validate constraint {constraint};"]
    return [f"{add};"]


def _change_constraint(name: str, attribute: str) -> str:
    table, constraint = member(name)
    return {
        "validated": f"alter table {table} validate constraint {constraint};",
        "disabled": f"alter table {table} enable trigger all; -- then look for rows that refer to nothing",
    }.get(attribute, "")


def _create_index(name: str, attributes: Attributes) -> list[str]:
    clauses = [
        f"create {'unique ' if attributes['unique'] else ''}index concurrently {name} on {attributes['table']}",
        f"using {attributes['method']} ({', '.join(attributes['keys'])})",
    ]
    if "include" in attributes:
        clauses.append(f"include ({', '.join(attributes['include'])})")
    if "nulls_not_distinct" in attributes:
        clauses.append("nulls not distinct")
    if "options" in attributes:
        clauses.append(f"with ({', '.join(f'{name} = {value}' for name, value in attributes['options'].items())})")
    if "where" in attributes:
        clauses.append(f"where {attributes['where']}")
    return [" ".join(clauses) + ";"]


def _create_trigger(name: str, attributes: Attributes) -> list[str]:
    enable = [] if attributes["enabled"] == "origin" else [_enable_trigger(name, attributes)]
    return [f"{attributes['definition']};", *enable]


def _enable_trigger(name: str, attributes: Attributes) -> str:
    table, trigger = member(name)
    how = {"origin": "enable", "disabled": "disable", "replica": "enable replica", "always": "enable always"}
    return f"alter table {table} {how[attributes['enabled']]} trigger {trigger};"


def _create_policy(name: str, attributes: Attributes) -> list[str]:
    table, policy = member(name)
    using = f" using ({attributes['using']})" if "using" in attributes else ""
    check = f" with check ({attributes['check']})" if "check" in attributes else ""
    head = f"create policy {policy} on {table} as {attributes['as']} for {attributes['for']}"
    return [f"{head} to {', '.join(attributes['to'])}{using}{check};"]
