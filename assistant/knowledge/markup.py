"""HTML, Markdown and plain text → pages: the main text of a web page, its headings, lists and tables.

Runs inside knowledge/reading.py. The libraries for the main text of a page (trafilatura, readability) look
for articles: on pages of public services they drop lists, headings and the numbers of steps without a word.
Here only what is known to be no text of the page is left out.
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import DocumentError
from assistant.knowledge.outline import MOTTO, with_bold_headings
from assistant.knowledge.pages import Drawn, Line, Method, Page, Parsed, make_page, pages_of, table_lines
from assistant.text.legacy import Encoding, detect
from assistant.text.legacy import decode as from_legacy
from assistant.text.spelling import spelled_share

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_LOST = 0.01  # share of characters that may be broken in UTF-8
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_FRONT_MATTER = re.compile(r"\A---\s*\n.*?\n---\s*\n", re.DOTALL)

_NO_TEXT = set(
    "script style noscript template head svg canvas iframe object embed audio video map select textarea"
    " input".split()
)
_AROUND_TAGS = {"nav", "footer", "aside", "dialog", "form"}
_ROLES = {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alert", "menu"}
_AROUND = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|menu|sidebar|footer|breadcrumbs?|related|share|social|comments?|cookies?|banner"
    r"|popup|modal|pagination|skip)(?:$|[\s_-])",
    re.IGNORECASE,
)
# Text that no reader of a page sees, by the style of its element.
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?<!-)opacity\s*:\s*0?(?:\.0\d*)?(?![\d.])"
    r"|font-size\s*:\s*(?:[012](?:\.\d+)?(?:px|pt)?|0?\.[01]\d*r?em)\s*(?:!|;|$)"
    r"|(?:text-indent|left|top|right|margin-left|margin-top)\s*:\s*-\d{3,}"
    r"|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)|clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01]"
    r"|transform\s*:\s*scale[xy]?\(\s*0(?![.\d])|(?<![-\w])color\s*:\s*transparent",
    re.IGNORECASE,
)
_NO_SIZE = re.compile(r"(?<![-\w])(?:max-)?(?:height|width)\s*:\s*[01](?:px)?\s*(?:;|$)", re.IGNORECASE)
_CUT = re.compile(r"overflow\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_COLOUR = re.compile(r"(?<![-\w])color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color|-image)?\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITE = re.compile(r"#f[a-f]?f[a-f]?f[a-f]?|white|snow|rgba?\((?:\s*25[0-5]\s*,?){3}.*|rgba\(.*,\s*0\s*\)")
_STYLE_RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
_FOR_OTHERS = re.compile(
    r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|/\*.*?\*/", re.DOTALL
)  # print, small screens
_SELECTOR = re.compile(r"([a-z][\w-]*)?((?:[.#][\w-]+)*)", re.IGNORECASE)
_MAIN_SHARE = 0.5  # of a page's letters: what is said to be its main part, or thrown away, is tested by it
_LINKS = 0.7  # share of a list's letters in links, from which on it is a menu
_FEW_LINKS = 3
_BLOCKS = set(
    "address article blockquote body caption center dd details div dl dt fieldset figcaption figure header"
    " html legend li main ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LONG_CELL = 150  # syllables; a cell of more lays out the page
_LINE_END = "\v"  # one that shows, in text whose other ends of lines are spaces
_MARK = re.compile(r"\s*(?:-|\d+\.)\s*")
_LARGE = 10_000_000  # characters of a picture that stands in the page itself


def parse_html(path: Path) -> Parsed:
    """Read the main text of a web page. Raises DocumentError for one nested too deep."""
    return _parsed(_tree(_decoded_html(path.read_bytes())), is_page=True)


def parse_markdown(path: Path) -> Parsed:
    """Read a Markdown file, tables included. Raises DocumentError for one nested too deep."""
    return _parsed(_tree(_rendered(path)), is_page=False)


def parse_text(path: Path) -> Parsed:
    """Read a text file in whatever encoding; a form feed ends a page."""
    text, encoding = decoded(path.read_bytes())
    pages = [
        make_page(number, part, Method.PLAIN, encoding) for number, part in enumerate(text.split("\f"), 1)
    ]
    return Parsed(tuple(page for page in pages if page.text) or (Page(1, "", Method.PLAIN, 0.0),))


def pictures(path: Path, places: Iterable[str], *, markdown: bool) -> Iterator[tuple[str, bytes]]:
    """The pictures that parse_html() or parse_markdown() named; those beside the file or in it, no others."""
    tree = _tree(_rendered(path) if markdown else _decoded_html(path.read_bytes()))
    sources = [image.get("src", "").strip() for image in tree.iter("img")]
    for place in places:
        data = _fetched(sources[int(place)], path)
        if data:
            yield place, data


def decoded(data: bytes) -> tuple[str, Encoding]:
    """Bytes as text, and the encoding of its letters where its bytes are those of an old font."""
    for mark, codec in _BOMS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(codec, "replace"), Encoding.UNICODE
    zeros = [data[side:4096:2].count(0) for side in (0, 1)]
    if max(zeros) > 0.2 * min(len(data), 4096) / 2:
        codec = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        return data.decode(codec, "replace"), Encoding.UNICODE
    text = data.decode("utf-8", "replace")
    if text.count("\ufffd") <= _LOST * len(text):
        return text, Encoding.UNICODE
    windows = data.decode("cp1258", "replace")
    latin = data.decode("latin-1").translate(_WINDOWS_1252)
    encoding = detect(latin)
    old = from_legacy(latin, encoding)
    if spelled_share(windows) >= spelled_share(old):
        return windows, Encoding.UNICODE
    return latin, encoding


_WINDOWS_1252 = {
    code: character
    for code in range(0x80, 0xA0)
    if (character := bytes([code]).decode("cp1252", "ignore"))  # five codes are no letters there
}


def _decoded_html(data: bytes) -> str:
    named = _CHARSET.search(data[:4096])
    if named and not data.startswith(tuple(_BOMS)):
        try:
            text = data.decode(named[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass  # what a page says of itself may be wrong
        else:
            return _XML_DECLARATION.sub("", str(text))
    text, encoding = decoded(data)
    return _XML_DECLARATION.sub("", from_legacy(text, encoding))


def _rendered(path: Path) -> str:
    from markdown_it import MarkdownIt

    text, encoding = decoded(path.read_bytes())
    text = _FRONT_MATTER.sub("", from_legacy(text, encoding).replace("\r\n", "\n"))
    return str(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


def _tree(html: str) -> HtmlElement:
    import lxml.html
    from lxml.etree import ParserError

    parser = lxml.html.HTMLParser(remove_comments=True, remove_pis=True)
    try:
        tree = lxml.html.document_fromstring(html.replace("\0", ""), parser=parser)
    except ParserError as error:
        raise DocumentError("it holds no text") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DocumentError("it is nested deeper than any ordinary page")
    for number, image in enumerate(tree.iter("img")):
        image.set("data-place", str(number))
    return tree


def _parsed(tree: HtmlElement, *, is_page: bool) -> Parsed:
    lines: list[Line] = []
    drawn: list[Drawn] = []
    unseen = _drop_unseen(tree)
    body = _main_part(tree) if is_page else tree
    for found in _flow(body):
        if isinstance(found, Line):
            lines.append(found)
        else:
            drawn.append(Drawn(1, len(lines), found))
    pages = pages_of(with_bold_headings({1: lines}))
    return Parsed(pages, drawn=tuple(drawn), unseen=(1,) if unseen else ())


def _drop_unseen(tree: HtmlElement) -> bool:
    """Take out the elements that no reader sees; whether there was any text in them."""
    rules = _style_rules(tree)
    styles: dict[HtmlElement, str] = {}
    for element in tree.iter():
        if isinstance(element.tag, str):
            styles[element] = _style(element, rules)
    unseen = [
        element
        for element, style in styles.items()
        if element.tag not in {"html", "body"}
        and (
            element.get("hidden") is not None or _is_hidden(style) or _has_its_paper_s_colour(element, styles)
        )
    ]
    letters = sum(map(_letters, unseen))
    for element in unseen:
        if element.getparent() is not None:
            element.drop_tree()
    return letters > 0


def _style_rules(tree: HtmlElement) -> list[tuple[str, frozenset[str], str]]:
    """The rules of the page's own style sheets: the tag, classes and ids they name, their declarations."""
    found = []
    for sheet in tree.iter("style"):
        for selectors, style in _STYLE_RULE.findall(_FOR_OTHERS.sub("", sheet.text or "")):
            for selector in selectors.split(","):
                last = selector.split()[-1:] or [""]
                if match := _SELECTOR.fullmatch(last[0]):
                    names = frozenset(re.findall(r"[.#][\w-]+", match[2]))
                    found.append(((match[1] or "").lower(), names, style))
    return found


