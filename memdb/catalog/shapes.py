"""The shape of memories that a catalog describes."""

import re

from memdb import shape
from memdb.catalog.keys import Key
from memdb.catalog.patches import Objects
from memdb.shape import STAND_IN, Shape, Users

_REFERENCE = re.compile(r"FOREIGN KEY \(user_id\) REFERENCES (?P<table>[^(]+)\((?P<key>[^)]+)\)")
_EMBEDDING = re.compile(r"(?P<type>\w+)\((?P<dimensions>\d+)\)")


def shape_of(objects: Objects) -> Shape | None:
    """None where there are no memories, or where they have a type that memdb knows no ids or embeddings of."""
    columns = {
        name: objects.get(Key("column", name, "memories"), {}).get("type", "") for name in ("user_id", "embedding")
    }
    embedding = _EMBEDDING.fullmatch(columns["embedding"])
    if embedding is None or not shape.is_user_type(columns["user_id"]):
        return None
    return Shape(
        _users(objects, shape.user_type(columns["user_id"])),
        shape.embedding_type(embedding["type"]),
        int(embedding["dimensions"]),
    )


def _users(objects: Objects, key_type: str) -> Users:
    constraint = objects.get(Key("constraint", "memories_user_id_fkey", "memories"), {})
    reference = _REFERENCE.match(constraint.get("definition", ""))
    table, key = reference.group("table", "key") if reference else ("users", "id")
    made = str(objects.get(Key("table", table), {}).get("comment")).startswith(STAND_IN)
    return Users(table, key, key_type, may_be_made=made)
