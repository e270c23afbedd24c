"""What is told while an index builds."""

import re
from collections import Counter

import pytest

from memdb.cli import main
from memdb.database import Connection
from memdb.migrations import watch
from memdb.output import bars
from tests.faults.conftest import Folder
from tests.faults.observing import BUILD, DROP, create_items, holding_up_builds

GRAPH = (
    "-- transactional: false\ncreate index concurrently ix on places using hnsw (place vector_cosine_ops);",
    "drop index concurrently ix;",
)


@pytest.mark.parametrize(("between_seconds", "lines"), [(0, range(3, 1000)), (1000, range(1, 2))])
def test_without_a_terminal_there_is_a_line_now_and_then(
    empty: str,
    connection: Connection,
    folder: Folder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    between_seconds: float,
    lines: range,
) -> None:
    monkeypatch.setattr(watch, "_PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr(bars, "_SECONDS_BETWEEN_LINES", between_seconds)
    create_items(connection)
    directory = folder(m0001_index=(BUILD, DROP))
    with holding_up_builds(connection) as holding:
        seen = Counter[str]()
        show = bars.BuildProgress.show

        def counted(self: bars.BuildProgress, label: str, done: float | None) -> None:
            show(self, label, done)
            seen[label] += 1
            if seen["items: waiting for writers before build"] == 3:
                holding.rollback()

        monkeypatch.setattr(bars.BuildProgress, "show", counted)
        code = main(["migrate", "--database-url", empty, "--sql-dir", str(directory)])
    said = capsys.readouterr().err
    assert code == 0, said
    assert said.count("  items: ") in lines, said
    assert said.count("Waiting for pid") == 1, said
    assert "(long report, postgres, idle in transaction" in said


@pytest.mark.parametrize("analyzed", [True, False])
def test_the_memory_that_a_graph_outgrows_is_told_with_what_would_hold_it(
    empty: str, connection: Connection, folder: Folder, capsys: pytest.CaptureFixture[str], analyzed: bool
) -> None:
    connection.execute("create table places (place vector(64))")
    connection.execute(
        "insert into places select array(select sin(n * d) from generate_series(1, 64) as d)::vector "
        "from generate_series(1, 3000) as n"
    )
    if analyzed:
        connection.execute("analyze places")
    command = ["migrate", "--database-url", empty, "--sql-dir", str(folder(m0001_index=GRAPH))]
    assert main([*command, "--maintenance-work-mem", "1MB", "--parallel-workers", "0"]) == 0
    said = capsys.readouterr().err
    advice = re.search(r"would fit with --maintenance-work-mem (\d+MB)", said)
    assert advice is not None, said
    main(["rollback", "--yes", *command[1:]])
    assert main([*command, "--maintenance-work-mem", advice[1], "--parallel-workers", "0"]) == 0
    assert "no longer fits" not in "".join(capsys.readouterr())
