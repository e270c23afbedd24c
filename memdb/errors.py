"""Every error that memdb raises on purpose.

MemdbError
├── UsageError               exit 2   an argument cannot be used
├── SetupError               exit 3   the database, or something else that is needed, cannot be used
│   ├── SettingsError                 a setting cannot be read
│   ├── SqlFilesError                 the SQL directory, or a file in it, cannot be used
│   ├── ConnectionFailed              no connection could be made, or it was lost
│   │   └── WorkerLost                that of a coordinator to a worker of its cluster
│   ├── DatabaseError                 the server refused something that memdb asked of it
│   ├── EmbeddedError                 the embedded PostgreSQL cannot be used
│   ├── UntrustedSchema               others could have a superuser run their code
│   ├── LockTimeout                   others hold a lock that is needed
│   ├── OutputError                   the result cannot be written to stdout
│   ├── EmbedderFailed                what makes embeddings gave none, or none that can be used
│   └── DataError                     rows to be loaded, or already there, do not fit
│       ├── InvalidMemory             a memory that cannot be stored as it is
│       └── UnknownUser               a memory belongs to a user who does not exist
└── MigrationError           exit 4   a migration cannot be applied or rolled back
    ├── HistoryError                  the history and the files do not match
    └── StatementFailed               the server refused a statement of a migration
"""

import copyreg
from typing import Any, ClassVar


class MemdbError(Exception):
    """What happened and to what (`message`), and what to do next (`hint`).

    `address` is the database to which the command was connected, if any.
    """

    exit_code: ClassVar[int] = 3
    address: str = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        """What a traceback shows below the message."""
        return [self.hint] if self.hint else []

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: some kinds are made of more than the message that an exception keeps."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class UsageError(MemdbError):
    exit_code = 2


class SetupError(MemdbError):
    exit_code = 3


class SettingsError(SetupError): ...


class SqlFilesError(SetupError): ...


class ConnectionFailed(SetupError): ...


class WorkerLost(ConnectionFailed): ...


class DatabaseError(SetupError): ...


class EmbeddedError(SetupError): ...


class UntrustedSchema(SetupError): ...


class LockTimeout(SetupError): ...


class OutputError(SetupError): ...


class EmbedderFailed(SetupError): ...


class DataError(SetupError): ...


class InvalidMemory(DataError, ValueError):
    """Also a ValueError, so that Pydantic reports it like any other invalid value."""


class UnknownUser(DataError): ...


class MigrationError(MemdbError):
    """`completed` names the migrations that the run had already finished; they stay."""

    exit_code = 4
    completed: tuple[str, ...] = ()


class HistoryError(MigrationError): ...


class StatementFailed(MigrationError):
    """The server refused a statement; `location` says where in which file, with the line and a caret.

    `sqlstate` is the server's code (https://www.postgresql.org/docs/current/errcodes-appendix.html). `half_done` says
    that the statement had already committed a part of its work, which would be done twice if it ran again.
    `said` is the server's own hint, if it advises nothing that destroys.
    """

    half_done = False
    said = ""

    def __init__(
        self, message: str, *, hint: str = "", location: str = "", excerpt: str = "", sqlstate: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.location = location
        self.excerpt = excerpt
        self.sqlstate = sqlstate
