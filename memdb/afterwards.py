"""What has to be done when memdb ends, be it killed: by a second process that waits for that."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

# Its stdin ends when memdb does. It loads nothing before.
_WAIT = """
import sys
noted = sys.stdin.read()
sys.path[:] = sys.argv[2:]
import importlib, json
importlib.import_module(sys.argv[1]).sweep(*map(json.loads, noted.splitlines()))
"""


class Watcher:
    """The second process: it knows only what is noted, which stays out of the list of processes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def note(self, argument: str | Sequence[str]) -> None:
        """One more argument for the `sweep` that would follow."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(argument).encode() + b"\n")

    def dismiss(self) -> None:
        """Nothing is left to be done."""
        self._process.kill()


@contextlib.contextmanager
def watched(module: str, *, environment: Mapping[str, str] | None = None) -> Iterator[Watcher]:
    """If memdb is killed in this block, `sweep` of the module gets what was noted; also unless it is dismissed.

    `environment` of the process is memdb's own where none is given. Raises OSError where it cannot be started.
    """
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WAIT, module, root, *sys.path],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )
    with process:
        yield Watcher(process)
