from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_site import NEWS, Clock, Says, Site, certified, hosts, moved, page, robots, serve

from assistant.knowledge.hosts import BrokenOffError, Hosts, Limits, NotFetchedError, Outcome


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as site:
        yield site


@pytest.fixture
def other() -> Iterator[Site]:
    with serve() as site:
        yield site


def read(asking: Hosts, url: str) -> bytes:
    with asking.get(url, {}) as answer:
        return b"".join(answer.pieces)


def refusal(asking: Hosts, url: str) -> NotFetchedError:
    with pytest.raises(NotFetchedError) as error:
        read(asking, url)
    return error.value


def test_robots_txt_is_asked_once_and_obeyed(site: Site) -> None:
    site.at |= {"/robots.txt": robots("User-agent: *\nDisallow: /mat/\n"), "/a": page(), "/b": page()}
    asking = hosts(site)
    read(asking, site.url("/a"))
    read(asking, site.url("/b"))
    error = refusal(asking, site.url("/mat/c"))
    assert error.outcome is Outcome.REFUSED
    assert "robots.txt does not allow it" in str(error)
    assert site.paths == ["/robots.txt", "/a", "/b"]


def test_rules_for_our_own_name_win(site: Site) -> None:
    text = "User-agent: *\nDisallow: /\n\nUser-agent: binh-dan-hoc-vu-so\nAllow: /\n"
    site.at |= {"/robots.txt": robots(text), "/a": page()}
    read(hosts(site), site.url("/a"))
    assert site.asked[-1][1]["User-Agent"] == "binh-dan-hoc-vu-so/1"


@pytest.mark.parametrize("status", [404, 403])
def test_without_robots_txt_all_is_allowed(site: Site, status: int) -> None:
    site.at |= {"/robots.txt": Says(status=status), "/a": page()}
    assert NEWS in read(hosts(site), site.url("/a")).decode()


def test_while_robots_txt_fails_nothing_is_asked(site: Site) -> None:
    site.at |= {"/robots.txt": Says(status=500), "/a": page()}
    asking = hosts(site)
    for _ in range(2):
        error = refusal(asking, site.url("/a"))
        assert error.outcome is Outcome.REFUSED
        assert "robots.txt: answers 500" in str(error)
    assert site.paths == ["/robots.txt"]


def test_a_robots_txt_that_is_elsewhere_is_followed_to_listed_hosts_only(site: Site, other: Site) -> None:
    site.at |= {"/robots.txt": moved(other.url("/robots.txt")), "/a": page()}
    other.at["/robots.txt"] = robots("User-agent: *\nDisallow: /a\n")
    assert refusal(hosts(site, other), site.url("/a")).outcome is Outcome.REFUSED
    error = refusal(hosts(site), site.url("/a"))
    assert error.outcome is Outcome.FAILED
    assert "not a host of sources.toml" in str(error)


def test_a_robots_txt_without_end_is_read_to_its_limit(site: Site) -> None:
    text = "User-agent: *\nDisallow: /a\n" + "# dài\n" * 200_000 + "Disallow: /b\n"
    site.at |= {"/robots.txt": robots(text), "/b": page()}
    asking = hosts(site)
    assert refusal(asking, site.url("/a")).outcome is Outcome.REFUSED
    read(asking, site.url("/b"))


def test_a_host_is_asked_once_a_second(site: Site, other: Site) -> None:
    site.at["/a"] = page()
    other.at["/a"] = page()
    clock = Clock()
    asking = hosts(site, other, clock=clock)
    read(asking, site.url("/a"))
    assert clock.slept == [1]  # robots.txt, a second, the page
    read(asking, other.url("/a"))
    assert clock.slept == [1, 1]  # the other host was asked at once
    clock.time += 0.75
    read(asking, site.url("/a"))
    assert sum(clock.slept) == 2


@pytest.mark.parametrize(("wish", "pause"), [("5", 5), ("0.1", 1), ("86400", 30)])
def test_a_host_that_wants_more_time_gets_it_within_reason(site: Site, wish: str, pause: float) -> None:
    site.at |= {"/robots.txt": robots(f"User-agent: *\nCrawl-delay: {wish}\n"), "/a": page()}
    clock = Clock()
    read(hosts(site, clock=clock), site.url("/a"))
    assert clock.slept == [pause]


def test_a_redirect_for_good_is_told(site: Site) -> None:
    site.at |= {"/a": moved("/b"), "/b": moved("/c", 308), "/c": moved("/d", 302), "/d": page()}
    with hosts(site).get(site.url("/a"), {}) as answer:
        assert (answer.url, answer.moved_to) == (site.url("/d"), site.url("/c"))


def test_a_redirect_for_now_is_no_move(site: Site) -> None:
    site.at |= {"/a": moved("/b", 302), "/b": moved("/c"), "/c": page()}
    with hosts(site).get(site.url("/a"), {}) as answer:
        assert (answer.url, answer.moved_to) == (site.url("/c"), None)


