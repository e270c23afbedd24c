"""Moments. A time without its offset is none: each machine would take it for another."""

from datetime import UTC, datetime
from typing import Any

from memdb.errors import InvalidMemory

EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
LATEST = datetime(9998, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""Every time zone can show what is between."""


def time(value: Any, name: str = "the time") -> datetime:
    """A moment to compare with, which Python can tell in UTC, as the drivers do. `name` is what an error calls it."""
    if not isinstance(value, datetime):
        raise InvalidMemory(f"{name} must be a datetime, but is {type(value).__name__}", hint=_HINT)
    if value.utcoffset() is None:
        raise InvalidMemory(f"{name} has no offset from UTC, so nobody can say which moment it is", hint=_HINT)
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise InvalidMemory(
            f"{name} is {value.isoformat()}, which in UTC is outside the years 1 to 9999", hint=_HINT
        ) from None
    return value


def stored_time(value: Any, name: str = "the time") -> datetime:
    """A moment to store. The first and the last year are refused: not every time zone could show all of them."""
    moment = time(value, name)
    if not EARLIEST <= moment <= LATEST:
        year = moment.astimezone(UTC).year
        raise InvalidMemory(f"{name} is in the year {year}", hint=f"Years are {EARLIEST.year} to {LATEST.year}.")
    return moment


_HINT = "Give it an offset, as datetime.now(UTC) does."
