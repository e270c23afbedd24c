"""The tables as classes: mixins with their columns and relationships, and memdb's own classes made of them.

Relationships load nothing by themselves, except collections, of which a user has few: an attribute that would need
SQL raises at once and says so, where a lazy load under asyncio would fail with MissingGreenlet, and an eager one
would fetch all the embeddings of a user. Ask with `selectinload(User.memories)`, or search with memdb.store.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Generic
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint, Table, Uuid, text
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, relationship, validates
from sqlalchemy.orm.attributes import flag_modified, instance_state
from sqlalchemy.sql import ClauseElement
from typing_extensions import TypeVar

from memdb import values
from memdb.errors import UsageError
from memdb.models import owners
from memdb.models.binding import CollectionType, Content, Description, Moment, Name
from memdb.models.columns import Embedding, Tier, in_shortest_digits
from memdb.models.ids import new_id
from memdb.models.metadata import Metadata, StoredObject, listen
from memdb.shape import DEFAULT
from memdb.values import MemoryType

UserId = TypeVar("UserId", default=UUID)
"""What identifies a user in Python: UUID, int or str."""

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
        owners.describe(table, shape := DEFAULT.with_embedding(getattr(cls, "embedding_type", DEFAULT.embedding)))
        for column in table.c:
            if isinstance(column.type, Tier):
                column.type.schema = table.schema
            elif isinstance(column.type, Embedding):
                column.type = Embedding(shape)
        return table


def _validator(**rules: Callable[[Any, Any], Any]) -> Any:
    """Holds what is assigned to attributes to the rules of memdb.values, and has it written in any case.

    A rule takes the object and the value. SQL is left to the database. None is the absence of a value, which it may
    have a default for.
    """

    def check(target: Any, name: str, value: Any) -> Any:
        if isinstance(value, Metadata) and value is target.__dict__.get(name):  # as `|=` assigns it
            return value
        is_sql = isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")
        is_absent = value is None and name not in _NEVER_NONE
        taken = value if is_sql or is_absent else rules[name](target, value)
        state = instance_state(target)
        if state.key is not None and name in state.dict and name != "id":
            flag_modified(target, name)  # the database may have another value by now than the object remembers
        return taken

    return validates(*rules)(check)


_NEVER_NONE = ("memory_type", "content", "collection_type", "name")


def _plainly(rule: Callable[..., Any], **options: Any) -> Callable[[Any, Any], Any]:
    """A rule that is the same for all objects."""
    return lambda _, value: rule(value, **options)


def _own(value: Any) -> dict[str, Any]:
    """Metadata of its own, also where they are those of another memory."""
    return dict(values.metadata(value))


def _user_id(target: Any, value: Any) -> values.UserKey:
    return values.user_id(value, owners.shape_of(target).users)


def _numbers(memory: Any, value: Any) -> list[float]:
    """An embedding as it will be read back: a list. Numbers that are a list already keep their digits."""
    shape = owners.shape_of(memory)
    vector = values.embedding(value, shape)
    if shape.embedding_type == "halfvec":
        return in_shortest_digits(vector)
    return [float(number) for number in value] if isinstance(value, list | tuple) else vector.tolist()


_OWNED = "save-update, refresh-expire, expunge, delete, delete-orphan"
"""All but "merge": a user who was read earlier would be merged by deleting what has been added to them since."""


class UserMixin:
    """Makes a class named User the owner of `Memory` and `MemoryCollection` of the same Base, whatever its table is.

    Deleting a user deletes all of theirs: the database does it, so nothing is loaded for it.
    """

    @declared_attr
    def memories(cls) -> Mapped[list["MemoryMixin[Any]"]]:
        return relationship("Memory", back_populates="user", cascade=_OWNED, passive_deletes=True, lazy="raise_on_sql")

    @declared_attr
    def memory_collections(cls) -> Mapped[list["MemoryCollectionMixin[Any]"]]:
        return relationship(
            "MemoryCollection", back_populates="user", cascade=_OWNED, passive_deletes=True, lazy="selectin"
        )


class MemoryMixin(_TableMixin, Generic[UserId]):
    """The table `memories`, for a class named Memory beside a class named User with UserMixin.

    `user_id` is what the key of User is: MemoryMixin[int] says so to type checkers.
    """

    __tablename__ = "memories"

    embedding_type: ClassVar[str] = DEFAULT.embedding
    """The type of the column `embedding`, as SQL writes it: vector(768), halfvec(3072)."""

    id: Mapped[UUID] = mapped_column(Uuid, default=new_id, server_default=_NEW_ID)

    @declared_attr
    def user_id(cls) -> Mapped[UserId]:
        """Of the type that the key of User has."""
        return mapped_column(Uuid)

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
        id=_plainly(values.identifier),
        user_id=_user_id,
        memory_type=_plainly(values.tier),
        content=_plainly(values.content),
        embedding=_numbers,
        extra_data=_plainly(_own),
        created_at=_plainly(values.stored_time, name="created_at"),
        accessed_at=_plainly(values.stored_time, name="accessed_at"),
    )


listen(MemoryMixin)


class MemoryCollectionMixin(_TableMixin, Generic[UserId]):
    """The table `memory_collections`, for a class named MemoryCollection beside a User with UserMixin."""

    __tablename__ = "memory_collections"

    id: Mapped[UUID] = mapped_column(Uuid, default=new_id, server_default=_NEW_ID)

    @declared_attr
    def user_id(cls) -> Mapped[UserId]:
        """Of the type that the key of User has."""
        return mapped_column(Uuid)

    collection_type: Mapped[str] = mapped_column(CollectionType)
    name: Mapped[str] = mapped_column(Name)
    description: Mapped[str | None] = mapped_column(Description)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=_NOW)

    @declared_attr
    def user(cls) -> Mapped["UserMixin"]:
        return relationship("User", back_populates="memory_collections", lazy="raise_on_sql")

    _check = _validator(
        id=_plainly(values.identifier),
        user_id=_user_id,
        collection_type=_plainly(values.collection_type),
        name=_plainly(values.name),
        description=_plainly(values.description),
        created_at=_plainly(values.stored_time, name="created_at"),
    )


owners.listen(UserMixin, MemoryMixin, MemoryCollectionMixin)


class Base(AsyncAttrs, DeclarativeBase):
    """The base of memdb's own models."""


class User(UserMixin, _TableMixin, Base):
    """The stand-in that memdb makes where the application has no table `users`."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(Uuid, default=new_id, server_default=_NEW_ID)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=_NOW)

    _check = _validator(id=_plainly(values.identifier), created_at=_plainly(values.stored_time, name="created_at"))


class Memory(MemoryMixin, Base):
    """One thing remembered about a user."""


class MemoryCollection(MemoryCollectionMixin, Base):
    """A named group of a user's memories."""
