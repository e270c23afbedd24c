"""What the database refuses, in the words of memdb. Errors that an application cannot have caused stay as they are."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DataError as ValueRefused
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError, StatementError

from memdb.addresses import workers
from memdb.errors import DatabaseError, InvalidMemory, MemdbError, UnknownUser, UsageError
from memdb.store.discretion import keep_values_back

_FOREIGN_KEY_VIOLATION = "23503"
_NOT_NULL_VIOLATION = "23502"
_UNIQUE_VIOLATION = "23505"
_NO_TRANSACTION = "25P01"
_DATA_EXCEPTION = "22"
_NOT_IN_THE_ENCODING = "22P05"
_ENCODING = (
    "Send text as UTF-8, as create_engine of memdb.store does: client_encoding=UTF8. A database can store all "
    "characters only if its own encoding is UTF8."
)
_COLUMNS = {
    "memories_pkey": "id",
    "memories_user_id_fkey": "user_id",
    "memory_collections_user_id_fkey": "user_id",
}
# Over a cluster, the user comes first in the key of a memory.
_OF_KEY = re.compile(r"\((user_id, )?(?P<column>id|user_id)\)=\((?(1).*, )(?P<value>.*)\)", re.DOTALL)
_NO_RIGHT = "42501"
_CHANGED = re.compile("42|3F|0A000|26000|XX000|08P01|22P03")
"""What a server says where a table, a function, a type, a schema or a prepared statement is gone, or another one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server, or the driver on the way to it, has to say. Without a state, it was the driver.

    `column` is `id` or `user_id` where it is about one of these, and `value` what that has, where the server tells it.
    """

    state: str
    message: str
    column: str
    value: str
    context: str
    of_memories: bool
    of_collections: bool = False


def refusal(error: BaseException) -> Refusal:
    """Reads an error of SQLAlchemy, or of a driver."""
    cause = cause_of(error)
    report = getattr(cause, "diag", None) or cause  # psycopg has a report, asyncpg's errors are one
    table = getattr(report, "table_name", None)
    # As a text, asyncpg's errors have the detail, too: of some, that is all of the row.
    message = getattr(report, "message_primary", None) or getattr(report, "message", None) or cause
    detail = getattr(report, "message_detail", None) or getattr(report, "detail", None) or ""
    state = getattr(cause, "sqlstate", None) or ""
    constraint = getattr(report, "constraint_name", None)
    function = getattr(report, "source_function", None) or getattr(report, "server_source_function", None)
    if (of_worker := workers.told(function, state, str(message), str(detail))) is not None:
        state, message, detail = of_worker.sqlstate, of_worker.message, of_worker.detail
        table, constraint = of_worker.names.get("table", table), of_worker.names.get("constraint", constraint)
    # Under row-level security the server keeps to itself which value it was. Details of other states have all values.
    is_of_key = state in (_FOREIGN_KEY_VIOLATION, _UNIQUE_VIOLATION)
    named = _OF_KEY.search(str(detail)) if is_of_key else None
    return Refusal(
        state=state,
        message=str(message),
        column=named["column"] if named else _COLUMNS.get(constraint or "", ""),
        value=named["value"] if named else "",
        context=str(getattr(report, "context", None) or ""),
        of_memories=table in (None, "memories"),
        of_collections=table == "memory_collections",
    )


def has_changed(error: BaseException) -> bool:
    """Whether something in the database may not be what it was, or may not be used any more."""
    return _CHANGED.match(refusal(error).state) is not None


def of_sqlalchemy(error: Exception, said: Refusal, statement: str | None = None) -> DBAPIError:
    """An error of a driver that was asked past SQLAlchemy, as an application expects it."""
    return _KINDS.get(said.state[:2], OperationalError)(statement, None, error)


_KINDS: dict[str, type[DBAPIError]] = {"22": ValueRefused, "23": IntegrityError, "42": ProgrammingError}


def cause_of(error: BaseException) -> BaseException:
    """What was raised below SQLAlchemy."""
    original = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    return getattr(original, "__cause__", None) or original


@contextmanager
def translated(which: Callable[[Refusal], str] = lambda _: "") -> Iterator[None]:
    """Raises UnknownUser for a user who is not there, InvalidMemory for values that do not fit, DatabaseError for a
    schema that is not what it was, UsageError where there can be no transaction.

    `which` may say which memory it is that is refused.
    """
    try:
        yield
    except Exception as error:
        cause = cause_of(error)
        if isinstance(cause, MemdbError):  # of a column's type; SQLAlchemy wraps what its types raise
            raise cause from None
        keep_values_back(error)
        said = refusal(error)
        translation = _translation(said, which(said) if said.of_memories else "")
        if translation is None and (isinstance(error, ValueRefused) or _is_value(error, cause)):
            translation = InvalidMemory(f"a value cannot be sent to the database: {said.message}")
        if translation is not None and (said.state == _NOT_IN_THE_ENCODING or _is_encoding(cause)):
            translation.hint = _ENCODING
        if translation is None and said.state and not isinstance(error, StatementError):
            raise of_sqlalchemy(error, said) from error
        if translation is None:
            raise
        raise translation from error


def _translation(said: Refusal, memory: str) -> MemdbError | None:
    who = f", of {memory}" if memory else ""
    is_owned = said.of_memories or said.of_collections
    if is_owned and said.state == _FOREIGN_KEY_VIOLATION and said.column == "user_id":
        user = f"user {said.value}" if said.value else "such user"
        return UnknownUser(
            f"there is no {user}{who}, so nothing can be stored for them",
            hint="Add the user first.",
        )
    if said.of_memories and said.state == _UNIQUE_VIOLATION and said.column == "id":
        return taken(said.value, memory)
    if _CHANGED.match(said.state) and said.state != _NO_RIGHT:
        return DatabaseError(
            f"the schema has changed, or is not what memdb needs: {said.message}",
            hint="If it has just been changed, roll back and begin again: the next transaction uses what is there now. "
            "If not, see what differs: memdb verify-schema",
        )
    if said.state == _NO_TRANSACTION:
        return UsageError(
            "this session has no transactions, so many memories cannot be stored all or none",
            hint="Its isolation level is AUTOCOMMIT: use an engine with another one.",
        )
    if said.state.startswith(_DATA_EXCEPTION) or said.state == _NOT_NULL_VIOLATION:
        return InvalidMemory(f"the database refused {memory or 'a value'}: {said.message}")
    return None


def taken(id: object, memory: str = "", *, hint: str = "") -> InvalidMemory:
    """The id of a new memory is that of another, whoever that belongs to."""
    which = f", of {memory}," if memory else ""
    usual = "If this memory may have been stored before, add it with skip_existing=True."
    return InvalidMemory(
        f"{f'the id {id}' if id else 'an id'}{which} belongs to another memory",
        hint=hint or f"Each memory needs an id of its own. {usual}",
    )


def _is_value(error: BaseException, cause: BaseException) -> bool:
    """Whether the driver could not write a value: SQLAlchemy has no class for what asyncpg raises then, and passes on
    what psycopg raises for a character that the connection's encoding has not.
    """
    is_refused = isinstance(error, StatementError) and isinstance(cause, ValueError | OverflowError)
    return is_refused or _is_encoding(cause)


def _is_encoding(cause: BaseException) -> bool:
    """asyncpg has it below an error of its own."""
    return isinstance(cause, UnicodeEncodeError) or isinstance(cause.__cause__, UnicodeEncodeError)
