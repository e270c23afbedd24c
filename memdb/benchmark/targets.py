"""What searching has to reach."""

from dataclasses import dataclass

from memdb.errors import UsageError

GOOD_RECALL = 0.99
BEARABLE_RECALL = 0.95


@dataclass(frozen=True, slots=True)
class Targets:
    """What must be reached: p95 at most so many milliseconds, and mean recall (0 to 1) at least this.

    No search may come up short, whatever the recall; where none is given, the mean of all must be 0.95.
    """

    p95_ms: float = 100.0
    recall: float | None = None

    def __post_init__(self) -> None:
        if not self.p95_ms >= 0:
            raise UsageError(f"p95_ms is {self.p95_ms}", hint="Give 0 or more.")
        if self.recall is not None and not 0 <= self.recall <= 1:
            raise UsageError(f"recall is {self.recall}", hint="Give 0 to 1.")

    @property
    def least_recall(self) -> float:
        """The recall that is asked for; where none is, what is good enough."""
        return GOOD_RECALL if self.recall is None else self.recall

    @property
    def bearable_recall(self) -> float:
        """The recall below which a run has failed."""
        return BEARABLE_RECALL if self.recall is None else self.recall
