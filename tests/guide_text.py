"""A correct guide file, and the same with one thing changed."""

from __future__ import annotations

_FRONT = {
    "id": "doi-the",
    "kind": "procedure",
    "title": "Đổi thẻ thư viện",
    "audience": "[learner]",
    "agency": "Bộ Văn hóa",
    "procedure_code": "null",
    "sources": '\n- {n: 1, title: Quy định thẻ, url: "https://thuvien.gov.vn/the", date: 2026-07}',
    "reviewed": "2026-11-22",
    "supersedes": "[]",
    "questions": "".join(f"\n- Đổi thẻ thư viện kiểu {n} thế nào?" for n in range(1, 11)),
    "related": "[]",
    "contacts": "[]",
    "fees": "\n- {for: Đổi thẻ, amount: 50.000 đồng, source: 1}",
    "time_limit": "\n- {text: 07 ngày làm việc, source: 1}",
    "place": "\n- {text: Thư viện tỉnh, source: 1}",
    "papers": "\n- {name: Thẻ cũ, form: original, count: 1, source: 1}",
}
_HEADINGS = {
    "summary": "Tóm tắt",
    "preparation": "Chuẩn bị",
    "steps": "Các bước",
    "cautions": "Lưu ý",
    "quick": "Hỏi nhanh",
}
_BODY = {
    "summary": "Bác đổi thẻ ở thư viện [1].",
    "preparation": "- Mang theo thẻ cũ.",
    "steps": "1. Mở trang thư viện.\n2. Bấm “Đổi thẻ” [1].\n   Nếu khác: Bác hỏi cán bộ.\n3. Nhận thẻ mới.",
    "cautions": "- Bác không đọc mã cho người lạ.",
    "quick": "### Có lâu không?\nBác chờ vài hôm.",
}


def guide_text(**changes: str | None) -> str:
    """The text of a guide; a change replaces a front matter value or a body part, None leaves it out.

    Body parts are summary, preparation, steps, cautions and quick; unknown names become front matter keys.
    """
    front = _FRONT | {key: value for key, value in changes.items() if key not in _BODY}
    body = _BODY | {key: value for key, value in changes.items() if key in _BODY}
    rows = [f"{key}: {value}" for key, value in front.items() if value is not None]
    parts = [f"## {_HEADINGS[key]}\n{text}\n" for key, text in body.items() if text is not None]
    return "\n".join(["---", *rows, "---", *parts])


def line_of(text: str, words: str) -> int:
    """The number, from 1, of the first line that holds the words."""
    return next(number for number, line in enumerate(text.split("\n"), 1) if words in line)
