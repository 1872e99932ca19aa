"""A sentence of the model against the guide it must come from. What fails is not shown.

First the whole guide: the sentence is Vietnamese, asks for no secret, and its figures, phones, links, codes,
labels and offices stand there. Then each clause against the passages nearest to it: one of them must say the
same figure of the same case, deny and affirm the same, on the same condition, over the same channel, at the
same office. Knows plain text only: no model, no card.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from math import log

from assistant.text.keystrokes import is_syllable
from assistant.text.normalize import (
    MEASURED,
    MONEY,
    Figure,
    figures,
    fold,
    modern_tones,
    sentences,
    syllables,
    without_marks,
)

_MIN_WORDS = 4
_KNOWN = 0.7  # share of a sentence's telling words that must stand in the guide
_NEAR = 0.93  # of the nearest passage's likeness: what is so near speaks for the clause
_FAR = 0.4  # of the same: what is so near may say what the nearest are silent about
_BREVITY = 0.2  # how much of likeness is that the clause says all of the passage
# In likeness: of words; of figures, channels and levels, for they are what is being checked; and of the
# sentence's other clauses and the question.
_FULL, _WEAK, _ELSEWHERE = 20, 5, 1
_CONDITION = 0.4  # share of a condition's words that must be said with what it allows
_NEW_WORD = 1500  # weight of a word that the guide does not hold; weights are whole, so that sums are exact

# Vocabulary. One wording for many, so that equal things meet; a word with @ stands in no text.
_FREE, _PAID, _ONLINE, _IN_PERSON = "@free", "@paid", "@online", "@in_person"
_DENIED, _SUPPOSED = "@denied", "@supposed"  # of a sentence: it denies something; it opens with a condition
_WORDINGS = [
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), f" {word.strip()} ")
    for word, _, pattern in (
        row.partition("= ")
        for row in r"""
