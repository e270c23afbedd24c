"""One search, sent with as little around it as there can be.

Where nothing has been done on the session's connection yet, the search is the first statement of its transaction and
needs none: the driver sends it alone, in one round trip, and if it fails because something has changed in the
database, it is sent once more, with what is there now. Anything else goes through SQLAlchemy.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from memdb.errors import InvalidMemory
from memdb.retrieval import Surroundings
from memdb.store import drivers, surroundings
from memdb.store.failures import has_changed, of_sqlalchemy, refusal, translated
from memdb.store.questions import Question
from memdb.store.surroundings import Place

_DATA_EXCEPTION = "22000"
_CONNECTION = "memdb: the transaction of the last search, and its connection"
"""In the info of a session, for each model."""


async def run(session: AsyncSession, model: Any, search: Question) -> Sequence[Any]:
    """Rows of memories, without their embeddings, and with the distance after what is stored."""
    connection = _at_hand(session.sync_session, model)
    if connection is None:
        connection = await session.run_sync(_connected, model)
    table = surroundings.place(connection, model.__table__)
    known = surroundings.known(connection, table, seconds=surroundings.FOR_ONE_STATEMENT)
    driver = drivers.alone(connection) if known and known.reads_what_is_committed else None
    if known is not None and driver is not None:
        text = None
        try:
            text, arguments = search.statement(connection, known, table)
            async with drivers.past_sqlalchemy(connection):
                return await driver.fetch(text, arguments)
        except Exception as error:
            _require_answered(error, known)
            if not (has_changed(error) or _is_of_driver(error, driver)):
                raise of_sqlalchemy(error, refusal(error), text) from error
            surroundings.forget(connection)
    return await session.run_sync(_through_sqlalchemy, connection, table, search)


def _at_hand(session: Session, model: Any) -> Connection | None:
    """The connection that the session's transaction has, where nothing is to be sent on it before the search.

    To ask the session itself takes a greenlet, which is half of all the time that is spent outside of the driver.
    """
    transaction, connection = session.info.get((_CONNECTION, model), (None, None))
    is_same = transaction is not None and transaction is session.get_transaction() and session.is_active
    is_first = is_same and not (session.in_nested_transaction() or session.new or session.dirty or session.deleted)
    return connection if is_first else None


def _connected(session: Session, model: Any) -> Connection:
    session.flush()  # what the session has not told the database yet counts, too
    connection = session.connection(bind_arguments={"mapper": model})
    session.info[_CONNECTION, model] = session.get_transaction(), connection
    return connection


def _through_sqlalchemy(_: Session, connection: Connection, table: Place, search: Question) -> Sequence[Any]:
    known = surroundings.known(connection, table, seconds=surroundings.FOR_A_TRANSACTION)
    known = known or surroundings.learned(connection, table)
    statement = drivers.written(connection, *search.statement(connection, known, table))
    with translated():
        try:
            return connection.exec_driver_sql(*statement).fetchall()
        except Exception as error:
            surroundings.forget(connection)
            _require_answered(error, known)
            if not drivers.is_sent_as_array(connection, error):
                raise
    return _through_sqlalchemy(_, connection, table, search)


def _require_answered(error: Exception, known: Surroundings) -> None:
    """Raises InvalidMemory where a question of other dimensions was asked than those of the model that answers."""
    said = refusal(error)
    if known.successor is not None and said.state == _DATA_EXCEPTION:
        raise InvalidMemory(
            f"questions are answered by {known.successor}, and this one is of another model: {said.message}",
            hint="Ask by an embedding of that model, and tell the store of it: MemoryStore(session, embeddings=…)",
        ) from error


def _is_of_driver(error: Exception, driver: drivers.Alone) -> bool:
    """It could not write a parameter, or the connection is lost, which SQLAlchemy has to learn.

    Or it was asked nothing, because something was missing that may be there by now.
    """
    return not driver.is_open() or not (refusal(error).state or isinstance(error, TimeoutError))
