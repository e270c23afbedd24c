"""Types of fields that several schemas share. The rules are those of memdb.models.values."""

from typing import Annotated, Any

from pgvector import Vector
from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from memdb.models import DIMENSIONS, MAXIMUM_CONTENT, values

Content = Annotated[str, Field(min_length=1, max_length=MAXIMUM_CONTENT), AfterValidator(values.content)]

_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": DIMENSIONS, "maxItems": DIMENSIONS}

Embedding = Annotated[Any, PlainValidator(values.embedding), PlainSerializer(Vector.to_list), WithJsonSchema(_NUMBERS)]
"""(1536,) finite numbers, not all zero, as a list, an array or a Vector; kept as a Vector."""

Time = AwareDatetime
"""A time with its offset: without one, nobody can say which moment it is."""


def _not_null(value: Any) -> Any:
    if value is None:
        raise ValueError("this cannot be null; leave it out to keep it as it is")
    return value


not_null = BeforeValidator(_not_null)
"""For a field that need not be given, of a column that is never NULL."""


def extra_data(**options: Any) -> Any:
    """The field `extra_data`: `metadata` in JSON, either name in Python.

    Its own name is looked for first, because `metadata` of an object that SQLAlchemy maps is something else.
    """
    return Field(validation_alias=AliasChoices("extra_data", "metadata"), serialization_alias="metadata", **options)


class Schema(BaseModel):
    """Reads attributes of models, refuses fields that it does not know, and speaks of `metadata` in JSON."""

    model_config = ConfigDict(
        from_attributes=True, extra="forbid", serialize_by_alias=True, arbitrary_types_allowed=True
    )
