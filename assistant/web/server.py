"""The web server: the pages put together behind what may be asked of them (web/allowed.py), and started."""

from __future__ import annotations

import asyncio
import logging
import re
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any, cast

import gradio as gr
import gradio.routes
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from gradio.server_messages import UnexpectedErrorMessage
from jinja2 import BaseLoader, Environment
from starlette.datastructures import Headers
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.coaching.originals import find_originals
from assistant.config import Settings
from assistant.errors import ConfigError
from assistant.journal import load_journal
from assistant.knowledge.pictures import NO_SCENES, Scene, load_scenes
from assistant.loading import load_assistant
from assistant.speech.listen import Listener
from assistant.speech.speak import Speaker, load_speaker
from assistant.toml import read_toml
from assistant.web import classroom, slip, volunteer
from assistant.web.allowed import Gate, Refusals
from assistant.web.connections import LARGEST_HEAD, Connection
from assistant.web.course import Course, load_course
from assistant.web.heap import share_heap
from assistant.web.kiosk import Kiosk
from assistant.web.login import COOKIE, PAGE, Sessions
from assistant.web.logs import ANSWERS, set_up_logs
from assistant.web.look import STATIC, page_head, page_words, theme
from assistant.web.maintain import Office, add_maintenance
from assistant.web.metrics import Measured, Metrics, add_metrics, log_answer
from assistant.web.opinion import Opinion
from assistant.web.pause import Attended, Pause, notice_page
from assistant.web.practice import Practice
from assistant.web.remembering import remember_little
from assistant.web.supervised import is_answered, supervised
from assistant.web.visits import Visits
from assistant.web.vitals import Vitals, Watch
from assistant.web.voice import add_voice, listen_head
from assistant.web.volunteer import Desk, VolunteerPage
from assistant.web.waiting import LOG, Answering, LoadingAssistant

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


class BrokenStream(UnexpectedErrorMessage):
    """What Gradio tells a page whose stream breaks, as when the server ends: not where, which is a path."""

    def __init__(self, *, message: str, **told: Any) -> None:  # noqa: ANN401
        super().__init__(message="", **told)


def create_app(
    assistant: Answering,
    ui: Mapping[str, Any],
    scenes: Mapping[str, Scene] = NO_SCENES,
    desk: Desk | None = None,
    course: Course | None = None,
    office: Office | None = None,
    voice: tuple[Speaker, Listener] | None = None,
    names: Collection[str] = (),
) -> FastAPI:
    """The pages over an assistant, with the words of prompts/ui.toml and the scenes of its pictures.

    Slips and the volunteers' page are there if there is a `desk` for them, the class and the practice page if
    there is a `course`. With an `office` all can be maintained: switched off, told of answers, and looked
    after at /quan-tri. With a `voice` guides are read aloud and questions heard. `names` are host names by
    which browsers may ask.
    """
    visits, sessions = Visits(), Sessions()
    opinion = watch = None
    if office is not None:
        journal = office.journal if office.settings.journal.on else None
        assistant = Attended(assistant, office.pause, journal)
        desk = desk and replace(desk, reference=office.pause.over(desk.reference))
        course = course and replace(course, reference=office.pause.over(course.reference))
        if journal is not None:
            opinion = Opinion(office.words["opinion"], journal)
            ui = {**ui, "page": {**ui["page"], "promise": office.words["journal"]["kept"]}}
        watch = Watch(office)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=[])  # switches Gradio's own permissive layer off

    @app.get("/suc-khoe")
    def health() -> dict[str, Any]:
        found = watch.look() if watch else Vitals()
        told = {"ok": found.ok, "state": found.state, "reasons": found.reasons}
        return told | {"visits": len(visits)}

    if watch is not None and watch.office.settings.watch.metrics:
        metrics = Metrics(watch, {"kiosk": lambda: len(visits), "maintainers": lambda: len(sessions)})
        assistant = Measured(assistant, metrics.note)
        add_metrics(app, metrics, lambda request: sessions.is_open(request.cookies.get(COOKIE, "")))
    if ANSWERS.isEnabledFor(logging.INFO):
        assistant = Measured(assistant, log_answer)
    app.mount("/tinh", StaticFiles(directory=STATIC), name="tinh")
    environment = gradio.routes.templates.env
    if environment.loader is not None and not isinstance(environment.loader, VietnameseTemplates):
        environment.loader = VietnameseTemplates(environment.loader)
    vars(gradio.routes)["UnexpectedErrorMessage"] = BrokenStream
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
        add_maintenance(app, office, _mount, sessions)
    head = page_head(ui)
    if voice is not None:
        add_voice(app, assistant, *voice)
        head += listen_head(voice[0].words) if voice[1].ready else ""
    _mount(app, kiosk.blocks(), "/", head)
    refusals = Refusals(ui["refused"])
    refusals.stand_in(app)
    app.add_middleware(Gate, refusals=refusals, names=names)  # last, so that it stands before all others
    return app


