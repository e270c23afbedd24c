"""Dataclasses out of what JSON holds: nothing is missing, nothing unknown, and each value is of its field's type."""

import dataclasses
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def read(kind: Any, value: Any, where: str = "it") -> Any:
    """`value` as a `kind`: a dataclass, text, whole number, truth value, None, literal, tuple, dict or union of these.

    Raises ValueError, which says where in the document something else is.
    """
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, where)
    match get_origin(kind), get_args(kind):
        case (origin, kinds) if origin in (Union, UnionType):
            return _one_of(kinds, value, where)
        case (origin, (item, _)) if origin is tuple and isinstance(value, list):
            return tuple(read(item, entry, f"{where}[{number}]") for number, entry in enumerate(value))
        case (origin, (_, item)) if origin is dict and isinstance(value, dict):
            return {_text(key, where): read(item, entry, f"{where}[{key!r}]") for key, entry in value.items()}
        case (origin, values) if origin is Literal and value in values:
            return value
    if type(value) is not kind:  # True is an int, too, and is not meant
        raise ValueError(f"{where} is {_name(type(value))}, and not {_name(kind)}")
    return _text(value, where) if isinstance(value, str) else value


def _object(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {_name(type(value))}, and not an object")
    kinds = get_type_hints(kind)
    if missing := kinds.keys() - value.keys():
        raise ValueError(f"{where} has no {min(missing)!r}")
    if unknown := value.keys() - kinds.keys():
        raise ValueError(f"{where} has {min(unknown)!r}, which is not known")
    prefix = "" if where == "it" else f"{where}."
    return kind(**{name: read(kinds[name], item, f"{prefix}{name}") for name, item in value.items()})


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    reasons = []
    for kind in kinds:
        try:
            return read(kind if kind is not None else type(None), value, where)
        except ValueError as error:
            reasons.append(error)
    raise reasons[0]


def _text(text: str, where: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where} holds what is no character") from None
    return text


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    tuple: "a list",
    type(None): "null",
}


def _name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    return _NAMES.get(get_origin(kind) or kind, str(kind))