= trước (?:hết|tiên)|đầu tiên|tiếp theo|theo hướng dẫn(?: này)?(?: thì)?|lưu ý(?: là)?|dạ(?: thưa)?(?: bác)?
= để được (?:hỗ trợ|hướng dẫn|giúp đỡ|tư vấn|giải đáp|trợ giúp)(?: thêm| ngay| cụ thể| kịp thời)?
= hoàn toàn|hiện nay|giải quyết|tiến hành|thực hiện|vui lòng|đầy đủ|trường hợp|đều
= thời gian(?= giải)|thường(?= (?:mất|là|chỉ|có|được))|bác nhớ(?= (?:mang|đem|cầm|ghi|giữ|lưu))
= mới(?= (?:có|được|phải|là|cho|tính|đăng|mở|nộp|làm|trả|đòi|xin|đến|về|nhận|hết|thi|đổi)\b)
= (?:mất|hết)(?= (?:(?:từ|tối đa|không quá|nhiều nhất|khoảng|trong|vòng|trước|hơn) )*(?:\d|ngay ))
= (?:mất|hết)(?= (?:(?:tối đa|không quá|khoảng) )?(?:một|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười) )
dùng = sử dụng
tối đa = không quá|nhiều nhất
@free = (?:được )?miễn (?:tiền |các khoản )?(?:phí, lệ phí|lệ phí|phí)|(?<![\d.])0 đồng
@free = (?:không|khỏi)(?: phải| cần| bị)?(?: mất| tốn| nộp| đóng| trả| thu)(?: tiền)?(?: lệ phí| phí| tiền)
@free = không(?: phải)?(?: mất| tốn| nộp| đóng| trả)(?: thêm)? đồng nào
@free = không có(?: khoản)?(?: lệ)? phí(?: nào)?
@paid = (?:có|mất|tốn|thu|tính)(?: tiền)? (?:lệ phí|phí|tiền)
@paid = phải (?:nộp|đóng|trả)(?: thêm)?(?: tiền)? (?:lệ phí|phí|tiền)
@online = trực tuyến|(?:qua|trên) (?:mạng|internet)(?! xã hội)|online
@in_person = trực tiếp|tại quầy|tận nơi
@by_post = (?:qua )?bưu (?:điện|chính)(?: công ích)?
@any = lúc nào cũng|nào cũng|đi đâu cũng|ai cũng|bất kỳ|bất cứ|dù \w+ \w+ nào
@commune = (?:cấp )?(?:xã|phường)(?:(?:, | hoặc |/)(?:xã|phường))?(?! hội)
@district = (?:cấp )?(?:huyện|quận)(?:(?:, | hoặc |/)(?:huyện|quận))?
@province = (?:cấp )?tỉnh|thành phố
ubnd = ủy ban(?: nhân dân)?
công_an = công an(?: nhân dân)?
một_cửa = trung tâm (?:phục vụ )?hành chính công|bộ phận một cửa
xuất_nhập_cảnh = (?:quản lý )?xuất nhập cảnh
thuế_vụ = (?:cơ quan|chi cục) thuế
tư_pháp = (?<!lịch )tư pháp
bhxh = bảo hiểm xã hội
csgt = cảnh sát giao thông
ngân_hàng = ngân hàng
bệnh_viện = bệnh viện
nhà_mạng = nhà mạng
kho_bạc = kho bạc
tòa_án = tòa án
trường_học = trường học
công_chứng = công chứng
@recall = nhớ(?= (?:được )?(?:mật khẩu|passcode|mã|số))
bấm = (?:nhấn|ấn|chạm|bấm)(?: vào)?
mang = (?:đem|mang|cầm)(?: theo)?
đường link = đường dẫn|đường liên kết|(?:đường )?link
mỗi = (?:hằng|hàng|mọi)(?= (?:tháng|năm|ngày))
cúp máy = tắt máy
đến = tới|đến hết
bằng lái = giấy phép lái xe
đồng = vnđ|vnd|đ(?= |$)
usd = đô la|đô
""".split("\n")[1:-1]
    )
]
_OFFICES = frozenset({word.strip() for _, word in _WORDINGS if "_" in word and "@" not in word}) | frozenset(
    "ubnd bhxh csgt sở cục".split()
)
_LEVELS = frozenset(["@commune", "@district", "@province"])
_CHANNELS = frozenset([_ONLINE, _IN_PERSON, "@by_post"])
# Where a passage says one of a row, a sentence that draws on it may not say another.
_SIGNS = (frozenset([_FREE, _PAID]), _CHANNELS, _LEVELS, frozenset(["@any"]))
_OPPOSITES = tuple(
    frozenset(row.split())
    for row in (
        "trước sau|cũ mới|mất hỏng thấy|còn hết|đúng quá|thuê mua|quên @recall|lạ quen|tăng giảm|thấp cao"
        "|bật tắt|mở khóa|đầu cuối sau|đủ thiếu|trẻ lớn"
    ).split("|")
)
_PRICES = MONEY | {"%", _FREE, _PAID}
_SIGN_WORDS = frozenset(chain.from_iterable(_SIGNS))
_NEGATIONS = frozenset(syllables("không chưa đừng khỏi chớ chẳng"))
_BESIDE_NEGATION = frozenset(  # between a denial and what it denies
    syllables(
        "phải cần được thể bắt buộc nên có bị còn hề bao giờ cứ tự bác cho ạ nhé nữa nào đâu hoặc hay và"
    )
)
_BEFORE_SPARED = frozenset(["", ",", *syllables("bác thì được thể là")])  # "bác khỏi phải đi"
_CLAUSE_ENDS = frozenset(".,;:!?()") | frozenset(syllables("thì mà nhưng rồi vì nếu khi trừ"))
_EMPTY = frozenset(  # words that tell nothing by themselves
    syllables(
        "bác cháu ạ nhé đâu nữa luôn đấy vậy vâng thì là và hoặc hay của những các cho ở tại để đã sẽ đang mà"
        " rồi nếu khi với cũng vẫn này kia ấy đó được bị như gì mình thôi nên cứ hãy phải cần có một thưa nhớ"
        " thể từ đến tối đa không chưa đừng khỏi chớ chẳng"
    )
)
_EVERYDAY = frozenset(  # words that may stand where the guide has none of them: they claim nothing
    "bây giờ|lúc này|hiện tại|trong vòng|bằng cách|kiểm tra|yêu cầu|thông tin|hướng dẫn|bắt đầu|tiếp tục"
    "|lựa chọn|ví dụ|chẳng hạn|ngoài ra|sau đó|cần thiết|tương ứng|dễ dàng|nhanh chóng".split("|")
)
_LOANWORDS = frozenset("link online app email web website internet video sim qr otp".split())

# What must stand in the guide letter by letter
_CODE = re.compile(
    r"https?://\S+|\b[\w-]+(?:\.[\w-]+)+\b|\b[A-Za-z]+(?:-[A-Za-z]+)+\b"
    r"|\b[A-ZĐ]{1,5}\d+\w*\b|\b\d+/\d{4}(?:/[\w-]+)?|\S+@\S+"
)
_MARKUP = frozenset("|`*#_~^<>{}\\")  # tables, emphasis, code, control tokens
_FORM = re.compile(r"[^\W\d_]+\d\w*")
_LABEL = re.compile(r"[“\"'«‘]([^”\"'»’]{2,80})[”\"'»’]")
_BARE_LABEL = re.compile(
    r"\b(?:bấm|nhấn|ấn|chạm|chọn|mục|nút)\s+(?:vào\s+)?(?:(?:mục|nút|ô)\s+)?(\w+)\s+(\w+)"
)
# How clauses and conditions begin and end
_CLAUSE = re.compile(
    r",(?=\s)(?![^“]*”)(?: (?:còn|rồi|nhưng|sau đó)\b)?"
    r"|\b(?:rồi(?! (?:thì|mới)\b)|nhưng|sau đó|nên(?= bác))\b"
)
_OPENS_CONDITION = re.compile(r"\s*(?:nếu|khi|ai|muốn|để|trước khi|sau khi)\b(?!.*\bthì\b)")
_SUPPOSES = re.compile(r"(?:^|, )(?:nếu|khi)\b")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_IF_BEFORE = re.compile(r"(?:nếu |khi |chỉ )?(.{2,140}?),? thì\b(.*)")
_IF_AFTER = re.compile(r"(?<!trước )(?<!sau )(?<!mỗi )\b(?:nếu|chỉ khi|khi|trừ khi)\b([^.;:()]*)")
_IF_IN_BRACKETS = re.compile(r"(?:nếu|chỉ khi|khi|chỉ)\b(.*?)(?:, (?:từ ngày|đến hết|đến ngày|theo hướng)|$)")
# "Đã có thì …" where the guide says "Chưa có thì …"
_DONE = re.compile(r"(?!.*\b(?:không|chưa)\b.*\bthì\b)[^,;]*\bđã\b.*\bthì\b")
_UNDONE = re.compile(r"[^,;]*\b(?:không|chưa)\b.*\bthì\b")
_CASE = re.compile(r"([^:“]{3,160}): (.*)")
_NO = re.compile(r"\s*không\b", re.IGNORECASE)
_ASKED_WHETHER = re.compile(
    r"^(?:.*\b(?:thì|có|còn|phải|cần|nên)\b\s*(.+?)|((?:\S+ ){1,6}?\S+)) (?:không|chưa)\s*$", re.IGNORECASE
)
# Secrets
_SECRETS = re.compile(
    r"\b(?:otp|passcode|mật khẩu|mat khau|mã pin|ma pin|cvv|mã xác (?:thực|nhận)|ma xac (?:thuc|nhan)"
    r"|mã đăng nhập|số thẻ|so the|mã (?:6|sáu) số|ma (?:6|sau) so)\b"
)
# With accents or bare, never folded: "nơi" is not "nói". "Mã gửi về máy" asks nothing.
_ASKS = re.compile(
    r"\b(?:đọc|doc|cung cấp|cung cap|cho (?:tôi|cháu|máy) biết|cho (?:toi|chau|may) biet|đưa|dua"
    r"|(?<!tin )nhắn|nhan|chia sẻ|chia se|(?<!giọng )nói|noi|gửi(?! (?:về|đến|vào))|gui|báo cho|khai cho"
    r"|(?:nhập|gõ|điền)(?=.{0,40}(?:vào đây|cho máy|giúp máy|cho cháu)))\b"
)
_CODE_COMES = re.compile(r"\b(?:mã|otp|thực|nhận)(?: (?!cho\b)\w+){0,2} gửi\b|“[^”]*”")
_TO_SOMEBODY = re.compile(r"\bcho (?:họ|người|cán bộ|công an|cháu|tôi|máy|nhân viên|tổng đài|ngân hàng|ai)\b")
_IS_HARM = re.compile(r"\blà (?:có thể |sẽ |dấu hiệu )*(?:mất|lừa|kẻ)\b")
_NEVER = re.compile(r"\b(?:không|khong|đừng|dung|chẳng|chang)\b(?:(?!\bthì\b)[^,;:.]){0,40}$")
_NOT_TOLD_TO = re.compile(  # what happens to somebody, not what the person is told to do
    r"^(?:dạ[ ,]*(?:thưa bác[ ,]*)?|theo hướng dẫn thì |bác lưu ý là )?"
    r"(?:lỡ|ai|nếu|khi|có người|kẻ)\b[^.;]*?\bthì\b"
    r"|\b(?:nếu|khi|lỡ|vì)\b[^,.;]*$"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """When something holds: one of the `cases` must be named by whoever tells what is in `holds`."""

    cases: tuple[frozenset[str], ...]
    holds: frozenset[str]
    is_row: bool = False  # of a row "case: value (if …)": the title names cases, too


@dataclass(frozen=True, slots=True)
class Statement:
    """A passage of the guide, or a clause of a sentence, as what it claims."""

    text: str
    words: frozenset[str]
    figures: tuple[Figure, ...]
    denials: tuple[tuple[str, ...], ...]  # outside conditions: what is denied, its verb first
    supposed: tuple[tuple[str, ...], ...]  # the same in conditions
    affirmed: frozenset[str]  # said outside every denial
    names: frozenset[str]  # labels in quotes, and codes of forms
    context: frozenset[str] = frozenset()  # the heading, the question, the sentences before
    case: frozenset[str] = frozenset()  # of a row "case: value"
    conditions: tuple[Condition, ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        """Whether it tells a price, a time, or both."""
        units = {figure.unit for figure in self.figures} & MEASURED | self.words & {_FREE, _PAID}
        return frozenset("price" if unit in _PRICES else "time" for unit in units)

    @property
    def denied(self) -> frozenset[str]:
        """Every word that stands in a denial."""
        return frozenset(chain(*self.denials, *self.supposed))


# Reading


def _one_wording(text: str) -> str:
    text = modern_tones(without_marks(text))
    for pattern, word in _WORDINGS:
        text = pattern.sub(word, text)
    return re.sub(r"\s+(?=[,.;)])|(?<=[\s(])\s+", "", text).strip()


def _telling(terms: Iterable[str]) -> frozenset[str]:
    return frozenset(term for term in terms if term not in _EMPTY and (term[0].isalnum() or term[0] in "@#"))


def _words(text: str) -> frozenset[str]:
    """The telling words of a text in one wording."""
    return _telling(figures(text)[1])


def _statement(text: str, context: frozenset[str] = frozenset(), *, is_passage: bool = False) -> Statement:
    found, terms = figures(text)
    words = _telling(terms)
    if any(figure.unit in MONEY and figure.value not in ("0", "mỗi") for figure in found):
        words |= {_PAID}
    denials, supposed, affirmed = _denials(terms)
    case = _CASE.match(_BRACKETS.sub(" ", text)) if is_passage else None
    return Statement(
        text,
        words,
        tuple(found),
        tuple(denials),
        tuple(supposed),
        affirmed,
        names=frozenset(_LABEL.findall(text)) | frozenset(filter(_FORM.fullmatch, words)),
        context=context - words,
        case=_words(case[1]) if case else frozenset(),
        conditions=tuple(_conditions(text, found)) if is_passage else (),
    )


def _denials(terms: Sequence[str]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], frozenset[str]]:
    """What is denied outside conditions and in them, denial by denial; and all that is affirmed."""
    found: list[tuple[str, ...]] = []
    supposed: list[tuple[str, ...]] = []
    inside: set[int] = set()
    condition_ends = terms.index("thì") if "thì" in terms else 0
    for at, term in enumerate(terms):
        if term in _NEGATIONS and (scope := _scope(terms, at)):
            (found if at >= condition_ends else supposed).append(tuple(terms[n] for n in scope))
            inside.update(scope)
    return found, supposed, frozenset(term for n, term in enumerate(terms) if n not in inside)


def _scope(terms: Sequence[str], at: int) -> list[int]:
    """Where the words stand that the negation at a place denies: behind it, or before a last "không được"."""
    before = terms[at - 1] if at else ""
    is_away = terms[at] == "khỏi" and before not in _BEFORE_SPARED  # "đi khỏi xã"
    following = [word for word in terms[at + 1 : at + 4] if word not in ("ạ", "bác", "nhé", "rồi", "nữa")]
    if is_away or before == "hay" or following[:1] in (["?"], ["thì"]):
        return []
    if following[:1] == ["được"] and (len(following) < 2 or following[1] in _CLAUSE_ENDS):
        back = [n for n in range(at - 1, max(at - 6, -1), -1) if terms[n] not in _BESIDE_NEGATION]
        return back[2:0:-1] if back and terms[back[0]] == "thì" else back[:1]
    end = next((n for n in range(at + 1, len(terms)) if terms[n] in _CLAUSE_ENDS), len(terms))
    return [
        n
        for n in range(at + 1, min(at + 9, end))
        if terms[n] not in _BESIDE_NEGATION and (terms[n][0].isalnum() or terms[n][0] in "@#")
    ]


def _conditions(text: str, found: Sequence[Figure]) -> Iterator[Condition]:
    """The case of a row, what stands in its brackets, and every "A thì B", "B nếu A"."""
    bare = _BRACKETS.sub(" ", text)
    case = _CASE.match(bare)
    is_row = _FREE in text or any(figure.unit in MEASURED for figure in found)
    if case and (is_row or not (found or "http" in text)) and not _IF_BEFORE.match(case[1]):
        parts = [_words(part) for part in re.split(r"[,;]| hoặc ", case[1])]
        yield Condition(tuple(part for part in parts if len(part) > 1), _words(bare), is_row=True)
    for match in _BRACKETS.finditer(text):
        if inside := _IF_IN_BRACKETS.search(match[1]):
            yield Condition(_cases(inside[1]), _words(bare), is_row=True)
        channels = _words(match[1].partition("nếu")[0]) & _CHANNELS
        if is_row and channels and case:
            yield Condition((channels,), _words(bare), is_row=True)
    for sentence in re.split(r"[;.](?=\s|$)", bare):
        if first := _IF_BEFORE.match(sentence.strip()):
            yield Condition(_cases(first[1]), _words(first[2]))
        for match in _IF_AFTER.finditer(sentence):
            if "thì" not in match[1].split():
                asked, _, told = match[1].partition(",")
                if before := sentence[: match.start()].rstrip(" ,"):
                    asked = re.split(r", (?:rồi|vì|và|không|nên)\b", match[1])[0]
                    told = re.split(r"[,;:]|\b(?:rồi|và)\b", before)[-1]
                yield Condition(_cases(asked), _words(told))


def _cases(text: str) -> tuple[frozenset[str], ...]:
    """The cases that a condition names: either of "A hoặc B", each of a list of short names, else one."""
    parts = re.split(r", | hoặc ", text)
    is_list = len(parts) > 1 and all(len(part.split()) <= (8 if len(parts) > 2 else 4) for part in parts)
    if not is_list or re.search(r"\b(?:có (?!công)|đã|nộp|khai)\b", text):
        parts = re.split(r"\b(?:hay|hoặc)\b", text)
    cases = []
    for part in parts:
        words = _words(part)
        asks = re.search(r"\bcó\b.*\bkhông\s*$|hay không", part)
        denied = not asks and not _NEGATIONS.isdisjoint(part.split())
        if len(words) > 1 or (words and denied):
            cases.append(words | {_DENIED} if denied else words)
    return tuple(cases)


def _passages(text: str) -> Iterator[Statement]:
    """The sentences and rows of a guide, each with what stands around it; titles, questions claim nothing."""
    heading = step = frozenset[str]()
    for line in map(str.strip, text.strip().splitlines()[1:]):
        if line.endswith(":") and len(line) < 60:
            heading = _words(_one_wording(line[:-1]))
            continue
        item = re.match(r"(?:- |\d+\. )", line)
        label = None if item else re.match(r"([^\W\d][^:.?]{2,30}): ", line)
        context = _words(_one_wording(label[1])) | step if label else heading
        begun = item or label
        body = line[begun.end() :] if begun else line
        asked = ""
        for row in chain(*map(sentences, _rows(body) if label else [body])):
            question, _, answer = row.rpartition("?")
            asked = question or asked
            context |= _words(_one_wording(asked))
            if _NO.match(answer) and (whether := _ASKED_WHETHER.search(asked)):
                yield _statement(_one_wording(f"không {whether[1] or whether[2]}"), context, is_passage=True)
            if answer.strip():
                asked = ""
                yield (passage := _statement(_one_wording(answer), context, is_passage=True))
                context |= passage.words
        step = context if item else frozenset()


def _rows(line: str) -> Iterator[str]:
    """The rows of "A: 2 ngày; B: 3 ngày."; a ";" inside a row's case or in brackets parts nothing."""
    row = ""
    for part in re.split(r";(?![^(]*\)) ", line):
        row = f"{row}; {part}" if row else part
        if re.search(r":|\d|\)$", row):
            yield row
            row = ""
    if row:
        yield row


