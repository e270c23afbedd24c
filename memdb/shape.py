"""What a memory is in a database: whose it is, and what its embedding is made of."""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast, get_args
from uuid import UUID

from memdb.errors import UsageError

EmbeddingType: TypeAlias = Literal["vector", "halfvec"]

USER_TYPES: Final[dict[str, type]] = {"uuid": UUID, "bigint": int, "integer": int, "text": str, "varchar": str}
"""The types that a user's key may have, with what Python makes of each. A varchar may have a length: varchar(255)."""

INDEXED_DIMENSIONS: Final[dict[EmbeddingType, int]] = {"vector": 2000, "halfvec": 4000}
"""As many dimensions as an HNSW index of pgvector takes (https://github.com/pgvector/pgvector#hnsw)."""

_MOST_DIMENSIONS = 16_000
_ALSO_CALLED = {
    "character varying": "varchar",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "bigserial": "bigint",
    "serial": "integer",
    "string": "text",
}
_TYPE = re.compile(r"(?P<name>[a-z][a-z0-9 ]*?)\s*(?P<length>\(\d+\))?")


@dataclass(frozen=True, slots=True)
class Users:
    """The table whose rows memories belong to, by the name that SQL gives it, and the column that they refer to."""

    table: str = "users"
    key: str = "id"
    key_type: str = "uuid"

    @property
    def python_type(self) -> type:
        """UUID, int or str."""
        return USER_TYPES[self.key_type.partition("(")[0]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The default is the shape of the SQL that memdb ships."""

    users: Users = Users()
    embedding_type: EmbeddingType = "vector"
    dimensions: int = 1536

    @property
    def embedding(self) -> str:
        """The type of the column `embedding`, as SQL writes it."""
        return f"{self.embedding_type}({self.dimensions})"

    @property
    def is_indexed(self) -> bool:
        """Whether pgvector has an HNSW index for so many dimensions."""
        return self.dimensions <= INDEXED_DIMENSIONS[self.embedding_type]


DEFAULT: Final = Shape()


def user_type(text: str) -> str:
    """One of USER_TYPES, however it was written. Raises UsageError for any other type."""
    match = _TYPE.fullmatch(text.strip().lower())
    name = _ALSO_CALLED.get(match["name"], match["name"]) if match else ""
    length = (match["length"] or "") if match else ""
    if name not in USER_TYPES or (length and name != "varchar"):
        raise UsageError(f"a user's id cannot be of the type {text!r}", hint=f"Choose one of {', '.join(USER_TYPES)}.")
    return name + length


def embedding_type(text: str) -> EmbeddingType:
    """Raises UsageError for a type that holds no embedding."""
    if text not in get_args(EmbeddingType):
        raise UsageError(f"an embedding cannot be of the type {text!r}", hint="Choose vector or halfvec.")
    return cast("EmbeddingType", text)


def dimensions(number: int) -> int:
    """Raises UsageError for more than pgvector stores, or none."""
    if not 1 <= number <= _MOST_DIMENSIONS:
        raise UsageError(
            f"an embedding cannot have {number} dimensions", hint=f"pgvector stores 1 to {_MOST_DIMENSIONS:,}."
        )
    return number
