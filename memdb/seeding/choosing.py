"""What is loaded when somebody says how much of it, or which file."""

from pathlib import Path

from memdb.errors import UsageError
from memdb.seeding import draws
from memdb.seeding.files import FileSource
from memdb.seeding.memories import Further, Synthetic
from memdb.seeding.source import Source

USERS, MEMORIES, RANDOM_SEED = 20, 10_000, 1


def source(
    file: Path | None = None,
    users: int | None = None,
    memories: int | None = None,
    tiers: tuple[float, float, float] = draws.WEIGHTS,
    random_seed: int | None = None,
    *,
    append: bool = False,
) -> Source | Further:
    """Rows of a file, or rows that are made up; with `append` and no random seed, the next that are not there.

    Raises UsageError for what does not go together, and for `tiers` that are no proportions.
    """
    _check(users, memories, tiers, random_seed)
    seed = RANDOM_SEED if random_seed is None else random_seed
    if file is not None:
        if users is not None:
            raise UsageError("--users and --from cannot be combined", hint="The file says whose memories it holds.")
        return FileSource(file, seed, tiers, memories)
    memories = memories or MEMORIES
    users = users or min(USERS, memories)
    if users > memories:
        raise UsageError(
            f"{memories} memories are too few for {users} users", hint="Each user has at least one memory."
        )
    if append and random_seed is None:
        return Further(users, memories, tiers)
    return Synthetic(users, memories, seed, tiers)


def _check(users: int | None, memories: int | None, tiers: tuple[float, float, float], random_seed: int | None) -> None:
    for name, number, least in (("users", users, 1), ("memories", memories, 1), ("random_seed", random_seed, 0)):
        if number is not None and number < least:
            raise UsageError(f"{name} is {number}", hint=f"Give {least} or more.")
    if not all(0 <= weight < float("inf") for weight in tiers) or not 0 < sum(tiers) < float("inf"):
        raise UsageError(
            f"--tiers {','.join(f'{weight:g}' for weight in tiers)} is not three proportions",
            hint="Give personal, project and task, such as 30,30,40.",
        )
