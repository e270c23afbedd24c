"""For whom a session asks, where the set row_security holds its role to the rows of one user."""

import weakref

from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from memdb import database
from memdb.errors import UsageError
from memdb.values import UserKey

SETTING = "memdb.user_id"
_USER, _BEGUN = "memdb: for whom this session asks", "memdb: the transaction that has begun to ask"
"""In the info of a session."""


def act_for(session: AsyncSession, user_id: UserKey | None) -> None:
    """From now on, all that the session asks is for this user; None is for nobody.

    Each transaction says it anew, for itself alone, so nothing is left on a connection for whoever gets it next, also
    through a pooler. Objects that it has read for another user leave the session. Raises UsageError where the session's
    transaction has begun to ask for somebody already. What it asks raises that where there are no transactions: on a
    connection with AUTOCOMMIT.
    """
    sync = session.sync_session
    begun = sync.info.get(_BEGUN)
    if sync.in_transaction() and begun is not None and begun() is sync.get_transaction():
        raise UsageError(
            "this session has asked in its transaction already, and cannot ask for another user in it",
            hint="Say for whom it asks first, or after a commit or rollback.",
        )
    said = "" if user_id is None else str(user_id)
    if sync.info.get(_USER, said) != said:
        _forget(sync)
    sync.info[_USER] = said


def _forget(session: Session) -> None:
    """What a session has read, it gives by its key without asking; whoever holds an object goes on to read it.

    What was changed and is not written yet stays, and then meets the policies.
    """
    changed = session.dirty
    for read in session.identity_map.values():
        if read not in changed:
            session.expunge(read)


@event.listens_for(Session, "after_begin")
def _begin(session: Session, _: SessionTransaction, connection: Connection) -> None:
    """A transaction has got its connection: a session may be in one long before, as within sessions(engine).begin()."""
    transaction = session.get_transaction()
    session.info[_BEGUN] = weakref.ref(transaction) if transaction is not None else None
    if _USER in session.info:
        if connection.connection.dbapi_connection.autocommit:  # type: ignore[union-attr]  # both drivers have it
            raise UsageError(
                "this session has no transactions, so it cannot say for whom it asks: nothing would be found",
                hint="Its isolation level is AUTOCOMMIT: use an engine with another one.",
            )
        said = select(func.set_config(SETTING, session.info[_USER], True), func.current_setting("citus.version", True))
        _, citus = connection.execute(said).one()
        if citus:
            connection.execute(_HAND_ON)


_HAND_ON = text(database.query("store", "hand_on_memory_user"))
"""Over a cluster, each server that has rows compares them with the user of whom it knows."""
