"""What only Linux and macOS have. Elsewhere there is no embedded server, and all else goes on without it."""

from memdb.errors import EmbeddedError

try:
    import fcntl
    import pwd
except ImportError:
    fcntl = pwd = None  # type: ignore[assignment]


def require() -> None:
    """Raises EmbeddedError on a system on which there is no embedded server."""
    if fcntl is None:
        raise EmbeddedError(
            "memdb's embedded PostgreSQL runs only on Linux and macOS",
            hint="Use a server of your own, --database-url (and --scratch-url for what is tried first), or run memdb "
            "in WSL.",
        )


__all__ = ["fcntl", "pwd", "require"]
