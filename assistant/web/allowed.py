"""What may be asked of the web server, and what browsers are told with every answer.

Gradio answers much that no page of ours asks: uploads, files, direct calls, its own description, pages by
parameter. Here stands what is let through; a call of a page's script is read, and only what was understood
of it goes on.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Collection, Mapping
from html import escape
from ipaddress import ip_address
from typing import Annotated

import gradio.routes
import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.errors import AssistantError
from assistant.web import classroom, maintain, slip, volunteer
from assistant.web.look import page_style
from assistant.web.metrics import METRICS
from assistant.web.voice import LIMITS
from assistant.web.waiting import LOG

LARGEST_REQUEST = 65_536  # bytes; a question has at most 500 characters
LONGEST_PATH, LONGEST_QUERY = 200, 1000  # characters
BODY_WITHIN = 20  # seconds until the last byte of a request must have come
MOST_HEADERS = 60
SESSION = r"[A-Za-z0-9-]{1,64}"  # as Gradio's clients name themselves

PAGES = "lop-hoc|tap|tra-cuu|quan-tri"  # beside the one at "/": their paths, separated by |
# Everything else is 404: uploads, files, runs, monitoring, the API's description.
_KNOWN = re.compile(
    rf"/(?:suc-khoe$|(?:quan-tri/)?{METRICS}$|goi$|doc(?:/co)?$|nghe$|tinh/|(?:{PAGES})$"
    rf"|{slip.PATH}|{volunteer.PATH}|{classroom.PATH}|{maintain.PATH}"
    rf"|(?:(?:{PAGES})/)?(?:$|assets/|static/|theme\.css$|favicon\.ico$|config/?$|svelte/"
    rf"|gradio_api/(?:queue/(?:join|data)$|heartbeat/{SESSION}$|cancel$|reset/?$|app_id$|startup-events$)))"
)
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*/?")  # no escapes, no dots that lead upwards
_PARAMETERS = {b"bai", b"ve", b"kho", b"co", b"session_hash"}  # others are not passed on
_METHODS = ("GET", "HEAD", "POST")
_FLEETING = re.compile(  # never stored
    rf"/(?:goi$|suc-khoe$|{METRICS}$|{slip.PATH}|{classroom.PATH}|quan-tri"
    rf"|(?:(?:{PAGES})/)?(?:$|config|gradio_api/))"
)
# What a proxy adds; Gradio would take its own address from them, uvicorn the person's.
_OF_PROXIES = {b"forwarded", b"x-gradio-server", b"x-real-ip"}
_CONTENT_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # without eval Gradio's page stays blank
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'self'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers older than frame-ancestors
    "Referrer-Policy": "same-origin",  # without any, the Origin of our own forms would be null
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# What the pages' scripts send. No value is an object: Gradio takes some for files, and fetches them.
_Session = Annotated[str, msgspec.Meta(pattern=rf"\A{SESSION}\Z")]
_Number = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
_Plain = str | _Number | float | bool | None


class Join(msgspec.Struct):
    """Something a person did at a page: its number in the page's list, and what it is about."""

    data: list[_Plain | list[_Plain]]
    fn_index: _Number
    session_hash: _Session
    event_data: _Plain | list[_Plain] | dict[str, _Plain | list[_Plain]] = (
        None  # a tick tells all that are set
    )
    trigger_id: _Number | None = None


class Cancel(msgspec.Struct):
    """What a person did is no longer wanted."""

    session_hash: _Session
    fn_index: _Number
    event_id: _Session


class Reset(msgspec.Struct):
    """The same, of an older client."""

    event_id: _Session


_CALLS: Mapping[str, type[Join | Cancel | Reset]] = {
    "queue/join": Join,
    "cancel": Cancel,
    "reset": Reset,
    "reset/": Reset,
}


