"""The web server around the pages: what may be asked of it, what browsers are told, and starting it."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import gradio as gr
import gradio.routes
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import BaseLoader, Environment
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.coaching.originals import find_originals
from assistant.config import Settings
from assistant.errors import AssistantError, ConfigError
from assistant.journal import load_journal
from assistant.knowledge.pictures import NO_SCENES, Scene, load_scenes
from assistant.loading import load_assistant
from assistant.speech.listen import Listener
from assistant.speech.speak import Speaker, load_speaker
from assistant.toml import read_toml
from assistant.web import classroom, maintain, slip, volunteer
from assistant.web.course import Course, load_course
from assistant.web.kiosk import Kiosk
from assistant.web.login import PAGE
from assistant.web.look import STATIC, page_head, page_words, theme
from assistant.web.maintain import Office, add_maintenance
from assistant.web.opinion import Opinion
from assistant.web.pause import Attended, Pause, notice_page
from assistant.web.practice import Practice
from assistant.web.supervised import is_answered, supervised
from assistant.web.visits import Visits
from assistant.web.voice import LIMITS, add_voice, listen_head
from assistant.web.volunteer import Desk, VolunteerPage
from assistant.web.waiting import LOG, Answering, LoadingAssistant

LARGEST_REQUEST = 65_536  # bytes; a question has at most 500 characters

_PAGES = "lop-hoc|tap|tra-cuu|quan-tri"  # beside the one at "/": their paths, separated by |
# Everything else is 404: uploads, files, runs, monitoring, the API's description.
_KNOWN = re.compile(
    rf"/(?:suc-khoe$|goi$|doc(?:/co)?$|nghe$|tinh/|(?:{_PAGES})$"
    rf"|{slip.PATH}|{volunteer.PATH}|{classroom.PATH}|{maintain.PATH}"
    rf"|(?:(?:{_PAGES})/)?(?:$|assets/|static/|theme\.css$|favicon\.ico$|config/?$|svelte/"
    r"|gradio_api/(?:queue/(?:join|data)$|heartbeat/|cancel$|reset/?$|app_id$|startup-events$)))"
)
_FLEETING = re.compile(  # never stored
    rf"/(?:goi$|{slip.PATH}|{classroom.PATH}|quan-tri|(?:(?:{_PAGES})/)?(?:$|config|gradio_api/))"
)
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
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OUTSIDE_META = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*?/>', re.DOTALL)
Next = Callable[[Request], Awaitable[Response]]


class VietnameseTemplates(BaseLoader):
    """Gradio's page template with lang="vi" and without tags that name outside hosts."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The template's text, put right."""
        source, filename, fresh = self._inner.get_source(environment, template)
        if template == "frontend/index.html":
            if 'lang="en"' not in source:
                raise ConfigError('Gradio\'s index.html has no lang="en" to replace; is it Gradio 6.31?')
            source = _OUTSIDE_META.sub("", source.replace('lang="en"', 'lang="vi"', 1))
        return source, filename, fresh


def create_app(
    assistant: Answering,
    ui: Mapping[str, Any],
    scenes: Mapping[str, Scene] = NO_SCENES,
    desk: Desk | None = None,
    course: Course | None = None,
    office: Office | None = None,
    voice: tuple[Speaker, Listener] | None = None,
) -> FastAPI:
    """The pages over an assistant, with the words of prompts/ui.toml and the scenes of its pictures.

    Slips and the volunteers' page are there if there is a `desk` for them, the class and the practice page if
    there is a `course`. With an `office` all can be maintained: switched off, told of answers, and looked
    after at /quan-tri. With a `voice` guides are read aloud and questions heard.
    """
    visits = Visits()
    opinion = None
    if office is not None:
        journal = office.journal if office.settings.journal.on else None
        assistant = Attended(assistant, office.pause, journal)
        desk = desk and replace(desk, reference=office.pause.over(desk.reference))
        course = course and replace(course, reference=office.pause.over(course.reference))
        if journal is not None:
            opinion = Opinion(office.words["opinion"], journal)
            ui = {**ui, "page": {**ui["page"], "promise": office.words["journal"]["kept"]}}
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=[])  # switches Gradio's own permissive layer off
    app.middleware("http")(_only_known)
    app.middleware("http")(_with_headers)
    app.exception_handler(AssistantError)(_not_now)

    @app.get("/suc-khoe")
    def health() -> dict[str, Any]:
        return {"ok": True, "visits": len(visits)}

    app.mount("/tinh", StaticFiles(directory=STATIC), name="tinh")
    environment = gradio.routes.templates.env
    if environment.loader is not None and not isinstance(environment.loader, VietnameseTemplates):
        environment.loader = VietnameseTemplates(environment.loader)
    kiosk = Kiosk(
        assistant, ui, visits, scenes, opinion=opinion, slips=desk is not None, practice=course is not None
    )
    if desk is not None:
        app.get("/goi")(kiosk.calls)
        app.include_router(slip.slip_routes(desk.reference, desk.slip))
        app.include_router(volunteer.original_routes(desk))
        _mount(app, VolunteerPage(desk).blocks(), "/tra-cuu", page_head(ui, "volunteer", desk.words["sheet"]))
    if course is not None:
        page = classroom.ClassPage(course)
        app.include_router(page.routes())
        _mount(app, page.blocks(), "/lop-hoc", page_head(ui, "learn"))
        _mount(app, Practice(course).blocks(), "/tap", page_head(ui, "learn"))
    if office is not None:
        app.add_middleware(NoticeWhilePaused, office=office)
        add_maintenance(app, office, _mount)
    head = page_head(ui)
    if voice is not None:
        add_voice(app, assistant, *voice)
        head += listen_head(voice[0].words) if voice[1].ready else ""
    return _mount(app, kiosk.blocks(), "/", head)


def _mount(
    app: FastAPI, blocks: gr.Blocks, path: str, head: str, user: Callable[[Request], str | None] | None = None
) -> FastAPI:
    """Put a page of Gradio's at a path, without all that it need not have; `user` tells who may see it."""
    if path != "/" and user is None:  # its addresses are relative; a login stands before a page of users
        app.add_api_route(path, lambda: RedirectResponse(f"{path}/"))
    _remember_little(blocks)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        blocks,
        path,
        footer_links=[],
        run_history=False,
        show_error=False,
        allowed_paths=[],
        max_file_size=1,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        mcp_server=False,
        theme=theme(),
        head=head,
        favicon_path=str(STATIC / "icons" / "shield.svg") if path == "/" else None,  # elsewhere ignored
        auth_dependency=user,
    )
    return mounted


