"""Where a system has no fcntl and no pwd, as Windows, a server of one's own works, and the embedded one is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

WITHOUT = """
import sys, os
for name in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[name] = None
for name in ("getuid", "geteuid", "fork", "getpgid"):
    delattr(os, name)
from memdb.cli import main
for command in sys.argv[1:]:
    if code := main(command.split()):
        print(f"exit code {code} of memdb {command}", file=sys.stderr)
        sys.exit(code)
"""


def memdb(directory: Path, *commands: str, url: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"USERNAME": "me", "PYTHONWARNINGS": "ignore"}
    environment |= {"MEMDB_DATABASE_URL": url} if url else {}
    program = [sys.executable, "-c", WITHOUT, *commands]
    return subprocess.run(program, env=environment, cwd=directory, capture_output=True, text=True, check=False)


COMMANDS = [
    "init project",
    "migrate",
    "status",
    "verify-schema",
    "seed --memories 50 --users 2",
    "benchmark-similarity --queries 3 --target-p95-ms 9999 --no-cache",
    "seed --reset",
    "rollback",
]


def test_what_needs_no_embedded_server_works(tmp_path: Path, migrated: str) -> None:
    done = memdb(tmp_path, *COMMANDS, url=migrated)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["status", "db start", "demo", "lint --all"])
def test_the_embedded_server_is_refused_with_what_to_do(tmp_path: Path, command: str) -> None:
    done = memdb(tmp_path, command)
    assert "server of your own" in done.stderr + done.stdout
    assert (done.returncode == 3) != (command == "lint --all")
