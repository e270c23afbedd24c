"""The SQL that comes with memdb: the folder of sets, and the named queries that the program itself runs."""

import functools
import re
from pathlib import Path


def sql_directory() -> Path:
    """The `sql` folder of the installed package, or of the checkout that the package runs from."""
    package = Path(__file__).parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


@functools.cache
def queries(name: str) -> dict[str, str]:
    """The blocks of `queries/NAME.sql`, each introduced by a line `-- name: BLOCK`, without their last semicolon."""
    text = (sql_directory() / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (block.strip().removesuffix(";") for block in parts[2::2]), strict=True))
