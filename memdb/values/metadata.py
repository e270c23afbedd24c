"""Metadata: a JSON object that PostgreSQL can store, and that comes back as it went.

jsonb keeps the numbers, as decimals, and the order of lists. It does not keep the order of keys, the sign of -0.0, and
whether a whole number from 1e16 on was a float: Python reads it back as an int.
"""

import json
from math import isfinite
from typing import Any

from memdb.errors import InvalidMemory
from memdb.values.texts import unstorable

MAXIMUM_DEPTH = 100
"""Of objects and lists within each other. Pydantic reads about 200, Python's own JSON fewer than 1,000."""

_READABLE = 200
"""So many levels of what other programs have stored are read."""

_LONGEST_KEY = 60

_HINT = (
    "Metadata can hold objects, lists, strings, numbers, booleans and None. Leave anything else out, or write it "
    "as one of these."
)


class _Fault(Exception):
    """Why a value cannot be stored. Its place is put together on the way out, from the inside."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.place = ""


def metadata(value: Any) -> dict[str, Any]:
    """The metadata of a memory, or of a filter: objects, lists, texts, finite numbers, booleans and None, in an object.

    Errors name the place of what cannot be stored, as in `extra_data.a.b[3]`.
    """
    data = json_object(value)
    try:
        _look_through(data, MAXIMUM_DEPTH)
    except _Fault as fault:
        raise InvalidMemory(f"extra_data{fault.place} {fault}", hint=_HINT) from None
    return data


def json_object(value: Any) -> dict[str, Any]:
    """The metadata, if they are an object, whatever is in it: it may be changed in place before it is stored."""
    if not isinstance(value, dict):
        raise InvalidMemory(
            f"extra_data must be an object, but is {type(value).__name__}",
            hint='Give it a dict, such as {"source": "preferences"}.',
        )
    return value


def stored_metadata(text: str) -> Any:
    """Metadata as the database has them, whoever has written them; a number that Python cannot hold is its digits.

    Raises InvalidMemory for objects and lists that are too deep within each other for what reads, copies or shows them.
    """
    try:
        value = _from_json(text)
        is_deep = text.count("{") + text.count("[") > _READABLE and _is_deeper(value, _READABLE)
    except RecursionError:
        is_deep = True
    if is_deep:
        raise InvalidMemory(
            f"the metadata of a memory are more than {_READABLE} objects and lists deep: another program wrote them",
            hint="Find such rows by their length: select id from memories where length(metadata::text) > 400",
        )
    return value


def _is_deeper(value: Any, most: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return not most or any(
        _is_deeper(item, most - 1) for item in (value.values() if isinstance(value, dict) else value)
    )


def _whole(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads, for the time that it would take
        return digits


def _broken(digits: str) -> float | str:
    number = float(digits)
    return number if isfinite(number) else digits


_from_json = json.JSONDecoder(parse_int=_whole, parse_float=_broken).decode


def _look_through(value: Any, deeper: int) -> None:
    """Raises _Fault for what JSON does not have, or jsonb does not keep."""
    if isinstance(value, dict | list):
        _require(None if deeper else f"is more than {MAXIMUM_DEPTH} objects and lists deep")
        _look_into(value, deeper - 1)
    else:
        _require(fault_of(value))


def fault_of(value: Any) -> str | None:
    """Why a value that is no object or list cannot be stored, if so."""
    if isinstance(value, str):
        return unstorable(value)
    return None if value is None or isinstance(value, bool) else _number_fault(value)


def _require(fault: str | None) -> None:
    if fault:
        raise _Fault(fault)


def _look_into(value: dict[Any, Any] | list[Any], deeper: int) -> None:
    is_object = isinstance(value, dict)
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        try:
            if is_object:
                _require(_key_fault(key))
            _look_through(item, deeper)
        except _Fault as fault:
            fault.place = (_shown(key) if is_object else f"[{key}]") + fault.place
            raise


def _key_fault(key: Any) -> str | None:
    if not isinstance(key, str):
        return f"has a key that is not text but {type(key).__name__}"
    fault = unstorable(key)
    return fault and f"is a key that {fault}"


def _number_fault(value: Any) -> str | None:
    if isinstance(value, int):
        try:
            float(value)  # of larger ones, most readers of JSON make Infinity
        except OverflowError:
            return "is a number beyond 1.8e308, which JSON cannot carry"
        return None
    if isinstance(value, float):
        return None if isfinite(value) else f"is {value}, which JSON does not have"
    return f"is of the type {type(value).__name__}, which JSON does not have"


def _shown(key: Any) -> str:
    """`.key`; in brackets, and with escapes, where it could be misread or not be shown."""
    if isinstance(key, str) and key.isascii() and key.isidentifier() and len(key) <= _LONGEST_KEY:
        return f".{key}"
    written = json.dumps(key) if isinstance(key, str) else repr(key)
    return f"[{written if len(written) <= _LONGEST_KEY else written[:_LONGEST_KEY] + '…'}]"
