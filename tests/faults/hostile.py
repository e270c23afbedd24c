"""Values that nobody means to give, for every kind of option, and the files that go with them."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs import cli as reference

TEXTS = [
    *("", " ", "-", "a\0b", "\udcff", "a\n::error::\x1b[2J\x07\u202e[/][bold]x[link=http://x]", "%s%(x)s{0}%"),
    *("'; drop table users; --\"$(id)`id`", "é🦄" * 200, "x" * 5000, "../..", "0001", "9999_no_such", "pg_catalog"),
]
NUMBERS = [
    *("", "x", "\udcff", "nan", "inf", "-inf", "1e309", "-1", "0", "1e-320", "0x10", "١٢", "½", "9" * 30, "9" * 5000),
    *("1" + "0" * 400, "-" + "9" * 5000, "1e99"),
]
LISTS = [
    *TEXTS,
    *(",", "1;2", "nan,nan,nan", "inf,1,1", "1e308,1e308,1e308", "-1,1,1", "0,0,0", "1,1", "1,1,1,1", "½,1,1", "٣,٣,٣"),
    *("9" * 5000 + ",1,1", "9" * 30, "3,3", "plain,plain"),
]
URLS = [
    *TEXTS,
    *(
        "postgresql://",
        "postgresql://::x",
        "postgresql://u:p@h:99999/x",
        "postgresql://u:p@..b/x",
        "postgresql://é..x/x",
    ),
    *("postgresql://" + "a" * 300 + ".b/x", "postgresql://h1,h2,h3:1,2/x", "postgresql:///x?host=/no/" + "a" * 200),
    *(
        "postgresql://127.0.0.1:1/x",
        "postgresql:///x?connect_timeout=zzz",
        "host='a' 'b'",
        "postgresql:///%ff",
        "mysql://x",
    ),
    *("postgresql://u:p/w@127.0.0.1:1/x", "postgresql://[::1/x", "postgresql:///x?client_encoding=zzz", "service=none"),
]
CONTENTS = {
    "empty": b"",
    "deep": b"[" * 100_000,
    "binary": bytes(range(256)),
    "object": b'{"verdict": {"recommendations": [{"migrations": [{"name": 5}]}]}, "strategies": [1]}\n',
    "zip": b"PK\x03\x04" + bytes(40),
}


def odd_files(folder: Path, suffix: str) -> list[str]:
    """Makes a file of each kind that might be named by mistake or malice."""
    for name, content in CONTENTS.items():
        (folder / f"{name}{suffix}").write_bytes(content)
    os.mkfifo(folder / f"pipe{suffix}")
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(folder):
        server.bind(f"socket{suffix}")
    (folder / f"folder{suffix}").mkdir()
    (folder / f"forbidden{suffix}").touch(mode=0)
    for name, target in (("zero", "/dev/zero"), ("circle", f"circle{suffix}"), ("lost", "no/where")):
        (folder / f"{name}{suffix}").symlink_to(target)
    names = [
        *CONTENTS,
        "pipe",
        "socket",
        "folder",
        "forbidden",
        "zero",
        "circle",
        "lost",
        "no/such",
        "empty/x",
        "x" * 300,
    ]
    return [str(folder / f"{name}{suffix}") for name in names]


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its name, as typer has it."""
    for context, path in reference.commands():
        if not hasattr(context.command, "commands"):
            yield path, context.command


def values(parameter: Any, folder: Path) -> list[str]:
    """What to try for an option or argument: that of its kind."""
    kind = type(parameter.type).__name__
    if "Range" in kind:
        return NUMBERS
    if "Path" in kind or parameter.name == "sql_dir":
        suffixes = re.findall(r" (\.[a-z]{2,7}\b)", getattr(parameter, "help", None) or "") or [""]
        return [*TEXTS, *(path for suffix in dict.fromkeys(suffixes) for path in odd_files(folder, suffix))]
    if parameter.name.endswith("_url"):
        return URLS
    return LISTS if "," in str(parameter.metavar) else TEXTS
