"""Starts the peers and asks them, so that `bench.searching` can measure them like a statement of memdb's."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pgvector import Vector

from bench.peers import environments
from memdb.database import Connection

ADAPTERS = {
    "mem0": "mem0_store",
    "langchain-postgres": "langchain_store",
    "vecs": "vecs_store",
    "LlamaIndex": "llama_index_store",
}
_VECTOR_INDEXES = """
select count(*)
from pg_class
where relkind = 'i' and relam = (select oid from pg_am where amname = 'hnsw')
"""


class PeerFailed(Exception):
    """A peer reported an error or ended; its process has written the details to stderr."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer."""

    name: str
    process: subprocess.Popen[str]

    def run(self, embedding: Vector, owner: UUID, k: int) -> tuple[float, list[float]]:
        """The milliseconds that the library's caller waited, and the distances that were found."""
        answer = self.ask(do="search", user=str(owner), embedding=embedding.to_list(), k=k)
        return answer["ms"], answer["distances"]

    def ask(self, **question: object) -> dict[str, Any]:
        """The answer to one question. Raises PeerFailed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        if "error" in answer:
            raise PeerFailed(f"{self.name}: {answer['error']}")
        return answer


def install() -> None:
    """Makes all environments that are not there, which takes minutes and a network."""
    for adapter in ADAPTERS.values():
        environments.python(adapter)


@contextmanager
def peers(connection: Connection, url: str) -> Iterator[dict[str, Peer]]:
    """All of them by name, each with a copy of all memories in the database of `connection`, which `url` names."""
    with ExitStack() as stack:
        running = {name: stack.enter_context(_started(name, adapter, url)) for name, adapter in ADAPTERS.items()}
        for peer in running.values():
            _fill(connection, peer)
        connection.execute("vacuum analyze")
        yield running


@contextmanager
def _started(name: str, adapter: str, url: str) -> Iterator[Peer]:
    arguments = [str(environments.python(adapter)), "-m", "bench.peers.serving", adapter, url]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, cwd=environments.ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield Peer(name, process)  # leaving the block closes its stdin, at which it ends


def _fill(connection: Connection, peer: Peer) -> None:
    """What the libraries would do row by row is one statement, but table and index are their own."""
    connection.execute(peer.ask(do="create")["fill"].encode())
    before = connection.execute(_VECTOR_INDEXES).fetchone()
    peer.ask(do="index")
    # LlamaIndex goes on without its index when it cannot make it.
    if connection.execute(_VECTOR_INDEXES).fetchone() == before:
        raise PeerFailed(f"{peer.name}: there is no new vector index")