def _clauses(sentence: str) -> list[Statement]:
    """The clauses of a sentence; a condition stays with what follows, a scrap with what came before."""
    parts: list[str] = []
    for half in re.split(r";(?=\s)", sentence):
        begun = len(parts)
        open_ended = False
        for part in _CLAUSE.split(half):
            words = _words(part)
            is_scrap = sum(word[0] != "#" for word in words) < 2
            if len(parts) > begun and (open_ended or is_scrap):
                parts[-1] += f", {part}"
            elif words:
                parts.append(part)
            open_ended = bool(_OPENS_CONDITION.match(part)) or (len(parts) == begun + 1 and is_scrap)
    return [_statement(part) for part in parts]


# What a clause claims and a passage does not, and whether the passage says another thing instead


def _unmade(clause: Statement, passage: Statement) -> list[tuple[str, bool]]:
    return [
        *_other_signs(clause, passage),
        *_other_offices(clause, passage),
        *_other_names(clause, passage),
        *_other_denials(clause, passage),
        *_other_figures(clause, passage),
    ]


def _other_signs(clause: Statement, passage: Statement) -> Iterator[tuple[str, bool]]:
    for row in _SIGNS:
        signs = clause.words & row
        denied = (signs & clause.affirmed & passage.denied) - passage.affirmed  # "không phải lên huyện"
        for sign in (signs - passage.words) | denied:
            yield sign, not row.isdisjoint(passage.words)
    for row in _OPPOSITES:
        said = passage.words if not row.isdisjoint(passage.words) else passage.context
        if not row.isdisjoint(said):
            yield from ((word, True) for word in (clause.words & row) - said)


