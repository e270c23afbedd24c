"""What is compared and changed by the database itself, in statements over the models."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Insert, Text, Uuid, any_, case, cast, func, inspect, literal, literal_column
from sqlalchemy.dialects.postgresql import JSONPATH, insert
from sqlalchemy.sql.elements import ColumnElement

from memdb import values
from memdb.models.metadata import merged
from memdb.schemas import MemoryUpdate
from memdb.values import Filter


def hold(metadata: ColumnElement[Any], wanted: Filter) -> list[ColumnElement[bool]]:
    """The conditions on metadata, as `nearest` in sql/queries/store.sql has them."""
    known = func.coalesce(metadata, literal_column("'{}'::jsonb"))
    return [
        *([metadata.contains(wanted.contained)] if wanted.contained else []),
        *([known.op("@@")(cast(literal(wanted.path, Text), JSONPATH))] if wanted.path else []),
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


def insert_new(model: Any, *, distributed: bool) -> Insert:
    """Inserts what has an id that is not there yet."""
    return insert(model).on_conflict_do_nothing(index_elements=_KEYS[distributed])


def upsert(model: Any, names: Iterable[str], now: datetime, *, distributed: bool) -> Insert:
    """Inserts, or replaces the attributes `names` of what the same user has under the id, as if it were made anew.

    When it was made stays. A shard must not ask for the time itself.
    """
    statement, columns = insert(model), inspect(model).column_attrs
    replaced = {columns[name].columns[0].name for name in names} - {"id", "user_id", "created_at"}
    changes = {name: statement.excluded[name] for name in replaced} | {
        "accessed_at": literal(now, DateTime(timezone=True))
    }
    is_theirs = model.user_id == statement.excluded["user_id"]
    return statement.on_conflict_do_update(index_elements=_KEYS[distributed], set_=changes, where=is_theirs)


_KEYS = {False: ["id"], True: ["user_id", "id"]}
"""The primary key, by whether memories are distributed by user."""