def _mount(
    app: FastAPI, blocks: gr.Blocks, path: str, head: str, user: Callable[[Request], str | None] | None = None
) -> None:
    """Put a page of Gradio's at a path, without all that it need not have; `user` tells who may see it."""
    if path != "/" and user is None:  # its addresses are relative; a login stands before a page of users

        def to_folder(request: Request) -> Response:
            return RedirectResponse(f"{path}/" + "?" * bool(request.url.query) + request.url.query)

        app.add_api_route(path, to_folder)
    gr.mount_gradio_app(
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
    mounted = cast(Mount, app.routes[-1]).app
    assert isinstance(mounted, gradio.routes.App)
    remember_little(mounted)


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


def serve(settings: Settings, certificate: tuple[Path, Path] | None = None) -> None:
    """Show the pages until stopped; the assistant loads in the background.

    `certificate` and its key are files; with them the pages are served over HTTPS. Wherever that is, this
    machine itself, its screen above all, finds them at 127.0.0.1, and then over plain HTTP.
    Raises ConfigError when the address cannot be used, KnowledgeError when the words of the pages are broken.
    """
    ui = page_words(settings.home)
    operator = ui["operator"]
    taken, own = listen(settings.host, settings.port, secured=certificate is not None)
    set_up_logs(as_json=settings.watch.logs == "json")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold what people are typing
    share_heap()
    LOG.info(operator["starting"])
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
    names = {*settings.names, settings.host}
    app = create_app(assistant, ui, scenes, desk, course, office, voice, names)
    # After the page is up: both at once would make a person wait longer for the first sight of it.
    models = settings.models.wanted or settings.embedder.path
    loads = (
        lambda: load_assistant(settings, with_model=False, with_embedder=False),
        operator,
        (lambda: load_assistant(settings)) if models else None,
    )
    loader = Thread(target=assistant.load, args=loads, daemon=True)
    scheme = "https" if certificate else "http"
    addresses = [f"{scheme}://{host}:{port}", *([f"http://127.0.0.1:{port}"] if own else [])]
    beat = ("127.0.0.1", False) if own else (host, certificate is not None)
    gradio_lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with gradio_lifespan(app) as state:
            LOG.info(operator["ready"].format(address=", ".join(addresses)))
            if meaning := meaning_of(host, scheme, operator):
                LOG.warning(meaning)
            loader.start()
            async with supervised(lambda: is_answered(beat[0], port, https=beat[1])):
                yield state
            office.journal.close()

    app.router.lifespan_context = lifespan
    Server(configured(app, certificate), own).run(sockets=[taken])


class Server(uvicorn.Server):
    """Serves over plain HTTP at one more socket, which only this machine reaches."""

    def __init__(self, config: uvicorn.Config, own: socket.socket | None = None) -> None:
        super().__init__(config)
        self._own = own

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen everywhere."""
        await super().startup(sockets)
        if self._own is None:
            return
        state = {"server_state": self.server_state, "app_state": self.lifespan.state}
        speak = partial(Connection, config=self.config, **state)
        plain = await asyncio.get_running_loop().create_server(speak, sock=self._own)
        self.servers.append(plain)


def configured(app: FastAPI, certificate: tuple[Path, Path] | None = None) -> uvicorn.Config:
    """How the pages are served: over connections that have to say in time what they want."""
    files = certificate or (None, None)
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        h11_max_incomplete_event_size=LARGEST_HEAD,
        proxy_headers=False,  # or whoever asks from this machine could say that he is another
        server_header=False,
        access_log=False,
        log_config=None,  # web/logs.py
        timeout_graceful_shutdown=3,
        ssl_certfile=files[0],
        ssl_keyfile=files[1],
    )


def meaning_of(host: str, scheme: str, operator: Mapping[str, str]) -> str:
    """What it means to listen at an address, where others can reach it; nothing for this machine's own."""
    return "" if ip_address(host).is_loopback else operator[f"open_{scheme}"].format(host=host)


def load_office(settings: Settings, ui: Mapping[str, Any], loading: LoadingAssistant) -> Office:
    """What maintainers look after. Raises KnowledgeError."""
    words = read_toml(settings.home / "prompts" / "maintain.toml")
    return Office(settings, words, ui, load_journal(settings), Pause(settings.data / "notice.txt"), loading)


def load_desk(settings: Settings, ui: Mapping[str, Any], loading: LoadingAssistant) -> Desk:
    """What the volunteers' page and the slips rest on, while the assistant loads. Raises KnowledgeError."""
    folder = settings.home / "prompts"
    words, printed = read_toml(folder / "volunteer.toml"), read_toml(folder / "slip.toml")
    return Desk(loading.reference, ui, words, printed, find_originals(settings))


def listen(host: str, port: int, *, secured: bool) -> tuple[socket.socket, socket.socket | None]:
    """A socket there, and one at 127.0.0.1 with the same port, unless the first is that to plain HTTP.

    Raises ConfigError.
    """
    taken = _listen(host, port)
    if ip_address(host).is_loopback or (ip_address(host).is_unspecified and not secured):
        return taken, None
    # Of two sockets at one port the kernel takes the one with the nearer address. It allows two only to those
    # that say so; the first says so now, when nobody else can have the port any more.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own = _listen("127.0.0.1", taken.getsockname()[1], shared=True)
    for each in (taken, own):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
    return taken, own


def _listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    try:
        taken.bind((host, port))
        taken.listen()  # from now on a browser waits instead of showing that nobody is there
    except OSError as error:
        taken.close()
        raise ConfigError(f"host = {host!r}, port = {port}: cannot listen there: {error}") from error
    return taken
