"""What about a thing is asked, and what is taken for granted.

Fee, papers, time, place, who or how: the cues stand in glossary.toml. Figures, hotlines and addresses that a
question holds are compared with what the answer knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.datatypes import Intent
from assistant.text.dialect import END, Glossary, find, possible
from assistant.text.normalize import bare

# A hotline or a web address as people repeat it; a subscriber's number is masked before.
_HOTLINE = re.compile(r"(?<![\d.,])1[89]00[ .]?\d{2}[ .]?\d{2,4}(?!\d)")
_DOMAIN = re.compile(
    r"(?:[a-z0-9-]+\.)+(?:vn|com|net|org|info|top|xyz|vip|cc|site|online|click|shop|club|live|link|me)\b"
)
PROCEDURE_CODE = re.compile(r"(?<![\d.])\d\.\d{6}(?!\d)")  # of a procedure, in the national database
_DURATION = re.compile(r"(\d+)\s*(giờ|ngày|tuần|tháng|năm)")
_WAIT = re.compile(
    r"\b(?:mất|mat|chờ|cho|đợi|doi|hết|het|tận|tan)\s+(\d+)\s*(giờ|gio|ngày|ngay|tuần|tuan|tháng|thang)\b"
    r"(?!\s*(?:rồi|roi|nay|trước|truoc))",
    re.IGNORECASE,
)
MONEY = re.compile(
    r"(\d[\d.,]*)\s*(?:k|nghìn|nghin|ngàn|ngan|triệu|trieu|đồng|dong|đô|usd|vnd|đ)\b", re.IGNORECASE
)


def find_intent(words: Sequence[str], glossary: Glossary) -> Intent:
    """The intent whose cue is longest; of equal ones the one that comes last in the question.

    "Làm thẻ thế nào, mất bao nhiêu tiền?" asks for the fee; "thanh toán lệ phí thế nào" for the steps, for a
    cue that stands inside another says nothing by itself. No cue: GENERAL.
    """
    ended = (*words, END)
    found = [
        (name, cue, at)
        for name, cues in glossary.intents.items()
        for cue in possible(ended, cues)
        if (at := find(ended, cue)) >= 0
    ]
    spans = [(at, at + len(cue)) for _, cue, at in found]
    best, best_key = Intent.GENERAL, (0, 0, -1)
    for (name, cue, at), span in zip(found, spans, strict=True):
        if any(begin <= span[0] and span[1] <= end and (begin, end) != span for begin, end in spans):
            continue
        # "thế nào" says little; a fee, paper, time or place is always the sharper question.
        key = (name != Intent.STEPS, len(cue), at)
        if key > best_key:
            best, best_key = Intent(name), key
    return best


def figure_asked(text: str) -> Intent | None:
    """What a question with a figure asks about: "nghe nói phải nộp 200 nghìn", "mất 3 tháng phải không"."""
    if MONEY.search(text):
        return Intent.FEE
    return Intent.TIME if _WAIT.search(text) else None


def false_figure(question: str, answer: str, *, waits: bool) -> bool:
    """Whether the question holds an amount, or with `waits` a waiting time, that the answer lacks."""
    known = re.sub(r"[.,]", "", answer)
    if any(re.sub(r"[.,]", "", figure) not in known for figure in MONEY.findall(question)):
        return True
    told = {(int(number), bare(unit)) for number, unit in _DURATION.findall(answer)} if waits else set()
    return waits and any((int(number), bare(unit)) not in told for number, unit in _WAIT.findall(question))


def false_contact(question: str, known: str) -> bool:
    """Whether the question names a hotline or a web address that is not among the known ones."""
    real = "".join(known.lower().split()).replace(".", "")
    named = [*_HOTLINE.findall(question), *_DOMAIN.findall(question.lower())]
    return any("".join(name.split()).replace(".", "") not in real for name in named)
