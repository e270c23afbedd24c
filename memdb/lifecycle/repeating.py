"""Making a transaction again that the server has ended because of what others did beside it."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from memdb.database import Connection

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")
_Work = Callable[Concatenate[Connection, _Given], _Result]
_TRIES = 5


def after_deadlocks(transaction: Callable[[], _Result]) -> _Result:
    """What a whole transaction returns, which is made again where it and others waited for each other.

    Applications lock users and memories in whichever order their own transactions need, so no order of memdb's avoids
    all deadlocks. One that was ended has changed nothing, and the next one waits for what was in its way.

    Raises DeadlockDetected where it happens again and again.
    """
    for _ in range(_TRIES - 1):
        try:
            return transaction()
        except psycopg.errors.DeadlockDetected:
            continue
    return transaction()


def in_time(what: str, hint: str) -> Callable[[_Work[_Given, _Result]], _Work[_Given, _Result]]:
    """A function that is one transaction, made again after deadlocks; LockTimeout where others keep `what` locked."""

    def of(work: _Work[_Given, _Result]) -> _Work[_Given, _Result]:
        @wraps(work)
        def done(connection: Connection, /, *given: _Given.args, **named: _Given.kwargs) -> _Result:
            with connection.in_time(what, lambda: hint):
                return after_deadlocks(lambda: work(connection, *given, **named))

        return done

    return of
