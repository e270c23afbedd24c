"""A verification as workflow commands, which GitHub shows as annotations beside the migration's file.

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
        yield _command("error", message, title=headline(difference), file=_annotatable(difference.path))
    for note in result.notes:
        yield _command("notice", note, title="memdb verify-schema")
    yield summary(result)


def _annotatable(path: str | None) -> str | None:
    """GitHub knows files of the repository only."""
    return path if path and not Path(path).is_absolute() else None


def _command(name: str, message: str, **properties: str | None) -> str:
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value is not None)
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
