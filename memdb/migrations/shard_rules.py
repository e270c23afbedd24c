"""What Citus refuses of a table that is spread over a cluster, told from the text before anything runs.

As tried on 13.2; https://docs.citusdata.com/en/stable/develop/reference_workarounds.html has more.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memdb import statements
from memdb.migrations.preflight import Refusal
from memdb.shape import IDENTIFIER, unquoted
from memdb.statements import Statement

_NAME = rf"(?P<table>{IDENTIFIER}(?:\s*\.\s*{IDENTIFIER})*)"
_ALTER = rf"\A\s*alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?{_NAME}\s"


@dataclass(frozen=True, slots=True)
class _Rule:
    """`when` is for the words of a statement. In its text `pattern` finds a `table`; where it finds `columns`, too,
    they may have the one by which that is spread."""

    when: re.Pattern[str]
    pattern: re.Pattern[str]
    message: str
    hint: str


def _rule(when: str, pattern: str, message: str, hint: str) -> _Rule:
    return _Rule(re.compile(when), re.compile(pattern, re.IGNORECASE | re.DOTALL), message, hint)


_KEY = "Add {column} to it: over many servers only what is in one shard can be held unique."
_NO_TRIGGER = "Do it in the statement that writes, or in a function that applications call."
_RULES = (
    _rule(
        r"create (?:or replace )?(?:constraint )?trigger\b",
        rf"\son\s+{_NAME}\s",
        "Citus has no triggers on {table}, which is spread over a cluster",
        _NO_TRIGGER,
    ),
    _rule(
        r"alter table .*\b(?:enable|disable) (?:replica |always )?trigger\b",
        _ALTER,
        "Citus has no triggers on {table}, which is spread over a cluster",
        _NO_TRIGGER,
    ),
    _rule(
        r"alter table .*\balter (?:column )?(?:\w+ )?(?:set (?:storage|statistics|compression)|add generated)\b",
        _ALTER,
        "Citus does not alter a column of {table} like this, which is spread over a cluster",
        "Do it before the table is spread, or on each shard: run_command_on_shards.",
    ),
    _rule(
        r"alter table .*\badd (?:column )?.*\bgenerated (?:always|by default) as identity\b",
        _ALTER,
        "Citus adds no identity column to {table}, which is spread over a cluster",
        "Use a uuid with a default, or number rows within a user.",
    ),
    _rule(
        r"alter table .*\badd .*\b(?:unique|primary key)\b",
        rf"{_ALTER}.*?\b(?:unique|primary\s+key)\b(?!\s+using\s+index)"
        r"(?:\s*(?:nulls\s+(?:not\s+)?distinct\s*)?\((?P<columns>[^)]*)\))?",
        "a key of {table}, which is spread over a cluster by {column}, has to contain {column}",
        _KEY,
    ),
    _rule(
        r"create unique index\b",
        rf"\son\s+(?:only\s+)?{_NAME}\s*(?:using\s+\w+\s*)?\((?P<columns>[^)]*)\)",
        "a unique index on {table}, which is spread over a cluster by {column}, has to contain {column}",
        _KEY,
    ),
    _rule(
        r"(?:create|alter) table .*\breferences\b",
        rf"\breferences\s+{_NAME}\s*\((?P<columns>[^)]*)\)",
        "a foreign key to {table}, which is spread over a cluster by {column}, has to contain {column}",
        "Refer to ({column}, …), from a table that is spread by the same users.",
    ),
    _rule(
        r"(?:create|alter) policy\b.*\bselect\b",
        rf"\son\s+{_NAME}\s",
        "Citus has no policies with a subquery on {table}, which is spread over a cluster",
        "Write the function itself: current_setting('…') in place of (select current_setting('…')).",
    ),
    _rule(
        r"update .*\b(?:clock_timestamp|random|gen_random_uuid|nextval|timeofday)\b",
        rf"\A\s*update\s+(?:only\s+)?{_NAME}\s",
        "Citus changes no rows of {table}, which is spread over a cluster, by a function that is never the same twice",
        "Use now(), or have the values made before.",
    ),
    _rule(
        r"create (?:or replace )?function\b.*\bbegin atomic\b",
        rf"\b(?:from|join|into|update)\s+{_NAME}\b",
        "Citus cannot alter {table}, which is spread over a cluster, where a function has it in a body that is bound",
        "Write the body as text, in place of begin atomic, and give the function a search_path.",
    ),
)


def refusals(sql: str, spread: Mapping[str, str]) -> Iterator[Refusal]:
    """What of a file Citus would refuse; `spread` has the column by which each table is spread, by its bare name."""
    for statement in statements.split(sql) if spread else ():
        words = " ".join(statement.words)
        for rule in _RULES:
            if rule.when.match(words) and (refusal := _refusal(rule, statement, spread)):
                yield refusal


def _refusal(rule: _Rule, statement: Statement, spread: Mapping[str, str]) -> Refusal | None:
    for found in rule.pattern.finditer(statement.text):
        groups = found.groupdict()
        table = _bare(groups["table"])
        column = spread.get(table)
        if column is not None and column not in _names(groups.get("columns")):
            names = {"table": table, "column": column}
            return Refusal(statement.start, rule.message.format(**names), rule.hint.format(**names))
    return None


def _bare(name: str) -> str:
    """The name of a table without its schema, as the catalog has it."""
    last = re.split(r"\.(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", name)[-1].strip()
    return unquoted(last) if last.startswith('"') else last.lower()


def _names(columns: str | None) -> set[str]:
    return {_bare(part.strip().split()[0]) for part in (columns or "").split(",") if part.strip()}
