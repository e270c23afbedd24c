"""What can be told of a migration before it runs, so that a run does not stop half-way for it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from memdb import statements
from memdb.errors import MigrationError
from memdb.ledger.plan import Step
from memdb.statements import Statement

_ROWS = (
    "In a migration, write rows as INSERT (pg_dump --inserts or --rows-per-insert=1000 does). Or load them outside "
    "of migrations."
)
# Patterns for the words of a statement, what to say of it, and what to do about it.
_REFUSED = (
    (
        re.compile(
            r"(begin|start transaction|commit(?! prepared)|end|abort|prepare transaction"
            r"|rollback(?! prepared| (?:work |transaction )?to))\b"
        ),
        '"{}" would end the transaction in which memdb runs the file',
        "Remove it: a migration and its entry in the history are committed together.",
    ),
    (
        re.compile(r"(discard all)\b"),
        '"{}" would release the lock that keeps other runs out',
        "Remove it: every migration starts in a clean session.",
    ),
    (
        re.compile(r"(set (?:local |session )?transaction_read_only|set transaction (?:\w+ )*?read only)\b"),
        '"{}" would keep memdb from recording the migration in its history',
        "Remove it.",
    ),
    (
        re.compile(r"copy .*\b(?:from|to) (stdin|stdout)\b"),
        "COPY FROM STDIN has no input here, and COPY TO STDOUT no reader",
        _ROWS,
    ),
)
_SUSPECTS = ("begin", "start", "commit", "end", "abort", "prepare", "rollback", "discard", "set", "copy")

# Of dbmate, goose, sql-migrate, micrate and MyBatis, whose files hold both directions.
_BOTH_DIRECTIONS = re.compile(
    r"^--[ \t]*(?:migrate:|\+\w+[ \t]+|//[ \t]*@)(?:down|undo)\b", re.IGNORECASE | re.MULTILINE
)

_OF_PSQL = re.compile(r"\\(?P<command>\w+|.)?|:(?P<variable>\w*)", re.DOTALL)
_RESTRICT = (
    "Remove the lines \\restrict and \\unrestrict, which pg_dump writes only for psql: "
    r"grep -vE '^\\(un)?restrict ' DUMP; if it has rows, use pg_dump --inserts"
)
_INCLUDE = "Put what it includes into this file, or into a migration of its own."
_CONNECT = "Remove it: memdb says in which database the file runs. pg_dump without --create does not write it."
_DOING_WITHOUT = {
    "restrict": _RESTRICT,
    "unrestrict": _RESTRICT,
    "i": _INCLUDE,
    "ir": _INCLUDE,
    "include": _INCLUDE,
    "include_relative": _INCLUDE,
    "c": _CONNECT,
    "connect": _CONNECT,
    "copy": _ROWS,
    ".": _ROWS,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file cannot be run, and where in it, in characters."""

    offset: int
    message: str
    hint: str


def check(steps: Iterable[Step]) -> None:
    """Raises MigrationError for what would break the promise that all of a migration stays or nothing."""
    for step in steps:
        if refusal := first_refusal(step.sql, transactional=step.migration.transactional):
            line, _ = statements.line_and_column(step.sql, refusal.offset)
            raise MigrationError(f"{step.path}:{line}: {refusal.message}", hint=refusal.hint)


def first_refusal(sql: str, *, transactional: bool) -> Refusal | None:
    """The first thing for which memdb would refuse to run the file. What follows may be rows, and no SQL at all."""
    return next(_refusals(sql, transactional=transactional), None)


def _refusals(sql: str, *, transactional: bool) -> Iterator[Refusal]:
    found = statements.split(sql)
    if not found:
        yield Refusal(0, "the file has no statement", "Fill it in; where nothing is to be done, say so with: select 1;")
    if down := _BOTH_DIRECTIONS.search(sql):
        yield Refusal(
            down.start(),
            f'what follows "{down[0]}" would run as well, and undo what comes before it',
            "Move it into the rollback file: a migration is one file, and what undoes it is another.",
        )
    for statement in found:
        yield from _of_statement(statement)
    if not transactional and len(found) > 1:
        yield Refusal(
            found[1].start,
            f"{len(found)} statements in a file that says transactional: false",
            "Without a transaction a failure could leave half of them done: put each into a file of its own.",
        )


def _of_statement(statement: Statement) -> Iterator[Refusal]:
    for_psql = statement.for_psql
    if for_psql is not None:
        yield _of_psql(statement, for_psql)
    if not statement.text[: len("rollback")].lower().startswith(_SUSPECTS):
        return
    words = " ".join(statement.words)
    for pattern, message, hint in _REFUSED:
        if match := pattern.match(words):
            yield Refusal(statement.start, message.format(match[1]), hint)


def _of_psql(statement: Statement, offset: int) -> Refusal:
    match = _OF_PSQL.match(statement.text, offset)
    assert match is not None
    message = f"only psql understands {match[0]}"
    if match["variable"] is None:
        hint = _DOING_WITHOUT.get(match["command"], "Remove it: the file is sent to the server as it is.")
    else:
        hint = "Write the value itself: a migration has no variables."
    return Refusal(statement.start + offset, message, hint)
