"""Running things in turn and comparing medians, so that a drifting machine slows all of them alike."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Subject = Callable[[], float | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`ratio` is the median of ours over the median of theirs, both in seconds (or whatever the subjects return).

    `limit` is what the ratio should keep to, None where it is only told.
    """

    label: str
    ours: float
    theirs: float
    limit: float | None
    at_least: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def holds(self) -> bool:
        """Whether the ratio keeps to its limit, if there is one."""
        if self.limit is None:
            return True
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def __str__(self) -> str:
        if self.limit is None:
            return f"{self.label:<62} {self.ratio:7.3f}"
        sign = "≥" if self.at_least else "≤"
        verdict = "holds" if self.holds else "MISSED"
        return f"{self.label:<62} {self.ratio:7.3f}  (target {sign} {self.limit:g}: {verdict})"


def medians(subjects: Mapping[str, Subject], *, runs: int, warm_up: int = 1) -> dict[str, float]:
    """The median of each subject over `runs` rounds. A subject returns a figure, or None to be timed in seconds."""
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for round in range(warm_up + runs):
        for name, subject in subjects.items():
            figure = timed(subject)
            if round >= warm_up:
                figures[name].append(figure)
    return {name: statistics.median(values) for name, values in figures.items()}


def timed(subject: Subject) -> float:
    started = time.perf_counter()
    figure = subject()
    return time.perf_counter() - started if figure is None else figure


def command(*arguments: str, environment: Mapping[str, str] | None = None, codes: tuple[int, ...] = (0,)) -> Subject:
    """A subject that runs a whole process and fails unless it exits with one of `codes`."""

    # An installed program has its bytecode; a variable that keeps it from being written would time the compiler.
    variables = {key: value for key, value in (environment or os.environ).items() if key != "PYTHONDONTWRITEBYTECODE"}

    def run() -> None:
        result = subprocess.run(arguments, env=variables, capture_output=True, text=True, check=False)
        if result.returncode not in codes:
            raise RuntimeError(f"{' '.join(arguments)} exited with {result.returncode}: {result.stderr}")

    return run
