"""What the database refuses, in the words of memdb. Errors that an application cannot have caused stay as they are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError

from memdb.errors import InvalidMemory, UnknownUser

_FOREIGN_KEY_VIOLATION = "23503"
_NOT_NULL_VIOLATION = "23502"
_DATA_EXCEPTION = "22"


@contextmanager
def translated() -> Iterator[None]:
    """Raises UnknownUser for a user who is not there, InvalidMemory for values that do not fit."""
    try:
        yield
    except Exception as error:
        cause = _driver_error(error)
        state = getattr(cause, "sqlstate", None) or ""
        if state == _FOREIGN_KEY_VIOLATION and "(user_id)" in _detail(cause):
            raise _unknown_user(_detail(cause)) from error
        if state.startswith(_DATA_EXCEPTION) or state == _NOT_NULL_VIOLATION:
            raise InvalidMemory(f"the database refused a memory: {_message(cause)}") from error
        raise


def _unknown_user(detail: str) -> UnknownUser:
    named = re.search(r"=\((.*?)\)", detail)
    who = f" {named[1]}" if named else ""
    return UnknownUser(f"there is no user{who}, so nothing can be remembered of them", hint="Add the user first.")


def _driver_error(error: BaseException) -> Any:
    """What the driver raised, below what SQLAlchemy makes of it."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "__cause__", None) or original


def _detail(cause: Any) -> str:
    return str(getattr(cause, "detail", None) or getattr(getattr(cause, "diag", None), "message_detail", None) or "")


def _message(cause: Any) -> str:
    return str(getattr(getattr(cause, "diag", None), "message_primary", None) or cause)
