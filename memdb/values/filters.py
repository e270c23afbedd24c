"""Filters by metadata: an object that they have to contain, and one jsonpath that has to hold.

Both are sent as values of a statement. Texts and keys stand in the jsonpath as JSON writes them, which is also how
jsonpath does.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, ClassVar, NamedTuple, TypeAlias

from memdb.errors import InvalidMemory
from memdb.values.metadata import MAXIMUM_DEPTH, fault_of, metadata

MAXIMUM_CONDITIONS, MAXIMUM_CHOICES = 100, 1000

Scalar: TypeAlias = str | int | float | bool
_Ordered: TypeAlias = str | int | float

_HINT = 'Write conditions like {"path": ["place", "since"], "gte": 2020, "lt": 2024}.'
_SIGNS = {"eq": "==", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True)
class Where:
    """What an entry of the metadata has to be. Where several things are said of it, all of them.

    `path` is its key, or a list of the keys that lead to it. Keys are taken as they are, so any can be asked for. A key
    with a dot has to be in a list, because as one text it may be meant for a path.

    Of a list, also on the way, one item that meets the condition is enough. What cannot be compared, as a text with a
    number, does not meet it. `ne` and `none_of` find all that `eq` and `one_of` do not: also where there is no entry.
    `exists` says whether there is one that is not null. Texts are in the order of their characters' numbers, so times
    are in order if they are written alike, in one time zone.

    Raises InvalidMemory for a condition that says nothing, or what JSON does not have.
    """

    path: str | Sequence[str]
    _: KW_ONLY
    eq: Scalar | None = None
    ne: Scalar | None = None
    gt: _Ordered | None = None
    gte: _Ordered | None = None
    lt: _Ordered | None = None
    lte: _Ordered | None = None
    one_of: Sequence[Scalar] | None = None
    none_of: Sequence[Scalar] | None = None
    exists: bool | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # in the JSON schema, too

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _keys(self.path))
        said = {name: value for name in OPERATORS if (value := getattr(self, name)) is not None}
        _require(bool(said), "says nothing of its entry", _OPERATORS)
        for name, value in said.items():
            if name in ("one_of", "none_of"):
                object.__setattr__(self, name, _choices(name, value))
            elif name == "exists":
                _require(isinstance(value, bool), "exists must be true or false")
            else:
                _look_at(name, value, ordered=name not in ("eq", "ne"))


OPERATORS = tuple(field.name for field in fields(Where) if field.name != "path")
_OPERATORS = f"There are {', '.join(OPERATORS[:-1])} and {OPERATORS[-1]}. What is null or missing does not exist."


class Filter(NamedTuple):
    """What metadata have to contain, and the jsonpath that has to hold for them; None is no condition."""

    contained: dict[str, Any] | None
    path: str | None


def conditions(given: Any) -> list[Where]:
    """Conditions from their JSON form: a list of objects, or of Where. Raises InvalidMemory, which says for which."""
    is_list = isinstance(given, list | tuple)
    _require(is_list, f"must be a list of conditions, but is {type(given).__name__}")
    _require(len(given) <= MAXIMUM_CONDITIONS, f"has {len(given):,} conditions", f"{MAXIMUM_CONDITIONS} are the most.")
    return [_condition(one, f"where[{number}]") for number, one in enumerate(given)]


def entries(given: dict[str, Any]) -> dict[str, Any]:
    """Entries that are asked for. Raises InvalidMemory for keys such as `$gte`, which are operators elsewhere."""
    for key in _keys_within(given):
        if isinstance(key, str) and key.startswith("$"):
            raise InvalidMemory(
                f"extra_data has the key {json.dumps(key[:60])}, which would be compared as it is, not as an operator",
                hint=f"{_HINT} They go into `where`; a stored key that begins with $ can be asked for there, too.",
            )
    return given


def filtered(asked: dict[str, Any], where: Iterable[Where] = ()) -> Filter:
    """What entries that are asked for, and conditions, also in their JSON form, mean together.

    An entry has to be there and equal, or contain the list or object that is given. What is not there, or is null,
    counts as false, and as null: a comparison would lose it. Raises InvalidMemory for what JSON does not have.
    """
    metadata(entries(asked))
    contained = {key: value for key, value in asked.items() if value is not None and value is not False}
    absent = [key for key, value in asked.items() if value is None]
    predicates = [
        *(_is_untrue(_place([key])) for key, value in asked.items() if value is False),
        *(_predicate(Where([key], exists=False)) for key in absent),
        *map(_predicate, conditions(list(where))),
    ]
    return Filter(contained or None, " && ".join(predicates) or None)


def _predicate(condition: Where) -> str:
    """One that is true or false for any metadata: in jsonpath's lax mode, nothing is an error or unknown here."""
    place = _place(condition.path)
    said = {name: getattr(condition, name) for name in _SIGNS}
    tests = [f"@ {_SIGNS[name]} {json.dumps(value)}" for name, value in said.items() if value is not None]
    if condition.one_of is not None:
        tests.append(_is_one_of(condition.one_of))
    refused = [*([] if condition.ne is None else [condition.ne]), *(condition.none_of or ())]
    parts = [
        *([f"exists({place} ? ({' && '.join(tests)}))"] if tests else []),
        *([f"!exists({place} ? {_is_one_of(refused)})"] if refused else []),
    ]
    if condition.exists is not None:
        parts.append(f'{"" if condition.exists else "!"}({place}.type() != "null")')
    return " && ".join(parts)


