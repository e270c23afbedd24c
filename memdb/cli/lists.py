"""Options that are lists, such as `40,100` and `plain,exact`."""

import re

from memdb.benchmark import strategies as known
from memdb.errors import UsageError

_NUMBER = re.compile(r"[0-9]{1,9}")


def strategies(text: str | None, ef_search: tuple[int, ...], candidates: tuple[int, ...]) -> tuple[str, ...]:
    """Their names. Raises UsageError for one that does not exist, and for a sweep that none of them takes part in."""
    names = known.parse(known.PLAIN if text is None else text)
    for option, swept, given in (("--ef-search", "ef_search", ef_search), ("--candidates", "candidates", candidates)):
        sweeping = [name for name, way in known.WAYS.items() if swept in way.sweeps]
        if given and not set(names) & set(sweeping):
            raise UsageError(
                f"{option} has no effect on {', '.join(names)}",
                hint=f"It affects {', '.join(sweeping)}. Choose strategies with --strategies, or measure all.",
            )
    return tuple(names)


def numbers(option: str, text: str, least: int, most: int) -> tuple[int, ...]:
    """`40,100`. Raises UsageError for anything else, and for what is out of range."""
    values = [part.strip() for part in text.split(",") if part.strip()]
    found = [int(value) if _NUMBER.fullmatch(value) else -1 for value in values]
    if (text and not values) or any(not least <= number <= most for number in found):
        raise UsageError(
            f"{option} {text!r} is not a list of numbers from {least:,} to {most:,}",
            hint=f"Write it as {option} 10,20.",
        )
    return tuple(dict.fromkeys(found))
