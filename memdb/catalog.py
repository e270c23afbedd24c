"""What the database really holds, read from pg_catalog."""

from memdb.database import Connection


def application_tables(connection: Connection) -> frozenset[str]:
    """`users` where the application made it, which memdb neither drops nor holds to its snapshot."""
    row = connection.execute(
        "select obj_description(to_regclass('users'), 'pg_class') like 'Stand-in made by memdb%'"
    ).fetchone()
    return frozenset() if row == (True,) else frozenset({"users"})
