"""An application whose users have text ids, with embeddings of text-embedding-3-large, as docs/models.md shows it."""

from sqlalchemy import Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from memdb.models import MemoryCollectionMixin, MemoryMixin, UserMixin
from memdb.schemas import MemoryCreate, MemorySimilarityQuery, MemoryUpdate


class Base(DeclarativeBase): ...


class User(UserMixin, Base):
    __tablename__ = "customers"
    __table_args__ = ({"schema": "crm"},)

    clerk_id: Mapped[str] = mapped_column(Text, primary_key=True)


class Memory(MemoryMixin[str], Base):
    embedding_type = "halfvec(3072)"


class MemoryCollection(MemoryCollectionMixin[str], Base): ...


class NewMemory(MemoryCreate[str]):
    embedding_type = Memory.embedding_type


class ChangedMemory(MemoryUpdate):
    embedding_type = Memory.embedding_type


class Question(MemorySimilarityQuery[str]):
    embedding_type = Memory.embedding_type
