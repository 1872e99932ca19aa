"""People at the pages of a real server: how long each waits, who is refused, what is left of them afterwards.

The server runs in a process of its own over a copy of the index. Every visitor does over HTTP what their
browser would: opens the page and what it names, holds a heartbeat, joins Gradio's queue and reads its stream,
presses what is to be seen, leaves, at times in the middle of an answer. Who does what is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from assistant.config import Settings
from assistant.errors import EvaluationError
from assistant.evaluation.server import Server, over_a_copy
from assistant.models.worker import memory_of
from assistant.toml import read_toml

if TYPE_CHECKING:
    import aiohttp

_PAGES = {"/": 70, "/tra-cuu/": 15, "/tap/": 8, "/lop-hoc/": 7}  # how many of a hundred visits go where
_LEAVES = 0.1  # share of questions whose answer is not waited for
_SECONDS = 180.0  # nobody waits longer for anything
_SETTLE = 40.0  # seconds for what has ended to be gone: idle threads end after ten
_SAMPLE = 2.0  # seconds between looks at the memory
_WARM = 0.2  # share of the time after which growth is counted
_FEWEST = 20  # samples for a growth to be told
# A class that is opened goes on for hours, a model that is asked twice is another bench.
_NOT_PRESSED = {"open-class", "join-button", "reopen", "run", "end-class", "send", "check"}
# Objects of one person: none may be left when everybody has gone.
_OF_PEOPLE = (
    "assistant.web.visits.Visit",
    "assistant.web.practice.Trial",
    "assistant.web.classroom.Pupil",
    "gradio.state_holder.SessionState",
    "gradio.queueing.Event",
    "asyncio.queues.Queue",
)
_CONFIG = re.compile(r"window\.gradio_config = (\{.*?\});</script>", re.DOTALL)
_NAMED = re.compile(r'(?:src|href)="(\./assets/[^"]+|/tinh/[^"]+)"')
_BUTTON = re.compile(r'<button[^>]*? data-do="([^"]*)"(?: data-what="([^"]*)")?[^>]*>')
_OPTION = re.compile(r'data-kind="([^"]*)" data-id="([^"]*)"')

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many come for how long, and what they find."""

    people: int
    minutes: float
    think: float = 3.0  # seconds between two things one person does, on average; 0: at once
    seed: int = 0
    model: Path | None = None
    journal: bool = False


@dataclass(frozen=True, slots=True)
class Waits:
    """How often something was waited for, and how long, in milliseconds."""

    count: int
    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class Held:
    """What the server's process holds: memory in MB, threads, open files, objects that belong to people."""

    rss_mb: int
    threads: int
    files: int
    objects: Mapping[str, int]


@dataclass(slots=True)
class Report:
    """What came of it. `growth_percent` is that of the memory, after warming up."""

    people: int
    minutes: float
    think: float
    model: str
    journal: bool
    visits: int = 0
    page: Waits | None = None  # until the page and what it names are there
    card: Waits | None = None  # until the answer's card
    words: Waits | None = None  # until the first words of the model
    press: Waits | None = None  # until what a button brings
    left: int = 0  # answers that somebody did not wait for
    told_place: int = 0  # answers for which the place in the queue was shown
    refused: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    before: Held | None = None
    after: Held | None = None
    leaked: dict[str, int] = field(default_factory=dict)
    growth_percent: float | None = None
    peak_rss_mb: int = 0
    cpu_percent: float = 0  # of one core, by the pages alone
    model_rss_mb: int = 0

    @property
    def well(self) -> bool:
        """Whether nothing failed and nothing was left over; a polite refusal is no failure."""
        return not self.failed and not self.leaked


def visit(
    plan: Plan, settings: Settings, questions: Sequence[str], progress: Progress = lambda _: None
) -> Report:
    """Let them come. Raises EvaluationError where the server does not start."""
    told = {
        "ASSISTANT_LOCAL": settings.overlay.resolve(),
        "ASSISTANT_JOURNAL_ON": plan.journal,
        "ASSISTANT_MODELS_PATH": plan.model.resolve() if plan.model else "",
    }
    with over_a_copy(settings, told) as server:
        return asyncio.run(_everybody(plan, server, settings, questions, progress))


