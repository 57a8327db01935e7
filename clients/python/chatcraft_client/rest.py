"""One command over HTTP: path, query and body from the registry's declaration. Knows no socket."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
from msgspec import Struct

from chatcraft_client.errors import BAD_REPLY, ChatCraftError
from shared.contracts.registry import Command, Rep, Req

_PREFIX = "/api/v1"
_WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    path: str
    query: dict[str, str]
    body: bytes | None


def build_request(command: Command[Req, Rep], request: Req) -> HttpRequest:
    """Spread the request over path, query and body. Raises ValueError if the command has no REST door."""
    if command.http is None:
        raise ValueError(f"{command.name} has no REST door")
    fields: dict[str, Any] = msgspec.to_builtins(request)
    path = _PREFIX + command.http.path
    for name in command.http.path_fields:
        path = path.replace(f"{{{name}}}", quote(str(fields.pop(name)), safe=""))
    if command.http.method in _WITH_BODY:
        return HttpRequest(command.http.method, path, {}, msgspec.json.encode(fields))
    query = {name: _to_query(value) for name, value in fields.items() if value not in (None, [])}
    return HttpRequest(command.http.method, path, query, None)


def _to_query(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return str(value)


class Rest:
    """The REST door of one or several nodes; the first that takes the connection answers."""

    def __init__(self, urls: list[str], timeout_s: float) -> None:
        self.urls = urls
        # Environment proxies are for browsing the web: a chat server is named by its own address.
        self._http = httpx2.AsyncClient(timeout=timeout_s, trust_env=False)

    async def call(self, command: Command[Req, Rep], request: Req, access_token: str | None) -> Rep:
        """Raises ChatCraftError: what the server answered, `unavailable` or `disconnected`."""
        built = build_request(command, request)
        response = await self._send(built, access_token)
        if response.status_code >= httpx2.codes.BAD_REQUEST:
            raise ChatCraftError.from_http(response.status_code, response.content)
        return decode_reply(command.reply, response.content)

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(self, built: HttpRequest, access_token: str | None) -> httpx2.Response:
        headers = {"Content-Type": "application/json"} if built.body is not None else {}
        if access_token:
            headers["Authorization"] = f"Bearer {access_token}"
        last = "no address is known"
        for url in self.urls:
            try:
                return await self._http.request(
                    built.method, url + built.path, params=built.query, content=built.body, headers=headers
                )
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
                last = str(exc)  # nothing was sent yet: another node may do it
            except httpx2.TimeoutException as exc:
                raise ChatCraftError("timeout", "no reply in time") from exc
            except httpx2.HTTPError as exc:
                raise ChatCraftError("disconnected", f"no reply: {exc}") from exc
        raise ChatCraftError("unavailable", f"no node takes the connection: {last}")


def decode_reply(reply: type[Rep], raw: bytes | msgspec.Raw) -> Rep:
    """Decode a reply leniently: unknown fields are a newer server's."""
    try:
        return msgspec.json.decode(raw, type=reply)
    except msgspec.DecodeError as exc:
        raise ChatCraftError(BAD_REPLY, f"{_name(reply)}: {exc}") from exc


def _name(reply: type[Struct]) -> str:
    return reply.__name__