def _other_offices(clause: Statement, passage: Statement) -> Iterator[tuple[str, bool]]:
    names_one = not _OFFICES.isdisjoint(passage.words)
    for office in (clause.words & _OFFICES) - passage.words - (frozenset() if names_one else passage.context):
        yield office, names_one


def _other_names(clause: Statement, passage: Statement) -> Iterator[tuple[str, bool]]:
    for name in clause.names - passage.names:
        yield name, bool(passage.names) and passage.names.isdisjoint(clause.names)


def _other_denials(clause: Statement, passage: Statement) -> Iterator[tuple[str, bool]]:
    for words in clause.denials:
        if passage.denied.isdisjoint(words[:2]):
            yield f"denied {' '.join(words[:3])}", _telling(words[:2]) <= passage.words
    for words in clause.supposed:
        if passage.denied.isdisjoint(words[:2]) and words[0] in passage.words:
            yield f"denied {' '.join(words[:3])}", True
    if _DONE.match(clause.text) and _UNDONE.match(passage.text) and "đã" not in passage.text.split():
        yield "đã", True


def _other_figures(clause: Statement, passage: Statement) -> Iterator[tuple[str, bool]]:
    for figure in clause.figures:
        alike = [other for other in passage.figures if other.unit == figure.unit]
        equal = [other for other in passage.figures if figure.equals(other)]
        opposite = figure.bound and equal and all(other.bound not in ("", figure.bound) for other in equal)
        other_of_each = figure.value == "mỗi" and any(other.value == "mỗi" for other in passage.figures)
        if figure.unit is not None and (not equal or opposite):
            yield f"{figure.value} {figure.unit}", bool(opposite or (alike and figure.unit) or other_of_each)


