"""What is compared and changed by the database itself, in statements over the models."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Insert, Uuid, any_, case, func, literal, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from memdb import values
from memdb.models.metadata import merged
from memdb.schemas import MemoryUpdate

_JSON_NULL: ColumnElement[Any] = literal_column("'null'::jsonb")


class Conditions(NamedTuple):
    """What metadata have to be: to contain an object, to have no true under some keys, nothing or null under others."""

    contained: dict[str, Any]
    untrue: list[str]
    absent: list[str]


def wanted(entries: dict[str, Any]) -> Conditions:
    """What entries that are asked for mean: to be there and equal, or to contain the list or object that is given.

    What is not there, or is null, counts as false, and as null: `metadata ->> 'done' <> 'true'` would lose it.
    """
    return Conditions(
        {key: value for key, value in entries.items() if value is not None and value is not False},
        [key for key, value in entries.items() if value is False],
        [key for key, value in entries.items() if value is None],
    )


def hold(metadata: ColumnElement[Any], wanted: Conditions) -> list[ColumnElement[bool]]:
    """The conditions on metadata, as `nearest` in sql/queries/store.sql has them."""
    return [
        *([metadata.contains(wanted.contained)] if wanted.contained else []),
        *(metadata.contains({key: True}).is_not(True) for key in wanted.untrue),
        *(func.coalesce(metadata[key], _JSON_NULL).op("=")(_JSON_NULL) for key in wanted.absent),
    ]


def among(column: Any, ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Whether a column holds one of the ids, which are one parameter however many they are.

    Raises InvalidMemory for what is no UUID.
    """
    equal: ColumnElement[bool] = column == any_(literal([values.identifier(id) for id in ids], ARRAY(Uuid)))
    return equal


def assignments(model: Any, change: MemoryUpdate) -> dict[str, Any]:
    """What an UPDATE sets. The embedding of another text is lost, unless the text is what it has been.

    Of the metadata, keys are set, or removed where they are None: RFC 7396 at the top level.
    """
    given = {name: getattr(change, name) for name in change.model_fields_set}
    if "content" in given and "embedding" not in given:
        given["embedding"] = case((model.content == given["content"], model.embedding))
    patch = given.get("extra_data")
    if patch is not None:
        kept = {key: value for key, value in patch.items() if value is not None}
        given["extra_data"] = merged(model.extra_data, kept, [key for key in patch if key not in kept])
    return given


def insert_new(model: Any) -> Insert:
    """Inserts what has an id that is not there yet."""
    return insert(model).on_conflict_do_nothing(index_elements=["id"])
