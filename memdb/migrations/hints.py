"""What to do about a statement that the server refused, by its SQLSTATE and what the message says.

Messages are matched in English; where the server speaks another language, the row for the code alone is taken.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import re

import psycopg

from memdb.addresses.refusals import READ_ONLY
from memdb.errors import StatementFailed
from memdb.words import shortened

_ALONE = (
    'put it alone into a migration whose first line is "-- transactional: false" (a rollback runs as its migration)'
)
_INSTALL = "Install it on the server, or ask whoever runs the server to allow it."
_THERE_ALREADY = (
    "If the database was set up before memdb came, adopt what is there: memdb baseline. If not, correct the file."
)
_NO_ROLE = (
    "Create the role first; roles belong to the server, not to a database. "
    "pg_dump --no-owner --no-privileges writes files without them."
)
_ROLE_THERE = (
    "Roles belong to the whole server, and this one already exists there. Create it in a do block, unless pg_roles "
    "has it. "
    "For a trial, name a server without it (--scratch-url)."
)
_NO_DATABASE = (
    "Elsewhere, and in trials, the database has another name. Use the current one, in a do block: "
    "execute format('grant connect on database %I to …', current_database())."
)
_FILE_OF_SERVER = "COPY reads and writes files on the server. In a migration, write rows as INSERT."
_NO_PLACEHOLDERS = "Placeholders of other tools, such as ${name}, are not filled in: write what they stand for."
_NO_SETTING = "This server does not have the setting: remove the line. A pg_dump of a newer release writes such lines."
_NO_VECTOR = "Create the extension vector first, in a schema that is on the search_path."
_NO_SCHEMA = "No schema on the search_path exists. Name the right one: --schema NAME."
_NOT_THERE = "Check its spelling, whether its schema is on the search_path, and what should have created it before."
_ROWS_DO_NOT_FIT = (
    "Existing rows, or rows that the file writes, do not fit. Correct them in the file before this "
    "statement, or in an earlier migration if the statement has to be alone."
)
_NO_TRIGGER = "Citus has no triggers on tables that are spread: do it in the statement that writes, or in a function."
_ONE_SHARD = "Over a cluster, this is done for one user at a time only: say user_id = … in each part of the statement."
_WITH_COLUMN = "Add the column by which the table is spread to it: only what is in one shard can be held unique."
_IN_THE_WAY = "Another session was in the way. The file is not at fault: try again."

_MANY_LOCKS = (
    "A transaction holds a lock for each table, partition and index that it changes. Changing the setting "
    "needs a restart."
)

# Patterns for the code and for the message with the server's hint, and what to do; the first row that fits counts.
_ADVICE = (
    ("53100|58030", "", "Make room on the server's disk, then try again; the file is not at fault."),
    ("53200", "max_locks_per_transaction", _MANY_LOCKS),
    ("53200", "", "The server is short of memory: try again with less maintenance_work_mem, or when others are done."),
    ("53", "", "The server is short of resources, and the file is not at fault: try again when others are done."),
    ("40", "", _IN_THE_WAY),
    ("XX000", "tuple concurrently", _IN_THE_WAY),
    ("XX000", "triggers are not supported on distributed", _NO_TRIGGER),
    ("XX000", "circular dependency", "Write the body of the function as text, in place of begin atomic."),
    ("0A000", "FOR UPDATE/SHARE|on the partition column", _ONE_SHARD),
    ("0A000", "cannot create constraint on ", _WITH_COLUMN),
    (
        "58P01|0A000",
        "is not available|extension control file|could not access file|not supported (in|by) this build",
        _INSTALL,
    ),
    ("58", "could not open file", _FILE_OF_SERVER),
    ("58|XX|F0", "", "The server is at fault, not the file: see the server's log."),
    (
        "57014",
        "statement timeout",
        "The file, or a function that it calls, sets this time-out; memdb itself sets none.",
    ),
    ("57014", "", "Someone cancelled it. The file is not at fault: try again."),
    ("55P03", "", "Others hold a lock on it: find them in pg_stat_activity, or allow more time with --wait."),
    ("55006", "pending trigger events", "Put it into a migration after the one that changes the rows."),
    ("55006", "", "Find in pg_stat_activity who uses it, and try again when they are done."),
    ("55P04", "", "Use the new value in the next migration: it has to be committed first."),
    ("42710", "^role ", _ROLE_THERE),
    ("3D000", "", _NO_DATABASE),
    ("42P07|42710|42701|42723|42P06", "", _THERE_ALREADY),
    ("42704", "^role ", _NO_ROLE),
    ("42704", "unrecognized configuration parameter", _NO_SETTING),
    ("42704|42883", r"\b(vector|halfvec|sparsevec|hnsw|ivfflat|\w+_(cosine|ip|l[12])_ops)\b", _NO_VECTOR),
    ("3F000", "no schema has been selected", _NO_SCHEMA),
    ("42704|42883|42P01|3F000", "", _NOT_THERE),
    ("42501", "row-level security", "Leave row_security on, or run it as a role that policies do not hold."),
    ("42501", "create extension|superuser", "Have a superuser run this statement once, beforehand."),
    ("42501", "", "Connect as the owner, or have the privilege granted to the role that runs it."),
    ("23502|23503|23505|23514|23P01", "", _ROWS_DO_NOT_FIT),
    ("2BP01", "", "Change or drop what depends on it first, each by its name."),
    ("25001", "from a function", f"Take it out of the block or function, and {_ALONE}."),
    ("25001", "before any query", "Remove it, or make it the first statement of the file."),
    ("25001", "", f"It cannot be part of a transaction: {_ALONE}."),
    ("2D000", "invalid transaction termination", f"It commits by itself, so {_ALONE}."),
    ("25006", "", READ_ONLY),
    ("22P05|22021", "", "The database's encoding lacks this character; UTF8 has all of them."),
    ("42601", r'at or near "(:|\\)', "Only psql understands \\commands and :variables: write what they stand for."),
    ("42601", r'at or near "\$', _NO_PLACEHOLDERS),
    ("P0001|P0004", "", "The file, or a function that it calls, raised this itself: do as it says, and try again."),
)
_DEFAULT = "Correct the file and try again."
# The server's own hint for what others depend on, or for a table that others refer to, is to lose them as well; and for
# a table whose rows are held back from its owner, to open it.
_HARMS = re.compile(r"\bCASCADE\b|\bNO FORCE ROW LEVEL SECURITY\b")


def is_missing_there(error: StatementFailed) -> bool:
    """Whether a server without something has refused it, such as an extension; what it says it cannot do, none can."""
    return error.sqlstate == "0A000" and not error.message.startswith("cannot ")


def said(error: psycopg.Error) -> str:
    """The server's own hint, or that of whoever raised the error there, if that destroys and opens nothing."""
    hint = shortened(error.diag.message_hint or "")
    return "" if _HARMS.search(hint) else hint


def advise(error: psycopg.Error) -> str:
    """The server's hint and ours; where the server has one, ours only if it is of the cause."""
    theirs = said(error)
    message = f"{error.diag.message_primary or ''} {theirs}"
    fitting = (
        advice
        for code, pattern, advice in _ADVICE
        if re.match(code, error.sqlstate or "") and re.search(pattern, message)
    )
    advice = next(fitting, "" if theirs else _DEFAULT)
    return f"{theirs} {advice}".strip()