def _style(element: HtmlElement, rules: Iterable[tuple[str, frozenset[str], str]]) -> str:
    """The declarations for an element: of style sheets, then its own."""
    names = {f".{name}" for name in element.get("class", "").split()} | {f"#{element.get('id', '')}"}
    of_sheets = [style for tag, wanted, style in rules if tag in {"", element.tag} and wanted <= names]
    colour = f"color: {element.get('color')};" if element.tag == "font" and element.get("color") else ""
    paper = f"background: {element.get('bgcolor')};" if element.get("bgcolor") else ""
    return ";".join([*of_sheets, colour, paper, element.get("style", "")])


def _is_hidden(style: str) -> bool:
    return bool(_HIDDEN.search(style) or (_NO_SIZE.search(style) and _CUT.search(style)))


def _has_its_paper_s_colour(element: HtmlElement, styles: Mapping[HtmlElement, str]) -> bool:
    """Whether an element's letters are white on no other colour, or have the colour they stand on."""
    colours = _COLOUR.findall(styles[element])
    if not colours:
        return False
    above = [element, *element.iterancestors()]
    papers = (found[-1] for one in above if (found := _BACKGROUND.findall(styles.get(one, ""))))
    colour, paper = colours[-1].strip().lower(), next(papers, "white").strip().lower()
    return colour == paper or bool(_WHITE.fullmatch(colour) and _WHITE.fullmatch(paper))