class Refusals:
    """What somebody gets who asks for what there is not: a page for people, JSON for scripts; no details."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """`words` are those of [refused] in prompts/ui.toml."""
        self._words = words
        self._pages = {key: _page(words["title"], words[key], words["home"]) for key in ("none", "broken")}

    def answer(self, headers: Headers, status: int, more: Mapping[str, str] | None = None) -> Response:
        """The answer to a request with these headers."""
        key = "broken" if status >= 500 else "none"
        if "text/html" in headers.get("accept", ""):
            return HTMLResponse(self._pages[key], status, headers=more)
        return JSONResponse({"detail": self._words[key]}, status, headers=more)

    def stand_in(self, app: FastAPI) -> None:
        """Answer also where a route, or one of a mounted page, would tell in English what was wrong."""

        def refused(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            if error.status_code < 400:  # led elsewhere
                return Response(status_code=error.status_code, headers=error.headers)
            return self.answer(request.headers, error.status_code, error.headers)

        def not_understood(request: Request, _: Exception) -> Response:
            return self.answer(request.headers, 404 if request.method == "GET" else 400)

        def not_now(request: Request, error: Exception) -> Response:
            LOG.warning("what was asked for cannot be had now", exc_info=error)  # switched off, or not loaded
            return self.answer(request.headers, 503)

        def broken(request: Request, _: Exception) -> Response:
            answer = self.answer(request.headers, 500, {"Connection": "close"})  # as the server then does
            answer.headers.update(_HEADERS)  # it does not come through the gate
            return answer

        pages = [route.app for route in app.routes if isinstance(route, Mount)]
        for each in (app, *(page for page in pages if isinstance(page, FastAPI))):
            each.add_exception_handler(HTTPException, refused)
            each.add_exception_handler(RequestValidationError, not_understood)
            each.add_exception_handler(AssistantError, not_now)
            each.add_exception_handler(Exception, broken)


def _page(title: str, text: str, home: str) -> str:
    return (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{page_style("maintain")}</head>'
        f'<body class="plain"><main><h1>{escape(title)}</h1><p>{escape(text)}</p>'
        f'<p><a href="/">{escape(home)}</a></p></main></body></html>'
    )


class Gate:
    """Stands before every route."""

    def __init__(self, app: ASGIApp, refusals: Refusals, names: Collection[str] = ()) -> None:
        """`names` are host names by which browsers may ask, beside addresses and this machine's own."""
        own = socket.gethostname().lower()
        self._app = app
        self._refusals = refusals
        self._names = {"localhost", own, f"{own}.local", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":  # no page opens a web socket
            await self._let_in(scope, receive, _with_headers(scope["path"], send))

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        status = _address_status(scope) or self._asker_status(scope, headers) or _body_status(scope, headers)
        if not status and scope["method"] == "POST":
            body = await _whole(receive)
            if body is None:
                status = 408
            else:
                body = _understood(scope, body)
                status = 0 if body is not None else 400
                receive = _replayed(body or b"", receive)
        if status:
            unread = {"Connection": "close"} if scope["method"] == "POST" else None
            answer = self._refusals.answer(headers, status, unread)
            await answer(scope, receive, send)
            return
        await self._app(_without_proxies(scope), receive, send)

    def _asker_status(self, scope: Scope, headers: Headers) -> int:
        """Whether it comes from one of our own pages, or from an address bar."""
        hosts, origin = headers.getlist("host"), headers.get("origin")
        if len(hosts) != 1:
            return 400
        if not self._is_ours(hosts[0]):
            return 421
        if origin is not None and origin.lower() != f"{scope['scheme']}://{hosts[0]}".lower():
            return 403
        from_elsewhere = headers.get("sec-fetch-site") in (
            "cross-site",
            "same-site",
        )  # other ports are a site
        return 403 if from_elsewhere and headers.get("sec-fetch-mode") != "navigate" else 0

    def _is_ours(self, host: str) -> bool:
        """Whether nobody else can have led a browser here by that name (DNS rebinding)."""
        found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+))(?::\d{1,5})?", host)
        if found is None:
            return False
        name = (found[1] or found[2]).lower().rstrip(".")
        try:
            ip_address(name)
        except ValueError:
            return name in self._names
        return True  # an address is nobody's to point elsewhere


