"""The web client's files, the documents, and the headers that go with all answers."""

import mimetypes
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.gateway.rest import PREFIX, error_response
from shared.contracts.errors import ErrorCode
from shared.documents.asyncapi import build_asyncapi
from shared.documents.openapi import build_openapi
from shared.documents.page import STYLE_PATH, build_page, read_style
from shared.errors import ChatError, not_found

_CSP = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; style-src 'self'; "
    "script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_IMMUTABLE = "public, max-age=31536000, immutable"
_NOT_BUILT = (
    "<!doctype html><title>ChatCraft</title><p>The web client is not built: run <code>make web</code>."
)
_SOCKET_PATH = "/ws"
_API_PATHS = ("/api", _SOCKET_PATH, "/files")

_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"content-security-policy", _CSP.encode()),
]


class SecurityHeaders:
    """ASGI middleware: every HTTP answer carries them."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def add_web_routes(app: FastAPI, web_dir: Path) -> None:
    """Serve the documents and the built client; unknown pages are the client's, unknown API paths 404."""
    openapi, asyncapi = build_openapi(), build_asyncapi()
    index = web_dir / "index.html"

    async def serve_openapi(_request: Request) -> Response:
        return JSONResponse(openapi)

    async def serve_asyncapi(_request: Request) -> Response:
        return JSONResponse(asyncapi)

    async def serve_page(request: Request) -> Response:
        path = request.url.path
        if path == _SOCKET_PATH:
            return _ask_for_upgrade()
        if any(path == prefix or path.startswith(prefix + "/") for prefix in _API_PATHS):
            return error_response(not_found("path"))
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT)
        found = _find_file(web_dir, path)
        return FileResponse(found or index, headers={"cache-control": "no-cache"})

    app.router.routes.append(Route(f"{PREFIX}/openapi.json", serve_openapi))
    app.router.routes.append(Route("/asyncapi.json", serve_asyncapi))
    _add_page_for_people(app)
    if (web_dir / "assets").is_dir():
        app.router.routes.append(Mount("/assets", _ImmutableFiles(directory=web_dir / "assets")))
    app.router.routes.append(Route("/{path:path}", serve_page))


def _ask_for_upgrade() -> Response:
    """Answer a handshake that does not ask for WebSocket (RFC 9110, section 15.5.22)."""
    response = error_response(ChatError(ErrorCode.BAD_FRAME, "this path is for WebSocket"))
    response.status_code = 426
    response.headers["upgrade"] = "websocket"
    response.headers["connection"] = "upgrade"
    return response


def _add_page_for_people(app: FastAPI) -> None:
    page, style = build_page(), read_style()

    async def serve_docs(_request: Request) -> Response:
        return HTMLResponse(page)

    async def serve_style(_request: Request) -> Response:
        return Response(style, media_type="text/css")

    app.router.routes.append(Route("/docs", serve_docs))
    app.router.routes.append(Route(STYLE_PATH, serve_style))


class _ImmutableFiles(StaticFiles):
    """Files whose names hold a hash of their content."""

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Any, status_code: int = 200
    ) -> Response:
        """Send the file, packed where the build has put a `.gz` beside it and the client takes that."""
        packed = Path(f"{full_path}.gz")
        if "gzip" in Headers(scope=scope).get("accept-encoding", "") and packed.is_file():
            kind = mimetypes.guess_type(full_path)[0]
            response: Response = FileResponse(packed, status_code, media_type=kind)
            response.headers["content-encoding"] = "gzip"
        else:
            response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["vary"] = "accept-encoding"
        response.headers["cache-control"] = _IMMUTABLE
        return response


def _find_file(web_dir: Path, path: str) -> Path | None:
    """Return a file at the top of the client's folder (icon, manifest), or None."""
    name = path.removeprefix("/")
    if not name or "/" in name or name.startswith("."):
        return None
    found = web_dir / name
    return found if found.is_file() else None
