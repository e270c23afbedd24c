"""Virtual environments of the peers, below `.venv`, made when they are first needed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python(adapter: str) -> Path:
    """The interpreter of an environment with the packages that the adapter needs."""
    folder = ROOT / ".venv" / "peers" / adapter
    program = folder / "bin" / "python"
    requirements = Path(__file__).with_name(f"{adapter}.txt")
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        print(f"installing {adapter} into {folder}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([program, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
        installed.write_text(requirements.read_text())
    return program
