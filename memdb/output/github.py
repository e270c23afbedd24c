"""Workflow commands, and a verification as such, which GitHub shows as annotations beside the migration's file.

Escaping as the runner undoes it: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
"""

from collections.abc import Iterator
from pathlib import Path

from memdb.output.verification import details, headline, summary
from memdb.verification.verify import Verification


def lines(result: Verification) -> Iterator[str]:
    """An error for each difference, a notice for each note, and a plain line that sums up."""
    for difference in result.differences:
        message = "\n".join(f"{label}: {text}" if label else text for label, text in details(difference))
        yield command("error", message, title=headline(difference), file=annotatable(difference.path))
    for note in result.notes:
        yield command("notice", note, title="memdb verify-schema")
    yield summary(result)


def annotatable(path: str | None) -> str | None:
    """GitHub knows files of the repository only."""
    return path if path and not Path(path).is_absolute() else None


def command(name: str, message: str, **properties: str | None) -> str:
    """`::error file=…,title=…::message`; properties that are None are left out."""
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value is not None)
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
