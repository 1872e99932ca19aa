from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path

import pytest
from conftest import full_disk
from web_site import LIMITS, NEWS, Clock, Says, Site, hosts, moved, page, robots, serve

from assistant.errors import FetchError
from assistant.knowledge.fetch import Result, as_row, fetch_all, load_records, main_text, plan
from assistant.knowledge.hosts import Limits, Outcome
from assistant.knowledge.sources import Kind, ListedSource

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 400


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as site:
        yield site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sources"


def listed(site: Site, path: str, kind: Kind = Kind.PAGE) -> ListedSource:
    return ListedSource(path.strip("/"), site.url(path), "Thủ tục", "Bộ Công an", kind)


def fetch(site: Site, folder: Path, path: str, kind: Kind = Kind.PAGE, limits: Limits = LIMITS) -> Result:
    """One run that asks for one source."""
    site.asked.clear()
    (result,) = fetch_all([listed(site, path, kind)], folder, hosts(site, limits=limits))
    return result


def pdf(body: bytes = PDF, **more: str) -> Says:
    names = {"Content-Type": "application/pdf"} | {k.replace("_", "-"): v for k, v in more.items()}
    return Says(body, headers=names)


def in_parts(body: bytes, cut: int, etag: str = '"v1"', times: int = 1) -> Callable[[Message], Says]:
    """A server that knows ranges; its first answers break off after `cut` bytes."""
    left = [times]

    def answer(headers: Message) -> Says:
        asked = headers["Range"]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and headers["If-Range"] == etag else 0
        names = {"Content-Type": "application/pdf", "ETag": etag}
        if start:
            names["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        breaks = left[0] > 0
        left[0] -= 1
        return Says(body[start:], 206 if start else 200, names, cut=cut if breaks else None)

    return answer


def unless_known(says: Says) -> Callable[[Message], Says]:
    """A server that answers 304 to who has the same already."""

    def answer(headers: Message) -> Says:
        known = headers["If-None-Match"] == says.headers["ETag"]
        return Says(status=304, headers={"ETag": says.headers["ETag"]}) if known else says

    return answer


def test_a_page_is_new_and_then_unchanged(site: Site, folder: Path) -> None:
    site.at["/a"] = unless_known(page(ETag='"1"', Last_Modified="Wed, 01 Jul 2026 00:00:00 GMT"))
    assert fetch(site, folder, "/a").outcome is Outcome.NEW
    assert NEWS in (folder / "a.html").read_text(encoding="utf-8")
    assert fetch(site, folder, "/a").outcome is Outcome.UNCHANGED
    asked = site.asked[-1][1]
    assert asked["If-None-Match"] == '"1"'
    assert asked["If-Modified-Since"] == "Wed, 01 Jul 2026 00:00:00 GMT"


def test_a_changed_page_is_told_and_the_one_before_is_kept(site: Site, folder: Path) -> None:
    site.at["/a"] = unless_known(page(ETag='"1"'))
    fetch(site, folder, "/a")
    site.at["/a"] = unless_known(page(NEWS.replace("bảy", "năm") * 12, ETag='"2"'))
    result = fetch(site, folder, "/a")
    assert result.outcome is Outcome.CHANGED
    assert result.is_to_be_read_again
    assert "chờ năm ngày" in (folder / "a.html").read_text(encoding="utf-8")
    assert "chờ bảy ngày" in (folder / "a.before.html").read_text(encoding="utf-8")
    assert fetch(site, folder, "/a").outcome is Outcome.UNCHANGED


def test_another_menu_is_no_change(site: Site, folder: Path) -> None:
    site.at["/a"] = page()
    fetch(site, folder, "/a")
    site.at["/a"] = page(menu="Thứ Sáu, 27/11/2026, 1.234 lượt xem")
    assert fetch(site, folder, "/a").outcome is Outcome.UNCHANGED
    assert "lượt xem" in (folder / "a.html").read_text(encoding="utf-8")
    assert not (folder / "a.before.html").exists()


def test_a_copy_that_was_lost_or_damaged_is_fetched_again(site: Site, folder: Path) -> None:
    site.at["/a"] = unless_known(page(ETag='"1"'))
    fetch(site, folder, "/a")
    (folder / "a.html").write_text("hỏng", encoding="utf-8")
    assert fetch(site, folder, "/a").outcome is Outcome.UNCHANGED
    assert NEWS in (folder / "a.html").read_text(encoding="utf-8")
    (folder / "a.html").unlink()
    assert fetch(site, folder, "/a").outcome is Outcome.UNCHANGED
    assert (folder / "a.html").exists()


def test_another_address_in_the_list_is_another_source(site: Site, folder: Path) -> None:
    site.at |= {"/a": page(ETag='"1"'), "/b": page("Chuyện khác hẳn. " * 30, ETag='"1"')}
    fetch(site, folder, "/a")
    other = ListedSource("a", site.url("/b"), "A", "B", Kind.PAGE)
    (result,) = fetch_all([other], folder, hosts(site))
    assert result.outcome is Outcome.NEW
    assert site.asked[-1][1]["If-None-Match"] is None


def test_a_pdf_is_compared_byte_by_byte(site: Site, folder: Path) -> None:
    site.at["/a"] = pdf()
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW
    assert (folder / "a.pdf").read_bytes() == PDF
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.UNCHANGED
    site.at["/a"] = pdf(PDF + b"x")
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.CHANGED


def test_a_download_that_breaks_off_goes_on_where_it_was(site: Site, folder: Path) -> None:
    site.at["/a"] = in_parts(PDF, cut=60_000)
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW
    assert (folder / "a.pdf").read_bytes() == PDF
    assert [headers["Range"] for _, headers in site.asked[1:]] == [None, "bytes=60000-"]
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "a.pdf", "state.json"]


