"""The login of the maintainers' page: one password, kept as a scrypt hash; sessions in memory only.

A password is tried five times in five minutes from one address, and fifty times from all the network; then it
has to wait, right or wrong.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from html import escape
from ipaddress import ip_address
from typing import Any

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from assistant.web.look import page_style
from assistant.web.password import MOST, is_right

PAGE = "/quan-tri"
COOKIE = "quan-tri"
TRIES, TRIED_WITHIN = 5, 300  # tries from one address, in so many seconds
IDLE, LONGEST = 1800, 8 * 3600  # seconds without a click, and of a session at most
TRIES_OF_ALL = 50  # from the network together: there one device may have many addresses


class Sessions:
    """Who is logged in, and which addresses have tried how often."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[float, float]] = {}  # token → begun, last seen
        self._tries: dict[str, list[float]] = {}  # address → when
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def may_try(self, address: str) -> bool:
        """Whether another password may be tried from there; counts as a try."""
        now = self._clock()
        with self._lock:
            recent = {
                key: [at for at in tries if now - at < TRIED_WITHIN] for key, tries in self._tries.items()
            }
            self._tries = {key: tries for key, tries in recent.items() if tries}
            tries = self._tries.get(address, [])
            of_all = 0 if _is_loopback(address) else sum(map(len, self._tries.values()))
            if len(tries) >= TRIES or of_all >= TRIES_OF_ALL:
                return False
            self._tries[address] = [*tries, now]
            return True

    def begin(self, address: str) -> str:
        """The token of a new session; earlier tries from there no longer count."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._tries.pop(address, None)
            self._open[token] = (now, now)
        return token

    def is_open(self, token: str) -> bool:
        """Whether the token is of a session that goes on; keeps it awake."""
        now = self._clock()
        with self._lock:
            self._open = {
                t: (begun, seen)
                for t, (begun, seen) in self._open.items()
                if now - seen < IDLE and now - begun < LONGEST
            }
            if token not in self._open:
                return False
            self._open[token] = (self._open[token][0], now)
            return True

    def end(self, token: str) -> None:
        """Log out."""
        with self._lock:
            self._open.pop(token, None)


def add_login(app: FastAPI, sessions: Sessions, password_hash: str, words: Mapping[str, Any]) -> None:
    """The form at /quan-tri, and leaving; what is behind it asks `sessions` itself."""
    checking = threading.Lock()  # one password at a time: each takes 32 MB

    @app.get(PAGE)
    def form(request: Request) -> Response:
        if not _is_safe(request):
            return _form(words, words["unsafe"], 403)
        if sessions.is_open(request.cookies.get(COOKIE, "")):
            return RedirectResponse(f"{PAGE}/", 303)
        return _form(words, "", 200)

    @app.post(PAGE)
    def log_in(request: Request, password: str = Form("")) -> Response:
        address = request.client.host if request.client else ""
        if not _is_safe(request):
            return _form(words, words["unsafe"], 403)
        if not sessions.may_try(address):
            return _form(words, words["too_many"], 429)
        with checking:
            right = len(password) <= MOST and is_right(password, password_hash)
        if not right:
            return _form(words, words["wrong"], 401)
        sessions.end(request.cookies.get(COOKIE, ""))
        response = RedirectResponse(f"{PAGE}/", 303)
        response.set_cookie(
            COOKIE,
            sessions.begin(address),
            path=PAGE,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    @app.post(f"{PAGE}/ket-thuc")
    def log_out(request: Request) -> Response:
        sessions.end(request.cookies.get(COOKIE, ""))
        response = RedirectResponse(PAGE, 303)
        response.delete_cookie(COOKIE, path=PAGE)
        return response


def _is_safe(request: Request) -> bool:
    """Whether nobody between the browser and this machine can read a password: the hall's network can."""
    if request.url.scheme == "https":
        return True
    return request.client is not None and _is_loopback(request.client.host)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _form(words: Mapping[str, Any], problem: str, status: int) -> HTMLResponse:
    said = {key: escape(text) for key, text in words.items()}
    trouble = f'<p class="bad" role="alert" id="problem">{escape(problem)}</p>' if problem else ""
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    return HTMLResponse(
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{said["title"]}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{page_style("maintain")}</head>'
        f'<body class="plain"><main><h1>{said["title"]}</h1><p>{said["text"]}</p>{trouble}'
        f'<form method="post" action="{PAGE}"><label for="password">{said["password"]}</label>'
        f'<input id="password" name="password" type="password" autocomplete="current-password" '
        f"autofocus required{described}><button>{said['enter']}</button></form></main></body></html>",
        status,
    )
