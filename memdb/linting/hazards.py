"""Work that goes over all rows of a table while others wait: seen in a rehearsal, with the time it may take."""

from collections.abc import Iterable, Iterator

from memdb.effects import costs
from memdb.effects.measuring import Work
from memdb.effects.trying import Tried
from memdb.linting.findings import Finding

_RULES = {"rewrites": "table-rewrite", "builds": "blocking-index", "reads": "blocking-scan"}
RULES = frozenset(_RULES.values())

_HELP = {
    "rewrites": "Add a column that may be null and has no volatile default, fill it in small batches, and switch to it "
    "later. Or choose a quiet hour.",
    "builds": "Build it with CREATE INDEX CONCURRENTLY in a file of its own (memdb new --index), and turn it into a "
    "constraint with USING INDEX.",
    "reads": "Add a constraint as NOT VALID, and VALIDATE it in a later file; change rows in a file of their own.",
}


def findings(tried: Iterable[Tried], file: str) -> Iterator[Finding]:
    """What the statements of a file do to tables that were there before it."""
    for statement in tried:
        for work in statement.effects.work:
            yield Finding(
                file, statement.line, statement.column, _RULES[work.kind], "warning", _message(work), _HELP[work.kind]
            )


def _message(work: Work) -> str:
    time, shorter = costs.duration(costs.seconds(work, costs.MEMORIES)), costs.shorter(work, costs.MEMORIES)
    return (
        f"It {costs.in_words(work)}, and {costs.who_waits(work, work.table)}: {time} for 100,000 memories"
        f"{shorter and ', ' + shorter}. "
        "memdb migrate --dry-run estimates it for the actual rows."
    )