def test_the_next_run_goes_on_with_what_this_one_could_not_finish(site: Site, folder: Path) -> None:
    site.at["/a"] = in_parts(PDF, cut=20_000, times=3)
    result = fetch(site, folder, "/a", Kind.PDF)
    assert result.outcome is Outcome.FAILED
    assert "broke off" in result.detail
    assert (folder / "a.part").read_bytes() == PDF[:60_000]
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW
    assert site.asked[1][1]["Range"] == "bytes=60000-"
    assert (folder / "a.pdf").read_bytes() == PDF


def test_a_file_that_changed_meanwhile_is_not_put_together_from_two(site: Site, folder: Path) -> None:
    site.at["/a"] = in_parts(PDF, cut=20_000, times=3)
    fetch(site, folder, "/a", Kind.PDF)
    changed = PDF.replace(b"\x00", b"0")
    site.at["/a"] = in_parts(changed, cut=0, etag='"v2"', times=0)
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW
    assert (folder / "a.pdf").read_bytes() == changed


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole(site: Site, folder: Path) -> None:
    site.at["/a"] = in_parts(PDF, cut=20_000, times=3)
    fetch(site, folder, "/a", Kind.PDF)
    site.at["/a"] = pdf(ETag='"v1"')
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW
    assert (folder / "a.pdf").read_bytes() == PDF


@pytest.mark.parametrize("more", [{}, {"ETag": 'W/"1"'}])
def test_without_a_strong_mark_nothing_is_gone_on_with(
    site: Site, folder: Path, more: dict[str, str]
) -> None:
    site.at["/a"] = Says(PDF, headers={"Content-Type": "application/pdf"} | more, cut=20_000)
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.FAILED
    assert site.paths == ["/robots.txt", "/a"]
    site.at["/a"] = pdf()
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW
    assert site.asked[1][1]["Range"] is None
    assert (folder / "a.pdf").read_bytes() == PDF


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (Says(status=416), "no longer fits"),
        (
            Says(PDF, 206, {"Content-Type": "application/pdf", "Content-Range": "bytes 0-9/10"}),
            "another part",
        ),
    ],
)
def test_a_part_that_no_longer_fits_is_thrown_away(
    site: Site, folder: Path, says: Says, message: str
) -> None:
    site.at["/a"] = in_parts(PDF, cut=20_000, times=3)
    fetch(site, folder, "/a", Kind.PDF)
    site.at["/a"] = says
    assert message in fetch(site, folder, "/a", Kind.PDF).detail
    site.at["/a"] = pdf()
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW


def test_a_slow_answer_is_left_after_its_time_and_gone_on_with_later(site: Site, folder: Path) -> None:
    site.at["/a"] = pdf(ETag='"v1"')

    class Hurrying(Clock):
        def now(self) -> float:
            self.time += 100
            return self.time

    (result,) = fetch_all([listed(site, "/a", Kind.PDF)], folder, hosts(site, clock=Hurrying()))
    assert result.outcome is Outcome.FAILED
    assert "took more than 300 s" in result.detail
    assert (folder / "a.part").stat().st_size > 0


def test_an_answer_that_falls_silent_fails(site: Site, folder: Path) -> None:
    site.at["/a"] = Says(b"<html>", headers={"Content-Type": "text/html", "Content-Length": "99"}, hang=True)
    result = fetch(site, folder, "/a", limits=Limits(silence=0.2))
    assert result.outcome is Outcome.FAILED
    assert "said nothing for 0.2 s" in result.detail


def test_what_is_too_large_by_its_own_word_is_not_begun(site: Site, folder: Path) -> None:
    site.at["/a"] = pdf()
    result = fetch(site, folder, "/a", Kind.PDF, limits=Limits(size=2**16))
    assert (result.outcome, result.detail) == (Outcome.FAILED, "is larger than 0.0625 MB")
    assert not (folder / "a.part").exists()


def test_what_turns_out_too_large_is_thrown_away(site: Site, folder: Path) -> None:
    lump = b"%x\r\n%s\r\n" % (len(PDF), PDF)
    names = {"Content-Type": "application/pdf", "Transfer-Encoding": "chunked", "ETag": '"1"'}
    site.at["/a"] = Says(lump * 2 + b"0\r\n\r\n", headers=names)
    assert "is larger than" in fetch(site, folder, "/a", Kind.PDF, limits=Limits(size=len(PDF))).detail
    assert not (folder / "a.part").exists()
    assert fetch(site, folder, "/a", Kind.PDF, limits=Limits(size=2 * len(PDF))).outcome is Outcome.NEW


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_told_and_its_copy_kept(site: Site, folder: Path, status: int) -> None:
    site.at["/a"] = page()
    fetch(site, folder, "/a")
    site.at["/a"] = Says(status=status)
    result = fetch(site, folder, "/a")
    assert (result.outcome, result.detail) == (Outcome.GONE, f"answers {status}")
    assert (folder / "a.html").exists()
    site.at["/a"] = page()
    assert fetch(site, folder, "/a").outcome is Outcome.UNCHANGED


@pytest.mark.parametrize(
    ("kind", "says", "message"),
    [
        (Kind.PDF, page("Lỗi 404"), "is text/html where a pdf was expected"),
        (Kind.PDF, pdf(b"<html>sorry</html>"), "is not a PDF"),
        (Kind.PAGE, pdf(), "is application/pdf where a page was expected"),
        (Kind.PAGE, Says(b"{}", headers={"Content-Type": "application/json"}), "is application/json"),
        (Kind.PAGE, Says(b"x", headers={"Content-Type": "text/plain"}), "is text/plain"),
        (Kind.PAGE, Says(status=403), "answers 403"),
        (Kind.PAGE, Says(status=500), "answers 500"),
        (Kind.PAGE, Says(status=304), "answers 304"),
        (Kind.PAGE, Says(b"x", 206, {"Content-Range": "bytes 5-5/6"}), "another part"),
        (Kind.PAGE, Says(b"x", headers={"Content-Type": "text/html", "Content-Encoding": "gzip"}), "gzip"),
    ],
)
def test_what_is_not_what_was_expected_is_refused(
    site: Site, folder: Path, kind: Kind, says: Says, message: str
) -> None:
    site.at["/a"] = says
    result = fetch(site, folder, "/a", kind)
    assert result.outcome is Outcome.FAILED
    assert message in result.detail
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "state.json"]


