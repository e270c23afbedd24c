"""What results can be written as, besides text and JSON: each module here is a format, called as it is in --format.

It has `lines`, those of a result, and `tells`, whether it is for a type of results.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

COMMON = ("text", "json")
"""What every result can be written as."""


def names(result: type) -> list[str]:
    """The formats that there are for results of this type."""
    return [*COMMON, *(module.name for module in pkgutil.iter_modules(__path__) if _format(module.name).tells(result))]


def lines(result: Any, format: str) -> Iterator[str]:
    """A result in one of the formats that are not common."""
    found: Iterator[str] = _format(format).lines(result)
    return found


def _format(name: str) -> Any:
    return import_module(f"{__name__}.{name}")
