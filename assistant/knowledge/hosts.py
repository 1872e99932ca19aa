"""Asking the hosts of sources.toml, and no others: politely, within limits, redirects and all.

Plain http is asked only where the list or a redirect from plain http says so. Proxies of the environment
are used, as httpx does: some offices have no other way out. Knows no files.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from assistant.errors import FetchError
from assistant.knowledge.sources import ListedSource

if TYPE_CHECKING:
    import httpx
    from protego import Protego

NAME = "binh-dan-hoc-vu-so"  # what robots.txt may call us
_MAX_REDIRECTS = 5
_MAX_ROBOTS = 500 * 1024  # bytes; RFC 9309, 2.5
_MAX_PAUSE = 30.0  # seconds, whatever Crawl-delay asks for
_PIECE = 64 * 1024  # bytes
_HEADERS = {
    "User-Agent": f"{NAME}/1",
    "Accept": "text/html,application/xhtml+xml,application/pdf,*/*;q=0.1",
    "Accept-Language": "vi",
    "Accept-Encoding": "identity",  # half of a gzip cannot be resumed
}


class Outcome(StrEnum):
    """How asking for a source ended."""

    CHANGED = "changed"
    MOVED = "moved"  # for good; the list should name the new address
    GONE = "gone"
    NEW = "new"
    UNCHANGED = "unchanged"
    REFUSED = "refused"  # robots.txt does not want us there
    FAILED = "failed"


class NotFetchedError(FetchError):
    """A source was not fetched; says why and what that makes of it. The others can be gone on with."""

    def __init__(self, reason: str, outcome: Outcome = Outcome.FAILED) -> None:
        super().__init__(reason)
        self.outcome = outcome


class BrokenOffError(NotFetchedError):
    """The answer ended too early; what came of it may be kept and gone on with."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source may cost. Sizes count what is unpacked."""

    size: int = 50 * 2**20  # bytes
    seconds: float = 300  # from the first request to the last byte
    silence: float = 30  # seconds without a byte
    connecting: float = 10  # seconds
    pause: float = 1  # seconds between two requests to a host


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered: `url` after redirects, `moved_to` after those that hold for good."""

    url: str
    status: int
    headers: Mapping[str, str]  # whatever the case of their names
    pieces: Iterator[bytes]  # of the body, unpacked, each of at most 64 kB
    moved_to: str | None = None


class Hosts:
    """The listed hosts: each asked at most once a second, and only for what its robots.txt allows."""

    def __init__(
        self,
        sources: Sequence[ListedSource],
        limits: Limits = Limits(),
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx

        self.limits = limits
        self.now = now
        self.out_of_reach: dict[str, str] = {}  # and why, by host: not asked again in this run
        self.answered = False  # whether any host ever did
        timeout = httpx.Timeout(limits.silence, connect=limits.connecting)
        self._client = httpx.Client(headers=_HEADERS, timeout=timeout)
        self._listed = frozenset(_host(httpx.URL(source.url)) for source in sources)
        self._sleep = sleep
        self._asked: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._rules: dict[str, Protego | NotFetchedError] = {}

    def close(self) -> None:
        """End all connections."""
        self._client.close()

    @contextmanager
    def get(
        self, address: str, headers: Mapping[str, Mapping[str, str]], *, obey: bool = True
    ) -> Iterator[Answer]:
        """What an address answers after redirects; of `headers` each hop gets those for its own address.

        Raises NotFetchedError, also while the pieces are read. `obey`: ask robots.txt first.
        """
        import httpx

        url, moved_to, for_good = httpx.URL(address), None, True
        for _ in range(_MAX_REDIRECTS + 1):
            self._must_be_listed(url, Outcome.MOVED if moved_to == str(url) else Outcome.FAILED)
            if obey:
                self._must_be_allowed(url)
            with self._ask(url, headers.get(str(url), {})) as response:
                if response.next_request is None:
                    yield Answer(
                        str(url), response.status_code, response.headers, _unpacked(response), moved_to
                    )
                    return
                target = response.next_request.url
            if url.scheme == "https" and target.scheme != "https":
                raise NotFetchedError(f"leads from https to {target}: not followed")
            for_good = for_good and response.status_code in (301, 308)
            url, moved_to = target, str(target) if for_good else moved_to
        raise NotFetchedError(f"leads on more than {_MAX_REDIRECTS} times, last to {url}")

    def give_up(self, address: str, reason: str) -> NoReturn:
        """Ask the host of this address no more; raises NotFetchedError."""
        import httpx

        self.out_of_reach[_host(httpx.URL(address))] = reason
        raise NotFetchedError(reason)

    def _must_be_listed(self, url: httpx.URL, otherwise: Outcome) -> None:
        if url.scheme not in ("http", "https") or url.userinfo or _host(url) not in self._listed:
            raise NotFetchedError(f"leads to {url}, not a host of sources.toml: not followed", otherwise)

    def _must_be_allowed(self, url: httpx.URL) -> None:
        """Raises NotFetchedError where robots.txt forbids an address or cannot be had (RFC 9309)."""
        site = f"{url.scheme}://{_host(url)}"
        if site not in self._rules:
            try:
                self._rules[site] = self._read_robots(site)
            except NotFetchedError as error:
                outcome = Outcome.REFUSED if error.outcome is Outcome.REFUSED else Outcome.FAILED
                self._rules[site] = NotFetchedError(f"{site}/robots.txt: {error}", outcome)
        rules = self._rules[site]
        if isinstance(rules, NotFetchedError):
            raise NotFetchedError(str(rules), rules.outcome)
        if not rules.can_fetch(str(url), NAME):
            raise NotFetchedError(f"{site}/robots.txt does not allow it", Outcome.REFUSED)
        self._pauses[_host(url)] = min(_MAX_PAUSE, rules.crawl_delay(NAME) or 0)

    def _read_robots(self, site: str) -> Protego:
        from protego import Protego

        text = b""
        with self.get(f"{site}/robots.txt", {}, obey=False) as answer:
            if 200 <= answer.status < 300:
                for piece in answer.pieces:
                    text += piece
                    if len(text) >= _MAX_ROBOTS:
                        break
            elif not 400 <= answer.status < 500:  # RFC 9309, 2.3.1.3 and 4: all is allowed, all is forbidden
                raise NotFetchedError(f"answers {answer.status}", Outcome.REFUSED)
        return Protego.parse(text[:_MAX_ROBOTS].decode("utf-8", errors="replace"))

    @contextmanager
    def _ask(self, url: httpx.URL, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        import httpx

        host = _host(url)
        if host in self.out_of_reach:
            raise NotFetchedError(self.out_of_reach[host])
        self._wait(host)
        begun = False
        try:
            with self._client.stream("GET", url, headers=dict(headers)) as response:
                self.answered = begun = True
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            self.give_up(str(url), f"no connection to {host}: {str(error) or 'no answer'}")
        except httpx.TimeoutException:
            reason = f"{host} said nothing for {self.limits.silence:g} s"
            if not begun:
                self.give_up(str(url), reason)
            raise BrokenOffError(reason) from None
        except httpx.HTTPError as error:
            raise BrokenOffError(f"the answer of {host} broke off: {error}") from error

    def _wait(self, host: str) -> None:
        if host in self._asked:
            pause = max(self.limits.pause, self._pauses.get(host, 0))
            self._sleep(max(0, self._asked[host] + pause - self.now()))
        self._asked[host] = self.now()


def _host(url: httpx.URL) -> str:
    return url.netloc.decode()  # with the port, if it is not the usual one


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    """The body, unpacked where it comes as gzip though nobody asked for that.

    httpx would unpack a piece whole, however much that is, and take half a gzip for all of it.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        yield from response.iter_raw()
        return
    if encoding not in ("gzip", "x-gzip"):
        raise NotFetchedError(f"is packed as {encoding}, which was not asked for")
    unpacking = zlib.decompressobj(wbits=31)
    try:
        for piece in response.iter_raw():
            while piece and not unpacking.eof:
                yield unpacking.decompress(piece, _PIECE)
                piece = unpacking.unconsumed_tail
        yield unpacking.flush()
    except zlib.error as error:
        raise NotFetchedError(f"the gzip is broken: {error}") from error
    if not unpacking.eof:
        raise NotFetchedError("the gzip ends too early")