def _remember_little(blocks: gr.Blocks) -> None:
    """Let Gradio keep no list of what was done: it works out statistics of 10,000 events after each event."""
    blocks._queue.ANALYTICS_MAX_EVENTS, blocks._queue.ANAYLTICS_CACHE_FREQUENCY = 1, 1 << 60
    # For each page it looks a thousand times a second whether somebody has pressed something.
    blocks._queue.sleep_when_free = 0.01

    async def none() -> None:
        """Progress bars, of which there are none, would hold on to what was asked last."""

    blocks._queue.start_progress_updates = none  # type: ignore[method-assign]


class NoticeWhilePaused:
    """Shows the notice instead of every page but the maintainers' while the assistant is switched off.

    Not by app.middleware("http"), which takes several milliseconds of every stream that is read.
    """

    def __init__(self, app: ASGIApp, office: Office) -> None:
        self._app, self._office = app, office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        notice, app = self._office.pause.notice, self._app
        is_page = scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "")
        if notice is not None and is_page and not scope["path"].startswith(PAGE):
            app = HTMLResponse(notice_page(notice, self._office.words["notice"]), 503)
        await app(scope, receive, send)


async def _only_known(request: Request, call_next: Next) -> Response:
    """Refuse unknown paths, and bodies that no question needs."""
    if not _KNOWN.match(request.url.path):
        return Response(status_code=404)
    if request.method == "POST":
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            return Response(status_code=411)
        if int(length) > LIMITS.get(request.url.path, LARGEST_REQUEST):
            return Response(status_code=413)
    return await call_next(request)


