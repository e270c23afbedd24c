"""Conditions have one form, whether they were written in a file or read back from a dump."""

import pytest

from memdb.catalog.conjunctions import flat


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CHECK ((((a >= 0) AND (a <= 1)) AND b))", "CHECK (((a >= 0) AND (a <= 1) AND b))"),
        ("(((a OR b) OR c) AND (d AND (e AND f)))", "((a OR b OR c) AND d AND e AND f)"),
        ("WHERE (((m.id >= ( SELECT 1))\n AND b) AND c)", "WHERE ((m.id >= ( SELECT 1))\n AND b AND c)"),
    ],
)
def test_a_list_of_conditions_has_no_list_of_its_kind_in_it(sql: str, expected: str) -> None:
    assert flat(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "((a AND b) OR c)",
        "(NOT (a AND b) AND c)",
        "(f((a AND b)) AND c)",
        "((a AND b) IS TRUE AND c)",
        "(row_number() OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AND b)",
        "((a = '((x AND y) AND z)') AND b)",
        '(("((x AND y) AND z)" = 1) AND b)',
        "((a)",
        "(a))",
    ],
)
def test_what_means_something_else_stays(sql: str) -> None:
    assert flat(sql) == sql


def test_depth_has_no_limit() -> None:
    assert flat("(" * 5_000 + "a" + " AND b)" * 5_000).count("(") == 1
