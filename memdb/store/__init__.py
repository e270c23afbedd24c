"""Storing and finding memories from an application, with SQLAlchemy's asyncio sessions. Needs the extra `orm`."""

from memdb.store.acting import act_for
from memdb.store.archive import MemoryArchive
from memdb.store.collections import CollectionStore
from memdb.store.engines import create_engine, sessions
from memdb.store.found import Archived, Match, Neighbour, Recalled, Restored, Version
from memdb.store.repository import MemoryStore
from memdb.store.successors import Embeddings

__all__ = [
    "Archived",
    "CollectionStore",
    "Embeddings",
    "Match",
    "MemoryArchive",
    "MemoryStore",
    "Neighbour",
    "Recalled",
    "Restored",
    "Version",
    "act_for",
    "create_engine",
    "sessions",
]