def test_a_pdf_that_is_sent_as_just_bytes_is_taken(site: Site, folder: Path) -> None:
    site.at["/a"] = Says(PDF, headers={"Content-Type": "application/octet-stream"})
    assert fetch(site, folder, "/a", Kind.PDF).outcome is Outcome.NEW


def test_a_page_that_moved_is_told_with_its_new_address(site: Site, folder: Path) -> None:
    site.at |= {"/a": moved("/b"), "/b": unless_known(page(ETag='"1"'))}
    for _ in range(2):  # once fetched, it is still in the wrong place
        result = fetch(site, folder, "/a")
        assert (result.outcome, result.moved_to) == (Outcome.MOVED, site.url("/b"))
        assert site.url("/b") in result.detail
    site.at["/b"] = page("Nội dung mới hẳn. " * 30)
    result = fetch(site, folder, "/a")
    assert (result.outcome, result.moved_to) == (Outcome.CHANGED, site.url("/b"))


def test_what_robots_txt_forbids_is_refused(site: Site, folder: Path) -> None:
    site.at |= {"/robots.txt": robots("User-agent: *\nDisallow: /\n"), "/a": page()}
    assert fetch(site, folder, "/a").outcome is Outcome.REFUSED
    assert site.paths == ["/robots.txt"]


def test_a_page_that_scripts_make_is_said_to_have_few_words(site: Site, folder: Path) -> None:
    shell = b"<html><body><div id=root></div><script>run()</script></body></html>"
    site.at["/a"] = Says(shell, headers={"Content-Type": "text/html"})
    for outcome in (Outcome.NEW, Outcome.UNCHANGED):
        result = fetch(site, folder, "/a")
        assert result.outcome is outcome
        assert result.is_to_be_looked_at
        assert "scripts may make the page" in result.detail


def test_one_failure_stops_no_other_source(site: Site, folder: Path) -> None:
    site.at |= {"/a": Says(status=500), "/c": page()}
    sources = [listed(site, path) for path in ("/a", "/b", "/c")]
    outcomes = [result.outcome for result in fetch_all(sources, folder, hosts(site))]
    assert outcomes == [Outcome.FAILED, Outcome.GONE, Outcome.NEW]


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_wants_to_be_left_alone_is_left_alone(site: Site, folder: Path, status: int) -> None:
    site.at |= {"/a": Says(status=status), "/b": page()}
    results = list(fetch_all([listed(site, "/a"), listed(site, "/b")], folder, hosts(site)))
    assert [result.detail for result in results] == [f"answers {status}: not now"] * 2
    assert site.paths == ["/robots.txt", "/a"]


def test_hosts_are_asked_by_turns(site: Site, folder: Path) -> None:
    with serve() as other:
        for each in (site, other):
            each.at |= {"/a": page(), "/b": page()}
        sources = [listed(site, "/a"), listed(site, "/b"), listed(other, "/a"), listed(other, "/b")]
        clock = Clock()
        results = list(fetch_all(sources, folder, hosts(site, other, clock=clock)))
    assert [result.source for result in results] == [sources[0], sources[2], sources[1], sources[3]]
    assert sum(clock.slept) == 3  # each pause passes while the other host is asked


def test_without_a_network_a_few_hosts_are_enough_to_tell(folder: Path) -> None:
    sites = []
    for _ in range(5):
        with serve() as gone:
            sites.append(gone)
    results: list[Result] = []
    with pytest.raises(FetchError, match="is there a network"):
        results.extend(fetch_all([listed(site, "/a") for site in sites], folder, hosts(*sites)))
    assert len(results) == 3


