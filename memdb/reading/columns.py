"""The fields of a file's rows beside their embeddings, held to the rules of memdb.values, as they are stored."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from memdb import values
from memdb.errors import DataError, InvalidMemory
from memdb.reading.fields import Records, Unusable, bad_row, excerpt, from_json, is_missing
from memdb.reading.users import Names
from memdb.values import UserKey

T = TypeVar("T")
Times: TypeAlias = NDArray[np.datetime64]

_FIRST, _LAST = (np.datetime64(moment.replace(tzinfo=None), "us") for moment in (values.EARLIEST, values.LATEST))
_YEARS = 10_000
_YEARS_STORED = f"is not in the years {values.EARLIEST.year} to {values.LATEST.year}"
_UNITS_PER_YEAR = {"Y": 1, "M": 12, "W": 52, "D": 365, "h": 8766, "m": 525_949} | {
    unit: 31_556_952 * 1000**power for power, unit in enumerate(("s", "ms", "us", "ns", "ps", "fs", "as"))
}
_ZONE = (
    "Add its zone: 2025-01-31T12:00:00Z is in UTC, …+01:00 an hour ahead. In pandas, if it is in UTC: "
    "dt.tz_localize('UTC')."
)
_ISO = "Write it in ISO 8601, such as 2025-01-31T12:00:00Z; pandas does so with to_json(date_format='iso')."


def each(
    path: Path, records: Records, field: str, convert: Callable[[Any], T], default: Sequence[T] | None = None
) -> list[T]:
    """A field's values, converted; the default's where a row has none.

    Raises DataError for the first row whose value `convert` refuses, or that has none and no default either.
    """
    converted = []
    for place, value in enumerate(records.of(field)):
        try:
            if not is_missing(value):
                converted.append(convert(value))
            elif default is not None:
                converted.append(default[place])
            else:
                raise Unusable("is missing")
        except (InvalidMemory, Unusable) as fault:
            raise bad_row(path, records.rows[place], field, fault, value) from None
    return converted


def times(path: Path, records: Records, field: str) -> Times:
    """A field's times in UTC, (n,), to the microsecond, what is finer cut off; NaT where a row has none.

    Raises DataError for the first row whose time cannot be used, or has no zone.
    """
    given = records.of(field)
    if not isinstance(given, np.ndarray):
        missing: list[np.datetime64] = [np.datetime64("NaT", "us")] * len(given)
        return np.array(each(path, records, field, time, missing), "M8[us]")
    unit, multiple = np.datetime_data(given.dtype)
    if unit not in _UNITS_PER_YEAR:
        raise DataError(
            f"{path}: {field} does not say which unit its times have ({given.dtype})",
            hint="Give it one, such as datetime64[us].",
        )
    # In its own unit first: to others, numpy would turn without noticing what does not fit.
    years = given.astype(np.int64) * (multiple / _UNITS_PER_YEAR[unit])
    fits = np.isnat(given) | (abs(years) < _YEARS)
    moments = np.where(fits, given, np.datetime64("NaT")).astype("M8[us]")
    fits &= np.isnat(moments) | ((moments >= _FIRST) & (moments <= _LAST))
    for place in np.flatnonzero(~fits).tolist():
        raise bad_row(path, records.rows[place], field, Unusable(_YEARS_STORED), given[place])
    return moments


def time(value: Any) -> np.datetime64:
    """A moment, in UTC, from a text in ISO 8601 or a datetime that say their zone; a date is its beginning in UTC."""
    try:
        moment = _moment(value)
    except (TypeError, ValueError, OverflowError):
        raise Unusable("is not an ISO 8601 time", _ISO) from None
    if moment.tzinfo is None:
        raise Unusable("has no time zone", _ZONE)
    return np.datetime64(values.stored_time(moment, "the time").astimezone(UTC).replace(tzinfo=None), "us")


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return datetime.fromisoformat(value)
    if not isinstance(value, date):
        raise TypeError(value)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def user(value: Any, names: Names) -> UserKey:
    """The id of the user whom it names."""
    try:
        return names.key(values.text(value, "user") if isinstance(value, str) else value)
    except InvalidMemory:
        raise
    except ValueError as error:
        raise Unusable(str(error), "Name a user by a string, an integer or a UUID.") from None


def tier(value: Any) -> str:
    """The name of a tier."""
    if value not in values.TIERS:
        raise Unusable(f"is not one of {', '.join(values.TIERS)}")
    return str(value)


def metadata(value: Any) -> str:
    """A JSON object as text, from an object or from text that writes one."""
    try:
        data = from_json(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Unusable(f"is not JSON ({excerpt(error)})") from None
    return as_json(values.metadata(data))


def as_json(value: dict[str, Any]) -> str:
    """A JSON object as jsonb takes it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
