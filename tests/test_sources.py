from __future__ import annotations

from pathlib import Path

import pytest
from guide_text import guide_text, line_of

from assistant.config import CHECKOUT
from assistant.errors import KnowledgeError
from assistant.knowledge.sources import Kind, cited_by, citing, is_official, load_sources, source_problems

ENTRY = {
    "url": '"https://thuvien.gov.vn/the"',
    "title": '"Quy định thẻ"',
    "agency": '"Bộ Văn hóa"',
    "kind": '"page"',
}


def entry(id_: str = "the", **changes: str) -> str:
    return f"[{id_}]\n" + "".join(f"{key} = {value}\n" for key, value in (ENTRY | changes).items())


def listed(folder: Path, *entries: str) -> Path:
    path = folder / "sources.toml"
    path.write_text("\n".join(entries), encoding="utf-8")
    return path


LESSON = """---
sources:
- {n: 1, title: Báo, url: "https://bao.vn/a"}
---
## Mục tiêu
Học.
"""
FACTS = """[mien]
text = "miễn phí"
source = {title = "Luật", url = "https://chinhphu.vn/luat"}
"""
CONTACTS = """[trang]
name = "Trang"
kind = "link"
value = "https://trang.gov.vn"
source = {title = "Báo"}

[so]
name = "Số"
kind = "phone"
value = "1900"
source = {title = "Báo"}
"""


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    """One guide, one lesson, one shared fact and two contacts, each with its source."""
    texts = {
        "guides/the/doi-the.md": guide_text(),
        "lessons/01-bai.md": LESSON,
        "facts.toml": FACTS,
        "contacts.toml": CONTACTS,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_shipped_list_matches_what_is_cited() -> None:
    path = CHECKOUT / "knowledge" / "sources.toml"
    assert [str(problem) for problem in source_problems(path, citing(path.parent))] == []
    sources = load_sources(path)
    assert len(sources) > 200
    assert all((source.kind is Kind.PDF) == source.url.endswith(".pdf") for source in sources)


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    (source,) = load_sources(listed(tmp_path, entry(date="2026-07-01", backs='["doi-the"]', kind='"pdf"')))
    assert (source.id, source.url, source.date) == ("the", "https://thuvien.gov.vn/the", "2026-07-01")
    assert (source.title, source.agency, source.kind) == ("Quy định thẻ", "Bộ Văn hóa", Kind.PDF)
    assert source.backs == ("doi-the",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry('"Thẻ"'), "[Thẻ]: an id has"),
        (entry("the_moi"), "[the_moi]: an id has"),
        (entry(url='"ftp://thuvien.gov.vn"'), "[the]: url `ftp://thuvien.gov.vn` is not"),
        (entry(url='"https://ai:mk@thuvien.gov.vn"'), "is not a web address"),
        (entry(date='"1/7/2026"'), "date `1/7/2026` is not ISO 8601"),
        (entry(kind='"word"'), "Invalid enum value 'word'"),
        (entry(licence='"x"'), "unknown keys ['licence']"),
        ("hosts = 3", "[hosts]: must be a table"),
        (entry().replace("title", "#"), "missing required field `title`"),
        (entry() + entry("hai"), "[hai]: [the] has the same url"),
    ],
)
def test_a_broken_entry_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(KnowledgeError) as error:
        load_sources(listed(tmp_path, text))
    assert message in str(error.value)
    assert "sources.toml" in str(error.value)


def test_all_broken_entries_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError) as error:
        load_sources(listed(tmp_path, entry(kind='"word"'), entry("hai", url='"x"')))
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("url", "official"),
    [
        ("https://xa.gov.vn/a", True),
        ("https://vanban.chinhphu.vn/?docid=1", True),
        ("https://baochinhphu.vn/a", True),
        ("https://gov.vn.lua.com/a", False),
        ("https://lua.com/gov.vn", False),
        ("https://xagov.vn/a", False),
    ],
)
def test_official_hosts_are_told_from_those_that_look_alike(url: str, official: bool) -> None:
    assert is_official(url) is official


def test_what_cites_a_source_is_found_wherever_it_stands(knowledge: Path) -> None:
    cited = {url: each.name for each in citing(knowledge) for url in each.urls}
    assert cited == {
        "https://thuvien.gov.vn/the": "doi-the",
        "https://bao.vn/a": "01-bai",
        "https://chinhphu.vn/luat": "facts.toml: mien",
        "https://trang.gov.vn": "contacts.toml: trang",
    }


def test_a_guide_of_the_ward_is_to_be_read_again_too(knowledge: Path, tmp_path: Path) -> None:
    (tmp_path / "local" / "guides").mkdir(parents=True)
    (tmp_path / "local" / "guides" / "o-xa.md").write_text(guide_text(id="o-xa"), encoding="utf-8")
    (source,) = load_sources(listed(tmp_path, entry(backs='["01-bai", "doi-the"]')))
    assert cited_by(source, citing(knowledge, tmp_path / "local")) == ("doi-the", "o-xa", "01-bai")


def test_an_official_page_that_is_not_listed_is_a_problem(knowledge: Path) -> None:
    path = listed(knowledge, entry(), entry("luat", url='"https://chinhphu.vn/luat"'))
    (problem,) = source_problems(path, citing(knowledge))
    assert "contacts.toml: trang cites https://trang.gov.vn, which is not in sources.toml" in str(problem)
    (problem, *_) = source_problems(listed(knowledge, ""), citing(knowledge))
    assert (problem.path.name, problem.line) == ("doi-the.md", line_of(guide_text(), "sources: "))


def test_a_source_that_nobody_cites_is_a_problem_unless_it_backs_a_guide(knowledge: Path) -> None:
    entries = [
        entry(),
        entry("luat", url='"https://chinhphu.vn/luat"'),
        entry("trang", url='"https://trang.gov.vn"'),
    ]
    unused = entry("cu", url='"https://cu.gov.vn"')
    everything = citing(knowledge)
    (problem,) = source_problems(listed(knowledge, *entries, unused), everything)
    assert "[cu]: nothing cites https://cu.gov.vn" in str(problem)
    backing = listed(knowledge, *entries, unused + 'backs = ["doi-the"]')
    assert list(source_problems(backing, everything)) == []
    (problem,) = source_problems(listed(knowledge, *entries, unused + 'backs = ["doi"]'), everything)
    assert "backs `doi`, which is no guide" in str(problem)
