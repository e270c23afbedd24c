"""The tables as classes: mixins with their columns and relationships, and memdb's own classes made of them.

Relationships load nothing by themselves, except collections, of which a user has few: an attribute that would need
SQL raises at once and says so, where a lazy load under asyncio would fail with MissingGreenlet, and an eager one
would fetch all the embeddings of a user. Ask with `selectinload(User.memories)`, or search with memdb.store.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, PrimaryKeyConstraint, Table, Uuid, text
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, relationship, validates
from sqlalchemy.orm.attributes import flag_modified, instance_state
from sqlalchemy.sql import ClauseElement

from memdb import values
from memdb.errors import UsageError
from memdb.models.binding import CollectionType, Content, Description, Moment, Name
from memdb.models.columns import Embedding, Tier
from memdb.models.ids import new_id
from memdb.models.metadata import Metadata, StoredObject, listen
from memdb.values import MemoryType

_NEW_ID = text("gen_random_uuid()")
_NOW = text("now()")


def _refuse(target: Any, *_: Any, **__: Any) -> None:
    raise UsageError(
        f'SQLAlchemy was about to create or drop the table "{target.name}", which only migrations do',
        hint="Run memdb migrate first (or memdb rollback), and give create_all the other tables: tables=[…].",
    )


class _TableMixin:
    """A table that only migrations create and drop, whose primary key has the name that they give it.

    `__table_args__` are the application's, for what its own migrations add. The type of tiers is where the table is.
    """

    @classmethod
    def __table_cls__(cls, name: str, *args: Any, **options: Any) -> Table:
        if not any(isinstance(argument, PrimaryKeyConstraint) for argument in args):
            args = (*args, PrimaryKeyConstraint("id", name=f"{name}_pkey"))
        refusals = [("before_create", _refuse), ("before_drop", _refuse)]
        table = Table(name, *args, listeners=refusals, **options)
        for column in table.c:
            if isinstance(column.type, Tier):
                column.type.schema = table.schema
        return table


def _of_user(table: str) -> Any:
    return ForeignKey("users.id", name=f"{table}_user_id_fkey", ondelete="CASCADE")


def _validator(**rules: Callable[[Any], Any]) -> Any:
    """Holds what is assigned to attributes to the rules of memdb.values, and has it written in any case.

    SQL is left to the database. None is the absence of a value, which it may have a default for.
    """

    def check(target: Any, name: str, value: Any) -> Any:
        if isinstance(value, Metadata) and value is target.__dict__.get(name):  # as `|=` assigns it
            return value
        is_sql = isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")
        is_absent = value is None and name not in _NEVER_NONE
        taken = value if is_sql or is_absent else rules[name](value)
        state = instance_state(target)
        if state.key is not None and name in state.dict and name != "id":
            flag_modified(target, name)  # the database may have another value by now than the object remembers
        return taken

    return validates(*rules)(check)


_NEVER_NONE = ("memory_type", "content", "collection_type", "name")


def _own(value: Any) -> dict[str, Any]:
    """Metadata of its own, also where they are those of another memory."""
    return dict(values.metadata(value))


def _numbers(value: Any) -> list[float]:
    """An embedding as it will be read back: a list. Numbers that are a list already keep their digits."""
    vector = values.embedding(value)
    return [float(number) for number in value] if isinstance(value, list | tuple) else vector.tolist()


_OWNED = "save-update, refresh-expire, expunge, delete, delete-orphan"
"""All but "merge": a user who was read earlier would be merged by deleting what has been added to them since."""


class UserMixin:
    """Makes a class mapped to `users` the owner of `Memory` and `MemoryCollection` of the same Base.

    Deleting a user deletes all of theirs: the database does it, so nothing is loaded for it.
    """

    @declared_attr
    def memories(cls) -> Mapped[list["MemoryMixin"]]:
        return relationship("Memory", back_populates="user", cascade=_OWNED, passive_deletes=True, lazy="raise_on_sql")

    @declared_attr
    def memory_collections(cls) -> Mapped[list["MemoryCollectionMixin"]]:
        return relationship(
            "MemoryCollection", back_populates="user", cascade=_OWNED, passive_deletes=True, lazy="selectin"
        )


class MemoryMixin(_TableMixin):
    """The table `memories`, for a class named Memory beside a class named User with UserMixin."""

    __tablename__ = "memories"

    id: Mapped[UUID] = mapped_column(Uuid, default=new_id, server_default=_NEW_ID)
    user_id: Mapped[UUID] = mapped_column(Uuid, _of_user("memories"))
    memory_type: Mapped[MemoryType] = mapped_column(Tier)
    content: Mapped[str] = mapped_column(Content)
    embedding: Mapped[list[float] | None] = mapped_column(Embedding)
    extra_data: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Metadata.as_mutable(StoredObject()), server_default=text("'{}'::jsonb")
    )
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=_NOW)
    accessed_at: Mapped[datetime] = mapped_column(Moment, server_default=_NOW)

    @declared_attr
    def user(cls) -> Mapped["UserMixin"]:
        return relationship("User", back_populates="memories", lazy="raise_on_sql")

    _check = _validator(
        id=partial(values.identifier, name="id"),
        user_id=partial(values.identifier, name="user_id"),
        memory_type=values.tier,
        content=values.content,
        embedding=_numbers,
        extra_data=_own,
        created_at=partial(values.stored_time, name="created_at"),
        accessed_at=partial(values.stored_time, name="accessed_at"),
    )


listen(MemoryMixin)


class MemoryCollectionMixin(_TableMixin):
    """The table `memory_collections`, for a class named MemoryCollection beside a User with UserMixin."""

    __tablename__ = "memory_collections"

    id: Mapped[UUID] = mapped_column(Uuid, default=new_id, server_default=_NEW_ID)
    user_id: Mapped[UUID] = mapped_column(Uuid, _of_user("memory_collections"))
    collection_type: Mapped[str] = mapped_column(CollectionType)
    name: Mapped[str] = mapped_column(Name)
    description: Mapped[str | None] = mapped_column(Description)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=_NOW)

    @declared_attr
    def user(cls) -> Mapped["UserMixin"]:
        return relationship("User", back_populates="memory_collections", lazy="raise_on_sql")

    _check = _validator(
        id=partial(values.identifier, name="id"),
        user_id=partial(values.identifier, name="user_id"),
        collection_type=values.collection_type,
        name=values.name,
        description=values.description,
        created_at=partial(values.stored_time, name="created_at"),
    )


class Base(AsyncAttrs, DeclarativeBase):
    """The base of memdb's own models."""


class User(UserMixin, _TableMixin, Base):
    """The stand-in that memdb makes where the application has no table `users`."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(Uuid, default=new_id, server_default=_NEW_ID)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=_NOW)

    _check = _validator(
        id=partial(values.identifier, name="id"), created_at=partial(values.stored_time, name="created_at")
    )


class Memory(MemoryMixin, Base):
    """One thing remembered about a user."""


class MemoryCollection(MemoryCollectionMixin, Base):
    """A named group of a user's memories."""
