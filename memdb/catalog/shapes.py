"""The shape of memories that a catalog describes."""

import re

from memdb import shape
from memdb.catalog.keys import Key
from memdb.catalog.patches import Objects
from memdb.errors import UsageError
from memdb.shape import STAND_IN, Shape, Users

_REFERENCE = re.compile(r"FOREIGN KEY \(user_id\) REFERENCES (?P<table>[^(]+)\((?P<key>[^)]+)\)")


def shape_of(objects: Objects) -> Shape | None:
    """None where there are no memories, or where they have a type that memdb knows no ids or embeddings of."""
    columns = {
        name: objects.get(Key("column", name, "memories"), {}).get("type", "") for name in ("user_id", "embedding")
    }
    try:
        users = _users(objects, shape.user_type(columns["user_id"]))
        return Shape(users).with_embedding(columns["embedding"])
    except UsageError:
        return None


def _users(objects: Objects, key_type: str) -> Users:
    constraint = objects.get(Key("constraint", "memories_user_id_fkey", "memories"), {})
    reference = _REFERENCE.match(constraint.get("definition", ""))
    table, key = reference.group("table", "key") if reference else ("users", "id")
    made = str(objects.get(Key("table", table), {}).get("comment")).startswith(STAND_IN)
    return Users(table, key, key_type, may_be_made=made)
