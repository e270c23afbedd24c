"""What people have said is in no text of an error: these end up in logs, and with those who read them."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import StatementError

# What follows after the first line of what a server says may have the row that it refuses, or the line of a COPY; of a
# key, ids alone are told.
_OF_IDS = r"Key \((?:id|user_id)\)=\([\w-]*\) "
_MORE = re.compile(rf"\n(?:DETAIL:\s+(?!{_OF_IDS})|CONTEXT:).*", re.DOTALL)
# What it is that is no number, no id, no JSON, and so on.
_VALUE = re.compile(r"""((?:invalid|malformed|out of range)[^\n:'"]*):? (?:"|'|b'|\().*""", re.DOTALL)
_OF_DRIVERS = ("asyncpg", "psycopg", "sqlalchemy")


def keep_values_back(error: BaseException) -> None:
    """Takes the values out of the texts of an error and of what has led to it. Which kind it is stays."""
    for found in _chain(error):
        if isinstance(found, StatementError):
            found.hide_parameters = True
        if isinstance(found, UnicodeEncodeError):
            found.object = "?" * len(found.object)
            continue
        found.args = tuple(_without_values(part) if isinstance(part, str) else part for part in found.args)
        detail = getattr(found, "detail", None)  # of asyncpg, which adds it to the text; SQLAlchemy has a list of notes
        if isinstance(detail, str) and not re.match(_OF_IDS, detail):
            found.detail = None  # type: ignore[attr-defined]


def on_error(context: ExceptionContext) -> None:
    """For the event `handle_error` of an engine."""
    for error in (context.sqlalchemy_exception, context.original_exception):
        if error is not None:
            keep_values_back(error)


def _without_values(text: str) -> str:
    return _VALUE.sub(r"\1 …", _MORE.sub("", text))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error of a driver, and those below it; what an application was handling meanwhile is its own."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, BaseException) and id(found) not in seen and _may_have_values(found):
            seen.add(id(found))
            yield found
            waiting += [getattr(found, "orig", None), found.__cause__]


def _may_have_values(error: BaseException) -> bool:
    return type(error).__module__.startswith(_OF_DRIVERS) or isinstance(error, ValueError | TypeError)
