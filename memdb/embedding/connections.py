"""The connections of requests that are at work at the same time."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from memdb import database
from memdb.database import Connection
from memdb.embedding import storing
from memdb.errors import ConnectionFailed


@dataclass
class Connections:
    """One for each request at work, made when it is first needed: few requests need few, and the others go ahead.

    Where the server gives no more of them, requests wait for those that are there.
    """

    first: Connection
    open: ExitStack
    free: SimpleQueue[Connection] = field(default_factory=SimpleQueue)
    making: threading.Lock = field(default_factory=threading.Lock)
    made: int = 0
    no_more: bool = False

    @contextmanager
    def one(self) -> Iterator[Connection]:
        connection = self._free() or self._another() or self.free.get()
        try:
            yield connection
        finally:
            self.free.put(connection)

    def _free(self) -> Connection | None:
        try:
            return self.free.get_nowait()
        except Empty:
            return None

    def _another(self) -> Connection | None:
        with self.making:  # so that whoever gets none knows of all the others
            if self.no_more:
                return None
            try:
                connection = self._connected()
            except ConnectionFailed as error:
                self.no_more = self.made > 0
                if self.no_more:
                    return None
                hint = f"{error.hint} This needs two connections at least, and up to one more for each of --requests."
                raise ConnectionFailed(error.message, hint=hint.strip()) from error
            self.made += 1
            return connection

    def _connected(self) -> Connection:
        made = self.open.enter_context(database.again(self.first, purpose="embed"))
        made.wait_seconds = self.first.wait_seconds
        made.schema, made.search_path = self.first.schema, self.first.search_path
        storing.prepare(made)
        return made
