"""Reports of a study in files: the kind follows from the ending of the name."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from memdb import output
from memdb.benchmark.study import Study
from memdb.errors import UsageError
from memdb.output.benchmark import markdown, page


def _json(study: Study) -> str:
    return json.dumps(output.as_json(study), indent=2) + "\n"


KINDS: dict[str, Callable[[Study], str]] = {
    ".json": _json,
    ".md": markdown.document,
    ".html": page.document,
}


def check(path: Path) -> None:
    """Before anything is measured. Raises UsageError for a report that could not be written."""
    if path.suffix.lower() not in KINDS:
        raise UsageError(f"{path} is no kind of report that memdb writes", hint=f"End it with {', '.join(KINDS)}.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for the report", hint="Make it first, or name another.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="Name a file in it.")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise UsageError(f"{path} may not be written", hint="Name another file.")


def write(study: Study, path: Path) -> None:
    """Writes the report, over an earlier one. Raises UsageError where that fails."""
    try:
        path.write_text(KINDS[path.suffix.lower()](study), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", hint="Name another file.") from None
    output.say(f"Wrote {path}.")
