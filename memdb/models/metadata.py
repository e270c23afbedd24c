"""Metadata as an object of a session has them: keys that it changes are written one by one.

What somebody else has set meanwhile under other keys stays. To write the whole would bring back what was read.
"""

from copy import deepcopy
from typing import Any, cast

from sqlalchemy import ARRAY, Connection, Table, Text, case, event, func, inspect, literal, literal_column, update
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.elements import ColumnElement

from memdb.errors import InvalidMemory
from memdb.models.binding import Object

_UNKNOWN = ...
"""What the database has under a key, where that may have changed: no value of JSON is equal to it."""


class Metadata(MutableDict[str, Any]):
    """A JSON object in which a change of a top-level key is noticed and written."""

    _stored: dict[str, Any] | None = None
    """What the database had when it was last asked; None if it was not, and all is to be written."""

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Raises InvalidMemory for what is no object, which is read, since what is assigned was looked at before."""
        if value is None or isinstance(value, dict):
            return super().coerce(key, value)
        raise InvalidMemory(
            f"the metadata of a memory is not an object but {type(value).__name__}: another program has written it",
            hint="Find such rows: select id from memories where jsonb_typeof(metadata) <> 'object'",
        )

    def __setitem__(self, key: str, value: Any) -> None:
        """It is written also where it is what the object remembers: the database may have another one by now."""
        if self._stored is not None:
            self._stored[key] = _UNKNOWN
        super().__setitem__(key, value)

    def update(self, *given: Any, **named: Any) -> None:
        for key, value in dict(*given, **named).items():
            self[key] = value

    def remember(self) -> None:
        self._stored = {key: deepcopy(value) for key, value in self.items()}

    def changed_keys(self) -> tuple[dict[str, Any], list[str]]:
        """What has been set since, also within a value, and what has been removed."""
        stored = self._stored or {}
        kept = {key: value for key, value in self.items() if key not in stored or not _same(stored[key], value)}
        return kept, [key for key in stored if key not in self]

    def replace(self, data: dict[str, Any]) -> None:
        """Puts in what the database has, which is no change of it."""
        dict.clear(self)
        dict.update(self, data)
        self.remember()


class StoredObject(Object):
    """The column's type. What is read remembers that it was."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        value = super().process_result_value(value, dialect)
        if not isinstance(value, dict):
            return value
        data = Metadata(value)
        data.remember()
        return data


def merged(metadata: Any, kept: dict[str, Any], removed: list[str]) -> ColumnElement[Any]:
    """Metadata with some keys set and others removed, by the database; what is no object counts as an empty one."""
    is_object = func.jsonb_typeof(metadata) == "object"
    base = case((is_object, metadata), else_=literal_column("'{}'::jsonb"))
    return base.op("-")(literal(removed, ARRAY(Text))).self_group().op("||")(literal(kept, Object()))


def listen(model: Any) -> None:
    """Has objects of a class, and of those made of it, write the keys that they change."""
    event.listen(model, "before_update", _write_changed_keys, propagate=True)
    event.listen(model, "after_update", _remember_written, propagate=True)
    event.listen(model, "after_insert", _remember_written, propagate=True)
    event.listen(model, "refresh", _remember_set, propagate=True)


def _write_changed_keys(mapper: Mapper[Any], connection: Connection, memory: Any) -> None:
    """Before the other columns; of a row that is gone, SQLAlchemy will say so then."""
    data = memory.__dict__.get("extra_data")
    if not _is_written(memory) or not isinstance(data, Metadata) or data._stored is None:
        return
    kept, removed = data.changed_keys()
    table, state = cast("Table", mapper.local_table), inspect(memory)
    if kept or removed:
        values = {"metadata": merged(table.c.metadata, kept, removed)}
        changed = update(table).where(table.c.id == state.identity[0]).values(values).returning(table.c.metadata)
        row = connection.execute(changed).one_or_none()
        if row is None:
            return
        data.replace(row[0])
    set_committed_value(memory, "extra_data", data)


def _remember_written(_: Mapper[Any], __: Connection, memory: Any) -> None:
    data = memory.__dict__.get("extra_data")
    if isinstance(data, Metadata) and data._stored is None and _is_written(memory):
        data.remember()


def _remember_set(memory: Any, *_: Any) -> None:
    """An UPDATE of many rows gives the objects of the session what it has set, which nobody has read."""
    data = memory.__dict__.get("extra_data")
    if isinstance(data, dict) and not isinstance(data, Metadata):
        memory.__dict__["extra_data"] = data = Metadata(data)
        data.remember()


def _is_written(memory: Any) -> bool:
    return bool(inspect(memory).attrs.extra_data.history.has_changes())


def _same(one: Any, other: Any) -> bool:
    """True is 1 to Python, and another value in JSON."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
