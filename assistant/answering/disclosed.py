"""Passwords, days of birth, number plates, addresses of mail and numbers of papers, as people tell them.

None of these has a form of its own: a password is what follows the word for it, a day may be said in words, a
plate letter by letter. They are looked for in folded text by what names them and by what can follow.
`assistant evaluate masking` measures how many are found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, dropwhile

from assistant.text.keystrokes import is_syllable
from assistant.text.normalize import fold, fold_in_place, has_accents

Span = tuple[int, int]

_GONE = "\0"  # stands where something was taken out before
_WORDS_OF_SECRET = 9  # words of a password that is no single one
_FAR = 16  # words behind "mật khẩu" among which one may be
_SHORT = 2  # letters in quotation marks that are none
_GLUED = 6  # letters of a word that is none, from which it may be a password

# Numbers in words

_DIGIT_WORDS = (
    "khong mot hai ba bon tu nam lam nham sau bay tam chin muoi linh le tram nghin ngan ko hong moi".split()
)
_DIGIT_WORD = f"(?:{'|'.join(_DIGIT_WORDS)})"

# Passwords

_PASSWORD = re.compile(
    r"\b(?:mat ?kh(?:au|ua)|mkhau|mk|pass?(?:word|code|wd|w)?|pat quot|pwd?|mat ma|(?:ma ?(?:so )?)?pin"
    r"|ma (?:mo )?khoa|ma ket|ma bao (?:ve|mat)|bao mat tra loi)(?![^\W_])"
)
_PIECE = re.compile(r"[:=]+|[“”\"'][^“”\"'\n]{3,40}[“”\"']|[^\s:=“”\"]+(?:[:=][^\s]+)?")
_PAUSE = re.compile(r"[.?!;]\s|[\n]")
_OUTER = ".,;:?!)(”“\"'…"
_IS = frozenset("la : = := thanh sang bang".split())
_PUT = frozenset("dat de".split())  # announce it behind a person: "tôi đặt …"
_PERSONS = frozenset("toi tui em con chau minh ba me bo anh chi ong".split())
_FILLERS = frozenset(
    """cua toi tui em chau con minh anh chi ong ba bo me vo chong bac co chu no cu moi hien tai dang thi
    nay van da de dat doi thanh sang tu cai nhap go dang nhap vao vneid zalo facebook fb gmail email
    mail wifi dien thoai may tai khoan app ung dung dich vu cong quoc gia dvc ngan hang bank cap muc
    dung hay thuong xai luu ghi chinh vua truoc dau tien duoc hom qua cho ten user nick so chu cum
    hang lien viet liet ke ngay sinh tat ca deu cung toan nha pass word mk o theo nam may ket no viet
    luc toan ngan""".split()
)
_OR = frozenset("hoac hay va roi".split())
_NO_PHRASE = frozenset(  # no password in words begins with these, and one ends before the next
    """gì sao bao thế nào mấy có phải đúng sai bị không do loại đây mà mật khẩu như để ai chính thông bắt
    khác chưa quá rất được của riêng tạo tính rõ trùng chung kí ký ít nhiều người công cần nếu khi vì
    bị lại cách làm yếu mạnh mặc trống hết xong cái các bí những và hay hoặc ra lên cho vào tại nên""".split()
)
_ENDS = frozenset(
    """mà nhưng giờ nay bị có được thì không sao rồi nhé nhe ạ à dùng vào cho đang đã chưa vẫn quên lộ
    đổi vậy đó nha nữa trên tại trùng sai khác hoài thế xong luôn nên vì ko k hok hết mấy cần phải ai
    cháu thử báo đăng""".split()
)
_UNDECIDED = frozenset("hay hoặc và là gì nào bao nhiêu như với".split())  # a question or a rule, no password
_OF_FIGURES = ("số", "so")
_BARE = {words: frozenset(map(fold, words)) for words in (_NO_PHRASE, _ENDS, _UNDECIDED)}
_COUNTED = re.compile(
    r"\s*(?:so\b|ky tu|ki tu|chu so|chu cai|dong|ngay|nghin|ngan|trieu|tuoi|lan|phut|giay|gio|thang|nam"
    r"|buoc|nguoi|%|k\b|tr\b|d\b)"
)
_MIXED = re.compile(
    r"(?=.*\d)(?=.*[a-z])[\w@#$%&*!^.+-]{4,}|(?=.*[@#$&*!^_])(?=.*[a-z\d])[\w@#$%&*!^.+-]{5,}"
)
_NO_MIXED = re.compile(  # amounts, models, levels, laws: "500k", "iphone12", "muc2", "nd-cp", "2.0"
    r"\d+(?:[.,]\d+)?(?:k|tr|h|g|m|cm|kg|d|vnd|usd|trieu|ngay|nam|so|s|p|gb|tuoi|ky|kt|kytu|lan|ph|x)\w*"
    r"|(?:muc|buoc|cap|iphone|ip|ios|android|win|windows|samsung|galaxy|note|oppo|vivo|redmi|vneid"
    r"|covid|lop|mau|may|so|co|thang|nam|f|x|a|s)\d+\w*"
    r"|\d+[/-][\w/-]*[a-z]+[\w/.-]*|https?.*|[\d./-]+|\w*\.gov\.vn.*"
)
_STRONG = re.compile(  # letters, figures and a sign in one word: nothing else is written so
    r"(?<![\w@#$%&*!^.+/-])(?=[^\s@#$%&*!^]*[@#$%&*!^][^\s@]*(?:\s"
    r"|$))(?=\S*\d)(?=\S*[a-z])[\w@#$%&*!^.+-]{6,}(?!\S*\.(?:com|vn))"
)
_VNI = re.compile(r"\b([a-z]{1,6})\d{1,2}\b")  # raw keystrokes: "sau1"
_FEW_WORDS = 4  # of a password before figures, without "là"
_FEW_TYPED = 2  # of such words
_IS_PASSWORD = re.compile(r"(?<!\S)(\S{4,}) (?:la|lam) (?:cai )?(?:mat ?khau|mk|pass|ma pin)\b")
_SPOKEN_DIGITS = re.compile(rf"{_DIGIT_WORD}(?:[ ,.-]{{1,2}}{_DIGIT_WORD}){{3,}}\b")

_CODE = re.compile(
    r"\b(?:otp|o t[ie] p[ie]|ma|code|tin nhan|tin|sms|nhan duoc|day so|doc|nhap"
    r"|gui)\b(?![^\d.?!]{0,30}\b(?:loi|dau so|tong dai|thu tuc|ho so|nam|tinh|mau|hieu|vung|lan|hotline)\b)"
    r"[^\d.?!,]{0,30}?(?<![\d/.,-])((?!(?:19|20)\d\d(?!\d))(?!\d*000\b)\d(?:[ -]?\d){3,7})(?![\w/]|[.,-]\d)"
)
_SPOKEN_CODE = re.compile(
    rf"\b(?:o t[ie] p[ie]|otp|ma|tin nhan|sms"
    rf"|code)\b(?: \w+){{0,4}}? ({_DIGIT_WORD}(?:[ ,.-]{{1,2}}{_DIGIT_WORD}){{3,7}})\b"
)
_CHANGED = re.compile(r"\btu (\S+) (?:sang|thanh|qua) (\S+)")

# Days

_SPOKEN_NUMBER = rf"{_DIGIT_WORD}(?:\s{_DIGIT_WORD}){{0,2}}"
_NUMBER = rf"(?:\d{{1,2}}|{_SPOKEN_NUMBER})"
_MONTH = r"(?:\d{1,2}|muoi(?: (?:mot|hai))?|mot|hai|ba|tu|bon|nam|lam|sau|bay|tam|chin|gieng|chap)"
_YEAR = rf"(?:(?:19|20)?\d\d|{_DIGIT_WORD}(?:\s{_DIGIT_WORD}){{1,8}})"
_SIGNS = (
    r"(?:giap|at|binh|dinh|mau|ky|canh|tan|nham|quy) (?:ty|ti|suu|dan|mao|meo|thin|ngo|mui|than|dau"
    r"|tuat|hoi)"
)
_SPOKEN_DAY = re.compile(
    rf"\b(?:(?:(?:ngay|hom|dem|sang|mung|mong|ram)\s+)*(?:{_NUMBER}\s*)?(?:thang|thg|th)\s*{_MONTH}"
    rf"(?:\s*am lich\b)?(?:\s*,?\s*nam\s*(?:{_YEAR}|{_SIGNS})|\s*[,/-]?\s*{_YEAR})?"
    rf"|ngay\s+{_NUMBER}[,\s]+nam\s+{_YEAR})\b"
)
_WRITTEN_DAY = re.compile(
    r"(?<![\d/.,-])(?:\d{1,2} ?([/.,\\-]) ?\d{1,2} ?\1 ?(?:19|20)?\d\d|(?:19|20)\d\d([/.-])\d{1,2}\2\d{1,2}"
    r"|\d{1,2} \d{1,2} (?:19|20)\d\d|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[012])(?:19|20)\d\d)(?![\d/])"
)
_SHORT_DAY = re.compile(
    r"(?<![\d/.,-])\d{1,2} ?[/.-] ?(?:\d{1,2}|(?:19|20)\d\d)(?: nam (?:19|20)?\d\d)?(?![\d/%])"
)
_BORN = re.compile(
    r"\b(?:(?<!hoc )(?<!ve )(?<!thi )(?<!an )(?<!phat )(?<!khai )sinh"
    r"(?! (?:vien|song|hoat|trac|san|thai|to|hoc|ly|ke|loi|truoc|sau|tu))"
    r"|sn|n/s|ns|ntns|cam tinh|d\.?o\.?b|ngay sinh|sinh nhat|chao doi)(?:\s?:|\b)"
)
_BORN_NEAR = 45  # characters between "sinh" and a day that is not all written
_RECENT = re.compile(r"20(?:1[6-9]|[2-9]\d)$")
_PAST = re.compile(r"(?:19\d\d|20(?:0\d|1[0-5])|[4-9]\d|\bnam [a-z ]+)$")
_OF_STATE = re.compile(
    r"\b(?:nghi dinh|thong tu|luat|quyet dinh|nd-cp|qd|ttg|cap|hieu luc|han|tu ngay|truoc ngay|sau ngay"
    r"|ban hanh|ky|nop|hen|lich|le|so|ke tu|den|khai giang|nghi|thi|cong van)\b|\b(?:truoc"
    r"|sau) (?:ngay )?$|(?<!ghi )(?<!sinh )\bngay $"
)
_FAMOUS = re.compile(
    r"(?:0?2 ?[/.-] ?0?9 ?[/.-] ?1945|30 ?[/.-] ?0?4 ?[/.-] ?1975|19 ?[/.-] ?0?8 ?[/.-] ?1945)$"
)
_BORN_RUN = re.compile(  # without "tháng": "ngày sinh là một mười một chín ba sáu"
    rf"\b(?:sinh ngay|ngay sinh|sinh)(?: (?:cua|la|toi|em|chau|con|me|bo|ma|ong|ngay"
    rf"|vao))*\s*:?\s+((?:ngay )?{_DIGIT_WORD}(?:[ ,]{{1,2}}{_DIGIT_WORD}){{3,13}})\b"
)
_BORN_YEAR = re.compile(
    r"\b(?:(?<!hoc )(?<!ve )(?<!khai )(?<!nguoi )sinh|sn|ns|nam sinh|ra doi|lua|tuoi|doi|de|tuc)"
    r"(?: (?:vao|cuoi|dau|giua|khoang|quang|hoi|tam|nam|chung|tu|la|trong)){0,4}\s*:?\s*"
    r"((?:19|20)\d\d\b(?: (?:va|voi) (?:19|20)\d\d\b)?|(?<=nam )\d\d\b"
    rf"|(?<=hoi )\d\d\b|(?<=nam )(?:{_SIGNS})\b"
    rf"|(?<=tuoi )(?:{_SIGNS})\b(?:[ ,]+(?:tuc |nam )*(?:19|20)\d\d)?"
    rf"|(?<=nam )(?:mot|hai)\s(?:nghin|ngan|chin|khong)(?:\s{_DIGIT_WORD}){{1,6}}"
    rf"|(?<=nam )(?:{_DIGIT_WORD}\s){{1,2}}{_DIGIT_WORD}\b)(?![/.-]?\d)"
    r"(?!\s*(?:tuoi|thang|ngay|dong|con|lan|nguoi)\b)"
)
_YEAR_NEAR = re.compile(r"(?<![\d/.,-])(?:19[2-9]\d|200\d|201[0-5])(?![\d/]|\s*(?:dong|nghin|trieu))")
_KIN_YEAR = re.compile(
    r"\b(?:me|bo|ba|ma|vo|chong|ong|toi|em|chau|con|anh|chi|be|minh|cu|sn|sinh|ns)(?: (?:toi|em|chau"
    r"|con|minh|trai|gai|nha))?"
    r" ((?:19[2-9]\d|200\d|2k\d{1,2})(?!\s*(?:dong|nghin|trieu))|(?:(?<=sn )|hoi )\d\d"
    r"(?!\s*(?:tuoi|thang|ngay|con|lan|nguoi)))(?![\w/]|\.\d)"
)
_BORN_WORDS = re.compile(
    rf"\b(?:sinh|sn)(?: nam)? ((?:{_DIGIT_WORD} )?(?:muoi )?{_DIGIT_WORD} (?:muoi|{_DIGIT_WORD})"
    rf"|chin muoi)\b(?! (?:con|chau|dua|lan|thang|ngay|tuoi|be|nguoi))"
)
_IS_WRITTEN = re.compile(
    r"\b(?:khai sinh|can cuoc|cccd|cmnd|the|giay|ho khau)(?: \w+){0,2}? ghi (?:la |ngay |sinh )*$"
)
_NOT_OF_ONE = re.compile(
    r"^(?:sinh|tuoi)\b.* (?:thi|co|phai|khi nao)\b|\b(?:nguoi|nhung|ai|cac|tre|doi tuong|cong dan"
    r"|nam gioi|nu gioi|lao dong) (?:\w+ )?(?:sinh|sn|tuoi)\b"
)
_COUNTED_DAYS = re.compile(r"\s*(?:tuoi|ngay|tuan|lan|phut|gio|thang|%)\b")

# Addresses of mail and names of accounts

_HOST = r"(?:gmail|(?:gio|go|ge|g) meo|gmai|gmal|yahoo|outlook|hotmail|icloud|vnn|proton(?:mail)?)"
_DOT = r"(?:\s?[.,]\s?|\s(?:cham|dot)\s|\s?[(\[](?:cham|dot)[)\]]\s?)"
_AT = r"(?:\s?@\s?|\s?[(\[](?:at|a|a cong|a moc)[)\]]\s?|\s(?:a ?cong|a ?moc|acong|at)\s)"
_MAIL = re.compile(
    rf"(?<![\w+-])[\w+-]+(?:(?:[.,]| cham | gach duoi | gach ngang )[\w+-]+)*{_AT}"
    rf"(?:[\w-]+(?:{_DOT}[a-z][\w-]*)+|{_HOST}\b|(?<=@)\S+)"
)
_MAIL_WITHOUT = re.compile(
    rf"(?<![\w.+-])[\w.+-]+ (?:{_HOST}) ?(?:\.|cham|dot) ?com\b|(?<![\w.+-])[\w.+-]+{_HOST}\.com"
)
_LAST_WORD = re.compile(r"(\S+) ?$")
_MAIL_CUE = re.compile(r"\b(?:e-?mail|gmail|mail|thu dien tu|hom thu)\b[^,.?;\0]{0,40}?\0")
_SPELLED = re.compile(r"\d+|[a-z]|cham|gach|duoi|ngang|viet|lien|hoa|thuong|chu|khong dau|sip|" + _DIGIT_WORD)
_ACCOUNT = re.compile(
    r"\b(?:e-?mail|gmail|mail|google|yahoo|icloud|facebook|fb|zalo|user(?:name)?|nick|ten dang nhap|id"
    r"|tiktok|skype|telegram|hom thu|thu dien tu)\b"
)

# Plates and papers

_LETTER = (
    r"(?:[a-z]|be|bo|xe|de|do|e|go|gio|ge|gi|hat|ho|ca|lo|mo|no|pe|po|qui|quy|ro|et|so|te|to|vi|ve|vo|ich|ep|i"
    r"|long|dd|md|det|zet)"
)
_PLATE = re.compile(
    r"(?<![\w/.,])\d\d ?[-. ]? ?(?:[a-z][a-z0-9]?|ld|da|nn|ng|md\d?|kt|td|hc)(?: ?\d)? ?[-. ]{0,3}"
    r"(?:\d{3} ?[. -]? ?\d\d|\d{4,5}|\d\d ?[. -] ?\d\d)(?![\w/])"
)
_PLATE_CUE = re.compile(
    r"\b(?:bien (?:kiem soat|so xe|so|xe|dang ky|bang)?|bks|bsx?|bien|bang so|so xe|xe (?:may|hoi|o to"
    r"|oto|tai|con|ban tai|dien)?)(?: (?:xe|cua|toi|em|minh|chau|anh|chi|con|bo|me|chong|vo|la|so|may"
    r"|bien|mang|:|may dien|o to|oto|tai|nha))*\s*:?\s*"
)
_PLATE_RUN = re.compile(  # with letters by their names
    rf"(?:(?:\d+[a-z]{{0,2}}\d*|[a-z]\d*|{_DIGIT_WORD}|{_LETTER}|cham|gach|ngang|tru)(?:[ .,-]{{1,3}}|$"
    rf"|\b(?=\W|$)))+"
)
_PAPER = re.compile(
    r"\b(?:bhxh|bhyt|bao hiem|(?:so |ma )?the|so so|cccd|cmnd|cmt|cmtnd|can cuoc|chung minh|ho chieu"
    r"|passport|gplx|bang lai|giay phep lai xe"
    r"|mst|ma so thue|dinh danh|khai sinh so|ho khau|tai khoan|stk|tk|ma so|so may|ma ho so|so hieu"
    r"|seri|giay|so)\b"
)
_PAPER_NUMBER = re.compile(
    r"(?<![\w/.,-])(?:[a-z]{1,3}[ .-]?)?\d(?:[ .,-]{0,2}\d){5,}(?:-\d{3})?(?![\w/]|[.-][a-z\d])"
)
_MONEY = re.compile(r"\s*(?:dong(?! duoc| bao| bhxh)|nghin|ngan(?! hang)|trieu|ty|vnd|usd|k|d|tr|m2)\b")
_FIGURES = 4  # of a plate that is read out, at least
_NEAR_PAPER = 40  # characters between the word for a paper and its number
_NO_AMOUNT = 9  # figures from which a number is no amount of money
_PUBLIC = re.compile(r"1[89]00|\d\.\d{6}|\d{1,2}[ ./-]\d{1,2}[ ./-](?:19|20)\d\d|\d{1,3}(?:[.,]\d{3})+$")

_HANDLE = re.compile(r"[a-z]{2,}[._][a-z0-9]{2,}(?<!\.vn)(?<!\.com)(?<!\.net)(?<!\.org)(?<!\.gov)")
_MAIL_NOT = frozenset(
    "khong nhan duoc ma bi gi phai nao sao de thi ai do gui va hay hoac vi so dt sdt cong".split()
)

# What is left beside what was taken out: the tail of a number, of a password

_SURE_LETTER = (
    r"(?:hat|et|no|de|do|go|gio|xe|be|bo|te|to|ve|vo|det|quy|ca|ep|lo|mo|pe|po"
    r"|cham|gach duoi|gach ngang|gach|[a-z])"
)
_SPELLED_BEFORE = re.compile(
    rf"\b(?:(?:{_SURE_LETTER}|{_DIGIT_WORD})\s){{2,8}}{_GONE}+|\b(?:hat|et|det)\s{_GONE}+"
    rf"|\S+ (?:cham|gach duoi|gach ngang|gach|cham) {_GONE}+|\b{_DIGIT_WORD} {_GONE}+"
    rf"|(?<=chieu )[a-z] {_GONE}+|(?<=chieu so )[a-z] {_GONE}+"
)
_INSURED = re.compile(
    rf"\b(?:bhxh|bhyt|bao hiem|the)\b[^\d.,;?{_GONE}]{{0,30}}?\b((?:{_SURE_LETTER}\s){{1,3}}{_GONE})"
)
_LEFT = re.compile(
    r"(?<![\w@#$%&*!^.+-])(?:\b[a-z]{0,3}\d[\da-z]*[ .,-]{1,2})*[\w@#$%&*!^.+-]*"
    rf"{_GONE}+(?:[\w@#$%&*!^+-]+)?"
    r"(?:[.,-] ?\d[\w-]*|[ ]\d[\d.-]*(?![\w/])(?!\s*(?:so|ky tu|dong|ngay|nghin|ngan(?! hang)|trieu"
    r"|tuoi|lan|phut|giay|gio|thang|nam|nguoi)\b))*"
)


def disclosed(text: str, sign: str, known: Callable[[str], bool]) -> list[Span]:
    """Where people tell of themselves in no fixed form, in order; what `sign` stands for is gone already.

    `known` tells whether a folded word stands in the guides or in what people say to the machine; one that
    does is no password.
    """
    before = folded = fold_in_place(text.replace(sign, _GONE * len(sign)))
    for find in (_mails, partial(_secrets, text=text.lower(), known=known), _days, _plates, _papers, _left):
        for start, end in list(find(folded)):
            folded = folded[:start] + _GONE * (end - start) + folded[end:]
    gone = (found.span() for found in re.finditer(f"{_GONE}+", folded))
    return [span for span in gone if before[slice(*span)].strip(_GONE)]


def _mails(folded: str) -> Iterator[Span]:
    """Addresses of mail, spelled ones, too, and names of accounts behind what names them."""
    for found in chain(_MAIL.finditer(folded), _MAIL_WITHOUT.finditer(folded)):
        start = found.start()
        while before := _LAST_WORD.search(folded, 0, start):  # "lan một chín a còng gmail"
            if not _SPELLED.fullmatch(before[1]):
                break
            start = before.start(1)
        yield start, found.end()
    for cue in _ACCOUNT.finditer(folded):
        yield from _behind(folded, folded, cue.end(), lambda word: False)


def _secrets(folded: str, text: str, known: Callable[[str], bool]) -> Iterator[Span]:
    """Passwords and codes behind what names them, and words that are written like one."""
    yield from _codes(folded)
    yield from (found.span() for found in _STRONG.finditer(folded))
    for found in _IS_PASSWORD.finditer(folded):
        word = found[1].strip(_OUTER)
        if _is_mixed(word) or re.fullmatch(r"\d{4,}", word) or _is_glued(word, known, told=False):
            yield found.span(1)
    for found in _CHANGED.finditer(folded):
        if _is_mixed(found[1]) and _is_mixed(found[2].strip(_OUTER)):
            yield found.span()
    typed = [found[1] for found in _VNI.finditer(folded)]
    cues = list(_PASSWORD.finditer(folded))
    if not cues or sum(map(is_syllable, typed)) > _FEW_TYPED:
        return
    for piece in _PIECE.finditer(folded):
        word = piece[0].strip(_OUTER)
        if len(word) >= _GLUED and word.isalnum() and _is_mixed(word):
            yield piece.start() + piece[0].find(word), piece.start() + piece[0].find(word) + len(word)
    for cue in cues:
        yield from _behind(folded, text, cue.end(), known, is_password=True)


def _codes(folded: str) -> Iterator[Span]:
    """Codes that were sent, in figures and in words."""
    for found in _CODE.finditer(folded):
        if not (_is_amount(folded, found.end()) or _PUBLIC.match(found[1])):
            yield found.span(1)
    yield from (found.span(1) for found in _SPOKEN_CODE.finditer(folded))


def _is_amount(folded: str, at: int) -> bool:
    """Whether what stands from there on tells that the number before it counts something, or money."""
    return bool(_COUNTED.match(folded, at) or _MONEY.match(folded, at))


def _behind(
    folded: str, text: str, at: int, known: Callable[[str], bool], *, is_password: bool = False
) -> Iterator[Span]:
    """Words of a secret behind what names it: mixed ones, figures, what is no word, or what "là" announces.

    `text` is the same in small letters with its accents.
    """
    pieces = _pieces(folded, at)
    close, told, taken = True, False, False
    for number, piece in enumerate(pieces):
        word = piece[0].strip(_OUTER)
        is_comma = "," in folded[pieces[number - 1].end() - 1 if number else at : piece.start() + 1]
        close = close and not (is_comma and not told)
        span = (start := piece.start() + piece[0].find(word)), start + len(word)
        if piece[0] in _IS or (word in _PUT and number and pieces[number - 1][0] in _PERSONS):
            told = True
            continue
        is_secret = _is_mixed(word)
        if is_password and close:
            quoted = piece[0][0] in "“\"'" and len(word) > _SHORT
            figures = re.fullmatch(r"\d{3,}", word) and not _COUNTED.match(folded, span[1])
            is_secret |= bool(figures or quoted) or _is_glued(word, known, told=told)
            if spoken := _SPOKEN_DIGITS.match(folded, span[0]):
                yield spoken.span()
                return
        elif close:
            is_secret |= bool(_HANDLE.fullmatch(word)) or (told and _is_glued(word, known, told=True))
        if is_secret:
            yield span
            taken = True
        elif taken:
            if not (word.isdigit() or word in _FILLERS | _OR):
                return
        elif told and is_password and close:
            if last := _phrase(pieces[number:], text):
                yield piece.start(), last
                return
            close = word in _FILLERS
            told = told and close
        elif word not in _FILLERS:
            close = False


def _pieces(folded: str, at: int) -> list[re.Match[str]]:
    """The words from there to the end of the sentence, and what announces others."""
    pause = _PAUSE.search(folded, at)
    pieces = _PIECE.finditer(folded, at, pause.start() if pause else len(folded))
    return [piece for piece in pieces if piece[0].strip(_OUTER) or piece[0] in _IS][:_FAR]


def _phrase(pieces: list[re.Match[str]], text: str) -> int:
    """Where a password of several words ends, as in "là hoa hồng đỏ mà"; 0 where it is none."""
    plain = not has_accents(text)
    never, ends, undecided = (_BARE[words] if plain else words for words in (_NO_PHRASE, _ENDS, _UNDECIDED))
    pieces = pieces[: _WORDS_OF_SECRET + 1]
    words = [text[piece.start() : piece.end()].strip(_OUTER) for piece in pieces]
    digits = [fold(word) in _DIGIT_WORDS or word.isdecimal() for word in words]
    if words[0] in never:
        return 0
    for number, (piece, word) in enumerate(zip(pieces, words, strict=True)):
        is_digit = digits[number] and any(
            digits[max(0, number - 1) : number] + digits[number + 1 : number + 2]
        )
        spelled = fold(word) == "a" and words[number + 1 : number + 2] != []
        if word in undecided and not is_digit:
            return 0
        is_nought = number and words[number - 1] in _OF_FIGURES  # "sáu số không"
        if word in ends and not (is_digit or spelled or is_nought):
            return pieces[number - 1].end() if number > 1 and not _all_fillers(words[:number]) else 0
        if piece[0][-1] in _OUTER:
            return piece.end() if number and not _all_fillers(words[: number + 1]) else 0
    return pieces[-1].end() if 1 < len(pieces) <= _WORDS_OF_SECRET and not _all_fillers(words) else 0


def _all_fillers(words: list[str]) -> bool:
    return all(fold(word) in _FILLERS for word in words)


def _is_mixed(word: str) -> bool:
    return _MIXED.fullmatch(word) is not None and not _NO_MIXED.fullmatch(word)


def _is_glued(word: str, known: Callable[[str], bool], *, told: bool) -> bool:
    """Whether letters are several words in one, as in passwords, and nothing that people say."""
    letters = len(word) >= _GLUED - told and word.isascii() and word.replace(".", "", told).isalpha()
    return letters and not is_syllable(word) and (told or not known(word)) and word not in _FILLERS


def _days(folded: str) -> Iterator[Span]:
    """Days of birth: what stands near "sinh", and days long past that no law or paper explains."""
    cues = [cue.span() for cue in _BORN.finditer(folded)]
    for found in _WRITTEN_DAY.finditer(folded):
        written = _IS_WRITTEN.search(folded, max(0, found.start() - 40), found.start())
        if written or _is_past(folded, found) or _is_near(cues, found.span(), 2 * _BORN_NEAR):
            yield found.span()
    for found in _SPOKEN_DAY.finditer(folded):
        near = _is_near(cues, found.span(), _BORN_NEAR) and not _COUNTED_DAYS.match(folded, found.end())
        whole = re.match(r"\w+ ", found[0]) and _PAST.search(found[0]) and "nam" in found[0]
        if near or (whole and _is_past(folded, found)):
            yield found.span()
    for found in _SHORT_DAY.finditer(folded):
        if _is_near(cues, found.span(), _BORN_NEAR) and not _COUNTED_DAYS.match(folded, found.end()):
            yield found.span()
    yield from (found.span(1) for found in _BORN_RUN.finditer(folded))
    if _NOT_OF_ONE.search(folded) is None:
        for told in (_BORN_YEAR, _KIN_YEAR, _BORN_WORDS):
            yield from (found.span(1) for found in told.finditer(folded))
        for found in _YEAR_NEAR.finditer(folded):
            if _is_near(cues, found.span(), _BORN_NEAR):
                yield found.span()


def _is_past(folded: str, found: re.Match[str]) -> bool:
    """Whether a day is long past, and nothing before it tells that it is a law's or a paper's."""
    past = _PAST.search(found[0]) and not _RECENT.search(found[0]) and not _FAMOUS.search(found[0])
    return bool(past) and not _OF_STATE.search(folded, max(0, found.start() - 30), found.start())


def _is_near(cues: list[Span], span: Span, far: int) -> bool:
    return any(0 <= span[0] - end <= far or 0 <= start - span[1] <= far // 2 for start, end in cues)


def _plates(folded: str) -> Iterator[Span]:
    """Number plates, and what is read out behind "biển số"."""
    yield from (found.span() for found in _PLATE.finditer(folded))
    for cue in _PLATE_CUE.finditer(folded):
        if run := _PLATE_RUN.match(folded, cue.end()):
            figures = re.findall(rf"\d|\b{_DIGIT_WORD}\b", run[0])
            if len(figures) >= _FIGURES and not _is_amount(folded, run.end()):
                yield run.start(), run.start() + len(run[0].rstrip(" .,-"))


def _papers(folded: str) -> Iterator[Span]:
    """Numbers of papers of any length from six figures, behind what names the paper."""
    for found in _PAPER_NUMBER.finditer(folded):
        near = _PAPER.search(folded, max(0, found.start() - _NEAR_PAPER), found.start())
        long = sum(map(str.isdecimal, found[0])) >= _NO_AMOUNT
        if near and (long or not _MONEY.match(folded, found.end())) and not _PUBLIC.match(found[0]):
            yield found.span()


def _left(folded: str) -> Iterator[Span]:
    """What was taken out, with figures, signs and spelled letters that hang on it."""
    yield from (found.span() for found in _LEFT.finditer(folded) if found[0].strip(_GONE))
    yield from (found.span() for found in _SPELLED_BEFORE.finditer(folded))
    yield from (found.span(1) for found in _INSURED.finditer(folded))
    for cue in _MAIL_CUE.finditer(folded):
        words = _said([*_PIECE.finditer(folded, cue.start(), cue.end() - 1)][1:])
        plain = {word[0].strip(_OUTER) for word in words}
        if words and ("dau" in plain or (len(words) < _WORDS_OF_SECRET and not plain & _MAIL_NOT)):
            yield words[0].start(), cue.end()
    for cue in _PASSWORD.finditer(folded):
        gone = folded.find(_GONE, cue.end())
        words = _said(_PIECE.finditer(folded, cue.end(), max(gone, cue.end())))
        told = re.search(r"(?:\bla|\bdat|:)\s*$", folded[: words[0].start()]) if words else None
        if (
            (told or 0 < len(words) < _FEW_WORDS)
            and len(words) <= _WORDS_OF_SECRET
            and not any(word[0].strip(_OUTER) in _MAIL_NOT | _BARE[_ENDS] for word in words)
        ):
            yield words[0].start(), gone + 1


def _said(pieces: Iterable[re.Match[str]]) -> list[re.Match[str]]:
    """The words from the first on that tells something."""
    return list(dropwhile(lambda piece: piece[0] in _FILLERS or piece[0] in _IS, pieces))