def _address_status(scope: Scope) -> int:
    """Whether there is anything at that path, and what it may be asked."""
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    if scope["method"] not in _METHODS:
        return 405
    if len(path) > LONGEST_PATH or not (_PLAIN_PATH.fullmatch(path) and _KNOWN.match(path)):
        return 404
    if len(scope["query_string"]) > LONGEST_QUERY:
        return 414
    if path.endswith("/queue/data"):
        asked = [pair for pair in scope["query_string"].split(b"&") if pair.startswith(b"session_hash=")]
        named = rf"session_hash={SESSION}".encode()
        return 0 if len(asked) == 1 and re.fullmatch(named, asked[0]) else 404
    return 0


def _body_status(scope: Scope, headers: Headers) -> int:
    """Whether its headers are few, and its body is none or one that a question needs."""
    if len(scope["headers"]) > MOST_HEADERS:
        return 431
    if "content-encoding" in headers:
        return 415
    length = headers.get("content-length", "")
    if scope["method"] != "POST":
        return 400 if "transfer-encoding" in headers or length not in ("", "0") else 0
    if "transfer-encoding" in headers or not length.isdecimal():
        return 411
    if int(length) > LIMITS.get(scope["path"], LARGEST_REQUEST):
        return 413
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    return 0 if kind == _kind_of(scope["path"]) or length == "0" else 415


def _kind_of(path: str) -> str:
    """What a body of a path is; other sites can send only the last of these here unasked."""
    if path == "/nghe":
        return "audio/wav"
    if path == "/doc" or "/gradio_api/" in path:
        return "application/json"
    return "application/x-www-form-urlencoded"


async def _whole(receive: Receive) -> bytes | None:
    """The body; None where it does not come in time, or not at all."""
    body: bytes = b""
    try:
        async with asyncio.timeout(BODY_WITHIN):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        return None


def _understood(scope: Scope, body: bytes) -> bytes | None:
    """What goes on of a call of a page's script; None where it is none. Other bodies go on as they are."""
    page, is_call, call = scope["path"].partition("gradio_api/")
    if not is_call or call not in _CALLS:
        return body
    try:
        said: Join | Cancel | Reset = msgspec.json.decode(body, type=_CALLS[call])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(said, Join) and said.fn_index not in _doings(scope["app"], page):
        return None
    return msgspec.json.encode(said)


def _doings(app: FastAPI, page: str) -> Collection[int]:
    """The numbers of what can be done at a page."""
    mounted = (route.app for route in app.routes if isinstance(route, Mount) and f"{route.path}/" == page)
    found = next(mounted, None)
    if not isinstance(found, gradio.routes.App):
        return ()
    return {number for number, doing in found.get_blocks().fns.items() if doing.fn is not None}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _without_proxies(scope: Scope) -> Scope:
    """The request with the parameters that pages know, and without what a proxy, or one who plays it, says.

    Whoever came through one did not come from this machine.
    """

    def is_of_proxy(name: bytes) -> bool:
        return name.startswith(b"x-forwarded-") or name in _OF_PROXIES

    kept = [(name, value) for name, value in scope["headers"] if not is_of_proxy(name)]
    client = scope.get("client") if len(kept) == len(scope["headers"]) else None
    pairs = scope["query_string"].split(b"&")
    query = b"&".join(pair for pair in pairs if pair.partition(b"=")[0] in _PARAMETERS)
    return {**scope, "headers": kept, "client": client, "query_string": query}


def _with_headers(path: str, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            if path.startswith("/phieu/"):  # printed from inside a page
                headers["Content-Security-Policy"] = _CONTENT_POLICY.replace(
                    "frame-ancestors 'none'", "frame-ancestors 'self'"
                )
                headers["X-Frame-Options"] = "SAMEORIGIN"
            if _FLEETING.match(path):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return sending
