"""What squawk finds (https://squawkhq.com, PyPI squawk-cli, extra `lint`), told what it cannot know of memdb."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memdb.errors import SetupError
from memdb.linting.findings import Finding, Level

OLDEST_SERVER = "14"

# memdb sets the timeouts itself, and a migration that fails leaves nothing behind that would have to be skipped.
_NEEDLESS = {"require-lock-timeout", "require-statement-timeout", "require-timeout-settings", "prefer-robust-stmts"}

# What undoes a file drops what that made; nothing that was there before is missed, which the rehearsal proves.
_MEANT_IN_ROLLBACKS = ("ban-drop-", "renaming-", "require-concurrent-index-deletion")

# What fails, loses data, or keeps readers or writers waiting for as long as a table is scanned or rewritten.
_SERIOUS = {
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "ban-concurrent-index-creation-in-transaction",
    "ban-drop-column",
    "ban-drop-database",
    "ban-drop-schema",
    "ban-drop-table",
    "ban-truncate-cascade",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-partition-detach",
    "require-concurrent-reindex",
    "transaction-nesting",
}


def executable() -> str:
    """Where squawk is: beside this Python, or on the PATH. Raises SetupError when it is not installed."""
    found = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if found is None:
        raise SetupError("squawk is not installed", hint="Install it with: pip install 'memdb-pg[lint]'")
    return found


def check(
    program: str, sql: str, file: str, *, transactional: bool, rollback: bool, own_rules: frozenset[str]
) -> Iterator[Finding]:
    """What squawk finds in `sql`. Names of `own_rules` in its comments are none that it does not know."""
    mode = "--assume-in-transaction" if transactional else "--no-assume-in-transaction"
    command = [program, "--reporter", "json", "--pg-version", OLDEST_SERVER, mode, "--stdin-filepath", file]
    result = subprocess.run(command, input=sql, capture_output=True, encoding="utf-8", check=False)
    try:
        violations = json.loads(result.stdout)
    except ValueError:
        raise SetupError(
            f"squawk does not work: {result.stderr.strip() or result.stdout.strip()}",
            hint="Check its settings (.squawk.toml), or reinstall it: pip install --upgrade 'memdb-pg[lint]'",
        ) from None
    lines = sql.split("\n")
    for violation in violations:
        if _matters(violation, rollback=rollback, own_rules=own_rules):
            yield _finding(violation, lines, file)


def _matters(violation: dict[str, Any], *, rollback: bool, own_rules: frozenset[str]) -> bool:
    rule = violation["rule_name"]
    if rule == "unused-ignore":
        return violation["message"].removeprefix("unknown name ") not in own_rules
    return rule not in _NEEDLESS and not (rollback and rule.startswith(_MEANT_IN_ROLLBACKS))


def _finding(violation: dict[str, Any], lines: list[str], file: str) -> Finding:
    """squawk counts lines and columns from 0, and columns in bytes."""
    line, rule = violation["line"], violation["rule_name"]
    before = lines[line].encode()[: violation["column"]].decode(errors="ignore") if line < len(lines) else ""
    serious = violation["level"] == "Error" or rule in _SERIOUS
    level: Level = "error" if serious else "warning"
    return Finding(file, line + 1, len(before) + 1, rule, level, violation["message"], violation["help"] or "")