def as_row(report: Report) -> dict[str, Any]:
    """For JSON."""
    return asdict(report) | {"well": report.well}


def as_text(report: Report) -> str:
    """For people."""
    return "\n".join(f"{key}: {value}" for key, value in as_row(report).items())


# Everybody


@dataclass(slots=True)
class _Notes:
    """What visitors tell of."""

    crowded: str  # how the page's words begin that tell of a refusal, and of the place in the queue
    waiting: str
    visits: int = 0
    left: int = 0
    told_place: int = 0
    waits: dict[str, list[float]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    shapes: dict[str, _Shape] = field(default_factory=dict)

    def waited(self, what: str, since: float) -> None:
        self.waits.setdefault(what, []).append(1000 * (time.perf_counter() - since))

    def of(self, what: str) -> Waits | None:
        found = self.waits.get(what, [])
        if not found:
            return None
        cuts = statistics.quantiles([*found, found[-1]], n=20, method="inclusive")
        return Waits(len(found), round(statistics.median(found), 1), round(cuts[18], 1), round(max(found), 1))


async def _everybody(
    plan: Plan, server: Server, settings: Settings, questions: Sequence[str], progress: Progress
) -> Report:
    import aiohttp

    ask = read_toml(settings.home / "prompts" / "ui.toml")["ask"]
    notes = _Notes(ask["crowded"][:30], ask["waiting"].partition("{")[0])
    limits = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        server.address, timeout=limits, connector=connector, read_bufsize=1 << 20, auto_decompress=True
    ) as http:
        progress("warming up")
        await _warm_up(http, notes, questions)
        before = await _settled(server, None)
        notes.waits.clear()
        notes.visits = 0
        started, worked = time.monotonic(), _cpu_seconds(server)
        until = started + 60 * plan.minutes
        memory: list[int] = []
        watching = asyncio.create_task(_watch(server, memory, progress, until))
        people = [
            _Person(http, notes, random.Random(f"{plan.seed} {number}"), questions, plan.think, until).come()
            for number in range(plan.people)
        ]
        await asyncio.gather(*people)
        seconds = time.monotonic() - started
        worked = _cpu_seconds(server) - worked
        watching.cancel()
        model_rss = memory_of(*server.children())[0] >> 20
        progress("waiting for what has ended to be gone")
    after = await _settled(server, before)
    report = Report(
        plan.people, round(seconds / 60, 2), plan.think, plan.model.name if plan.model else "", plan.journal
    )
    report.visits, report.left, report.told_place = notes.visits, notes.left, notes.told_place
    report.page, report.card = notes.of("page"), notes.of("card")
    report.words, report.press = notes.of("words"), notes.of("press")
    report.refused, report.failed = dict(+notes.refused), dict(notes.failed)
    report.before, report.after, report.leaked = before, after, _more(before, after)
    report.growth_percent, report.peak_rss_mb = _growth(memory), max([*memory, before.rss_mb])
    report.cpu_percent = round(100 * worked / seconds, 1)
    report.model_rss_mb = model_rss
    return report


async def _warm_up(http: aiohttp.ClientSession, notes: _Notes, questions: Sequence[str]) -> None:
    """One person at every page: what is made once, threads and imports among it, is there then."""
    for path in _PAGES:
        async with _Tab(http, notes, path) as tab:
            if path == "/":
                await tab.ask(questions[0])
            elif path == "/tra-cuu/":
                await tab.tell("finder", "find", {"seq": 1, "text": questions[0]})
            else:
                await tab.press(tab.pressable()[0])
    if notes.failed:
        raise EvaluationError(f"not one person was served: {dict(notes.failed)}")


async def _watch(server: Server, memory: list[int], progress: Progress, until: float) -> None:
    while True:
        memory.append(server.usage().rss_mb)
        progress(f"{max(0, until - time.monotonic()) / 60:.1f} minutes to go, {memory[-1]} MB")
        await asyncio.sleep(_SAMPLE)


