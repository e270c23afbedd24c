"""The models of an application that has users of its own, as docs/models.md shows them."""

from uuid import UUID, uuid4

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from memdb.models import MemoryCollectionMixin, MemoryMixin, UserMixin


class Base(DeclarativeBase): ...


class User(UserMixin, Base):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(String(320), unique=True)


class Memory(MemoryMixin, Base): ...


class MemoryCollection(MemoryCollectionMixin, Base): ...
