"""An endpoint of OpenAI's protocol: what is logged of it, and how long it is left alone when it asks for that."""

import asyncio
import base64
import logging
import re
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any

import anyio
import numpy as np
import pytest

from memdb.embedders import choosing
from memdb.embedders.endpoint import Endpoint as Client
from memdb.errors import EmbedderFailed, UsageError
from tests.embedding_server import Endpoint, Fault, Handler, failing, indexed, meaning, serving

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
    endpoint.faults = [failing(500), *[failing(last)] * (1 if last == 429 else 2)]  # which quote the text and the key
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
    assert endpoint.texts == [TEXT] * 3
    for secret in (KEY, TEXT, sent[:40], str(float(meaning(TEXT)[0]))):
        assert secret not in logged


@pytest.mark.parametrize(
    ("faults", "least"),
    [
        ([failing(429, retry_after="7"), failing(503, retry_after_ms="90000")], [7, 90]),
        ([failing(500, x="")] * 6, [0.375, 0.75, 1.5, 3, 6, 6]),
        ([failing(429, retry_after="0"), failing(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")], [0.375, 0.75]),
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


@pytest.mark.parametrize(
    "said",
    [lambda place: {"index": place} if place else {}, lambda _: {}, lambda _: {"index": None}],
    ids=["of the first alone, as Gemini's", "of all", "null"],
)
def test_an_index_that_is_left_out_is_that_of_the_place(endpoint: Endpoint, said: Any) -> None:
    endpoint.always = indexed(said)
    with Client("m", endpoint.url) as client:
        found = client.embed(["one", "two", "three"])
    assert np.allclose(found, [meaning(text) for text in ("one", "two", "three")], atol=1e-6)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (lambda place: {"index": 1 - place}, "place 0 is said to be that of text 1\n"),
        (lambda place: {"index": 1} if place == 0 else {}, "place 0 is said to be that of text 1\n"),
        (lambda _: {"index": 0}, "place 1 is said to be that of text 0\n"),
        (lambda _: {"index": TEXT}, "place 0 is said to be that of no text that was sent\n"),
    ],
    ids=["the other way round", "the first left out at the end", "one for all", "words"],
)
def test_embeddings_in_another_order_than_the_texts_are_refused_without_repeating_words(
    endpoint: Endpoint, said: Any, told: str
) -> None:
    endpoint.always = indexed(said)
    with Client("m", endpoint.url) as client, pytest.raises(EmbedderFailed, match=told):
        client.embed(["one", "two"])


def answering(body: bytes, *headers: str) -> Fault:
    def fault(handler: Handler, _: list[str]) -> bool:
        handler.send_response(200)
        for header in headers:
            handler.send_header(*header.split(": "))
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    return fault


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"data": [{"index": 0, "embedding": [1%s, 0.5]}]}' % (b"0" * 400),
        b'{"data": "words"}',
        b'{"data": [[0.5]]}',
        b"<html>",
    ],
    ids=["deep", "a number beyond all", "words", "no objects", "a page"],
)
def test_what_is_no_answer_of_the_protocol_is_told_as_that(endpoint: Endpoint, body: bytes) -> None:
    endpoint.always = answering(body)
    with Client("m", endpoint.url) as client, pytest.raises(EmbedderFailed, match="is not one of OpenAI's protocol"):
        client.embed([TEXT])


def test_a_query_of_the_base_url_stays_behind_the_path(endpoint: Endpoint) -> None:
    paths = list[str]()

    def heard(handler: Handler, _: list[str]) -> bool:
        paths.append(handler.path)
        return False

    endpoint.always = heard
    with Client("m", f"{endpoint.url}/deployments/m?api-version=2024-10-21") as client:
        client.embed([TEXT])
    assert paths == ["/v1/deployments/m/embeddings?api-version=2024-10-21"]


