"""memdb commands as processes that start in a few milliseconds, so that hundreds of them can be killed.

They are forked from a process that has loaded everything already. Run as a program, this module is that process:
it reads requests from stdin, one JSON object a line, and answers each with a line.
"""

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE_SECONDS = 60
_INTERRUPTED, _CRASHED = 130, 70
_LOADED = (
    "memdb.cli.migrate",
    "memdb.migrations.steps",
    "memdb.output.outcome",
    "memdb.cli.embed",
    "memdb.embedders.endpoint",
    "memdb.embedding.filling",
    "memdb.cli.seed",
    "memdb.seeding.seed",
    "memdb.cli.moving",
    "memdb.moving.exporting",
    "memdb.moving.importing",
    "memdb.lifecycle.consolidating",
)


@dataclass(frozen=True, slots=True)
class Child:
    """A running memdb command."""

    forks: "Forks"
    pid: int
    output: Path

    def send(self, number: signal.Signals) -> None:
        """Nothing happens if it has ended already: its pid stays its own until it is waited for."""
        os.kill(self.pid, number)

    @property
    def has_ended(self) -> bool:
        return bool(self.forks.request({"has_ended": self.pid}))

    def wait(self) -> int:
        """The exit code, or the negative number of the signal that ended it."""
        return self.forks.request({"wait": self.pid})

    @property
    def said(self) -> str:
        """What it has written so far, stdout and stderr together."""
        return self.output.read_text()

    def wait_until_it_says(self, text: str) -> None:
        """Fails the test when it does not come."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while text not in self.said:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.said}"
            time.sleep(0.01)


class Forks:
    """Starts memdb commands."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._folder, self._started = process, folder, 0

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Child:
        """Starts `memdb ARGUMENTS`."""
        return self._start({"arguments": arguments, "environment": dict(environment or {})})

    def start_program(self, path: Path, *arguments: str) -> Child:
        """Starts `python PATH ARGUMENTS`."""
        return self._start({"program": str(path), "arguments": arguments, "environment": {}})

    def _start(self, request: dict[str, Any]) -> Child:
        self._started += 1
        output = self._folder / f"{self._started}"
        output.touch()
        return Child(self, self.request({**request, "output": str(output)}), output)

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Runs `memdb ARGUMENTS`: the exit code and what it said."""
        child = self.start(*arguments, environment=environment)
        return child.wait(), child.said

    def request(self, request: dict[str, Any]) -> int:
        """Sends a request to the process that forks."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def forks(folder: Path) -> Iterator[Forks]:
    """Starts the process that forks. `folder` is for what its children say."""
    command = [sys.executable, "-m", __spec__.name]
    environment = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        yield Forks(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    for name in _LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(f"{_answer(request)}\n")
        sys.stdout.flush()


def _answer(request: dict[str, Any]) -> int:
    if "wait" in request:
        return _wait(request["wait"])
    if "has_ended" in request:
        return int(os.waitid(os.P_PID, request["has_ended"], os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None)
    return _fork(request)


def _wait(pid: int) -> int:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGABRT)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream in (1, 2):
            os.dup2(os.open(request["output"], os.O_WRONLY | os.O_APPEND), stream)
        os.environ.update(request["environment"])
        code = _run(request)
        sys.stdout.flush()
        os._exit(code)
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    except BaseException:  # noqa: BLE001 - it must not get out into the process that forks
        traceback.print_exc()
    finally:
        os._exit(_CRASHED)


def _run(request: dict[str, Any]) -> int:
    if program := request.get("program"):
        sys.argv = [program, *request["arguments"]]
        runpy.run_path(program, run_name="__main__")
        return 0
    from memdb.cli import main

    return main(request["arguments"])


if __name__ == "__main__":
    _serve()
