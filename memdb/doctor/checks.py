"""What a check is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from memdb.doctor.findings import Finding
from memdb.doctor.patient import Patient


@dataclass(frozen=True, slots=True)
class Check:
    """`looks_for` completes "It speaks where …". `find` raises CannotLook where it cannot tell."""

    name: str
    looks_for: str
    find: Callable[[Patient], Iterator[Finding]]


def sized(number: float) -> str:
    """Bytes for a person: `64 MB`, `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1024 or unit == "GB":
            break
        number /= 1024
    return f"{number:.1f} {unit}" if unit == "GB" and number < 10 else f"{number:,.0f} {unit}"


def about(number: float) -> str:
    """A number that was estimated, in two digits: `about 120,000`."""
    digits = max(0, len(str(int(number))) - 2)
    return f"about {round(number, -digits):,.0f}"
