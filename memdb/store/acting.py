"""For whom a session asks, where the set row_security holds its role to the rows of one user."""

from typing import Any

from sqlalchemy import Connection, event, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from memdb.errors import UsageError
from memdb.values import UserKey

SETTING = "memdb.user_id"
_USER = "memdb: for whom this session asks"
"""In the info of a session."""


def act_for(session: AsyncSession, user_id: UserKey | None) -> None:
    """From now on, all that the session asks is for this user; None is for nobody.

    Each transaction says it anew, for itself alone, so nothing is left on a connection for whoever gets it next, also
    through a pooler. Raises UsageError within a transaction, which has begun to ask for somebody already.
    """
    if session.in_transaction():
        raise UsageError(
            "this session is in a transaction already, and cannot ask for another user in it",
            hint="Say for whom it asks first, or after a commit or rollback.",
        )
    sync = session.sync_session
    if _USER not in sync.info:
        event.listen(sync, "after_begin", _say)
    sync.info[_USER] = "" if user_id is None else str(user_id)


def _say(session: Session, _: Any, connection: Connection) -> None:
    connection.execute(select(func.set_config(SETTING, session.info[_USER], True)))
