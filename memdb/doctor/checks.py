"""What a check is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from memdb.doctor.findings import Finding
from memdb.doctor.patient import Patient

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True, slots=True)
class Check:
    """`looks_for` completes "It speaks where …". `find` raises CannotLook where it cannot tell."""

    name: str
    looks_for: str
    find: Callable[[Patient], Iterator[Finding]]


def sized(number: float) -> str:
    """Bytes for a person: `64 MB`, `1.2 GB`, `3.4 TB`."""
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:
            break
        number /= 1024
    return f"{number:.1f} {unit}" if unit not in _UNITS[:3] and number < 10 else f"{number:,.0f} {unit}"


def about(number: float) -> str:
    """A number that was estimated, in two digits: `about 120,000`."""
    digits = max(0, len(str(int(number))) - 2)
    return f"about {round(number, -digits):,.0f}"
