"""Searching right after the server has started, when nothing is in its shared buffers.

That is as cold as it gets without being the machine's administrator: the operating system may still have the files
in its cache. So these times are those of the first searches after a restart or a failover, not after a power cut.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from memdb.benchmark import measurement, preparation, searching, strategies
from memdb.benchmark.measurement import Latency
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Search
from memdb.benchmark.strategies import Strategy
from memdb.benchmark.study import Design
from memdb.database import Connection


def measure(
    connect: Callable[[], AbstractContextManager[Connection]],
    restart: Callable[[], None],
    wanted: Wanted,
    design: Design,
    *,
    on_phase: Callable[[str], None] = lambda _: None,
) -> dict[str, Latency]:
    """Times by the strategy's label. Before each, `restart` ends all connections to the server and starts it anew.

    What cannot be measured is found before the first restart; raises like `study.run`.
    """
    with connect() as connection:
        chosen, questions = _prepare(connection, wanted, design)
    found = {}
    for strategy in chosen:
        on_phase(f"Restarting the server, then searching: {strategy.label} …")
        restart()
        with connect() as connection, connection.transaction():
            preparation.begin(connection)
            where = preparation.enter(connection)
            strategies.apply(connection, strategy)
            search = Search(connection, strategy.statement(where), wanted.k)
            found[strategy.label] = measurement.latency(searching.run_all(search, questions))
    return found


def _prepare(connection: Connection, wanted: Wanted, design: Design) -> tuple[list[Strategy], list[Query]]:
    if design.identity is not None:
        design.identity.check(connection)
    with connection.transaction():
        where, population = preparation.population_of(connection, wanted)
        questions, _ = preparation.questions_for(connection, where, wanted, population)
        chosen, _ = strategies.choose(connection, where, design.names, design.ef_search, design.candidates)
    return chosen, questions
