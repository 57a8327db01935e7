"""The refresh token as a browser has it: an HttpOnly cookie that counts only with a header.

A form or an image of a foreign site can send the cookie but not the header: that stops CSRF.
"""

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from shared.contracts import auth
from shared.contracts.registry import Command

# The auth service decides when a login ends; browsers keep no cookie longer than this (RFC 6265bis).
_MAX_AGE_S = 400 * 24 * 3600
_GIVES_TOKENS = frozenset(
    {"auth.register", "auth.login", "auth.login_totp", "auth.login_passkey", "auth.refresh"}
    | {"auth.finish_oidc", "auth.register_oidc"}
)
_ENDS_LOGIN = "auth.logout"


class RefreshCookie:
    """Moves refresh tokens between bodies and the cookie for requests with `X-Chat-Client: web`."""

    def fill(self, command: Command[Struct, Struct], request: Request, payload: bytes) -> bytes:
        """Return the payload of `auth.refresh` with the cookie's token, if that is where it is."""
        if command.name != auth.refresh.name or not _is_browser(request):
            return payload
        if msgspec.json.decode(payload, type=auth.Refresh).refresh_token is not None:
            return payload
        return msgspec.json.encode(auth.Refresh(request.cookies.get(_name(request))))

    def take(self, command: Command[Struct, Struct], request: Request, response: Response) -> Response:
        """Move the refresh token of a reply into the cookie, or end the cookie with the login."""
        if not _is_browser(request):
            return response
        if command.name == _ENDS_LOGIN:
            self._set(request, response, "", 0)
        elif command.name in _GIVES_TOKENS:
            return self._hide(request, response)
        return response

    def _hide(self, request: Request, response: Response) -> Response:
        body = msgspec.json.decode(bytes(response.body))
        token = body.get("tokens", {}).get("refresh_token")
        if not token:
            return response
        body["tokens"]["refresh_token"] = None
        hidden = Response(msgspec.json.encode(body), response.status_code, media_type="application/json")
        self._set(request, hidden, token, _MAX_AGE_S)
        return hidden

    @staticmethod
    def _set(request: Request, response: Response, token: str, max_age_s: int) -> None:
        response.set_cookie(
            _name(request), token, max_age=max_age_s, path="/", secure=_is_https(request), httponly=True,
            samesite="strict",
        )  # fmt: skip


def _is_browser(request: Request) -> bool:
    return request.headers.get("x-chat-client") == "web"


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    return "__Host-chat_refresh" if _is_https(request) else "chat_refresh"
