"""Which functions a search calls follows from which are there, and from what is asked."""

import re

import pytest

from memdb import retrieval
from memdb.retrieval import (
    BY_BOTH,
    BY_CONDITION,
    BY_MEANING,
    BY_WORDS,
    CALLED,
    EXPIRED,
    FUNCTIONS,
    WITH_IDS,
    Surroundings,
)
from memdb.shape import DEFAULT
from memdb.values import Where

USER = "00000000-0000-0000-0000-000000000007"


@pytest.mark.parametrize(
    ("there", "where", "called", "parameters"),
    [
        ((), (), (), 9),
        ((BY_MEANING,), (), (BY_MEANING,), 9),
        ((BY_WORDS,), (), (BY_WORDS,), 9),
        ((BY_MEANING, BY_WORDS), (), (BY_MEANING, BY_WORDS), 8),
        (FUNCTIONS, (), (BY_BOTH,), 8),
        ((EXPIRED,), (), (), 9),  # what has expired is read from its table
        (FUNCTIONS, (Where("year", gt=2000),), (BY_CONDITION,), 9),
        (CALLED, (), (BY_BOTH, WITH_IDS), 8),
        (CALLED, (Where("year", gt=2000),), (), 9),
        ((BY_MEANING, WITH_IDS), (), (), 9),  # a distributed table and functions do not go into one statement
        ((BY_MEANING, BY_WORDS, WITH_IDS), (), (BY_MEANING, BY_WORDS, WITH_IDS), 8),
    ],
)
def test_a_statement_calls_what_is_there_and_has_a_parameter_for_each_number(
    there: tuple[str, ...], where: tuple[Where, ...], called: tuple[str, ...], parameters: int
) -> None:
    known = Surroundings("vectors", 1, "halfvec", "{near}", "memory_type", frozenset(there), True)
    asked = retrieval.asked(
        DEFAULT.users, USER, "sea", k=3, tiers=["task"], metadata={"a": 1}, where=where, max_distance=None
    )
    text, given = asked.statement(known, ("app", "memories"), None, ("pg_catalog", "_float4"))
    assert {name for name in CALLED if f'"app"."{name}"(' in text} == set(called)
    assert {int(number) for number in re.findall(r"\$(\d)", text)} == set(range(1, parameters + 1))
    assert len(given) == parameters
    assert "{" not in text.replace("'{}'", "").replace('"{near}"', "")  # a schema that is called like a block
