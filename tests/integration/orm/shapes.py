"""Databases and models of any shape: whose memories are, and what embeddings are made of."""

from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Integer, String, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from memdb.database import Connection
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import Sets
from memdb.models import MemoryCollectionMixin, MemoryMixin, UserMixin
from memdb.project import shipping
from memdb.schemas import MemoryCreate, MemorySimilarityQuery, MemoryUpdate
from memdb.shape import Shape, Users, identifiers, unquoted

IDS: dict[type, tuple[Any, Any, Any]] = {
    UUID: (UUID(int=7), UUID(int=8), UUID(int=9)),
    int: (7, -8, 9),
    str: ("user_2abc|é", "(user_id)=(8)", "nobody"),
}
"""Two users that are there and one that is not, by the type of their ids in Python."""

_TYPES: dict[str, Any] = {"uuid": Uuid, "bigint": BigInteger, "integer": Integer, "text": Text}


def write(directory: Path, shape: Shape) -> Sets:
    """The SQL of that shape, as memdb init writes it, without its snapshot."""
    for path, text in shipping.texts(shape).items():
        if path.suffix == ".sql" and len(path.parts) > 1:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
    return sqlfiles.read_sets(directory)


def make_users(connection: Connection, shape: Shape) -> None:
    """Two users in a table of the application's."""
    users = shape.users
    if users.schema:
        connection.execute(f"create schema {users.schema}")
    connection.execute(f"create table {users.table} ({users.key} {users.key_type} primary key)")
    for user in IDS[users.python_type][:2]:
        connection.execute(f"insert into {users.table} values (%s)", [user])


class Models(NamedTuple):
    """What an application would write for its shape, and users who are there, and one who is not."""

    base: Any
    user: Any
    memory: Any
    collection: Any
    create: type[MemoryCreate[Any]]
    update: type[MemoryUpdate]
    query: type[MemorySimilarityQuery[Any]]
    ids: tuple[Any, Any, Any]


def models(shape: Shape) -> Models:
    class Base(DeclarativeBase): ...

    python_type: Any = shape.users.python_type
    *schema, table = map(unquoted, identifiers(shape.users.table))
    attributes = {
        "__tablename__": table,
        "__table_args__": {"schema": schema[0] if schema else None},
        "__annotations__": {"key": Mapped[python_type]},
        "key": mapped_column(unquoted(shape.users.key), _column_type(shape.users), primary_key=True),
    }
    user = type("User", (UserMixin, Base), attributes)

    class Memory(MemoryMixin[python_type], Base):
        embedding_type = shape.embedding

    class MemoryCollection(MemoryCollectionMixin[python_type], Base): ...

    class Create(MemoryCreate[python_type]):
        embedding_type = shape.embedding

    class Update(MemoryUpdate):
        embedding_type = shape.embedding

    class Query(MemorySimilarityQuery[python_type]):
        embedding_type = shape.embedding

    return Models(Base, user, Memory, MemoryCollection, Create, Update, Query, IDS[python_type])


def _column_type(users: Users) -> Any:
    return String(users.longest) if users.key_type.startswith("varchar") else _TYPES[users.key_type]
