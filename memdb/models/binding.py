"""Types of columns that hold whatever is bound for them to the rules of memdb.values, whichever way it comes.

Attributes of models are checked when they are assigned. What changes in place after that, and statements that go past
the attributes, such as `insert(Memory)`, meet the rules here.
"""

import json
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import DateTime, String, Text, TypeDecorator, cast, func, literal_column, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.sql.elements import ColumnElement

from memdb import values
from memdb.errors import InvalidMemory

_Value = TypeVar("_Value")


_EARLIEST: ColumnElement[Any] = literal_column(f"timestamptz '{values.EARLIEST}'")
_LATEST: ColumnElement[Any] = literal_column(f"timestamptz '{values.LATEST}'")


class Refused(InvalidMemory, DontWrapMixin):
    """An InvalidMemory that SQLAlchemy does not wrap into an error of its own, with the statement and all values."""


def bound(rule: Callable[[Any], _Value], value: Any) -> _Value | None:
    """The value as the rule takes it; None stays."""
    try:
        return None if value is None else rule(value)
    except InvalidMemory as error:
        raise Refused(error.message, hint=error.hint) from None


class Moment(TypeDecorator[Any]):
    """`timestamptz`, also beside an operator: a naive time would be taken for one of the client's time zone.

    What other programs have written beyond the years that memdb stores, infinity included, is read as the nearest
    moment within: Python has none for it, and a driver would fail for all of the rows.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return bound(values.time, value)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self if isinstance(value, date) else self.impl_instance.coerce_compared_value(op, value)

    def column_expression(self, column: Any) -> ColumnElement[Any]:
        return type_coerce(func.least(func.greatest(column, _EARLIEST), _LATEST), self)


class _Stored(TypeDecorator[Any]):
    """A type whose rule is for what is stored, and not for what it is compared with."""

    cache_ok = True
    rule: "staticmethod[[Any], Any]"

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return bound(self.rule, value)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self.impl_instance.coerce_compared_value(op, value)


class Content(_Stored):
    impl = Text
    cache_ok = True
    rule = staticmethod(values.content)


class _Written(_Stored):
    """An object on its way to the server."""

    impl = Text
    cache_ok = True
    rule = staticmethod(lambda value: json.dumps(values.metadata(value), ensure_ascii=False))


class Object(_Stored):
    """`jsonb` that is an object; None is NULL, also where it is inserted, and not the default.

    It travels as text, which the server converts: an application may have told its driver, or SQLAlchemy, to read and
    write `jsonb` in another way.
    """

    impl = JSONB(none_as_null=True)
    cache_ok = True
    should_evaluate_none = True

    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        return cast(type_coerce(bindvalue, _Written()), JSONB)

    def column_expression(self, column: Any) -> ColumnElement[Any]:
        return type_coerce(cast(column, Text), self)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """A statement that the application has written itself brings what the driver reads `jsonb` as."""
        return values.stored_metadata(value) if isinstance(value, str) else value

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self if isinstance(value, dict) else self.impl_instance.coerce_compared_value(op, value)


class CollectionType(_Stored):
    impl = String(50)
    cache_ok = True
    rule = staticmethod(values.collection_type)


class Name(_Stored):
    impl = String(255)
    cache_ok = True
    rule = staticmethod(values.name)


class Description(_Stored):
    impl = Text
    cache_ok = True
    rule = staticmethod(values.description)
