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
from urllib.request import getproxies, proxy_bypass

import openai

from memdb.embedders.answers import in_order
from memdb.embedders.bounded import Endless, bound
from memdb.embedders.protocol import TextsRefused
from memdb.errors import EmbedderFailed, UsageError

KEY = "MEMDB_EMBEDDING_API_KEY"
OPENAI, OPENAI_KEY = "https://api.openai.com/v1", "OPENAI_API_KEY"

_ABOUT_TEXTS = (400, 413, 422, 500)
"""With 500, llama.cpp answers a text that is too long, and Ollama one of which its model makes NaN."""
_NOT_TAKEN = (openai.BadRequestError, openai.UnprocessableEntityError)
"""What some gateways answer when they are asked for base64."""
_ONE_WORD = re.compile(r"[^\s\x00-\x1f\x7f]+")
_CODE = re.compile(r"[a-z_]{1,40}")
_HINTS = {
    401: f"Set the key in {KEY}; for api.openai.com alone, {OPENAI_KEY} will do.",
    403: "The key may not use this model, or not from here.",
    404: "Check --base-url, which often ends in /v1, and the name of the model.",
    429: "The endpoint wants fewer requests, or the account has no credit left. Run it later, or with --requests 1.",
}
_REDIRECTED = "Texts go nowhere else than --base-url says. If the endpoint has moved, give its new URL."
_SENT = re.compile(
    r"host|accept|accept-encoding|authorization|connection|content-(type|length)|user-agent|x-stainless-.*"
)
"""Headers of every request. What else the client finds in OPENAI_… variables is meant for OpenAI."""
_LATER = "What was stored stays. Run the same command again when the endpoint answers."


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
            raise UsageError(f"there is no key for {self.host}", hint=_HINTS[401])
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
        with self._told():
            create = self._client.embeddings.create
            try:
                answer = create(**self._asked(texts))
            except _NOT_TAKEN:
                if self._known.taken:
                    raise
                answer = create(**self._asked(texts, form="float"))
                self._known.form = "float"
            self._known.taken = True
            return in_order(answer, len(texts))

    async def aembed(self, texts: Sequence[str]) -> Sequence[Any]:
        with self._told():
            create = self._async_client.embeddings.create
            try:
                answer = await create(**self._asked(texts))
            except _NOT_TAKEN:
                if self._known.taken:
                    raise
                answer = await create(**self._asked(texts, form="float"))
                self._known.form = "float"
            self._known.taken = True
            return in_order(answer, len(texts))

    def _asked(self, texts: Sequence[str], form: str | None = None) -> dict[str, Any]:
        shortened = {} if self.dimensions is None else {"dimensions": self.dimensions}
        return {"model": self.model, "input": list(texts), "encoding_format": form or self._known.form, **shortened}

    @cached_property
    def _client(self) -> openai.OpenAI:
        with _told_of_surroundings():
            http = openai.DefaultHttpxClient(
                follow_redirects=False, event_hooks={"request": [self._bare], "response": [self._heard]}
            )
        return openai.OpenAI(**self._settings, http_client=http)

    @cached_property
    def _async_client(self) -> openai.AsyncOpenAI:
        async def bare(request: Any) -> None:
            self._bare(request)

        async def heard(response: Any) -> None:
            self._heard(response)

        with _told_of_surroundings():
            http = openai.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks={"request": [bare], "response": [heard]}
            )
        return openai.AsyncOpenAI(**self._settings, http_client=http)

    def _bare(self, request: Any) -> None:
        """Takes from a request what the environment says to OpenAI: of its organization, say, or in headers at will."""
        if self._is_openai:
            return
        for name in [name for name in request.headers if not _SENT.fullmatch(name)]:
            del request.headers[name]
        request.headers["authorization"] = f"Bearer {self._key}"

    def _heard(self, response: Any) -> None:
        """Bounds the answer. The client, which knows this header, asks again after 500 for the first texts only."""
        if response.status_code == 500 and self._known.fails:
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

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong, without what the endpoint says of texts and keys."""
        try:
            yield
        except openai.APIStatusError as error:
            raise self._refused(error.status_code, str(error.code or "")) from None
        except openai.APITimeoutError:
            raise EmbedderFailed(f"{self.host} did not answer in {self.timeout_seconds:g} s", hint=_LATER) from None
        except (openai.APIConnectionError, Endless) as error:
            if Endless in (type(error), type(error.__cause__)):
                told = f"did not end in {self.timeout_seconds:g} s, or has more bytes than embeddings can need"
                raise EmbedderFailed(f"an answer of {self.host} {told}", hint=f"Check --base-url. {_LATER}") from None
            proxied, named = self._proxied()
            raise EmbedderFailed(f"no connection to {self.host}{proxied}", hint=f"Check {named}. {_LATER}") from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
            raise EmbedderFailed(
                f"the answer of {self.host} is not one of OpenAI's protocol, or was cut off",
                hint=f"Check --base-url, which often ends in /v1. {_LATER}",
            ) from None

    def _proxied(self) -> tuple[str, str]:
        """Whether there is a proxy in between, in words, and what to look at."""
        proxies = getproxies()
        if proxy_bypass(self.host) or not {urlsplit(self.base_url).scheme, "all"} & {*proxies}:
            return "", "--base-url"
        return (
            " through the proxy of the environment",
            "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, and --base-url",
        )

    def _refused(self, status: int, code: str) -> EmbedderFailed:
        self._known.fails |= status == 500
        known = f" ({code})" if _CODE.fullmatch(code) else ""
        kind = TextsRefused if status in _ABOUT_TEXTS else EmbedderFailed
        hint = _REDIRECTED if 300 <= status < 400 else _HINTS.get(status, _LATER)
        return kind(f"{self.host} answered {status}{known}", hint=hint)


def _expect_url(given: str) -> None:
    try:
        parts = urlsplit(given)
        _ = parts.port  # which raises, too, for what is none
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not _ONE_WORD.fullmatch(given):
        raise UsageError("the base URL of the endpoint is none", hint="Such as http://localhost:11434/v1")


def _key(name: str) -> str:
    """That of a variable, without the end of a line that files of secrets have. Raises UsageError for what is none."""
    key = os.environ.get(name, "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise UsageError(f"what {name} has is no key: it has spaces, or characters beyond ASCII", hint="Copy it anew.")
    return key


@contextmanager
def _told_of_surroundings() -> Iterator[None]:
    """Making a client fails for what the environment says of proxies and certificates alone."""
    try:
        yield
    except Exception:  # noqa: BLE001  # ImportError, OSError, ValueError, and the library's own
        raise EmbedderFailed(
            "there is no client for the proxy or the certificates that the environment names",
            hint="Look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR. "
            "A SOCKS proxy needs a package more: pip install socksio",
        ) from None
