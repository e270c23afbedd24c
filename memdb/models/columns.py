"""Types of columns that travel as built-in types: embeddings as `real[]` and back as text, tiers as text.

What a driver knows of other types, it knows by numbers that change when a type is made anew, and an application may
have told it to read and write them in its own way. So the server converts, which costs less than a driver's own way.
"""

import json
from typing import Any

import numpy as np
from pgvector.sqlalchemy import HALFVEC, VECTOR
from psycopg import adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import ARRAY, REAL, Text, TypeDecorator, cast, type_coerce
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.sql.elements import ColumnElement

from memdb import values
from memdb.models.binding import bound
from memdb.shape import DEFAULT, Shape
from memdb.values import MemoryType

_from_json = json.JSONDecoder(parse_int=float).decode
"""A vector is written like a list in JSON, with whole numbers where it has such."""


class Reals(list[float]):
    """Numbers that psycopg sends in binary; asyncpg does it with any list."""


class _RealsDumper(Dumper):
    """Forty times as fast as psycopg's own, which looks for the best type of each number and writes text."""

    format = Format.BINARY
    oid = 1021  # real[], on every server

    def dump(self, obj: Reals) -> bytes:
        """One dimension without NULLs, elements of type real (700), how many, from 1; then each with its length."""
        head = np.array([1, 0, 700, len(obj), 1], ">i4")
        elements = np.empty(len(obj), [("length", ">i4"), ("number", ">f4")])
        elements["length"], elements["number"] = 4, obj
        return head.tobytes() + elements.tobytes()


adapters.register_dumper(Reals, _RealsDumper)


class _Numbers(TypeDecorator[Reals]):
    """An embedding on its way to the server."""

    impl = ARRAY(REAL, dimensions=1)
    cache_ok = True

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """Raises InvalidMemory for what is no embedding, also where no model has looked at it."""
        return bound(lambda given: Reals(values.embedding(given, self.shape).tolist()), value)


def in_shortest_digits(numbers: Any) -> list[float]:
    """Each of the 32-bit numbers with its shortest digits, as the server writes it."""
    return [float(str(number)) for number in np.asarray(numbers, np.float32)]


def _as_written(value: Any) -> list[float] | None:
    numbers = value.to_numpy() if hasattr(value, "to_numpy") else value
    return None if numbers is None else in_shortest_digits(numbers)


class Embedding(VECTOR):
    """The column's type, `vector` or `halfvec`, with the comparisons of pgvector. What is read is a list of floats."""

    cache_ok = True

    def __init__(self, shape: Shape = DEFAULT) -> None:
        super().__init__(shape.dimensions)
        self.shape = shape

    def get_col_spec(self, **_: Any) -> str:
        return self.shape.embedding.upper()

    def bind_processor(self, dialect: Any) -> Any:
        """Nothing: `bind_expression` says as what a value goes."""

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """A statement that the application has written itself brings the vector as the driver reads it."""
        return lambda value: _from_json(value) if isinstance(value, str) else _as_written(value)

    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        """An array, which becomes a vector where it is stored in a column, wherever the type lives."""
        return type_coerce(bindvalue, _Numbers(self.shape))

    def column_expression(self, column: Any) -> ColumnElement[Any]:
        """The shortest digits that mean the number: what was given as 0.1 comes back as 0.1."""
        return type_coerce(cast(column, Text), self)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Beside an operator, an array has to be told to become a vector; the type is found where the operator is."""
        return _Compared(self.shape)


class _Compared(Embedding):
    cache_ok = True

    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        plain = HALFVEC if self.shape.embedding_type == "halfvec" else VECTOR
        return cast(super().bind_expression(bindvalue), plain(self.shape.dimensions))


class _Name(TypeDecorator[MemoryType]):
    """A tier on its way to the server."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return bound(lambda given: values.tier(given).value, value)


class Tier(ENUM):
    """The column's type `memory_type`."""

    cache_ok = True

    def __init__(self, *enums: Any, **options: Any) -> None:
        named: dict[str, Any] = {
            "name": "memory_type",
            "create_type": False,
            "values_callable": lambda enum: [member.value for member in enum],
        }
        super().__init__(*(enums or (MemoryType,)), **(named | options))

    def adapt(self, cls: Any, **options: Any) -> Any:
        """A driver's own kind of enum would go by its number."""
        return super().adapt(type(self), **options)  # type: ignore[no-untyped-call]

    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        return cast(type_coerce(bindvalue, _Name()), self)

    def column_expression(self, column: Any) -> ColumnElement[Any]:
        return type_coerce(cast(column, Text), self)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """Raises InvalidMemory for a tier that somebody else has added."""
        return lambda name: None if name is None else values.stored_tier(name)
