"""A worker that sums memories up: `python examples/consolidate.py "$MEMDB_DATABASE_URL"`.

Needs the set consolidation: `memdb migrate --with consolidation`. Run as many of it as you like, on any machine, such
as every hour. A real one asks a model; this one takes the first sentence of each memory, so it needs none.
"""

import re
import sys
from collections.abc import Sequence

import memdb
from memdb.lifecycle.consolidating import Source, Summary

MOST_CHARACTERS = 2000


class FirstSentences:
    """Has a method `summarize`, which is all that a worker needs."""

    def summarize(self, memories: Sequence[Source]) -> Summary:
        """Raise anything to have the job tried again later; give an embedding where the model is at hand."""
        sentences = [re.split(r"(?<=[.!?])\s", memory.content.strip(), maxsplit=1)[0] for memory in memories]
        return Summary(" ".join(sentences)[:MOST_CHARACTERS], metadata={"source": "consolidation"})


if __name__ == "__main__":
    with memdb.open(*sys.argv[1:]) as db:
        done = db.consolidate(FirstSentences())
    print(f"{len(done.summaries)} summaries, {done.failed} to be tried again, {done.set_aside} set aside.")
