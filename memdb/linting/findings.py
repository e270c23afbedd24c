"""What a review finds, and the comments with which a file says that something is meant."""

import re
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]

_IGNORE = re.compile(r"(?:--|/\*)\s*squawk-ignore(?P<file>-file)?\b(?P<rules>(?:(?!--|\*/).)*)")


# What squawk reads in a text and a rehearsal sees happen: a comment that silences the one is meant for the other, too.
_SAME_AS = {
    "table-rewrite": {"adding-field-with-default", "adding-serial-primary-key-field", "changing-column-type"},
    "blocking-index": {
        "disallowed-unique-constraint",
        "require-concurrent-index-creation",
        "require-concurrent-reindex",
        "adding-serial-primary-key-field",
    },
    "blocking-scan": {
        "adding-foreign-key-constraint",
        "adding-not-nullable-field",
        "adding-required-field",
        "constraint-missing-not-valid",
    },
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`line` and `column` count from 1. An error would fail, lose data or block the application; a warning may."""

    file: str
    line: int
    column: int
    rule: str
    level: Level
    message: str
    help: str = ""


def silenced(finding: Finding, text: str) -> bool:
    """Whether `text` says that the finding is meant, as squawk has it.

    `-- squawk-ignore RULE, …` counts for its own line and the next one, `-- squawk-ignore-file RULE, …` for all;
    the latter without a rule means every rule. What follows after another `--` is the reason.
    """
    names = {finding.rule, *_SAME_AS.get(finding.rule, ())}
    for number, line in enumerate(text.split("\n"), start=1):
        if "squawk-ignore" in line and (match := _IGNORE.search(line)):
            rules = {rule.strip() for rule in match["rules"].split(",")} - {""}
            here = match["file"] is not None or finding.line in (number, number + 1)
            if here and (names & rules or (match["file"] is not None and not rules)):
                return True
    return False
