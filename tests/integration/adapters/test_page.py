"""What docs/adapters.md shows runs as it stands."""

import re
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[3] / "docs" / "adapters.md"


def test_the_examples_of_the_page_run_one_after_the_other(
    migrated: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with psycopg.connect(migrated) as connection:
        connection.execute("insert into users values ('0195f3a0-0000-7000-8000-000000000001')")
    monkeypatch.setenv("MEMDB_DATABASE_URL", migrated)
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert shown.startswith("0.00 tea I drink green tea\n")
    assert "page_content='I drink green tea')]\n" in shown
    assert shown.endswith("1.00 ('notes', 'exam') last The exam is on Friday\n4 documents, 1 note\n")