def _main_part(tree: HtmlElement) -> HtmlElement:
    """The element that holds the page's own text, without what stands around it on every page of a site."""
    whole = _letters(tree.body if tree.body is not None else tree)
    for element in [*tree.body.iterdescendants()] if tree.body is not None else []:
        if element.getparent() is None or not isinstance(element.tag, str):
            continue
        if _is_around(element) and _letters(element) < _MAIN_SHARE * whole:
            element.drop_tree()
    rest = _letters(tree)
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = tree.findall(path)
        if len(found) == 1 and _letters(found[0]) >= _MAIN_SHARE * rest:
            return found[0]
    return tree


def _is_around(element: HtmlElement) -> bool:
    if element.tag in _HEADINGS or element.tag in {"html", "body", "main", "article"}:
        return False
    name = f"{element.get('class', '')} {element.get('id', '')}"
    if element.tag in _AROUND_TAGS or element.get("role", "").lower() in _ROLES or _AROUND.search(name):
        return True
    if element.tag not in {"ul", "ol", "header", "section", "div"}:
        return False
    links = list(element.iter("a"))
    letters = _letters(element)
    return len(links) >= _FEW_LINKS and sum(map(_letters, links)) > _LINKS * letters


def _letters(element: HtmlElement) -> int:
    return sum(len(text.strip()) for text in element.itertext())


