"""Storing and finding memories from an application, with SQLAlchemy's asyncio sessions. Needs the extra `orm`."""

from memdb.store.acting import act_for
from memdb.store.collections import CollectionStore
from memdb.store.engines import create_engine, sessions
from memdb.store.found import Match, Neighbour, Recalled
from memdb.store.repository import MemoryStore

__all__ = ["CollectionStore", "Match", "MemoryStore", "Neighbour", "Recalled", "act_for", "create_engine", "sessions"]
