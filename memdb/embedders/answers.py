"""The embeddings in an answer of an endpoint, in the order of the texts.

As https://platform.openai.com/docs/api-reference/embeddings/object has it, but for what others leave out: Gemini's
endpoint leaves out an `index` of 0, and some servers all of them. What an answer says in words is not repeated.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from memdb.embedders.protocol import wrong


def in_order(answer: Any, count: int) -> Sequence[Any]:
    """The embeddings. Raises WrongAnswer where they are said to be in another order than that of the texts.

    Raises AttributeError, TypeError, ValueError or ArithmeticError for what is no answer of the protocol.
    """
    given = list(answer.data)
    embeddings = [one.embedding for one in given]
    for position, index in enumerate(_indexes(given)):
        if index != position:
            said = f"text {index}" if isinstance(index, int) and 0 <= index < count else "no text that was sent"
            raise wrong(f"the embedding at place {position} is said to be that of {said}", min(position, count - 1))
    return [_numbers(one) for one in embeddings]


def _indexes(given: Sequence[Any]) -> Sequence[Any]:
    """What is said of each; their order, where nothing is said of any. One that is left out beside others is 0."""
    said = [getattr(one, "index", None) for one in given]
    return range(len(given)) if all(index is None for index in said) else [index or 0 for index in said]


def _numbers(embedding: Any) -> Any:
    """Those in base64, which is a fifth of the work; some endpoints give a list all the same."""
    return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4") if isinstance(embedding, str) else embedding