async def _settled(server: Server, before: Held | None) -> Held:
    """What is held once nobody is there, and all that ends by itself has ended."""
    deadline = time.monotonic() + _SETTLE
    held = await asyncio.to_thread(_held, server)
    while time.monotonic() < deadline:
        await asyncio.sleep(3)
        last, held = held, await asyncio.to_thread(_held, server)
        same = (last.threads, last.files, last.objects) == (held.threads, held.files, held.objects)
        if not _more(before, held) if before else same:
            break
    return held


def _more(before: Held, after: Held) -> dict[str, int]:
    """What there is more of than before; memory is told by its growth."""
    was = {**before.objects, "threads": before.threads, "files": before.files}
    now = {**after.objects, "threads": after.threads, "files": after.files}
    return {name: now[name] - was.get(name, 0) for name in now if now[name] > was.get(name, 0)}


def _growth(memory: Sequence[int]) -> float | None:
    """How much more memory the last tenth of the time took than the tenth after warming up, in percent."""
    counted = memory[round(_WARM * len(memory)) :]
    tenth = len(counted) // 10
    if len(counted) < _FEWEST:
        return None
    first, last = statistics.median(counted[:tenth]), statistics.median(counted[-tenth:])
    return round(100 * (last / first - 1), 2)


# One person


class _Person:
    """Comes again and again, as somebody else each time, until the time is over."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        notes: _Notes,
        draw: random.Random,
        questions: Sequence[str],
        think: float,
        until: float,
    ) -> None:
        self._http, self._notes, self._draw, self._questions = http, notes, draw, questions
        self._mean, self._until = think, until

    async def come(self) -> None:
        """Visit page after page; what fails is noted, and the next visit begins."""
        import aiohttp

        await asyncio.sleep(self._draw.random() * min(1.0, self._mean))
        does = {
            "/": self._at_kiosk,
            "/tra-cuu/": self._looks_up,
            "/tap/": self._presses,
            "/lop-hoc/": self._presses,
        }
        while time.monotonic() < self._until:
            path = self._draw.choices(list(_PAGES), list(_PAGES.values()))[0]
            try:
                async with _Tab(self._http, self._notes, path) as tab:
                    self._notes.visits += 1
                    await does[path](tab)
            except _Refused as refused:
                self._notes.refused[str(refused)] += 1
                await asyncio.sleep(1)
            except (aiohttp.ClientError, TimeoutError, _Failed) as error:
                self._notes.failed[f"{path} {type(error).__name__} {error}"[:120]] += 1
                await asyncio.sleep(1)

    async def _think(self) -> bool:
        """Read what is there; whether there is time left."""
        if self._mean:
            await asyncio.sleep(min(self._draw.expovariate(1 / self._mean), 5 * self._mean))
        return time.monotonic() < self._until

    async def _at_kiosk(self, tab: _Tab) -> None:
        """Ask, follow up, tap what is offered; then leave, or leave before the answer is complete."""
        for _ in range(self._draw.randint(1, 5)):
            if not await self._think():
                return
            buttons = [found for found in _BUTTON.finditer(tab.shown) if "disabled" not in found[0]]
            if buttons and self._draw.random() < 0.4:
                button = self._draw.choice(buttons)
                await tab.tap(unescape(button[1]), unescape(button[2] or ""))
            elif not await tab.ask(self._draw.choice(self._questions), leaves=self._draw.random() < _LEAVES):
                return

    async def _looks_up(self, tab: _Tab) -> None:
        """Type a question's first words, open one of what is found."""
        for number in range(1, self._draw.randint(2, 4)):
            if not await self._think():
                return
            typed = " ".join(self._draw.choice(self._questions).split()[:4])
            told = {"seq": number, "text": typed, "topic": "", "agency": "", "channel": ""}
            html = await tab.tell("finder", "find", told)
            if options := _OPTION.findall(html):
                kind, id_ = self._draw.choice(options)
                await tab.tell(
                    "finder", "open", {"seq": number, "kind": kind, "id": unescape(id_), "text": typed}
                )

    async def _presses(self, tab: _Tab) -> None:
        """Press any of the buttons that are to be seen."""
        for _ in range(self._draw.randint(2, 8)):
            if not await self._think():
                return
            if buttons := tab.pressable():
                await tab.press(self._draw.choice(buttons))


class _Refused(Exception):
    """The server has no room; the page says so."""


class _Failed(Exception):
    """Something that a person came for did not come."""


