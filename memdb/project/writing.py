"""Why a file cannot be written, told alike."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from memdb.errors import SqlFilesError


@contextmanager
def writing(hint: str) -> Iterator[None]:
    """A block that writes files. Raises SqlFilesError with this hint, or for a full disk with that."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "Make room on the disk." if error.errno in (errno.ENOSPC, errno.EDQUOT) else hint
        raise SqlFilesError(f"{error.filename} cannot be written: {reason}", hint=hint) from None
