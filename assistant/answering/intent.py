"""What about a thing is asked, what is taken for granted, what is put right, and where one question ends.

Fee, papers, time, place, who or how: the cues stand in glossary.toml. Figures, hotlines and addresses that a
question holds are compared with what the answer knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from assistant.datatypes import Intent
from assistant.text.dialect import END, Glossary, find, mentioned, possible
from assistant.text.normalize import MONEY as MONEY_UNITS
from assistant.text.normalize import Figure, bare, figures, fold

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
BY_LAW = re.compile(  # what a question leans on is not what it is about
    r"\b(?:theo|theo đúng|chiếu)\s+(?:nghị định|nghi dinh|thông tư|thong tu|luật|luat)\s+(?:số\s+|so\s+)?"
    r"\d{1,4}/(?:19|20)\d\d\S*",
    re.IGNORECASE,
)

_CHARGE = re.compile(r"(?<!kinh )phí\b|\bmức thu\b|\bthu\b|\btiền hồ sơ\b|\b(?:nộp|đóng)(?: kèm)? \d")
_NO_CHARGE = re.compile(r"\b(?:phạt|hỗ trợ|trợ cấp|trợ giúp|thưởng|vay|kinh phí|dự toán)\b")
_DONE_IN = re.compile(r"\b(?:thời hạn|giải quyết|(?:trả|nhận|có) kết quả|hẹn|cấp trong|xong)\b")
_LONG = frozenset(["ngày", "tuần", "tháng"])
_DETAILS = (Intent.FEE, Intent.PAPERS, Intent.TIME, Intent.PLACE)  # of which several may be asked at once

# Patterns on folded text. Somebody who speaks of themselves:
_I = r"(?:toi|tui|bac|co|chu|ong|ba|em|chau|minh|anh|chi|con|me|bo)"
_SO = r"(?:(?:da|a|o|u|oi|ay|ay chet|chet|khoan|khoan da|thoi)[ ,.!]+)*"  # before a correction
_MEANING = re.compile(rf".*(?<!dong )\by(?: cua)?(?: {_I})? (?:(?:hoi|noi|muon)(?: la)?|la)\b[ ,:]*(?=\S)")
_DENYING = re.compile(
    rf"{_SO}(?:(?:khong|hong|ko)(?: khong)? *[,.!;:]+"
    rf"|(?:{_I} )?(?:(?:noi|hoi|go|viet) )?(?:nham|lon)(?: roi)?\b(?! tuoi)[ ,.!;:]*"
    r"|(?:sai roi|ay chet)\b[ ,.!;:]*|(?:khong|chang|hong) phai(?: [^,.;?]{1,40})?[,.;])\s*(?=\S)"
)
_TOLD_FIRST = re.compile(
    rf"(?:(?:{_I} )?(?:chua|dau co|khong) [^,.;?]{{1,30}}|[^,.;?]{{1,30}} roi(?: ma)?)[,.;]\s*(?=\S)"
)
_ASKING = re.compile(rf"(?:{_I} )?(?:muon )?(?:hoi|noi)(?: la)?\b[ :,]*(?=\S)")  # "tôi hỏi …"
_DENIED = re.compile(r"(?:[ ,]+chu|,) +(?:khong|ko|chang) (?:phai|hoi|can|muon)\b[^?]*$")
_INSISTING = re.compile(r"(?<!rồi)(?<!được)(?<!phải)(?:\s+(?:cơ|mà|chứ|co ma))+\s*[.!]*$", re.IGNORECASE)

# Between two questions of one sentence; a word alone may also join two things of which one thing is asked.
_AND = re.compile(
    r"và cả|và|va|với lại|voi lai|với cả|với|voi|lẫn|cùng với|còn|rồi|roi|nhân tiện|tiện thể|ngoài ra"
)
_BETWEEN = re.compile(
    rf"(?P<mark>\s*[?!.;:\n]+\s+|\s*,\s+|\s+)(?P<word>(?:(?:{_AND.pattern})\s+)*)", re.IGNORECASE
)
_JOINING = frozenset(["và", "và cả", "va", "với", "voi", "lẫn", "cùng với"])
_ASKS_AT_END = frozenset(["không", "chưa", "khong", "chua"])
_END_OF_QUESTION = 5  # words


def find_intent(words: Sequence[str], glossary: Glossary) -> Intent:
    """The intent whose cue is longest; of equal ones the one that comes last in the question.

    "Làm thẻ thế nào, mất bao nhiêu tiền?" asks for the fee; "thanh toán lệ phí thế nào" for the steps, for a
    cue that stands inside another says nothing by itself. No cue: GENERAL.
    """
    best, best_key = Intent.GENERAL, (0, 0, -1)
    for intent, cue, at in _cues(words, glossary):
        # "thế nào" says little; a fee, paper, time or place is always the sharper question.
        key = (intent is not Intent.STEPS, len(cue), at)
        if key > best_key:
            best, best_key = intent, key
    return best


def details_asked(words: Sequence[str], glossary: Glossary) -> tuple[Intent, ...]:
    """Fee, papers, time and place, as far as they are asked for, in the order of asking."""
    found = {intent: at for intent, _, at in _cues(words, glossary) if intent in _DETAILS}
    return tuple(sorted(found, key=lambda intent: found[intent]))


def _cues(words: Sequence[str], glossary: Glossary) -> Iterator[tuple[Intent, Sequence[str], int]]:
    """Every cue that stands in the words and in no other cue, and where."""
    ended = (*words, END)
    found = [
        (name, cue, at)
        for name, cues in glossary.intents.items()
        for cue in possible(ended, cues)
        if (at := find(ended, cue)) >= 0
    ]
    spans = [(at, at + len(cue)) for _, cue, at in found]
    for (name, cue, at), span in zip(found, spans, strict=True):
        if not any(begin <= span[0] and span[1] <= end and (begin, end) != span for begin, end in spans):
            yield Intent(name), cue, at


def asks(words: Sequence[str], glossary: Glossary) -> bool:
    """Whether the words end as a question does: what is told before one does not.

    "ngân hàng nào cũng không có", "tám mươi mấy" ask nothing.
    """
    end = words[-_END_OF_QUESTION:]
    if end[-1:] and end[-1] in _ASKS_AT_END:
        return True
    asking = mentioned(end, glossary.questions)
    if any(len(phrase) > 1 for phrase in asking):
        return True
    denied = any(word in _ASKS_AT_END for word in words)
    return bool(asking) and not denied and "mươi" not in end


def splits(question: str) -> Iterator[tuple[str, str, bool]]:
    """Where a sentence could hold two questions: what stands before and after, and whether the two parts
    may share what is asked ("căn cước với hộ chiếu hết bao nhiêu tiền").
    """
    for match in _BETWEEN.finditer(question):
        mark, word = match["mark"].strip(), match["word"].strip().lower()
        left, right = question[: match.start()].strip(), question[match.end() :].strip()
        if (mark or word) and left and right:
            yield left, right, not mark and word in _JOINING


def meant_instead(question: str) -> str | None:
    """What is meant, where a question puts right how the one before was taken; None where it does not.

    "không, ý tôi là gia hạn cơ" → "gia hạn"; "tạm trú chứ không phải thường trú" → "tạm trú".
    """
    folded = fold(question)
    if len(folded) != len(question):  # positions would not be those of the question
        return None
    asks_back = question.rstrip().endswith("?") or folded.split()[-1] in ("khong", "chua", "a", "ha")
    begin, end = 0, len(question)
    if match := _MEANING.match(folded):
        begin = match.end()
    elif not (asks_back and folded.startswith(("khong phai", "hong phai"))):
        while (denial := _DENYING.match(folded, begin)) and "lớn" not in question[begin : denial.end()]:
            begin = denial.end()
    if denied := _DENIED.search(folded, begin):
        end = denied.start()
    insisting = None if asks_back else _INSISTING.search(question, begin, end)
    if insisting:
        end = insisting.start()
    if (begin, end) == (0, len(question)):
        return None
    if told := _TOLD_FIRST.match(folded, begin, end):
        begin = told.end()
    if asking := _ASKING.match(folded, begin, end):
        begin = asking.end()
    return question[begin:end].strip(" ,.") or None


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


def charges(text: str, heading: str = "") -> frozenset[Figure]:
    """The amounts that a text of a document says people pay, perhaps under a heading that says so."""
    folded = text.lower()
    if _NO_CHARGE.search(folded) or not _CHARGE.search(f"{heading.lower()} {folded}"):
        return frozenset()
    return frozenset(Figure(one.value, one.unit) for one in figures(folded)[0] if one.unit in MONEY_UNITS)


def waits(text: str) -> frozenset[Figure]:
    """The days, weeks and months in which a text says that something is done for people."""
    if not _DONE_IN.search(text.lower()):
        return frozenset()
    return durations(text)


def durations(text: str) -> frozenset[Figure]:
    """The days, weeks and months that a text tells."""
    found = figures(text.lower())[0]
    return frozenset(Figure(one.value.lstrip("0"), one.unit) for one in found if one.unit in _LONG)


def false_contact(question: str, known: str) -> bool:
    """Whether the question names a hotline or a web address that is not among the known ones."""
    real = "".join(known.lower().split()).replace(".", "")
    named = [*_HOTLINE.findall(question), *_DOMAIN.findall(question.lower())]
    return any("".join(name.split()).replace(".", "") not in real for name in named)