def _is_untrue(place: str) -> str:
    return f'!({place}.type() == "boolean" && {place} == true)'


def _is_one_of(choices: Sequence[Scalar]) -> str:
    return f"({' || '.join(f'@ == {json.dumps(choice)}' for choice in choices)})"


def _place(keys: Sequence[str]) -> str:
    return "$" + "".join(f".{json.dumps(key)}" for key in keys)


def _condition(given: Any, place: str) -> Where:
    try:
        if isinstance(given, Where):
            return given
        _require(isinstance(given, Mapping), f"must be an object, but is {type(given).__name__}")
        unknown = [str(key)[:60] for key in given if key not in ("path", *OPERATORS)]
        _require(not unknown, f"has no operator {', '.join(map(json.dumps, unknown))}", _OPERATORS)
        _require("path" in given, 'lacks "path", the keys that lead to its entry')
        return Where(**given)
    except InvalidMemory as error:
        message = error.message.removeprefix("where")
        raise InvalidMemory(f"{place}{message}", hint=error.hint) from None


def _keys(path: Any) -> tuple[str, ...]:
    if isinstance(path, str):
        hint = f"As a path: {json.dumps(path.split('.')[:9])}. As a key with a dot: {json.dumps([path[:60]])}."
        _require("." not in path, "path has a dot", hint)
    keys = (path,) if isinstance(path, str) else path
    is_path = isinstance(keys, list | tuple) and all(isinstance(key, str) for key in keys)
    _require(is_path, "path must be a key, or a list of keys")
    _require(0 < len(keys) <= MAXIMUM_DEPTH, f"path has {len(keys)} keys", f"From 1 to {MAXIMUM_DEPTH} are possible.")
    for key in keys:
        fault = fault_of(key)
        _require(not fault, f"path has a key that {fault}")
    return tuple(keys)


def _choices(name: str, given: Any) -> tuple[Scalar, ...]:
    _require(isinstance(given, list | tuple), f"{name} must be a list, but is {type(given).__name__}")
    hint = f"From 1 to {MAXIMUM_CHOICES:,} are possible."
    _require(0 < len(given) <= MAXIMUM_CHOICES, f"{name} has {len(given):,} values", hint)
    for value in given:
        _look_at(name, value)
    return tuple(given)


def _look_at(name: str, value: Any, *, ordered: bool = False) -> None:
    is_scalar = isinstance(value, str | int | float) and not (ordered and isinstance(value, bool))
    kinds = "texts and numbers" if ordered else "texts, numbers and booleans"
    _require(is_scalar, f"{name} compares {kinds}, and not {type(value).__name__}")
    fault = fault_of(value)
    _require(not fault, f"{name} {fault}")


def _require(fits: bool, fault: str, hint: str = _HINT) -> None:
    if not fits:
        raise InvalidMemory(f"where: {fault}", hint=hint)


def _keys_within(value: Any, deeper: int = MAXIMUM_DEPTH) -> Iterator[Any]:
    """The keys of all objects. What is deeper than metadata may be is refused elsewhere."""
    if isinstance(value, dict | list) and deeper:
        yield from value if isinstance(value, dict) else ()
        for item in value.values() if isinstance(value, dict) else value:
            yield from _keys_within(item, deeper - 1)
