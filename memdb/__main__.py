"""Where the program starts, as `memdb` and as `python -m memdb`."""

import atexit
import gc
import sys

# Starting up makes many objects and hardly any garbage. Looking for it, all the while and once more at the end, when
# the system takes everything back anyway, costs a quarter of a short run.
gc.set_threshold(100_000)
atexit.register(gc.freeze)


def start() -> int:
    """Runs the command line with the arguments of the process."""
    try:
        from memdb.cli import main

        return main()
    except KeyboardInterrupt:  # while it was being loaded, or told of another one
        return 130


if __name__ == "__main__":
    sys.exit(start())
