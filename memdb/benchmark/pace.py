"""How fast the machine was while something was measured, so that a busy one is not taken for a slow search.

What shares the machine, or its caches, slows down whatever runs. So a fixed piece of work that has nothing to do with
memories is timed beside each strategy: before, in the middle and after. Its statement has a name of its own, as it
takes turns with that of the search.
"""

from collections.abc import Sequence

from memdb.benchmark import measurement, searching
from memdb.benchmark.measurement import Quantile
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Answer, Search
from memdb.database import Connection
from memdb.target import Target

_TIMES = 25  # at each of the three moments: about a tenth of a second in all


def prepare(connection: Connection, target: Target, k: int) -> Search:
    """The piece of work. It has the parameters of a search, and does the same whatever they are."""
    return Search(connection, target.query("benchmark", "pace"), k, named=True)


def run_all(search: Search, questions: Sequence[Query], work: Search) -> tuple[list[Answer], Quantile]:
    """The answers to all questions, and the median time of the work meanwhile."""
    half = len(questions) // 2
    same = [questions[0]] * _TIMES
    times, answers = searching.run_all(work, same), []
    for part in (questions[:half], questions[half:]):
        answers += searching.run_all(search, part)
        times += searching.run_all(work, same)
    return answers, measurement.latency(times).p50
