"""`python -m bench [PART …]` prints every ratio, or those of the named parts."""

import importlib
import os
import platform
import sys

PARTS = ("adapters", "commands", "history", "seed", "similarity", "store")
"""And, taking longer: capacity, changing, citus, codes, doctor, duplicates, embed, filters, moving, partitions,
prefixes, prune, recall, row_security, search, shapes, words."""


def main(parts: list[str]) -> int:
    """Whether one of the ratios misses its target, as an exit status."""
    missed = False
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians of runs in turn")
    for part in parts or PARTS:
        for comparison in importlib.import_module(f"bench.{part}").run():
            print(comparison, flush=True)
            missed |= not comparison.holds
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