# One page in one browser


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a page is made of, as its configuration tells."""

    components: Mapping[int, Mapping[str, Any]]  # id → its properties
    events: Mapping[tuple[int, str], Mapping[str, Any]]  # (id, event) → what answers it
    named: Mapping[str, int]  # elem_id → id
    within: Mapping[int, int]  # id → what it stands in
    buttons: tuple[int, ...]


def _shape(config: Mapping[str, Any]) -> _Shape:
    components = {each["id"]: each.get("props", {}) for each in config["components"]}
    events = {(target, event): each for each in config["dependencies"] for target, event in each["targets"]}
    named = {props["elem_id"]: id_ for id_, props in components.items() if props.get("elem_id")}
    within: dict[int, int] = {}

    def walk(node: Mapping[str, Any]) -> None:
        for child in node.get("children") or ():
            within[child["id"]] = node["id"]
            walk(child)

    walk(config["layout"])
    buttons = tuple(each["id"] for each in config["components"] if each["type"] == "button")
    return _Shape(components, events, named, within, buttons)


class _Tab:
    """A page in a browser: open from `async with` to its end."""

    def __init__(self, http: aiohttp.ClientSession, notes: _Notes, path: str) -> None:
        self._http, self._notes, self.path = http, notes, path
        self._session = f"{random.getrandbits(64):x}"
        self._shows: dict[int, Mapping[str, Any]] = {}  # id → properties changed since
        self.shown = ""  # on the stage of the kiosk

    async def __aenter__(self) -> _Tab:
        begun = time.perf_counter()
        html = await self._get(self.path)
        if self.path not in self._notes.shapes:
            found = _CONFIG.search(html)
            if found is None:
                raise _Failed("a page without Gradio's configuration")
            self._notes.shapes[self.path] = _shape(msgspec.json.decode(found[1]))
            await asyncio.gather(*(self._get(named, self.path) for named in _NAMED.findall(html)))
        self._notes.waited("page", begun)
        self._shape = self._notes.shapes[self.path]
        self._heart = asyncio.create_task(self._beat())
        with suppress(KeyError):
            self.shown = str(self._shape.components[self._shape.named["stage"]].get("value", ""))
        for (id_, event), answers in self._shape.events.items():
            if event == "load" and answers.get("backend_fn"):
                await self._await(id_, event)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it: its connections end."""
        self._heart.cancel()
        with suppress(asyncio.CancelledError):
            await self._heart

    async def _beat(self) -> None:
        """The connection by which the server knows that the page is open."""
        import aiohttp

        with suppress(aiohttp.ClientError):
            async with self._http.get(f"{self.path}gradio_api/heartbeat/{self._session}") as stream:
                async for _ in stream.content:
                    pass

    async def _get(self, named: str, beside: str = "") -> str:
        path = beside + named.removeprefix("./") if named.startswith("./") else named
        async with self._http.get(path) as answer:
            body = await answer.read()
            if answer.status != 200:
                raise _Failed(f"status {answer.status}")
            return body.decode("utf-8", "replace")

    # What a person does

    async def ask(self, question: str, *, leaves: bool = False) -> bool:
        """Ask; whether the person is still there."""
        box, stage = self._shape.named["box"], self._shape.named["stage"]
        outputs = list(self._shape.events[box, "submit"]["outputs"])
        say, words = outputs.index(self._shape.named["say"]), outputs.index(self._shape.named["words"])
        at = outputs.index(stage)
        begun, came, wrote, placed, crowded = time.perf_counter(), False, False, False, False
        async with aclosing(self._happens(box, "submit", [question])) as messages:
            async for data in messages:
                if not came and isinstance(data[at], str):
                    came = True
                    self.shown = data[at]
                    self._notes.waited("card", begun)
                    if leaves:
                        self._notes.left += 1
                        return False
                said = str(data[say])
                placed |= self._notes.waiting in said
                if not wrote and came and data[words] and "prose" in str(data[words]):
                    wrote = True
                    self._notes.waited("words", begun)
                crowded |= self._notes.crowded in said
                if 'class="bad"' in said:
                    raise _Failed("complained: " + re.sub(r"<[^>]+>", " ", said)[:60])
        self._notes.told_place += placed
        self._notes.refused["the model is crowded"] += crowded
        if not came:
            raise _Failed("no card")
        return True

    async def tap(self, do: str, what: str) -> None:
        """Press a button that stands in the stage's HTML."""
        stage = self._shape.named["stage"]
        await self._await(stage, "click", told={"action": do, "item": what})

    async def tell(self, component: str, event: str, told: Mapping[str, Any]) -> str:
        """What a page's script hands over; the HTML that comes back."""
        data = await self._await(self._shape.named[component], event, told=told)
        return str(data[0])

    def pressable(self) -> list[int]:
        """The buttons that are to be seen and do something here."""
        return [id_ for id_ in self._shape.buttons if self._is_pressable(id_)]

    async def press(self, button: int) -> None:
        """Press one of them."""
        await self._await(button, "click")

    def _is_pressable(self, id_: int) -> bool:
        answers = self._shape.events.get((id_, "click"), {})
        props = self._now(id_)
        if (
            not answers.get("backend_fn")
            or props.get("interactive") is False
            or props.get("elem_id") in _NOT_PRESSED
        ):
            return False
        at: int | None = id_
        while at is not None:
            if self._now(at).get("visible") in (False, "hidden"):
                return False
            at = self._shape.within.get(at)
        return True

    def _now(self, id_: int) -> Mapping[str, Any]:
        return {**self._shape.components.get(id_, {}), **self._shows.get(id_, {})}

    async def _await(self, id_: int, event: str, told: Mapping[str, Any] | None = None) -> list[Any]:
        """Make something happen and wait for the whole of it."""
        answers = self._shape.events[id_, event]
        data = [self._now(given).get("value") for given in answers["inputs"]]
        begun, last = time.perf_counter(), [""]
        async with aclosing(self._happens(id_, event, data, told)) as messages:
            async for last in messages:
                for output, value in zip(answers["outputs"], last, strict=False):
                    if isinstance(value, dict) and value.get("__type__") == "update":
                        self._shows[output] = {**self._shows.get(output, {}), **value}
                    elif isinstance(value, str) and output == self._shape.named.get("stage"):
                        self.shown = value
        self._notes.waited("press", begun)
        return last

    async def _happens(
        self, id_: int, event: str, data: Sequence[Any], told: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[list[Any], None]:
        """What the server's queue tells of one event: the values of its outputs, again and again."""
        body = {
            "fn_index": self._shape.events[id_, event]["id"],
            "data": data,
            "event_data": told,
            "session_hash": self._session,
            "trigger_id": id_,
        }
        queue = f"{self.path}gradio_api/queue"
        async with self._http.post(f"{queue}/join", json=body) as answer:
            joined = await answer.read()
            if answer.status == 503:
                raise _Refused("the queue is full")
            if answer.status != 200:
                raise _Failed(f"{event}: status {answer.status}")
        mine = msgspec.json.decode(joined)["event_id"]
        async with self._http.get(f"{queue}/data", params={"session_hash": self._session}) as stream:
            if stream.status != 200:
                raise _Failed(f"stream: status {stream.status}")
            done = False
            async for line in stream.content:
                if not line.startswith(b"data: "):
                    continue
                message = msgspec.json.decode(line[6:])
                kind = message.get("msg")
                if kind == "close_stream":
                    break
                if kind == "unexpected_error" or message.get("success") is False:
                    raise _Failed(f"{event}: {message.get('message') or kind}")
                if message.get("event_id") == mine and "output" in message:
                    done |= kind == "process_completed"
                    if values := (message["output"] or {}).get("data"):
                        yield values
            if not done:
                raise _Failed(f"{event}: the stream ended before it was done")


# The server


def _cpu_seconds(server: Server) -> float:
    """What the pages have worked since they were started."""
    stat = Path(f"/proc/{server.process.pid}/stat").read_text("utf-8")
    return sum(map(int, stat.rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def _held(server: Server) -> Held:
    """What it holds now."""
    objects = server.objects(_OF_PEOPLE)
    server.get("/suc-khoe")  # threads that were idle for ten seconds end at the next request
    used = server.usage()
    return Held(used.rss_mb, used.threads, used.files, objects)
