"""Types of fields that several schemas share. The rules are those of memdb.values."""

import functools
import re
from datetime import UTC
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails

from memdb import values
from memdb.errors import InvalidMemory
from memdb.values import MAXIMUM_CONTENT

Content = Annotated[str, Field(strict=True, min_length=1, max_length=MAXIMUM_CONTENT), AfterValidator(values.content)]


def _no_number(value: Any) -> Any:
    """Pydantic takes a number for seconds or milliseconds, by its size."""
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise ValueError("a number does not say what its unit is; write a time as 2026-01-31T12:00:00Z")
    return value


_NUMBER = re.compile(r"\s*[+-]?[\d.]+\s*")

Time = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(values.time)]
"""A time with its offset, to compare with: without one, nobody can say which moment it is."""

StoredTime = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(values.stored_time)]
"""A time with its offset that can be stored and read in every time zone."""

ShownTime = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]
"""A time as it is shown: in UTC, whatever the time zone of the connection is. JSON has no offsets with seconds."""


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
        from_attributes=True,
        extra="forbid",
        serialize_by_alias=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,  # it is what people have said
    )

    def checked(self) -> Self:
        """It once more, as it is to be stored or asked: what was given, assigned and changed in place until now.

        Raises InvalidMemory for the first value that cannot be right, and names its place. What is in metadata is
        looked through only here, when it can no longer be changed.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set | _may_have_changed(type(self))}
        try:
            again = type(self).model_validate(given, by_name=True, by_alias=False)
        except ValidationError as error:
            raise _refusal(error.errors(include_url=False, include_input=False)[0], given) from None
        if again.__dict__.get("extra_data"):
            values.metadata(again.__dict__["extra_data"])
        return again


@functools.cache
def _may_have_changed(schema: type[Schema]) -> frozenset[str]:
    """The fields that hold an object of their own where nothing was given."""
    return frozenset(name for name, field in schema.model_fields.items() if field.default_factory)


def _refusal(error: ErrorDetails, given: dict[str, Any]) -> InvalidMemory:
    """What Pydantic found, as memdb's error, which knows better where in metadata it is."""
    if error["loc"][0] == "extra_data" and isinstance(given["extra_data"], dict):
        try:
            values.metadata(given["extra_data"])
        except InvalidMemory as found:
            return found
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InvalidMemory):
        message = cause.message if cause.message.startswith(place) else f"{place}: {cause.message}"
        return InvalidMemory(message, hint=cause.hint)
    said = cause if isinstance(cause, Exception) else error["msg"]
    return InvalidMemory(f"{place}: {said}", hint="Nothing was sent to the database.")
