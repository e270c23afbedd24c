"""Workflow commands, which GitHub shows as annotations beside the file that they are about.

Escaping as the runner undoes it: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memdb.output import actions
from memdb.output.rendering import Annotation, annotate, has_annotations


def tells(kind: type) -> bool:
    """Whether there are annotations for such results."""
    return has_annotations(kind)


def lines(result: Any) -> Iterator[str]:
    """A command for each annotation, and plain lines that sum up."""
    return (actions.shown(item) if isinstance(item, str) else command(item) for item in annotate(result))


def command(annotation: Annotation) -> str:
    """`::error title=…,file=…,line=…,col=…::message`, with what is known of these."""
    place = {"file": _in_repository(annotation.file), "line": annotation.line, "col": annotation.column}
    properties = {"title": annotation.title} | {key: value for key, value in place.items() if value is not None}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{annotation.level} {given}::{_data(annotation.message)}"


def _in_repository(path: str | None) -> str | None:
    """GitHub knows no other files."""
    return path if path and not Path(path).is_absolute() else None


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
