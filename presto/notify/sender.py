"""One attempt to deliver one notification."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from http import HTTPStatus

import httpx

from presto.domain.credentials import utc_now
from presto.notify import guard, messages
from presto.notify.lookups import Lookups
from presto.notify.retry_after import retry_after
from presto.notify.settings import NotifySettings
from presto.notify.signing import SigningKey
from presto.persistence.events import Event
from presto_api.mef.notifications import event_path

_REFUSALS = frozenset({400, 413, 422})
"""Statuses that say that the same body will never be taken."""

_LARGEST_ANSWER = 64 * 1024
_LONGEST_READING = 1.0
"""Seconds for the body of an answer: the next event waits for it."""

_IDLE = 4.0
"""Seconds that a connection is kept for the next event: common servers close theirs after five."""

_PORTS = {"http": 80, "https": 443}


class Result(Enum):
    """What became of an attempt: a failure is tried again, a refusal is not; who is gone hears of nothing more."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True)
class Attempt:
    """`reason` tells the status or the fault, and nothing of what a subscriber answered besides.

    `wait` are the seconds that the subscriber asks for before the next attempt.
    """

    result: Result
    reason: str = ""
    wait: float = 0.0


class Sender:
    """Posts to one callback over a connection that is kept. `close` gives it up."""

    def __init__(
        self, callback: str, settings: NotifySettings, key: SigningKey, tls: ssl.SSLContext, lookups: Lookups
    ) -> None:
        self._settings, self._key, self._lookups = settings, key, lookups
        self._url = httpx.URL(callback)
        self._host = self._url.raw_host.decode("ascii")
        self._port = self._url.port or _PORTS[self._url.scheme]
        self._prefix = self._url.raw_path.decode("ascii").rstrip("/")
        # One each: connections are told apart by address, and a certificate was checked for one name only. A transport
        # without a client on top follows no redirects, keeps no cookies, and costs half as much.
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE)
        self._transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)
        self._address: str | None = None
        """The one that answered last."""

    async def send(self, event: Event) -> Attempt:
        """Post an event once, signed anew."""
        try:
            async with asyncio.timeout(self._settings.answer_timeout):
                answer = await self._post(event)
        except guard.Forbidden as error:
            return Attempt(Result.FAILED, f"not connected: {error}")
        except UnicodeError:
            return Attempt(Result.FAILED, "not connected: the callback names no host that can be looked up")
        except TimeoutError:
            return Attempt(Result.FAILED, f"no answer in {self._settings.answer_timeout:g} s")
        except (httpx.HTTPError, OSError) as error:
            return Attempt(Result.FAILED, f"no connection ({type(error).__name__})")
        await _read(answer)
        return _judged(answer)

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.aclose()

    async def _post(self, event: Event) -> httpx.Response:
        body, path = messages.body(event), self._prefix + event_path(self._settings.base, event.type)
        headers = self._key.headers(self._authority(), path, body, int(time.time()))
        headers["Host"] = self._authority()
        clock = asyncio.get_running_loop().time
        end = clock() + self._settings.answer_timeout
        found = await guard.resolve(self._host, self._lookups, self._settings)
        *others, last = sorted(found, key=lambda address: address != self._address)
        for number, address in enumerate(others):
            # What is left is shared by the addresses that were not tried yet and the answer: each has its turn.
            share = (end - clock()) / (len(found) - number + 1)
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._post_to(address, path, body, headers, share)
        return await self._post_to(last, path, body, headers, (end - clock()) / 2)

    async def _post_to(
        self, address: str, path: str, body: bytes, headers: dict[str, str], share: float
    ) -> httpx.Response:
        """Raises httpx.ConnectError, httpx.ConnectTimeout when the address is not reached in `share` seconds."""
        timeout = httpx.Timeout(self._settings.answer_timeout, connect=min(self._settings.connect_timeout, share))
        extensions = {"sni_hostname": self._host.strip("[]"), "timeout": timeout.as_dict()}
        url = _url(self._url, address, path)
        request = httpx.Request("POST", url, content=body, headers=headers, extensions=extensions)
        answer = await self._transport.handle_async_request(request)
        self._address = address
        return answer

    def _authority(self) -> str:
        """Host and port, without the port that the scheme implies."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return host if self._port == _PORTS[self._url.scheme] else f"{host}:{self._port}"


async def _read(answer: httpx.Response) -> None:
    """Read a body to its end, which keeps the connection; one that is large, slow or broken off gives it up."""
    taken = 0
    try:
        async with asyncio.timeout(_LONGEST_READING):
            async for part in answer.aiter_raw():
                taken += len(part)
                if taken > _LARGEST_ANSWER:
                    break
    except (TimeoutError, httpx.HTTPError):
        pass
    finally:
        await answer.aclose()


def _judged(answer: httpx.Response) -> Attempt:
    """The status decides."""
    if answer.is_success:
        return Attempt(Result.DELIVERED)
    status, reason = answer.status_code, f"answered {answer.status_code}"
    if status == HTTPStatus.GONE:
        return Attempt(Result.GONE, reason)
    if status in _REFUSALS:
        return Attempt(Result.REFUSED, reason)
    return Attempt(Result.FAILED, reason, retry_after(answer.headers.get("retry-after", ""), utc_now()))


@lru_cache(1024)
def _url(callback: httpx.URL, address: str, path: str) -> httpx.URL:
    return callback.copy_with(host=address, raw_path=path.encode("ascii"))
