"""The embeddings in an answer of an endpoint, in the order of the texts.

As https://platform.openai.com/docs/api-reference/embeddings/object has it, but for what others leave out: Gemini's
endpoint leaves out an `index` of 0, and some servers all of them. What an answer says in words is not repeated.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memdb.embedders.protocol import wrong


class ErrorInstead(Exception):
    """An answer that should have embeddings has an error, as gateways pass on what the endpoint behind them says."""

    def __init__(self, code: Any) -> None:
        self.code = code


def in_order(answer: bytes, count: int) -> Sequence[Any]:
    """The embeddings. Raises WrongAnswer where they are said to be in another order than that of the texts.

    Raises ErrorInstead; LookupError, TypeError, ValueError, ArithmeticError or RecursionError for what is no answer of
    the protocol.
    """
    body = json.loads(answer)
    if isinstance(body, dict) and not body.get("data") and body.get("error"):
        said = body["error"]
        raise ErrorInstead((said.get("code") or said.get("type")) if isinstance(said, dict) else None)
    given = list(body["data"])
    embeddings = [one["embedding"] for one in given]
    for position, index in enumerate(_indexes(given)):
        if index != position:
            said = f"text {index}" if isinstance(index, int) and 0 <= index < count else "no text that was sent"
            raise wrong(f"the embedding at place {position} is said to be that of {said}", min(position, count - 1))
    return [_numbers(one) for one in embeddings]


def _indexes(given: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    """What is said of each; their order, where nothing is said of any. One that is left out beside others is 0."""
    said = [one.get("index") for one in given]
    return range(len(given)) if all(index is None for index in said) else [index or 0 for index in said]


def _numbers(embedding: Any) -> Any:
    """Those in base64, which is a fifth of the work; some endpoints give a list all the same."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4")
    return np.asarray(embedding, np.float64)
