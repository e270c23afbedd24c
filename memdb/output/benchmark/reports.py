"""Reports of a study in files: the kind follows from the ending of the name."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memdb import files, output
from memdb.benchmark.study import Study
from memdb.errors import UsageError
from memdb.output.benchmark import markdown, page


@dataclass(frozen=True, slots=True)
class Kind:
    """How a report is written, and how one is told from any other file of its ending."""

    document: Callable[[Study], str]
    is_one: Callable[[Path], bool]


def _json(study: Study) -> str:
    return json.dumps(output.as_json(study), indent=2) + "\n"


def _is_json(path: Path) -> bool:
    found: Any = files.read_json(path)
    return isinstance(found, dict) and {"strategies", "verdict"} <= found.keys()


def _mentions(text: str) -> Callable[[Path], bool]:
    return lambda path: text.encode() in files.read_bytes(path)


KINDS = {
    ".json": Kind(_json, _is_json),
    ".md": Kind(markdown.document, _mentions(markdown.TITLE)),
    ".html": Kind(page.document, _mentions(page.TITLE)),
}


def check(path: Path) -> None:
    """Before anything is measured. Raises UsageError for a report that could not, or should not, be written."""
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path} is not a kind of report that memdb writes", hint=f"End it with {', '.join(KINDS)}.")
    files.expect_replaceable(path, "report", "report of benchmark-similarity", kind.is_one)


def write(study: Study, path: Path) -> bool:
    """Writes the report, over an earlier one. Where that fails it says so, and the earlier one is as it was."""
    try:
        files.write(path, KINDS[path.suffix.lower()].document(study))
    except OSError as error:
        output.say(f"{path} cannot be written: {error.strerror or error}", label="error:", color="red")
        return False
    output.say(f"Wrote {path}.")
    return True
