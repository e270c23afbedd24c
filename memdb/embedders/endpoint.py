"""Embeddings from an endpoint that speaks OpenAI's protocol: OpenAI, Azure, Ollama, vLLM, llama.cpp, LM Studio.

The client is OpenAI's own. It asks again, as often as it may, after 408, 409, 429, 5xx and lost connections, when
Retry-After says so or, without that, after 0.5 s, twice that, and so on to 8 s. What an endpoint says in words of a
text, or of a key, is not repeated: it may quote them.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import openai

from memdb.embedders import failures
from memdb.embedders.answers import in_order
from memdb.embedders.bounded import bound
from memdb.embedders.failures import KEY, OPENAI_KEY, Place
from memdb.errors import UsageError

OPENAI = "https://api.openai.com/v1"

_NOT_TAKEN = (openai.BadRequestError, openai.UnprocessableEntityError)
"""What some gateways answer when they are asked for base64."""
_ONE_WORD = re.compile(r"[^\s\x00-\x1f\x7f]+")
_SENT = re.compile(
    r"host|accept|accept-encoding|authorization|connection|content-(type|length)|user-agent|x-stainless-.*"
)
"""Headers of every request. What else the client finds in OPENAI_… variables is meant for OpenAI."""
_ASKED_BEFORE = "x-stainless-retry-count"


@dataclass
class _Known:
    """What answers have told: in which `form` embeddings are asked for, whether it was `taken`, and whether it `fails`:
    500 was all that came of asking again."""

    form: str = "base64"
    taken: bool = False
    fails: bool = False


@dataclass(frozen=True)
class Endpoint:
    """A model behind a URL. `dimensions` asks the model for fewer numbers than it has, as text-embedding-3 allows.

    The key is in MEMDB_EMBEDDING_API_KEY; OPENAI_API_KEY goes to api.openai.com alone. Raises UsageError for a URL that
    is none, and where OpenAI is asked without a key.
    """

    model: str
    base_url: str = OPENAI
    dimensions: int | None = None
    retries: int = 6
    timeout_seconds: float = 60
    _key: str = field(init=False, repr=False)
    _known: _Known = field(init=False, repr=False, compare=False, default_factory=_Known)

    def __post_init__(self) -> None:
        _expect_url(self.base_url)
        key = _key(KEY) or (_key(OPENAI_KEY) if self._is_openai else "")
        if not key and self._is_openai:
            raise UsageError(f"there is no key for {self.host}", hint=failures.NO_KEY)
        object.__setattr__(self, "_key", key or "none")

    @property
    def host(self) -> str:
        """Where texts are sent."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def _is_openai(self) -> bool:
        return (urlsplit(self.base_url).scheme, self.host) == ("https", urlsplit(OPENAI).hostname)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections of `embed`. Those of `aembed` end with `aclose`."""
        if "_client" in vars(self):
            self._client.close()

    async def aclose(self) -> None:
        if "_async_client" in vars(self):
            await self._async_client.close()

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        def ask(form: str) -> Any:
            return self._client.embeddings.with_raw_response.create(**self._asked(texts, form))

        with self._told():
            try:
                answer = ask(self._known.form)
            except _NOT_TAKEN:
                if self._known.taken:
                    raise
                answer = ask("float")
                self._known.form = "float"
            self._known.taken = True
            return in_order(answer.content, len(texts))

    async def aembed(self, texts: Sequence[str]) -> Sequence[Any]:
        async def ask(form: str) -> Any:
            return await self._async_client.embeddings.with_raw_response.create(**self._asked(texts, form))

        with self._told():
            try:
                answer = await ask(self._known.form)
            except _NOT_TAKEN:
                if self._known.taken:
                    raise
                answer = await ask("float")
                self._known.form = "float"
            self._known.taken = True
            return in_order(answer.content, len(texts))

    @contextmanager
    def _told(self) -> Iterator[None]:
        with failures.told(Place(self.base_url, self.timeout_seconds)):
            try:
                yield
            except openai.InternalServerError as error:
                self._known.fails |= error.status_code == 500
                raise

    def _asked(self, texts: Sequence[str], form: str) -> dict[str, Any]:
        shortened = {} if self.dimensions is None else {"dimensions": self.dimensions}
        return {"model": self.model, "input": list(texts), "encoding_format": form, **shortened}

    @cached_property
    def _client(self) -> openai.OpenAI:
        with failures.told_of_surroundings():
            http = openai.DefaultHttpxClient(
                follow_redirects=False, event_hooks={"request": [self._bare], "response": [self._heard]}
            )
        with failures.told_of_url():
            return openai.OpenAI(**self._settings, http_client=http)

    @cached_property
    def _async_client(self) -> openai.AsyncOpenAI:
        async def bare(request: Any) -> None:
            self._bare(request)

        async def heard(response: Any) -> None:
            self._heard(response)

        with failures.told_of_surroundings():
            http = openai.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks={"request": [bare], "response": [heard]}
            )
        with failures.told_of_url():
            return openai.AsyncOpenAI(**self._settings, http_client=http)

    def _bare(self, request: Any) -> None:
        """Takes from a request what the environment says to OpenAI: of its organization, say, or in headers at will."""
        if self._is_openai:
            return
        for name in [name for name in request.headers if not _SENT.fullmatch(name)]:
            del request.headers[name]
        request.headers["authorization"] = f"Bearer {self._key}"

    def _heard(self, response: Any) -> None:
        """Bounds the answer. The client knows this header: after texts that 500 was all for, it asks twice at most."""
        if (
            response.status_code == 500
            and self._known.fails
            and response.request.headers.get(_ASKED_BEFORE, "0") != "0"
        ):
            response.headers["x-should-retry"] = "false"
        bound(response, self.timeout_seconds)

    @property
    def _settings(self) -> dict[str, Any]:
        parts = urlsplit(self.base_url)  # the client would write what it adds behind a query, such as Azure's version
        return {
            "api_key": self._key,
            "base_url": urlunsplit(parts._replace(query="", fragment="")),
            "default_query": dict(parse_qsl(parts.query, keep_blank_values=True)),
            "max_retries": self.retries,
            "timeout": self.timeout_seconds,
        }


def _expect_url(given: str) -> None:
    try:
        parts = urlsplit(given)
        _ = parts.port  # which raises, too, for what is none
        (parts.hostname or "").encode("idna")  # as resolving the name does
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not _ONE_WORD.fullmatch(given):
        raise failures.no_url()


def _key(name: str) -> str:
    """That of a variable, without the end of a line that files of secrets have. Raises UsageError for what is none."""
    key = os.environ.get(name, "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise UsageError(f"what {name} has is no key: it has spaces, or characters beyond ASCII", hint="Copy it anew.")
    return key