@pytest.mark.parametrize(("status", "outcome"), [(301, Outcome.MOVED), (302, Outcome.FAILED)])
def test_a_host_that_is_not_listed_is_never_asked(
    site: Site, other: Site, status: int, outcome: Outcome
) -> None:
    site.at["/a"] = moved(other.url("/a"), status)
    error = refusal(hosts(site), site.url("/a"))
    assert error.outcome is outcome
    assert f"leads to {other.url('/a')}" in str(error)
    assert other.asked == []


def test_a_redirect_to_another_listed_host_obeys_that_hosts_robots(site: Site, other: Site) -> None:
    site.at["/a"] = moved(other.url("/a"))
    other.at |= {"/robots.txt": robots("User-agent: *\nDisallow: /\n"), "/a": page()}
    assert refusal(hosts(site, other), site.url("/a")).outcome is Outcome.REFUSED
    assert other.paths == ["/robots.txt"]


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://[", "http://x:y@{host}/b"])
def test_a_redirect_to_what_is_no_page_is_refused(site: Site, to: str) -> None:
    site.at |= {"/a": moved(to.replace("{host}", site.host)), "/b": page()}
    refusal(hosts(site), site.url("/a"))
    assert "/b" not in site.paths


def test_https_is_never_left_for_http(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, public = certified(tmp_path)
    site.at["/a"] = page()
    with serve(context) as safe:
        safe.at |= {"/a": moved(site.url("/a")), "/b": page()}
        assert "certificate verify failed" in str(refusal(hosts(safe, site), safe.url("/b")))
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        asking = hosts(safe, site)
        assert NEWS in read(asking, safe.url("/b")).decode()
        assert "leads from https to http://" in str(refusal(asking, safe.url("/a")))
    assert site.asked == []


def test_http_may_be_left_for_https(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, public = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    with serve(context) as safe:
        safe.at["/a"] = page()
        site.at["/a"] = moved(safe.url("/a"))
        assert NEWS in read(hosts(site, safe), site.url("/a")).decode()


def test_a_loop_of_redirects_ends(site: Site) -> None:
    site.at |= {"/a": moved("/b"), "/b": moved("/a")}
    assert "leads on more than 5 times" in str(refusal(hosts(site), site.url("/a")))
    assert len(site.asked) == 1 + 6


def test_headers_go_with_the_address_that_they_are_for(site: Site) -> None:
    site.at |= {"/a": moved("/b"), "/b": page()}
    with hosts(site).get(site.url("/a"), {site.url("/b"): {"If-None-Match": '"1"'}}):
        pass
    assert [headers["If-None-Match"] for _, headers in site.asked] == [None, None, '"1"']


def test_a_host_that_cannot_be_reached_is_tried_once() -> None:
    with serve() as gone:
        pass
    clock = Clock()
    asking = hosts(gone, clock=clock)
    assert f"no connection to {gone.host}" in str(refusal(asking, gone.url("/a")))
    assert f"no connection to {gone.host}" in str(refusal(asking, gone.url("/b")))
    assert clock.slept == []
    assert not asking.answered
    assert list(asking.out_of_reach) == [gone.host]


def test_a_host_that_says_nothing_is_not_waited_for_again(site: Site) -> None:
    site.at["/robots.txt"] = Says(b"", hang=True, headers={"Content-Length": "9"})
    asking = hosts(site, limits=Limits(silence=0.2))
    assert "said nothing for 0.2 s" in str(refusal(asking, site.url("/a")))


def test_an_answer_that_stops_half_way_is_broken_off(site: Site) -> None:
    site.at |= {"/a": Says(b"x" * 1000, cut=300), "/b": Says(b"x" * 1000, cut=300, hang=True)}
    asking = hosts(site, limits=Limits(silence=0.2))
    for path in ("/a", "/b"):
        with pytest.raises(BrokenOffError):
            read(asking, site.url(path))
    assert not asking.out_of_reach


def packed(body: bytes, how: str = "gzip") -> Says:
    return Says(body, headers={"Content-Encoding": how, "Content-Type": "text/html"})


def test_what_comes_packed_though_not_asked_for_is_unpacked(site: Site) -> None:
    site.at["/a"] = packed(gzip.compress(b"chao " * 10_000))
    assert read(hosts(site), site.url("/a")) == b"chao " * 10_000
    assert site.asked[-1][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (packed(b"no gzip at all"), "gzip is broken"),
        (packed(gzip.compress(b"chao " * 1000)[:-20]), "gzip ends too early"),
        (packed(b"x", "br"), "packed as br"),
        (packed(gzip.compress(gzip.compress(b"x")), "gzip, gzip"), "packed as gzip, gzip"),
    ],
)
def test_what_is_packed_wrongly_is_refused(site: Site, says: Says, message: str) -> None:
    site.at["/a"] = says
    assert message in str(refusal(hosts(site), site.url("/a")))


def test_a_gzip_bomb_comes_in_small_pieces(site: Site) -> None:
    site.at["/a"] = packed(gzip.compress(bytes(30 * 2**20)))
    with hosts(site).get(site.url("/a"), {}) as answer:
        assert max(len(piece) for piece in answer.pieces) <= 64 * 1024