def closing(handler: Handler, _: list[str]) -> bool:
    handler.close_connection = True
    return True


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (closing, "closed the connection before its answer ended"),
        (answering(b"no gzip", "content-encoding: gzip"), "is not compressed as it says"),
        (answering(b'{"error": {"message": "%s", "code": 429}}' % TEXT.encode()), r"an error instead .* \(429\)"),
        (answering(b'{"error": {"message": "%s", "type": "server_error"}}' % TEXT.encode()), r"\(server_error\)"),
        (answering(b'{"error": "%s"}' % TEXT.encode()), "an error instead of embeddings$"),
    ],
    ids=["closed", "false gzip", "429", "an error", "words"],
)
def test_what_went_wrong_is_told_without_words_and_without_what_a_run_has_stored(
    endpoint: Endpoint, fault: Fault, told: str
) -> None:
    endpoint.always = fault
    with Client("m", endpoint.url, retries=0) as client, pytest.raises(EmbedderFailed) as raised:
        client.embed([TEXT])
    assert re.search(told, raised.value.message)
    assert not re.search(f"{TEXT}|stored", f"{raised.value.message} {raised.value.hint}")


def test_after_texts_that_an_endpoint_fails_at_others_are_asked_for_twice(endpoint: Endpoint) -> None:
    endpoint.always = failing(500)
    with Client("m", endpoint.url, retries=3) as client:
        for asked in (4, 6):
            with pytest.raises(EmbedderFailed, match="500"):
                client.embed([TEXT])
            assert len(endpoint.asked) == asked
        endpoint.always, endpoint.faults = None, [failing(500)]
        assert len(client.embed([TEXT])) == 1


@pytest.mark.parametrize("host", ["256.0.0.1", "\u2603.example", "a..b", "x" * 64])
def test_a_host_that_there_cannot_be_is_a_wrong_url(endpoint: Endpoint, host: str) -> None:
    with pytest.raises(UsageError, match="the base URL of the endpoint is none"):
        Client("m", f"http://{host}/v1").embed([TEXT])


@pytest.mark.parametrize("url", ["", " ", "http://localhost/v1 ", "http://local\nhost/v1"])
def test_a_base_url_that_is_empty_or_broken_is_refused_and_openai_is_not_asked_instead(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert choosing.endpoint("m").host == "api.openai.com"
    with pytest.raises(UsageError, match="the base URL of the endpoint is none"):
        choosing.endpoint("m", url)


@pytest.mark.parametrize("way", ["embed", "aembed"])
def test_a_gateway_that_knows_no_base64_is_asked_for_numbers_from_then_on(endpoint: Endpoint, way: str) -> None:
    forms = list[str]()

    def refused(handler: Handler, texts: list[str]) -> bool:
        forms.append(handler.form)
        if handler.form == "float":
            return False
        return failing(400)(handler, texts)

    async def ask(client: Client) -> list[Any]:
        try:
            return [await client.aembed([TEXT]) for _ in range(2)]
        finally:
            await client.aclose()

    endpoint.always = refused
    with Client("m", endpoint.url) as client:
        found = [client.embed([TEXT]) for _ in range(2)] if way == "embed" else asyncio.run(ask(client))
    assert forms == ["base64", "float", "float"]
    assert np.allclose(found, meaning(TEXT), atol=1e-6)


@pytest.mark.parametrize(("seconds", "most"), [(0.2, 256 << 20), (30, 1000)])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_answer_that_never_ends_is_given_up(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, seconds: float, most: int, asynchronous: bool
) -> None:
    def endless(handler: Handler, _: list[str]) -> bool:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        with suppress(OSError):
            while True:
                handler.wfile.write(b" " * 100)
                time.sleep(0.01)
        handler.close_connection = True
        return True

    endpoint.always = endless
    monkeypatch.setattr("memdb.embedders.bounded.MOST_BYTES", most)
    asked = Client("m", endpoint.url, retries=0, timeout_seconds=seconds)
    with pytest.raises(EmbedderFailed, match=r"did not end in .* or has more bytes"):
        await asked.aembed(["text"]) if asynchronous else asked.embed(["text"])
    await asked.aclose()
    asked.close()
