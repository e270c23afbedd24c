"""What went wrong between here and an endpoint: its kind, never its words, which may quote a text or a key."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import openai

from memdb.embedders.answers import ErrorInstead
from memdb.embedders.bounded import Endless
from memdb.embedders.protocol import TextsRefused
from memdb.errors import EmbedderFailed, UsageError

KEY, OPENAI_KEY = "MEMDB_EMBEDDING_API_KEY", "OPENAI_API_KEY"

_ABOUT_TEXTS = (400, 413, 422, 500)
"""With 500, llama.cpp answers a text that is too long, and Ollama one of which its model makes NaN."""
_CODE = re.compile(r"[a-z_]{1,40}|\d{3}")
NO_KEY = f"Set the key in {KEY}; for api.openai.com alone, {OPENAI_KEY} will do."
_HINTS = {
    401: NO_KEY,
    403: "The key may not use this model, or not from here.",
    404: "Check --base-url, which often ends in /v1, and the name of the model.",
    429: "The endpoint wants fewer requests, or the account has no credit left. Run it later, or with --requests 1.",
}
_REDIRECTED = "Texts go nowhere else than --base-url says. If the endpoint has moved, give its new URL."
_LATER = "Run the same command again when the endpoint answers."
_ON_THE_WAY = {"ReadError", "WriteError", "CloseError", "RemoteProtocolError"}
"""Errors of what the client sends with, which is another library in some of its versions: by their names."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where texts are sent, and for how long an answer is waited for."""

    base_url: str
    timeout_seconds: float

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Raises EmbedderFailed for what goes wrong, or TextsRefused, without what the endpoint says of texts and keys."""
    try:
        yield
    except openai.APIStatusError as error:
        raise _refused(place, error.status_code, error.code) from None
    except openai.APITimeoutError:
        raise EmbedderFailed(f"{place.host} did not answer in {place.timeout_seconds:g} s", hint=_LATER) from None
    except (openai.APIConnectionError, Endless) as error:
        raise _broken_off(place, error if isinstance(error, Endless) else error.__cause__) from None
    except ErrorInstead as error:
        raise _refused_politely(place, error.code) from None
    except (
        openai.OpenAIError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError
    ):  # fmt: skip
        raise EmbedderFailed(
            f"the answer of {place.host} is not one of OpenAI's protocol, or was cut off",
            hint=f"Check --base-url, which often ends in /v1. {_LATER}",
        ) from None


@contextmanager
def told_of_surroundings() -> Iterator[None]:
    """Making a client fails for what the environment says of proxies and certificates alone."""
    try:
        yield
    except Exception:  # noqa: BLE001  # ImportError, OSError, ValueError, and the library's own
        raise EmbedderFailed(
            "there is no client for the proxy or the certificates that the environment names",
            hint="Look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR. "
            "A SOCKS proxy needs a package more: pip install socksio",
        ) from None


@contextmanager
def told_of_url() -> Iterator[None]:
    """Giving it a URL fails for a host that is none, such as 256.0.0.1."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ == "InvalidURL":
            raise no_url() from None
        raise


def no_url() -> UsageError:
    """For a base URL that is none."""
    return UsageError("the base URL of the endpoint is none", hint="Such as http://localhost:11434/v1")


def _refused(place: Place, status: int, code: Any) -> EmbedderFailed:
    kind = TextsRefused if status in _ABOUT_TEXTS else EmbedderFailed
    hint = _REDIRECTED if 300 <= status < 400 else _HINTS.get(status, _LATER)
    return kind(f"{place.host} answered {status}{_known(code)}", hint=hint)


def _refused_politely(place: Place, code: Any) -> EmbedderFailed:
    """With 200. Only a number tells that no text is meant."""
    is_about_texts = not str(code or "").isdecimal() or int(code) in _ABOUT_TEXTS
    kind = TextsRefused if is_about_texts else EmbedderFailed
    return kind(
        f"{place.host} answered with an error instead of embeddings{_known(code)}",
        hint=f"Check the name of the model, and what the endpoint logs. {_LATER}",
    )


def _broken_off(place: Place, cause: BaseException | None) -> EmbedderFailed:
    proxied, named = _proxied(place)
    if isinstance(cause, Endless):
        told = f"did not end in {place.timeout_seconds:g} s, or has more bytes than embeddings can need"
        return EmbedderFailed(f"an answer of {place.host} {told}", hint=f"Check --base-url. {_LATER}")
    if type(cause).__name__ == "DecodingError":
        told = f"the answer of {place.host}{proxied} is not compressed as it says"
    elif type(cause).__name__ in _ON_THE_WAY:
        told = f"{place.host} closed the connection{proxied} before its answer ended"
    else:
        told = f"no connection to {place.host}{proxied}"
    return EmbedderFailed(told, hint=f"Check {named}. {_LATER}")


def _known(code: Any) -> str:
    """A code in brackets, if it is one: anything else may be words."""
    return f" ({code})" if _CODE.fullmatch(str(code or "")) else ""


def _proxied(place: Place) -> tuple[str, str]:
    """Whether there is a proxy in between, in words, and what to look at."""
    proxies = getproxies()
    if proxy_bypass(place.host) or not {urlsplit(place.base_url).scheme, "all"} & {*proxies}:
        return "", "--base-url"
    return " through the proxy of the environment", "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, and --base-url"