def _flow(element: HtmlElement) -> list[Line | str]:
    """The lines of an element, and between them the places of its pictures."""
    found: list[Line | str] = []
    pending: list[tuple[str, bool]] = []
    _walk(element, found, pending, bold=False)
    _end_line(found, pending)
    return found


def _walk(node: HtmlElement, found: list[Line | str], pending: list[tuple[str, bool]], *, bold: bool) -> None:
    """Add what a node holds; `pending` is the text of a line that has not ended, and whether it is bold."""
    bold = bold or node.tag in {"b", "strong"}
    pending.append((_shown(node, node.text), bold))
    number = int(node.get("start", "1")) if node.get("start", "1").isdigit() else 1
    for child in node:
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag == "li":
            number = int(child.get("value", "")) if child.get("value", "").isdigit() else number
            _end_line(found, pending)
            pending.append((f"{number}. " if node.tag == "ol" else "- ", False))
            number += 1
        if tag and tag not in _NO_TEXT:
            _add(child, tag, found, pending, bold=bold)
        pending.append((_shown(node, child.tail), bold))
    if node.tag in _BLOCKS:
        _end_line(found, pending)


def _add(
    child: HtmlElement, tag: str, found: list[Line | str], pending: list[tuple[str, bool]], *, bold: bool
) -> None:
    ends_line = tag in _BLOCKS or tag in _HEADINGS or tag in {"br", "hr", "img"}
    if ends_line and not _MARK.fullmatch(
        "".join(text for text, _ in pending)
    ):  # an item may hold a paragraph
        _end_line(found, pending)
    if tag in _HEADINGS:
        inside = _flow(child)
        text = " ".join(line.text for line in inside if isinstance(line, Line))
        found += [Line(text, _HEADINGS[tag])] if text else []
        found += [place for place in inside if isinstance(place, str)]
    elif tag == "img":
        found.append(child.get("data-place", "0"))
    elif tag != "table" or not _add_table(child, found):
        _walk(child, found, pending, bold=bold)


def _add_table(table: HtmlElement, found: list[Line | str]) -> bool:
    """Add a table row by row; False for one that only lays out the page."""
    if next(table.iterdescendants("table"), None) is not None:
        return False
    rows = [[_flow(cell) for cell in row.iterchildren("td", "th")] for row in table.iter("tr")]
    texts = [[" ".join(one.text for one in cell if isinstance(one, Line)) for cell in row] for row in rows]
    lines = [one for row in rows for cell in row for one in cell if isinstance(one, Line)]
    is_layout = any(line.level or MOTTO.match(line.text) for line in lines)
    longest = max((len(text.split()) for row in texts for text in row), default=0)
    if is_layout or longest > _LONG_CELL or max(map(len, rows), default=0) <= 1:
        return False
    found += map(Line, table_lines(texts))
    found += [one for row in rows for cell in row for one in cell if isinstance(one, str)]
    return True


def _end_line(found: list[Line | str], pending: list[tuple[str, bool]]) -> None:
    bold = all(is_bold for text, is_bold in pending if text.strip())
    for part in "".join(text for text, _ in pending).split(_LINE_END):
        if text := " ".join(part.split()):
            found.append(Line(text, bold=bold))
    pending.clear()


def _shown(node: HtmlElement, text: str | None) -> str:
    return (text or "").replace("\n", _LINE_END if node.tag == "pre" else " ")


def _fetched(source: str, path: Path) -> bytes | None:
    """The bytes of a picture: written into the page itself, or lying in a folder beside it."""
    if source.startswith("data:image/"):
        kind, _, data = source.partition(",")
        try:
            return base64.b64decode(data) if kind.endswith(";base64") and len(data) <= _LARGE else None
        except binascii.Error:
            return None
    beside = (path.parent / urllib.parse.unquote(source.partition("?")[0])).resolve()
    inside = beside.is_relative_to(path.parent.resolve()) and beside != path.resolve()
    return beside.read_bytes() if inside and beside.is_file() else None
