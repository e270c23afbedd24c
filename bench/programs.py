"""The programs of PostgreSQL that come with the servers that are measured."""

from memdb import embedded
from memdb.embedded import programs


def program(name: str) -> str:
    """Where it is: psql, pgbench."""
    return str(programs.of(embedded.MAJOR).folder / "bin" / name)


def psql(server: embedded.Server, database: str = embedded.DATABASE) -> tuple[str, ...]:
    """The command that connects to a database of the server."""
    return (program("psql"), "--no-psqlrc", "--quiet", server.url(database))