def test_one_dead_host_is_no_missing_network(site: Site, folder: Path) -> None:
    with serve() as gone:
        pass
    site.at["/a"] = page()
    results = list(fetch_all([listed(gone, "/a"), listed(site, "/a")], folder, hosts(site, gone)))
    assert [result.outcome for result in results] == [Outcome.FAILED, Outcome.NEW]


def test_a_full_disk_is_said(site: Site, folder: Path) -> None:
    site.at["/a"] = page()
    with full_disk(), pytest.raises(FetchError, match="File too large"):
        fetch(site, folder, "/a")


def test_two_runs_at_once_do_not_write_over_each_other(site: Site, folder: Path) -> None:
    site.at |= {"/a": page(), "/b": page()}
    running = fetch_all([listed(site, "/a"), listed(site, "/b")], folder, hosts(site))
    next(running)
    with pytest.raises(FetchError, match="another `knowledge fetch` is at work"):
        fetch(site, folder, "/a")
    assert len(list(running)) == 1
    assert fetch(site, folder, "/a").outcome is Outcome.UNCHANGED


def test_a_damaged_state_is_named(site: Site, folder: Path) -> None:
    folder.mkdir()
    (folder / "state.json").write_text("{", encoding="utf-8")
    with pytest.raises(FetchError, match=r"state\.json is damaged"):
        fetch(site, folder, "/a")


def test_the_state_says_what_a_person_may_ask_later(site: Site, folder: Path) -> None:
    site.at["/a"] = page(ETag='"1"')
    fetch(site, folder, "/a")
    record = load_records(folder)["a"]
    assert record.outcome is Outcome.NEW
    assert record.copy is not None
    assert (record.copy.url, record.copy.etag) == (site.url("/a"), '"1"')
    assert json.loads((folder / "state.json").read_text())["a"]["copy"]["sha256"] == record.copy.sha256


def test_the_plan_asks_nobody(site: Site, folder: Path) -> None:
    site.at["/a"] = page()
    fetch(site, folder, "/a")
    site.asked.clear()
    planned = plan([listed(site, "/a"), listed(site, "/b")], folder)
    assert list(planned) == [site.url("/robots.txt"), site.url("/a"), site.url("/b")]
    assert planned[site.url("/a")].startswith("a: if changed since 20")
    assert planned[site.url("/b")] == "b: for the first time"
    assert site.asked == []


def test_the_row_names_what_is_to_be_read_again(site: Site, folder: Path) -> None:
    site.at["/a"] = moved("/b")
    site.at["/b"] = page()
    row = as_row([fetch(site, folder, "/a")], {"a": ("doi-the",)})
    assert json.loads(json.dumps(row)) == {
        "counts": {"moved": 1},
        "sources": [
            {
                "id": "a",
                "url": site.url("/a"),
                "outcome": "moved",
                "detail": f"moved to {site.url('/b')}",
                "moved_to": site.url("/b"),
                "cited_by": ["doi-the"],
            }
        ],
    }


@pytest.mark.parametrize("junk", [b"", b"\x1f\x8b\x08 no gzip", b"<div>" * 100_000, bytes(range(256))])
def test_any_bytes_have_a_main_text(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "a.html").write_bytes(junk)
    assert isinstance(main_text(tmp_path / "a.html"), str)


def test_the_main_text_has_lists_and_tables_and_no_menu(tmp_path: Path) -> None:
    steps = "".join(f"<li>Bước {n}: {NEWS}</li>" for n in range(1, 4))
    fees = "<table><tr><th>Việc</th><th>Lệ phí</th></tr><tr><td>Đổi thẻ</td><td>50.000 đồng</td></tr></table>"
    body = page().body.decode().replace("</article>", f"<ol>{steps}</ol>{fees}</article>")
    (tmp_path / "a.html").write_text(body, encoding="utf-8")
    text = main_text(tmp_path / "a.html")
    assert all(words in text for words in ("Bước 1:", "Bước 3:", "50.000 đồng"))
    assert "Liên hệ" not in text
