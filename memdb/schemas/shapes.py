"""What of a schema follows the shape of memories: whose they are, and what their embeddings are made of."""

import functools
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pgvector import Vector
from pydantic import (
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_serializer,
    field_validator,
)
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypeVar

from memdb import values
from memdb.schemas.fields import Schema
from memdb.shape import DEFAULT, Shape, Users


class _KeyOfUser:
    """Holds a UUID, an int or a str to the rules of memdb.values, where Pydantic would take true for 1."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_user_id, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(schema)
        return shown | {"minLength": 1} if shown == {"type": "string"} else shown


def _user_id(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Raises for truth values, for texts that identify nobody, and for numbers that no column holds."""
    if isinstance(value, bool):
        raise ValueError("true and false identify nobody")
    key = handler(value)
    return values.user_id(key, Users(key_type=_TYPES[type(key)])) if type(key) in _TYPES else key


_TYPES: dict[type, str] = {int: "bigint", str: "text"}

UserId = TypeVar("UserId", default=UUID)
"""What identifies a user in Python: UUID, int or str."""

KeyOfUser = Annotated[UserId, _KeyOfUser()]


Embedding = Annotated[Any, WithJsonSchema({"type": "array", "items": {"type": "number"}})]
"""The embedding of a schema with WithEmbedding."""


@functools.cache
def _shape(embedding_type: str) -> Shape:
    return DEFAULT.with_embedding(embedding_type)


class WithEmbedding(Schema):
    """A schema with the field `embedding`: numbers with a direction, as a list, an array or a Vector; kept as a Vector.

    Raises UsageError where the class has an `embedding_type` that is none.
    """

    embedding_type: ClassVar[str] = DEFAULT.embedding
    """The type of the column `embedding`, as SQL writes it: vector(768), halfvec(3072)."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        _shape(cls.embedding_type)

    @field_validator("embedding", mode="wrap", check_fields=False)
    @classmethod
    def _vector(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if value is None and not cls.model_fields["embedding"].is_required():
            return handler(value)
        numbers = values.embedding(value, _shape(cls.embedding_type))
        return value if isinstance(value, Vector) else Vector(numbers)

    @field_serializer("embedding", check_fields=False)
    def _as_list(self, value: Any) -> list[float] | None:
        if value is None:
            return None
        vector = value if isinstance(value, Vector) else Vector(values.embedding(value, _shape(self.embedding_type)))
        return vector.to_list()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(schema)
        field = handler.resolve_ref_schema(shown)["properties"]["embedding"]
        count = _shape(cls.embedding_type).dimensions
        for array in field.get("anyOf", [field]):
            if array.get("type") == "array":
                array.update(minItems=count, maxItems=count)
        return shown
