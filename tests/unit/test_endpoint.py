"""An endpoint of OpenAI's protocol: what is logged of it, and how long it is left alone when it asks for that."""

import asyncio
import base64
import logging
import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import anyio
import numpy as np
import pytest

from memdb.embedders.endpoint import Endpoint as Client
from memdb.errors import EmbedderFailed
from tests.embedding_server import Endpoint, Fault, failing, meaning, serving

KEY = "sk-very-secret"
TEXT = "what nobody else may read"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("MEMDB_EMBEDDING_API_KEY", KEY)
    with serving() as endpoint:
        yield endpoint


@pytest.mark.parametrize("way", ["embed", "aembed"])
@pytest.mark.parametrize("last", [429, 400], ids=["answered at last", "refused at last"])
def test_no_text_no_key_and_no_embedding_is_logged_at_any_level(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture, way: str, last: int
) -> None:
    endpoint.faults = [failing(500), failing(last)]  # which quote the text and the key
    client = Client("m", endpoint.url)

    async def ask() -> Any:
        try:
            return await client.aembed([TEXT])
        finally:
            await client.aclose()

    with caplog.at_level(logging.DEBUG), client:
        for name in [*logging.root.manager.loggerDict]:
            caplog.set_level(logging.DEBUG, name)
        with pytest.raises(EmbedderFailed, match="answered 400") if last == 400 else nullcontext():
            client.embed([TEXT]) if way == "embed" else asyncio.run(ask())
    assert {"openai"} < {record.name.partition(".")[0] for record in caplog.records}  # and what it sends with
    sent = base64.b64encode(np.asarray(meaning(TEXT), "<f4").tobytes()).decode()
    logged = caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert endpoint.texts == [TEXT] * (3 if last == 429 else 2)
    for secret in (KEY, TEXT, sent[:40], str(float(meaning(TEXT)[0]))):
        assert secret not in logged


@pytest.mark.parametrize(
    ("faults", "least"),
    [
        ([failing(429, retry_after="7"), failing(503, retry_after_ms="90000")], [7, 90]),
        ([failing(500, x="")] * 6, [0.37, 0.75, 1.5, 3, 6, 6]),
        ([failing(429, retry_after="0"), failing(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")], [0.37, 0.75]),
    ],
    ids=["as it asks", "longer each time", "not less for nonsense"],
)
@pytest.mark.parametrize("way", ["embed", "aembed"])
def test_it_is_left_alone_for_as_long_as_it_asks_or_longer_each_time(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, way: str, faults: list[Fault], least: list[float]
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    endpoint.faults = [*faults]
    client = Client("m", endpoint.url)
    if way == "embed":
        monkeypatch.setattr(time, "sleep", waited.append)
        with client:
            client.embed([TEXT])
    else:
        monkeypatch.setattr(anyio, "sleep", sleep)

        async def ask() -> None:
            await client.aembed([TEXT])
            await client.aclose()

        asyncio.run(ask())
    assert len(waited) == len(least)
    assert all(at_least <= seconds <= 1.34 * at_least for seconds, at_least in zip(waited, least, strict=True)), waited


def test_an_endpoint_that_asks_for_more_than_two_minutes_is_not_waited_for(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    endpoint.always = failing(429, retry_after="121")
    with Client("m", endpoint.url) as client, pytest.raises(EmbedderFailed, match="429") as caught:
        client.embed([TEXT])
    assert (waited, TEXT in f"{caught.value} {caught.value.hint}") == ([], False)