async def _not_now(request: Request, error: Exception) -> Response:
    """A slip or a picture that cannot be had: the assistant is switched off, or could not be loaded."""
    LOG.warning("%s: %s", request.url.path, error)
    return Response(status_code=503)


async def _with_headers(request: Request, call_next: Next) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    if request.url.path.startswith("/phieu/"):  # printed from inside a page
        response.headers["Content-Security-Policy"] = _CONTENT_POLICY.replace(
            "frame-ancestors 'none'", "frame-ancestors 'self'"
        )
    if _FLEETING.match(request.url.path):
        response.headers["Cache-Control"] = "no-store"
    return response


def serve(settings: Settings, certificate: tuple[Path, Path] | None = None) -> None:
    """Show the pages until stopped; the assistant loads in the background.

    `certificate` and its key are files; with them the pages are served over HTTPS alone.
    Raises ConfigError when the address cannot be used, KnowledgeError when the words of the pages are broken.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    LOG.setLevel(logging.INFO)
    ui = page_words(settings.home)
    operator = ui["operator"]
    LOG.info(operator["starting"])
    taken = _listen(settings.host, settings.port)
    host, port = taken.getsockname()[:2]
    assistant = LoadingAssistant()
    scenes, broken = load_scenes(*settings.pictures)
    for problem in broken:  # steps are shown without it
        LOG.warning("%s", problem)
    desk = load_desk(settings, ui, assistant)
    course = load_course(settings.home, ui, assistant, settings.knowledge)
    office = load_office(settings, ui, assistant)
    words = read_toml(settings.home / "prompts" / "voice.toml")
    voice = load_speaker(settings.voice, words, settings.data), Listener(settings.listen)
    app = create_app(assistant, ui, scenes, desk, course, office, voice)
    # After the page is up: both at once would make a person wait longer for the first sight of it.
    models = settings.models.wanted or settings.embedder.path
    loads = (
        lambda: load_assistant(settings, with_model=False, with_embedder=False),
        operator,
        (lambda: load_assistant(settings)) if models else None,
    )
    loader = Thread(target=assistant.load, args=loads, daemon=True)
    scheme = "https" if certificate else "http"
    gradio_lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with gradio_lifespan(app) as state:
            LOG.info(operator["ready"].format(address=f"{scheme}://{host}:{port}"))
            loader.start()
            async with supervised(lambda: is_answered(host, port, https=certificate is not None)):
                yield state
            office.journal.close()

    app.router.lifespan_context = lifespan
    files = certificate or (None, None)
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=3, ssl_certfile=files[0], ssl_keyfile=files[1]
    )
    uvicorn.Server(config).run(sockets=[taken])


def load_office(settings: Settings, ui: Mapping[str, Any], loading: LoadingAssistant) -> Office:
    """What maintainers look after. Raises KnowledgeError."""
    words = read_toml(settings.home / "prompts" / "maintain.toml")
    return Office(settings, words, ui, load_journal(settings), Pause(settings.data / "notice.txt"), loading)


def load_desk(settings: Settings, ui: Mapping[str, Any], loading: LoadingAssistant) -> Desk:
    """What the volunteers' page and the slips rest on, while the assistant loads. Raises KnowledgeError."""
    folder = settings.home / "prompts"
    words, printed = read_toml(folder / "volunteer.toml"), read_toml(folder / "slip.toml")
    return Desk(loading.reference, ui, words, printed, find_originals(settings))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen()  # from now on a browser waits instead of showing that nobody is there
    except OSError as error:
        taken.close()
        raise ConfigError(f"host = {host!r}, port = {port}: cannot listen there: {error}") from error
    return taken
