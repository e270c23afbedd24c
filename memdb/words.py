"""Numbers and lists in sentences."""

from collections.abc import Sequence

_PLURALS = {"index": "indexes", "statistics": "statistics"}


def count(number: int, noun: str) -> str:
    """`1 row`, `2,000 memories`"""
    plural = _PLURALS.get(noun) or (f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s")
    return f"{number:,} {noun if number == 1 else plural}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`"""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
