"""`python -m bench [PART …]` prints every ratio, or those of the named parts."""

import importlib
import os
import platform
import sys

PARTS = ("commands", "history", "seed", "similarity", "store")


def main(parts: list[str]) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians of runs in turn")
    for part in parts or PARTS:
        for comparison in importlib.import_module(f"bench.{part}").run():
            print(comparison, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
