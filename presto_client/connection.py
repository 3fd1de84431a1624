"""Requests to one server: signed, tried again when the connection is lost, errors as exceptions."""

from __future__ import annotations

import ipaddress
import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from presto_client.credentials import ClientCredentials, Token, auth_for
from presto_client.errors import BadAnswer, PrestoError, Unreachable, error_of

DEFAULT_URL = "http://127.0.0.1:8181"
MAX_PORT = 65535
_API_PATH = re.compile(r"/(restconf|mefApi|presto-sdwan|docs)(?=/|$).*")
_NOT_HTTP = "the request is not HTTP: let its token and its key have printable ASCII characters only"
"""The library's own words hold the header, which can be the token."""


@dataclass(frozen=True)
class Options:
    """Where the server is and how to talk to it.

    `ca` is a file of PEM certificates that the server's is checked against, instead of the system's. `attempts` is how
    often a request is sent when no answer comes, with pauses that double from `pause` seconds; `timeout` is in seconds.
    """

    url: str = DEFAULT_URL
    credentials: Token | ClientCredentials | None = None
    ca: Path | None = None
    timeout: float = 30.0
    attempts: int = 4
    pause: float = 0.2


class Connection:
    """A pool of connections to one server."""

    def __init__(self, options: Options, transport: httpx.BaseTransport | None = None) -> None:
        self.options = options
        url = _url(options)
        self._http = httpx.Client(
            base_url=url,
            auth=auth_for(url, options.credentials),
            verify=_context(options.ca),
            timeout=options.timeout,
            transport=transport,
        )

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> httpx.Response:
        """The answer. `repeat` says that the request may be sent again when it is not known whether it arrived.

        Raises Unreachable, ErrorAnswer; PrestoError for headers that HTTP does not allow.
        """
        request = self._http.build_request(method, path, json=body, params=params, headers=headers)
        answer = self._send(request, repeat)
        if answer.is_error:
            raise error_of(answer)
        if not answer.is_success:
            raise BadAnswer(f"{self.options.url}{path} was answered with {answer.status_code}")
        return answer

    def json(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> Any:
        """The JSON of the answer. Raises as `request` does, and BadAnswer."""
        return document(self.request(method, path, body, headers=headers, repeat=repeat))

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, Sequence[str]], headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """An answer whose body comes bit by bit; no time limit between the bits. Raises as `request` does."""
        timeout = httpx.Timeout(self.options.timeout, read=None)
        try:
            with self._http.stream("GET", path, params=params, headers=headers, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                    raise error_of(answer) if answer.is_error else BadAnswer(f"{path}: {answer.status_code}")
                yield answer
        except httpx.LocalProtocolError:
            raise PrestoError(_NOT_HTTP) from None
        except (httpx.TransportError, httpx.StreamError) as error:
            raise Unreachable(f"{self.options.url} ended the stream: {error or type(error).__name__}") from error

    def _send(self, request: httpx.Request, repeat: bool) -> httpx.Response:
        pause = self.options.pause
        for attempt in range(1, self.options.attempts + 1):
            try:
                return self._http.send(request)
            except httpx.LocalProtocolError:
                raise PrestoError(_NOT_HTTP) from None
            except httpx.TransportError as error:
                never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if attempt == self.options.attempts or not (repeat or never_sent):
                    raise self._unreachable(error) from error
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        return Unreachable(f"{self.options.url} does not answer: {error or type(error).__name__}")


def document(answer: httpx.Response) -> Any:
    """The JSON of an answer. Raises BadAnswer."""
    try:
        return answer.json()
    except ValueError:
        raise BadAnswer(f"{answer.url} was answered with something that is not JSON") from None


def _url(options: Options) -> httpx.URL:
    """The base URL. Raises PrestoError when it is none, or would carry credentials in the clear over a network."""
    if "@" in options.url:  # not shown: what stands before it is a password
        raise PrestoError(
            "the URL of the server has a user or a password: leave them out, and give a token or a client"
        )
    try:
        url = httpx.URL(options.url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise PrestoError(f"{options.url} is no URL: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise PrestoError(f"{options.url} is no base of a server: write {DEFAULT_URL}")
    if url.port is not None and not 0 < url.port <= MAX_PORT:
        raise PrestoError(f"{options.url} is no base of a server: a port is 1 to {MAX_PORT}")
    if path := _API_PATH.search(url.path):
        raise PrestoError(f"{options.url} is no base of a server: leave out {path[0]}")
    if options.credentials and url.scheme == "http" and not _loopback(url.host):
        raise PrestoError(f"{options.url} would send the credentials unprotected: use https")
    return url


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise PrestoError(f"{ca} cannot be used as certificates: {error.strerror or error}") from None
