"""What SQLAlchemy models declare, in the form in which the catalog describes a database. Needs the extra `orm`."""

import importlib
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Enum, ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError, SQLAlchemyError
from sqlalchemy.orm import Mapper, RelationshipDirection, RelationshipProperty

from memdb import models
from memdb.catalog import Attributes, Key
from memdb.errors import UsageError
from memdb.verification.declarations import Declared, plain_default
from memdb.verification.typenames import type_name

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_quote = _DIALECT.identifier_preparer.quote


def read(path: str, names: Collection[str]) -> Declared:
    """What the models of a declarative base, given as `package.module:Base`, declare of the tables `names`.

    Raises UsageError where there is none, or where SQLAlchemy cannot use it.
    """
    base = _find(path)
    try:
        base.registry.configure(cascade=True)  # others in the process need not be whole
    except SQLAlchemyError as error:
        raise UsageError(f"SQLAlchemy cannot use the models {path}: {error}") from None
    tables = {_quote(table.name): table for table in base.metadata.tables.values() if _quote(table.name) in names}
    objects = {key: attributes for name, table in tables.items() for key, attributes in _objects(name, table)}
    for mapper in base.registry.mappers:
        objects |= dict(_relationships(mapper, names))
    memories = tables.get("memories")
    return Declared(objects, None if memories is None else memories.schema, own_users=base is models.Base)


def _find(path: str) -> Any:
    module, _, name = path.partition(":")
    hint = "Name a declarative base as package.module:Base; it must be importable from the current directory."
    if not module or not name:
        raise UsageError(f"{path!r} is not an import path of models", hint=hint)
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        is_base = hasattr(found, "metadata") and hasattr(found, "registry")
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the models {path} cannot be imported: {error}", hint=hint) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the application's code that runs here
        raise UsageError(
            f"the models {path} cannot be imported: {module} raises {type(error).__name__} "
            "(its text is not shown, as it may hold a password)",
            hint=f"Fix that first; see: python -c 'import {module}'",
        ) from None
    finally:
        sys.path.pop(0)
    if not is_base:
        raise UsageError(f"{path} is not a declarative base", hint=hint)
    return found


def _objects(name: str, table: Table) -> Iterator[tuple[Key, Attributes]]:
    yield Key("table", name), {}
    for column in table.columns:
        yield Key("column", _quote(column.name), name), _column(column)
        if isinstance(column.type, Enum) and column.type.native_enum and column.type.name:
            creates = getattr(column.type, "create_type", True)
            attributes = {"labels": sorted(column.type.enums), "created_by_models": creates}
            yield Key("enum", _quote(column.type.name)), attributes
    for constraint in table.constraints:
        definition = _definition(constraint)
        if definition:
            named = isinstance(constraint.name, str)
            called = _quote(str(constraint.name)) if named else definition
            yield Key("constraint", called, name), {"definition": definition, "named": named}


def _column(column: Column[Any]) -> Attributes:
    attributes: Attributes = {"type": _type(column), "nullable": bool(column.nullable), "generated": False}
    default = column.server_default
    if column.computed is not None:
        return attributes | {"generated": True, "default": None}
    if default is None and column.default is None:
        attributes["default"] = None
    elif default is not None and hasattr(default, "arg"):
        compiler = _DIALECT.ddl_compiler(_DIALECT, None)  # type: ignore[arg-type]
        attributes["default"] = plain_default(str(compiler.get_column_default_string(column)))
    return attributes


def _type(column: Column[Any]) -> str:
    try:
        return type_name(column.type, column.table.schema)
    except CompileError:
        raise UsageError(
            f"the models give the column {column} no type", hint="Name it, as in mapped_column(Uuid, ForeignKey(…))."
        ) from None


def _definition(constraint: Any) -> str:
    """As pg_get_constraintdef() writes it; nothing for what is no key."""
    columns = ", ".join(_quote(column.name) for column in constraint.columns)
    if isinstance(constraint, PrimaryKeyConstraint):
        return f"PRIMARY KEY ({columns})" if columns else ""
    if isinstance(constraint, UniqueConstraint):
        return f"UNIQUE ({columns})"
    return _foreign_key(constraint, columns) if isinstance(constraint, ForeignKeyConstraint) else ""


def _foreign_key(constraint: ForeignKeyConstraint, columns: str) -> str:
    targets = [element.target_fullname.split(".") for element in constraint.elements]
    *schema, table, _ = targets[0]
    home = constraint.table.schema or "public"
    referred = ".".join(_quote(name) for name in (*(name for name in schema if name != home), table))
    clauses = [
        f"FOREIGN KEY ({columns}) REFERENCES {referred}({', '.join(_quote(target[-1]) for target in targets)})",
        f"MATCH {constraint.match}" if constraint.match else "",
        *(
            f"{clause} {action}"
            for clause, action in (("ON UPDATE", constraint.onupdate), ("ON DELETE", constraint.ondelete))
            if action and action.upper() != "NO ACTION"
        ),
        "DEFERRABLE" if constraint.deferrable else "",
        "INITIALLY DEFERRED" if str(constraint.initially).upper() == "DEFERRED" else "",
    ]
    head, *others = filter(None, clauses)
    return " ".join([head, *(clause.upper() for clause in others)])


def _relationships(mapper: Mapper[Any], names: Collection[str]) -> Iterator[tuple[Key, Attributes]]:
    for relationship in mapper.relationships:
        table = _quote(getattr(relationship.target, "name", ""))
        deletes = relationship.direction is RelationshipDirection.ONETOMANY and not relationship.viewonly
        if deletes and table in names:
            yield Key("relationship", relationship.key, mapper.class_.__name__), _cascade(table, relationship)


def _cascade(table: str, relationship: RelationshipProperty[Any]) -> Attributes:
    remote = [column for _, column in relationship.local_remote_pairs or []]
    return {
        "table": table,
        "columns": ", ".join(_quote(column.name) for column in remote),
        "deletes": relationship.cascade.delete,
        "deletes_orphans": relationship.cascade.delete_orphan,
        "passive_deletes": bool(relationship.passive_deletes),
    }
