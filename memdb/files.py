"""Files of the user's: read where they are files, and written whole or not at all.

What is written goes to a temporary file in the same folder first, is brought to the disk, and takes its name in one
step. A full disk, a lost permission or Ctrl-C at any moment leaves what was there before.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from memdb.errors import UsageError

_TEMPORARY = ".memdb-"  # hidden: a run that is killed may leave one, which nobody takes for a migration or a report


def shown(path: Path) -> str:
    """As people are told of it: relative to the current directory if it is inside, as annotations of a checkout are."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute)


def read_bytes(path: Path) -> bytes:
    """The content of a plain file.

    Raises OSError where there is none; also for a pipe or a device, which would be waited for, or read, for ever.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    return path.read_bytes()


def read_json(path: Path, hook: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """What a JSON file holds; `hook` makes objects of their pairs.

    Raises OSError as read_bytes does, and ValueError for what is not JSON in UTF-8.
    """
    try:
        return json.loads(read_bytes(path).decode("utf-8"), object_pairs_hook=hook)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write(path: Path, text: str) -> None:
    """Writes a file in UTF-8, over an earlier one, whose mode and owner it keeps; a link goes on pointing at it.

    Raises OSError, also where a link leads out of the folder, and then the earlier file is as it was.
    """
    target = Path(os.path.realpath(path))
    expect_inside(path.parent, path)
    _check_replaceable(target)
    with _temporary(target, text.encode()) as temporary:
        _take_over(target, temporary)
        temporary.replace(target)
    _sync_folder(target.parent)


def expect_inside(folder: Path, path: Path) -> None:
    """Raises OSError where links lead out of the folder: who has put them there does not choose what we write to."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise OSError(errno.EXDEV, "leads out of its folder by symbolic links", str(path))


def expect_replaceable(path: Path, what: str, called: str, is_one: Callable[[Path], bool]) -> None:
    """Raises UsageError where a report or plan, as `what` says, cannot or should not be written.

    Only an empty file is written over, and an earlier one, which `is_one` tells; `called` is what such a file is.
    """
    target = Path(os.path.realpath(path))  # it may be linked to where it is
    if not target.is_relative_to(os.path.realpath(path.parent)):
        raise UsageError(f"{path} is a link that leads elsewhere", hint=f"Name the file itself: {target}")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent} for the {what}", hint="Create it first, or name another.")
    is_closed = not os.access(target.parent, os.W_OK | os.X_OK)
    if is_closed or (os.path.lexists(target) and not os.access(target, os.W_OK)):
        raise UsageError(f"{path} is not writable", hint="Name another file.")
    try:
        is_replaceable = not read_bytes(target) or is_one(target)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} cannot hold the {what}: {error.strerror}", hint="Name another file.") from None
    except (ValueError, TypeError):
        is_replaceable = False
    if not is_replaceable:
        hint = f"Name another file; memdb overwrites only earlier {what}s."
        raise UsageError(f"{path} already exists, and is not a {called}", hint=hint)


def expect_free(path: Path, *, overwrite: bool) -> None:
    """Raises UsageError where a large file cannot be written, or is there already and is not to be replaced."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", hint="Create it first, or name another.")
    if not overwrite and os.path.lexists(path):
        raise UsageError(f"{path} already exists", hint="Name another file, or replace it with --overwrite.")


@contextlib.contextmanager
def streamed(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A new file that only its owner may read, to be written piece by piece; it has its name once the block has ended.

    Raises OSError where it cannot be written, FileExistsError where it is there by then, and not to be replaced.
    """
    target = Path(os.path.realpath(path))
    expect_inside(path.parent, path)
    _check_replaceable(target)
    with _new(target, private=True) as (temporary, file):
        yield file
        _sync(file)
        if overwrite:
            _take_over(target, temporary)
        else:
            target.touch(exist_ok=False)  # takes the name: a rename alone would replace what another wrote meanwhile
        temporary.replace(target)
    _sync_folder(target.parent)


def create(texts: Mapping[Path, str]) -> None:
    """Writes new files in UTF-8, all of them or none, with the folders that they need.

    Raises FileExistsError where one is there already, other OSErrors where one cannot be written.
    """
    with created(texts):
        pass


@contextlib.contextmanager
def created(texts: Mapping[Path, str]) -> Iterator[None]:
    """Writes new files as `create` does, and takes them away again when the block fails."""
    with contextlib.ExitStack() as undoing:
        for folder in dict.fromkeys(path.parent for path in texts):
            _make_folder(folder, undoing)
        with contextlib.ExitStack() as temporaries:
            written = {path: temporaries.enter_context(_temporary(path, text.encode())) for path, text in texts.items()}
            for path in texts:
                path.touch(exist_ok=False)  # takes the name: a rename alone would replace what another wrote meanwhile
                undoing.callback(path.unlink, missing_ok=True)
            for path, temporary in written.items():
                temporary.replace(path)
        yield
        undoing.pop_all()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits until no other memdb is inside a block for the same folder, which need not be there yet."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, ImportError):  # a file system, or Windows, that has no locks for folders
            import fcntl

            handle = os.open(next(parent for parent in folder.absolute().parents if parent.is_dir()), os.O_RDONLY)
            held.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def copy_folder(source: Path, target: Path, *, leave_out: Collection[str] = ()) -> None:
    """Copies a folder to where nothing is, whole or not at all, without what is named in `leave_out`.

    Raises OSError.
    """
    with contextlib.ExitStack() as undoing:
        _make_folder(target.parent, undoing)
        temporary = target.with_name(f"{_TEMPORARY}{os.urandom(8).hex()}")
        undoing.callback(shutil.rmtree, temporary, ignore_errors=True)
        try:
            shutil.copytree(source, temporary, ignore=shutil.ignore_patterns(*leave_out))
        except shutil.Error as error:  # one for all files, as texts: the first says enough
            said = re.match(r"\[Errno (\d+)\]", error.args[0][0][-1])
            number = int(said[1]) if said else errno.EIO
            raise OSError(number, os.strerror(number), str(target)) from None
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        temporary.rename(target)
        undoing.pop_all()


def _make_folder(folder: Path, undoing: contextlib.ExitStack) -> None:
    """Makes a folder with those above it, and has `undoing` remove what was made, where it is empty then."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        undoing.callback(_remove_empty, parent)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def _temporary(target: Path, content: bytes) -> Iterator[Path]:
    """A new file beside `target`; gone afterwards, unless it was renamed."""
    with _new(target) as (path, file):
        file.write(content)
        _sync(file)
        file.close()
        yield path


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextlib.contextmanager
def _new(target: Path, *, private: bool = False) -> Iterator[tuple[Path, BinaryIO]]:
    """The same, open for writing; `private` is for its owner alone."""
    path = target.with_name(f"{_TEMPORARY}{os.urandom(8).hex()}")
    try:
        with path.open("xb") as file:
            if private:
                path.chmod(0o600)
            yield path, file
    except OSError as error:  # the name that the user knows
        if error.filename in (None, str(path)):
            error.filename = str(target)
        raise
    finally:
        path.unlink(missing_ok=True)


def _check_replaceable(target: Path) -> None:
    """Raises OSError for what a rename would replace, but writing would not."""
    if target.is_symlink():  # the path was resolved, so it leads back to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(target))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "is not a regular file", str(target))
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


def _take_over(target: Path, temporary: Path) -> None:
    """Mode and owner of the file that is replaced, as far as that is allowed."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(PermissionError):
        os.chown(temporary, old.st_uid, old.st_gid)
    with contextlib.suppress(PermissionError):
        temporary.chmod(stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a crash of the machine, where the file system can promise that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
