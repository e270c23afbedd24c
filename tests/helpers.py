"""What several tests need, and is no fixture."""

from collections.abc import Iterable
from urllib.parse import urlencode

import numpy as np
from psycopg.conninfo import conninfo_to_dict

from memdb import scratch
from memdb.database import Connection


def address(conninfo: str, driver: str) -> str:
    """A database URL that names its driver."""
    return f"postgresql+{driver}:///?{urlencode(conninfo_to_dict(conninfo))}"


def vectors(count: int, *, random_seed: int = 1) -> list[list[float]]:
    """Random directions, as an application has them: lists."""
    drawn = np.random.default_rng(random_seed).standard_normal((count, 1536)).astype(np.float32)
    return [[float(number) for number in row] for row in drawn]


def on_one_server(sets: Iterable[str]) -> list[str]:
    """The names of all optional sets but that for distributed databases, which does not carry all of the others."""
    return [name for name in sets if name not in ("core", "citus")]


def as_scratch(connection: Connection) -> scratch.Database:
    """A database of a test, to try migrations on as in a temporary one."""
    return scratch.Database(connection, scratch.Scratch("", "of a test", scratch.Options(url="")))