@dataclass(frozen=True)
class Evidence:
    """The guide's text as shown today, ready to be compared with; the question may name the case."""

    text: str
    question: str = ""

    def refusal(self, sentence: str) -> str | None:
        """Why the sentence may not be shown, or None if it may."""
        words = syllables(sentence)
        if len(words) < _MIN_WORDS:
            return "too short"
        if reason := self._letters_refusal(sentence):
            return reason
        if not self._is_vietnamese(sentence, words):
            return "not Vietnamese"
        if asks_for_secret(sentence):
            return "asks for a secret"
        text = _one_wording(sentence)
        return self._words_refusal(text) or self._passages_refusal(text)

    # What the guide holds

    @cached_property
    def _passages(self) -> tuple[Statement, ...]:
        return tuple(_passages(self.text))

    @cached_property
    def _title(self) -> frozenset[str]:
        return _words(_one_wording(self.text.strip().partition("\n")[0]))

    @cached_property
    def _general(self) -> tuple[Statement, ...]:
        """Rows that are but a figure, or one of what the title names: it holds for all the guide is about."""
        return tuple(
            passage
            for passage in self._passages
            if passage.figures and all(word[0] == "#" or word in self._title for word in passage.words)
        )

    @cached_property
    def _rows(self) -> tuple[Statement, ...]:
        return tuple(passage for passage in self._passages if passage.case and passage.kinds)

    @cached_property
    def _asked(self) -> frozenset[str]:
        return _words(_one_wording(self.question))

    @cached_property
    def _plain(self) -> str:
        return re.sub(r"\s+", " ", self.text).lower()

    @cached_property
    def _spoken(self) -> frozenset[str]:
        return frozenset(syllables(self.text))

    @cached_property
    def _known(self) -> frozenset[str]:
        """Every word of the guide, as it stands and in the one wording."""
        return self._spoken.union(self._title, *(p.words | p.context for p in self._passages))

    @cached_property
    def _weights(self) -> dict[str, int]:
        """What a word tells: the more the fewer passages it stands in."""
        count = Counter(chain.from_iterable(passage.words for passage in self._passages))
        return {
            word: max(round(1000 * log((len(self._passages) + 1) / (n + 0.5))), 100)
            for word, n in count.items()
        }

    @cached_property
    def _standing(self) -> dict[str, list[tuple[int, int]]]:
        """Each word with the passages it stands in; in the context of one it counts half."""
        standing = defaultdict(list)
        for number, passage in enumerate(self._passages):
            for word in passage.words:
                standing[word].append((number, 2))
            for word in passage.context:
                standing[word].append((number, 1))
        return standing

    @cached_property
    def _sizes(self) -> list[int]:
        return [2 * _FULL * self._weight(passage.words) for passage in self._passages]

    def _weight(self, words: Iterable[str]) -> int:
        return sum(self._weights.get(word, _NEW_WORD) for word in words)

    # Against the whole guide

    def _is_vietnamese(self, sentence: str, words: list[str]) -> bool:
        letters = [character for character in sentence if character.isalpha()]
        if any(ord(c) > 0x24F and not 0x1E00 <= ord(c) <= 0x1EFF for c in letters):
            return False
        spoken = [word for word in words if word.isalpha()]
        strange = (word for word in spoken if word not in self._spoken and word not in _LOANWORDS)
        return bool(spoken) and not sentence.isascii() and all(is_syllable(fold(word)) for word in strange)

    def _letters_refusal(self, sentence: str) -> str | None:
        """What must stand in the guide letter by letter and does not."""
        for code in _CODE.findall(sentence):
            if code.lower().strip(".,;:") not in self._plain and not re.fullmatch(r"[\d.,/]+", code):
                return f"code or link “{code}”"
        if strange := sorted(_MARKUP.intersection(sentence).difference(self.text)):
            return f"sign “{strange[0]}”"
        missing = [label for label in _labels(sentence) if label.lower() not in self._plain]
        missing += [mark for mark in re.findall(r"\[\d+\]", sentence) if mark not in self.text]
        return f"label “{missing[0]}”" if missing else None

    def _words_refusal(self, text: str) -> str | None:
        """Figures, offices and words that stand nowhere in the guide."""
        found, terms = figures(text)
        if figure := next((figure for figure in found if not self._tells(figure, found)), None):
            return f"figure “{figure.value} {figure.unit}”"
        telling = [word for word in sorted(_telling(terms)) if word[0] != "#"]
        unknown = [word for word in telling if word not in self._known]
        if len(unknown) > 1 and len(unknown) > (1 - _KNOWN) * len(telling):
            return "far from the guide's words"
        new = set(unknown)
        pairs = (" ".join(pair) for pair in pairwise(terms) if new.issuperset(pair))
        if strange := next((pair for pair in pairs if pair not in _EVERYDAY), None):
            return f"not in the guide “{strange}”"  # mostly one word: most are of two syllables
        return next((f"place “{word}”" for word in unknown if word in _OFFICES | _LEVELS), None)

    def _tells(self, figure: Figure, among: Sequence[Figure]) -> bool:
        """Whether the guide tells a figure of a sentence, as often as the sentence does."""
        told = list(chain.from_iterable(passage.figures for passage in self._passages))
        if not figure.unit:
            return figure.unit is None or any(figure.value == other.value for other in told)
        times = sum(figure == other for other in among)
        return sum(figure.equals(other) for other in told) >= times

    # Against the nearest passages

    def _passages_refusal(self, text: str) -> str | None:
        """What no passage near to a clause says so."""
        said = _words(text) | self._asked
        if _SUPPOSES.search(text):
            said |= {_SUPPOSED}
        if _FREE in text or not _NEGATIONS.isdisjoint(text.split()):
            said |= {_DENIED}
        reasons = (self._clause_refusal(clause, said) for clause in _clauses(text))
        return next(filter(None, reasons), None)

    def _clause_refusal(self, clause: Statement, said: frozenset[str]) -> str | None:
        """The nearest passages decide; where they are silent, the farther ones together and general rows."""
        kinds = clause.kinds
        ranked = self._of_the_case(self._nearest(clause.words, said), kinds, said)
        best = ranked[0][0] if ranked else 0.0
        reason = None
        silences = []
        for likeness, passage in ranked:
            is_near = likeness >= _NEAR * best
            if likeness < _FAR * best or (reason and not is_near):
                break
            unmade = _unmade(clause, passage)
            instead = [f"contradicts the guide “{claim}”" for claim, other in unmade if other]
            left_out = self._denial_left_out(clause, passage)
            tells = bool(kinds) and kinds <= passage.kinds and {claim for claim, _ in unmade} <= _CHANNELS
            if not unmade or tells:
                left_out = left_out or self._condition_left_out(clause, passage, said)
            if not (instead or left_out or unmade) and is_near:
                return None
            if (instead or left_out) and is_near:
                reason = reason or f"{min(instead, default=left_out)}: “{passage.text[:60]}”"
            elif not (instead or left_out):
                silences.append({claim for claim, _ in unmade})
        unsaid = set.intersection(*silences) if silences else set()
        for passage in self._general if unsaid else ():
            if any(passage is other for _, other in ranked):
                unsaid &= {claim for claim, _ in _unmade(clause, passage)}
        return reason or (f"not said “{', '.join(sorted(unsaid))}”" if unsaid else None)

    def _nearest(self, words: frozenset[str], said: frozenset[str]) -> list[tuple[float, Statement]]:
        """The passages by likeness: the share of the clause's words they hold, and of theirs that it says."""
        strong = sum(word in self._weights and word[0] != "#" and word not in _SIGN_WORDS for word in words)
        held: defaultdict[int, int] = defaultdict(int)
        whole = 0
        for word in words | said:
            is_weak = strong > 1 and (word[0] == "#" or word in _SIGN_WORDS)
            part = _ELSEWHERE if word not in words else _WEAK if is_weak else _FULL
            weight = part * self._weights.get(word, _NEW_WORD)
            whole += 2 * weight if word in words else 0
            for number, share in self._standing.get(word, ()):
                held[number] += weight * share
        ranked = [
            (
                (1 - _BREVITY) * value / whole + _BREVITY * min(value / max(self._sizes[number], 1), 1.0),
                number,
            )
            for number, value in held.items()
            if whole
        ]
        ranked.sort(reverse=True)
        return [(likeness, self._passages[number]) for likeness, number in ranked]

    def _of_the_case(
        self, ranked: list[tuple[float, Statement]], kinds: frozenset[str], said: frozenset[str]
    ) -> list[tuple[float, Statement]]:
        """Without rows whose case is said less fully than that of a near row, or of one as of a price."""
        rivals = [passage for likeness, passage in ranked if likeness >= _NEAR * ranked[0][0]]
        rivals += (row for row in self._rows if not kinds.isdisjoint(row.kinds))
        named = max((self._case_named(passage, said) for passage in rivals), default=0.0)
        return [one for one in ranked if not one[1].case or self._case_named(one[1], said) >= named]

    def _case_named(self, passage: Statement, said: frozenset[str]) -> float:
        """The share of a row's case that is said."""
        return self._weight(passage.case & said) / (self._weight(passage.case) or 1)

    def _denial_left_out(self, clause: Statement, passage: Statement) -> str | None:
        """What the passage denies and the clause affirms."""
        for words in chain(passage.denials, passage.supposed):
            for core in (_telling(words[:2]), _telling(words[:3])):
                affirmed = core <= clause.words and words[0] not in clause.denied
                if core and affirmed and not core <= passage.affirmed:
                    return f"without its denial “{' '.join(words[:3])}”"
        shared = self._weight(clause.words & passage.words)
        denied = frozenset(chain(*passage.denials)) - passage.affirmed
        if not clause.denied and 2 * self._weight(clause.words & denied) >= shared > 0:
            return "without its denial"
        return None

    def _condition_left_out(self, clause: Statement, passage: Statement, said: frozenset[str]) -> str | None:
        """The condition on which the passage says what the clause takes from it, if no case is named."""
        shared = self._weight(clause.words & passage.words)
        for condition in passage.conditions:
            asked = frozenset[str]().union(*condition.cases)
            drawn = self._weight(clause.words & (condition.holds - asked))
            draws = condition.is_row or (drawn > self._weight(clause.words & asked) and 2 * drawn >= shared)
            named = said | self._title if condition.is_row else said
            if draws and condition.cases and not self._names(condition, named):
                return f"without its condition “{' '.join(sorted(condition.cases[0]))}”"
        return None

    def _names(self, condition: Condition, said: frozenset[str]) -> bool:
        """Whether a case of the condition is named, and denied where it is a denial."""
        enough = _CONDITION / 2 if _SUPPOSED in said else _CONDITION  # it tells a condition of its own
        for case in condition.cases:
            words = case - {_DENIED}
            words = words if condition.is_row else words - condition.holds or words
            named = self._weight(words & said) >= enough * self._weight(words)
            if named and (_DENIED not in case or _DENIED in said):
                return True
        return False


def _labels(sentence: str) -> Iterator[str]:
    """What stands in quotes, and what a person is told to press in capitals: "bấm Nộp hồ sơ"."""
    for label in _LABEL.findall(sentence):
        yield label.strip(" .")
    for first, second in _BARE_LABEL.findall(sentence):
        if first.istitle():
            yield f"{first} {second}"


def asks_for_secret(sentence: str) -> bool:
    """Whether a secret is named and one is told to say it; "không" must stand before the saying itself."""
    sentence = modern_tones(sentence)
    if not _SECRETS.search(sentence):
        return False
    told = _NOT_TOLD_TO.sub(" ", _CODE_COMES.sub(" ", sentence.rstrip(" .!")))
    start = 0
    for clause in re.split(r"(?<=[,;.])", told):
        for match in _ASKS.finditer(clause):
            to_somebody = _SECRETS.search(clause) or _TO_SOMEBODY.search(clause[match.start() :])
            if (
                to_somebody
                and not _IS_HARM.search(clause)
                and not _NEVER.search(told[: start + match.start()])
            ):
                return True
        start += len(clause)
    return False
