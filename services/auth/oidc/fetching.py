"""How providers are spoken to: bounded in time and size, no redirects, answers kept for a while.

Knows HTTP and JSON, nothing of OpenID Connect.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

import httpx2
import msgspec

from shared.errors import ChatError, unavailable

T = TypeVar("T")

# Each wait for the network; the whole of a sign-in is bounded by who asks.
TIMEOUT = httpx2.Timeout(4.0, connect=3.0)
# Discovery and keys of large providers have some 20 KiB.
ANSWER_BYTES_MAX = 262_144
# A link serves one sign-in. Many servers let go of a silent one after 5 s: a request of that moment is lost.
_CONNECTIONS = httpx2.Limits(max_connections=20, max_keepalive_connections=2, keepalive_expiry=1.0)
# Who comes right after a failure is told at once, instead of waiting for another one.
_RETRY_AFTER_S = 2.0


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Passes requests on, and no more of an answer than a provider has reason to send."""

    def __init__(self) -> None:
        self._inner = httpx2.AsyncHTTPTransport(limits=_CONNECTIONS)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # Packed, a small answer could become a huge one.
        request.headers["Accept-Encoding"] = "identity"
        answer = await self._inner.handle_async_request(request)
        stream = answer.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await stream.aclose()
            raise httpx2.DecodingError("the answer is packed, which was not asked for", request=request)
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_BoundedStream(stream, request),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._inner = inner
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for chunk in self._inner:
            taken += len(chunk)
            if taken > ANSWER_BYTES_MAX:
                raise httpx2.DecodingError("the answer is too large", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class Fetcher:
    """Gets JSON objects."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._client = httpx2.AsyncClient(transport=transport, timeout=TIMEOUT, follow_redirects=False)

    async def get(self, url: str, bearer: str | None = None) -> dict[str, Any]:
        """Raises httpx2.HTTPError, ValueError if the answer is no JSON object, or not a good one."""
        headers = {"Accept": "application/json"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        answer = await self._client.get(url, headers=headers)
        if answer.status_code != httpx2.codes.OK:
            raise ValueError(f"{url} answers {answer.status_code}")
        found: dict[str, Any] = msgspec.json.decode(answer.content, type=dict[str, Any])
        return found


class Kept(Generic[T]):
    """One answer, fetched by the first who wants it and kept for a while; all others wait for that one."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], life_s: float) -> None:
        self._fetch = fetch
        self._life_s = life_s
        self._lock = asyncio.Lock()
        self._value: T | None = None
        self._good_until = 0.0
        self._failed_until = 0.0

    async def get(self) -> T:
        """Raises what `fetch` raises; shortly after that `unavailable`, without asking."""
        async with self._lock:
            if self._value is not None and time.monotonic() < self._good_until:
                return self._value
            return await self._renew()

    async def replace(self, seen: T) -> T:
        """Fetch anew, unless somebody has since `seen`."""
        async with self._lock:
            if self._value is not None and self._value is not seen:
                return self._value
            return await self._renew()

    async def _renew(self) -> T:
        if time.monotonic() < self._failed_until:
            raise unavailable("the provider does not answer")
        try:
            self._value = await self._fetch()
        except ChatError:
            self._failed_until = time.monotonic() + _RETRY_AFTER_S
            raise
        self._good_until = time.monotonic() + self._life_s
        return self._value
