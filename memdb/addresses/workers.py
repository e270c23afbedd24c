"""What a worker of a Citus cluster refuses, as one server would say it.

The coordinator hands such errors on with the names of shards (`memories_pkey_102016`), without naming the table or the
constraint beside the text, and for rows that are copied with XX000 in place of the code. From its sources:
src/backend/distributed/connection/remote_commands.c and src/backend/distributed/commands/multi_copy.c.
"""

import re
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import lookup
from psycopg.pq import DiagnosticField

from memdb.words import shortened

_UNKNOWN = "XX000"
_HANDED_ON = ("ReportResultError", "ReportCopyError")  # the functions of Citus that do so
_SHARD = re.compile(r'(?<=\w)_\d{6,}(?=")')  # their numbers begin at 102008
_LOST = ("08000", "08001", "08003", "08004", "08006", "58030")  # the last where rows are copied
_ENDED = ("57P01", "57P02", "57P03")
# What libpq says of a connection that has ended, in place of what the worker would have said.
_OF_LIBPQ = re.compile(
    r"terminating connection|SSL |server closed the connection|no connection to|connection (?:not open|to server)"
    r"|could not (?:receive|send) data"
)
_NODE = re.compile(r"(?:remote node (?:[^\s@]+@)?|connect to |on )(?P<node>[\w.:\[\]-]+:\d+)")
_REASON = re.compile(r"failed with the following error: (?P<reason>.+)")
_CODES = (
    ("23505", re.compile(r'duplicate key value violates unique constraint "(?P<constraint>.+)"')),
    ("23503", re.compile(r'on table "(?P<table>.+)" violates foreign key constraint "(?P<constraint>.+?)"')),
    ("23502", re.compile(r'null value in column "(?P<column>.+)" of relation "(?P<table>.+)" violates not-null')),
    ("23514", re.compile(r'new row for relation "(?P<table>.+)" violates check constraint "(?P<constraint>.+)"')),
)
_FIELDS = {
    "constraint": DiagnosticField.CONSTRAINT_NAME,
    "table": DiagnosticField.TABLE_NAME,
    "column": DiagnosticField.COLUMN_NAME,
}


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A worker, as host and port where the coordinator names it, and why it cannot be reached."""

    node: str | None
    reason: str


def unreachable(error: psycopg.Error) -> Unreachable | None:
    """The worker that an error is about which the coordinator cannot reach, or whose connection was lost."""
    message = error.diag.message_primary or ""
    node = _NODE.search(message) or _NODE.search(error.diag.context or "")
    ended = error.sqlstate in _ENDED or (error.sqlstate == _UNKNOWN and _OF_LIBPQ.match(message) is not None)
    is_handed_on = error.diag.source_function in _HANDED_ON
    if not (ended and is_handed_on) and (error.sqlstate not in _LOST or node is None):
        return None
    reason = _REASON.search(message)
    said = (
        reason["reason"] if reason else error.diag.message_detail or (message if ended else "the connection was lost")
    )
    return Unreachable(node["node"] if node else None, shortened(said.strip()))


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker has refused, without the numbers of shards; `names` has the constraint, table and column."""

    sqlstate: str
    message: str
    detail: str
    names: dict[str, str]


def told(function: str | None, sqlstate: str | None, message: str | None, detail: str | None) -> Told | None:
    """Reads an error as any driver has it, with the `function` of the server that reports it. None for an error of the
    server itself."""
    if function not in _HANDED_ON:
        return None
    plain = _without_shards(message)
    for code, pattern in _CODES:
        if found := pattern.search(plain):
            return Told(code, plain, _without_shards(detail), found.groupdict())
    return Told(sqlstate or "", plain, _without_shards(detail), {})


def as_on_one_server(error: psycopg.Error) -> psycopg.Error:
    """The error that one server would raise; the same where no worker has."""
    diag = error.diag
    said = told(diag.source_function, error.sqlstate, diag.message_primary, diag.message_detail)
    if said is None:
        return error
    fields: dict[int, bytes | None] = {field: _field(error, field) for field in DiagnosticField}
    fields[DiagnosticField.SQLSTATE] = said.sqlstate.encode()
    fields[DiagnosticField.MESSAGE_PRIMARY] = said.message.encode()
    fields[DiagnosticField.MESSAGE_DETAIL] = said.detail.encode() or None
    fields |= {_FIELDS[name]: value.encode() for name, value in said.names.items()}
    return _class(said.sqlstate)(said.message, info=fields)


def _field(error: psycopg.Error, field: DiagnosticField) -> bytes | None:
    value: Any = getattr(error.diag, field.name.lower(), None)
    return None if value is None else str(value).encode()


def _without_shards(text: str | None) -> str:
    return _SHARD.sub("", text or "")


def _class(code: str) -> type[psycopg.Error]:
    try:
        return lookup(code)
    except KeyError:
        return psycopg.DatabaseError
