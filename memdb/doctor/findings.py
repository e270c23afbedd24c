"""What an examination finds."""

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["error", "warning", "info"]

LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """An error exposes, loses or hides memories, or will; a warning makes them slow or costly; an info is to be known.

    `object` is what it is about, as SQL names it. `mend` says what to do; `command` is a line to paste that does it,
    which is there only where it loses nothing and lets nobody in. `check` names the check that found it.
    """

    level: Level
    title: str
    object: str
    why: str
    mend: str
    command: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Checks that could not look, and why."""

    checks: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """`fine` are the checks that found nothing. `memories` is the server's estimate; None where there is no table."""

    findings: tuple[Finding, ...]
    fine: tuple[str, ...]
    unseen: tuple[Unseen, ...]
    schema: str
    server_version: str
    pgvector_version: str | None
    memories: int | None

    @property
    def ok(self) -> bool:
        """Nothing is an error."""
        return all(finding.level != "error" for finding in self.findings)
