"""Guard: personal numbers masked before anything else sees them, and the rules of prompts/safety.toml.

Also what of an added document is not shown: orders to a machine, calls for secrets, strange numbers, links.
Knows no guides; a rule names the guide whose card goes with its reply.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assistant.datatypes import Status
from assistant.errors import KnowledgeError, Problem
from assistant.retrieval.classifier import OUTSIDE, TASK
from assistant.text.dialect import Phrase, find, mentioned, phrase_of
from assistant.text.keystrokes import is_syllable
from assistant.text.normalize import clean, fold, fold_in_place, sentences, syllables
from assistant.toml import read_toml

_GAP = r"(?:[ .,\-\u00a0_\u2013\u2014*()·|~]{0,3}| ?/ ?)"
_SECRET = (
    r"(?:otp|o[ -]?te[ -]?pe|[o0][. -]t[. -]p|0tp|pass\s?code|pass\s?word|mat\s?khau"
    r"|(?:ma|so)?\s?pin|\bcv[vc]\b|ma\s?(?:kich hoat|dang nhap)|mat\s?ma|so bi mat"
    r"|ma\s?xac\s?(?:thuc|nhan|minh)|ma\s?6\s?so"
    r"|ma\s+(?:so\s+)?(?:vua|moi)\s+(?:ve|gui))"
)
_NOT_A_YEAR = r"(?!(?:19|20)\d\d(?!\d))"
_NOT_A_SECRET = r"(?![\d/.,]*\d)(?!\s*(?:so|ky tu|dong|ngay|nghin|trieu|tuoi))"
_NOT_MONEY = r"(?!\s*(?:dong(?! duoc| bao| bhxh)|nghin|ngan(?! hang)|trieu|ty|vnd|d|k)\b)"
# On folded text: kind and pattern, the most telling first. Group 1, where there is one, is the number.
_NUMBERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "email",
        re.compile(
            r"[\w.+-]+ ?(?:@|[(\[](?:at|a cong)[)\]]|\ba cong\b|\bat\b(?= g?mail)) ?"
            r"[\w-]+(?:(?:\.| \. | cham )[\w-]+)+"
        ),
    ),
    ("id", re.compile(rf"\b[a-z]{{2}} ?\d(?:{_GAP}\d){{12}}(?!\d)")),  # of a health insurance card
    (
        "card",
        re.compile(
            rf"(?<![\d.,/-])\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}(?:{_GAP}\d{{1,3}})?(?![\d/])"
        ),
    ),
    ("id", re.compile(rf"(?<![\d.,/-])0(?:{_GAP}\d){{11}}(?![\d/])")),
    (  # in one, or with any sign between its digits or groups of three and more: no dates, no hours
        "id",
        re.compile(r"(?<!\d)(?!\d\d\W{1,3}\d\d?(?!\d))(?!0\W{1,3}\d\d)0(?:\W{0,3}\d){11}(?!\d)"),
    ),
    (
        "phone",
        re.compile(
            rf"(?<![\d.,/-])(?:(?:\+|00)?84{_GAP}0?|0){_GAP}[35789](?:{_GAP}\d){{8}}(?![\d/]|[.,-]\d)"
        ),
    ),
    ("id", re.compile(rf"(?:cmnd|chung minh|cmt|can cuoc|cccd)\D{{0,25}}?(\d(?:{_GAP}\d){{8,11}})(?!\d)")),
    (
        "account",
        re.compile(
            r"(?:stk|tai khoan|ngan hang|vietcombank|agribank|bidv)\D{0,25}?"
            rf"(\d(?:{_GAP}\d){{5,18}})(?!\d){_NOT_MONEY}"
        ),
    ),
    (
        "code",
        re.compile(
            r"\b(?:mat\s?khau|password|passcode)\b(?:\s+\w+){0,4}?\s*(?:la|:|=)\s*((?=\S*\d)(?=\S*[a-z])[^\s,;?!]{6,})"
        ),
    ),
    (
        "code",
        re.compile(
            rf"{_SECRET}(?![a-z])[^\d\n]{{0,24}}?(?<![\d.,/])(?<!nam ){_NOT_A_YEAR}"
            rf"(\d(?:{_GAP}\d){{3,7}}){_NOT_A_SECRET}"
        ),
    ),
    (
        "code",
        re.compile(
            rf"(?<![\d.,/-])(\d(?:{_GAP}\d){{3,7}})\s+(?:la|chinh la)\s+(?:cai\s+)?(?:ma\s+)?{_SECRET}\b"
        ),
    ),
    ("code", re.compile(r"\b(?:mk|pass|mat\s?khau)\s*[:=]\s*(?=\S*\d)(\S{6,})")),
    (
        "code",
        re.compile(r"\b(?:mk|pass|password|mat\s?khau)\s+((?=\S*\d)(?=\S*[a-z@#])[^\s,;?!]{6,})"),
    ),
    ("code", re.compile(r"\bcvv\D{0,12}?(\d{3})(?!\d)")),
    (
        "code",
        re.compile(rf"\bma\s*(?:so\s*)?(?:la|:)?\s*{_NOT_A_YEAR}(\d(?:{_GAP}\d){{3,7}}){_NOT_A_SECRET}"),
    ),
    (  # six digits that somebody reads, sends or types in
        "code",
        re.compile(
            rf"\b(?:doc|gui|nhap|dua|nhan|ma)\s(?:\w+\s){{0,4}}?(\d(?:{_GAP}\d){{5}})(?![\d/.,]){_NOT_MONEY}{_NOT_A_SECRET}"
        ),
    ),
    ("account", re.compile(rf"(?<![\d.,/-])\d{{9,19}}(?![\d/]){_NOT_MONEY}")),
)
# File numbers of the portal and ids of procedures are public and stay.
_PUBLIC = re.compile(
    r"\d{3}\.\d{2}\.\d{2}\.[a-z]\d{2}-\d{6}-\d{4}|(?<!\d)(?:1[89]00[ .]?\d{4,6}|\d\.\d{6})(?!\d)"
)
_DIGIT_WORDS = dict(
    zip(
        ["không", "một", "mốt", "hai", "ba", "bốn", "tư", "năm", "lăm", "sáu", "bảy", "tám", "chín", "linh"],
        "01123445567890",
        strict=True,
    )
)
_DIGIT_WORDS |= {fold(word): digit for word, digit in _DIGIT_WORDS.items()}
_DIGIT_WORDS |= dict.fromkeys(["hông", "hong", "ko", "zero", "o"], "0") | {
    "mười": "1",
    "muoi": "1",
    "nhăm": "5",
    "nham": "5",
    "bẩy": "7",
}
_SILENT = frozenset(["mươi", "trăm", "tram"])  # "bốn mươi hai" is read 42
_SPELLED = 6  # digits, some of them said in words, make a number from here
_SPELLED_SECRET = 4  # the same in a text that names a secret
_FEW_WORDS = 2
_YEAR = 4  # digits
_TOKEN = re.compile(r"\w+")
_BETWEEN_DIGITS = re.compile(r"[ .,·/-]{1,3}")
_DIGIT_LIKE = {"o": "0", "i": "1", "l": "1", "s": "5"}
_LETTER_FOR_DIGIT = re.compile(  # O and l that stand where digits stand
    r"(?<=\d)[oils](?=[ .-]?\d)|(?<![^\W_])o(?=[ .-]?\d)|(?<=\d\d)o(?![^\W_])"
)
_FOREIGN = 0.6  # share of a text's words that can be Vietnamese, below which it is in another language
_MIN_FOREIGN = 3  # words of which that can be told
_MISUSED = 0.45  # likelihood of misuse or another matter from which a few words of small talk tell nothing
_HARDLY = 0.1  # of it that misuse itself must have
_RATHER = 0.75  # as a share of what the likeliest small talk has
_THAN_A_TASK = 1.25  # how many times likelier than a task a thing must be that is refused by its act
_STRAYS = 0.42  # likelihood of what is refused and of another matter together
GUIDED = 0.985  # likelihood of a guide that answers what by its act seems to be no question for any
_CERTAIN = 0.65  # likelihood of all that is refused from which no guide does
_SURELY_A_TASK, _HARDLY_A_DANGER = 0.7, 0.05  # likelihoods by which a list of phrases is mistaken
# What an added document may call a number or an address. Amounts, dates and numbers of laws are none.
_STRANGE_LINK = re.compile(
    r"\S+@[\w-]+(?:\.[\w-]+)+|(?:https?|hxxps?|ftp)://\S+|\bwww\.\S+|(?<!\S)@\w{4,}"
    r"|(?<![\w.])[\w-]+(?:\s?(?:\[\.\]|\(\.\)|\s(?:chấm|dot)\s)\s?[a-z][\w-]*)+"
    r"|(?<![\w.@])(?:[a-zA-Z0-9][a-zA-Z0-9-]*\.)+(?!(?:docx?|pdf|xlsx?|jpg|png)\b)[a-z]{2,24}\b(?:/\S*)?"
    r"|(?<![\w.@])(?:[a-zA-Z0-9-]{3,}\.)+[A-Z][A-Za-z]{1,23}\b(?:/\S*)?"
)
_STRANGE_NUMBER = re.compile(
    r"(?<![\d.,/-])(?:(?:\+|00)84|0)(?:[ .\-()]{0,2}\d){8,10}(?![\d/])"
    r"|\b1[89]00(?:[ .-]?\d){4,6}\b|(?<![\d.,/-])\d{9,19}(?![\d/.,]\d|\d)"
    r"|(?<![\d.,/-])(?:(?!(?:19[5-9]|20[0-4])\d[ -])\d{3,4}[ -]){2,}\d{3,4}(?![\d/]|[.,]\d)"
    r"|(?<=tài khoản )(?:\D{0,20}?)\d(?:[ .-]?\d){5,18}|(?<=stk )\D{0,10}?\d(?:[ .-]?\d){5,18}",
    re.IGNORECASE,
)
_SHORT_NUMBER = re.compile(
    r"\b(?:gọi|nhắn tin|hotline|tổng đài|đường dây nóng|alo)\b(?:\s+[^\W\d]+){0,5}?"
    r"[\s:]+(\d{3,5})(?![\s./-]?\d)"
    r"(?!\s*(?:đồng|nghìn|ngàn|triệu|ngày|giờ|phút|lần|người|hộ|kg|m)\b)",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{1,2}[.\-]\d{1,2}[.\-]\d{4}")
_AMOUNT = re.compile(r"\s*(?:đồng|đ|vnđ|vnd|usd|m2|m²|ha|kg|tấn|người|hộ)(?!\w)", re.IGNORECASE)
_MACHINE = re.compile(r"\bAI\b|\bLLM\b|\bGPT\b")  # "ai" is a person


@dataclass(frozen=True, slots=True)
class Rule:
    """One guard rule. `alone` is said when there is nothing else to answer."""

    id: str
    reply: str
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    none_lists: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    guide: str | None = None
    status: Status = Status.SAFETY
    alone: str | None = None
    declined: bool = False  # holds beside a decline only
    fixed: bool = False  # its guide is shown whatever guide on safety the question comes near to
    act: str | None = None  # the dialogue act that this rule answers where no list foresaw the words


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """What of a document that was brought in is not shown, and what stands in the place of the rest."""

    number: str  # for a number that is in no contact
    link: str  # for an address that is neither a government's nor in a contact
    figure: str  # for a sentence that a guide contradicts; {title} is the guide's
    machine: tuple[Phrase, ...]  # who is spoken to: with an order, it is none for a person
    orders: tuple[Phrase, ...]
    always: tuple[Phrase, ...]  # an order to a machine whoever is named
    never: tuple[Phrase, ...]  # what no office asks people for
    denials: tuple[Phrase, ...]  # before it: then people are warned of it

    def readable(
        self,
        text: str,
        known: Collection[str],
        asks_for_secret: Callable[[str], bool],
        contradicting: Callable[[str], str | None] = lambda _: None,
    ) -> str:
        """What of a paragraph may be shown; `known` are the numbers and addresses of the contacts.

        An order to a machine is left out with all that follows it, a sentence that asks for a secret or for
        what no office asks for, and one in another language alone. `contradicting` gives the title of the
        guide that tells another figure than a sentence: in its place people are told so.
        """
        shown: dict[str, None] = {}
        for sentence in sentences(clean(text)):
            if self._speaks_to_a_machine(sentence):
                break
            if asks_for_secret(sentence) or self._asks_for_what_none_does(sentence) or is_foreign(sentence):
                continue
            title = contradicting(sentence)
            said = self.figure.format(title=title) if title else self._without_strangers(sentence, known)
            shown[said] = None
        return " ".join(shown)

    def _asks_for_what_none_does(self, sentence: str) -> bool:
        words = syllables(sentence)
        at = min((find(words, phrase) for phrase in mentioned(words, self.never)), default=-1)
        return at >= 0 and not mentioned(words[:at], self.denials)

    def _speaks_to_a_machine(self, sentence: str) -> bool:
        words = syllables(sentence)
        if mentioned(words, self.always):
            return True
        spoken_to = mentioned(words, self.machine) or _MACHINE.search(sentence)
        return bool(spoken_to and mentioned(words, self.orders))

    def _without_strangers(self, sentence: str, known: Collection[str]) -> str:
        numbers = {re.sub(r"\D", "", value) for value in known}
        hosts = {host_of(value) for value in known if "." in value}

        def link(match: re.Match[str]) -> str:
            host = host_of(match[0])
            of_state = host == "gov.vn" or host.endswith(".gov.vn")
            return match[0] if of_state or host in hosts else self.link

        def number(match: re.Match[str]) -> str:
            digits = re.sub(r"\D", "", match[0])
            is_public = bool(_DATE.fullmatch(match[0]) or _PUBLIC.fullmatch(match[0].lower()))
            is_public = is_public and not digits.startswith(("18", "19"))  # hotlines must be in the contacts
            stays = is_public or digits in numbers or _AMOUNT.match(sentence, match.end())
            return match[0] if stays else self.number

        text = _STRANGE_NUMBER.sub(number, _STRANGE_LINK.sub(link, _with_digits(sentence)))
        return _SHORT_NUMBER.sub(
            lambda match: match[0] if match[1] in numbers else match[0].replace(match[1], self.number), text
        )


def host_of(address: str) -> str:
    """The host of a web or mail address, without "www."; as typed where it is none."""
    bare = re.sub(r"^\w+://", "", address.strip().lower().rstrip(".,;:)”\"'"))
    return re.split(r"[/?#:]", bare)[0].rpartition("@")[2].removeprefix("www.")


@dataclass(frozen=True, slots=True)
class SafetyRules:
    """prompts/safety.toml."""

    mask: str
    sure: float  # likelihood of all dangerous acts together from which the likeliest is answered
    refused: float  # the same of those alone that are refused
    perhaps: float  # from this one a warning rides on the answer
    words: Mapping[str, tuple[Phrase, ...]]
    rules: tuple[Rule, ...]
    notices: tuple[Rule, ...]
    documents: DocumentRules

    def vocabulary(self) -> list[str]:
        """Every syllable of the rules, for the repair of typing."""
        return [word for phrases in self.words.values() for phrase in phrases for word in phrase]

    def warning(
        self,
        words: Sequence[str],
        masked: frozenset[str],
        acts: Mapping[str, float],
        guided: Callable[[], float] = lambda: 0.0,
    ) -> Rule | None:
        """The first rule that holds for the question, or that of its act: safety is answered first.

        `guided` tells how likely it is that a guide answers; asked only where something would be refused.
        """
        told = next((rule for rule in self.rules if self._holds(rule, words, masked)), None)
        harmless = acts.get(TASK, 0.0) >= _SURELY_A_TASK and self._danger(acts) < _HARDLY_A_DANGER
        if told is not None and (told.masked or not harmless):
            return told
        refused, warned = self._likely(acts, refusing=True), self._likely(acts, refusing=False)
        refusal = self._likeliest(acts, refusing=True)
        if refusal is not None and mentioned(words, map(phrase_of, refusal.none)):
            refusal = None
        least = max(self.refused, warned, _THAN_A_TASK * acts.get(TASK, 0.0))
        if refusal is not None and refused >= least:
            if refused >= _CERTAIN or guided() < GUIDED:
                return refusal
            refusal = None
        # No guide is lost to those who ask in another language.
        least = self.perhaps if is_foreign(" ".join(words)) else self.sure
        if refused + warned < least:
            return None
        warning = self._likeliest(acts, refusing=False)
        return refusal if refusal is not None and refused > warned else warning

    def misused(self, acts: Mapping[str, float], talk: float) -> bool:
        """Whether the machine is perhaps told to do what it is not for, so that small talk is no answer.

        `talk` is the likelihood of the likeliest small talk.
        """
        no_talk = self._danger(acts) + acts.get(OUTSIDE, 0.0)
        return self._likely(acts, refusing=True) >= max(_HARDLY, _RATHER * talk) and no_talk >= _MISUSED

    def strays(self, acts: Mapping[str, float]) -> bool:
        """Whether what is said is likelier to be refused, or about another matter, than to ask how to do a
        thing or to be warned of: a guide that is not quite sure, or sure of a part of it only, is none.
        """
        other = self._likely(acts, refusing=True) + acts.get(OUTSIDE, 0.0)
        matter = max(acts.get(TASK, 0.0), self._likely(acts, refusing=False))
        return other >= max(_STRAYS, _THAN_A_TASK * matter)

    def _danger(self, acts: Mapping[str, float]) -> float:
        """The likelihood of all dangerous acts together."""
        return self._likely(acts, refusing=True) + self._likely(acts, refusing=False)

    def _likely(self, acts: Mapping[str, float], *, refusing: bool) -> float:
        """The likelihood of all acts together that are refused, or else of those that are warned of."""
        return sum(acts.get(rule.act or "", 0.0) for rule in self._by_act(refusing))

    def _likeliest(self, acts: Mapping[str, float], *, refusing: bool) -> Rule | None:
        """The rule of the likeliest act that is refused, or else that is warned of."""
        return max(self._by_act(refusing), key=lambda rule: acts.get(rule.act or "", 0.0), default=None)

    def _by_act(self, refusing: bool) -> list[Rule]:
        """The rules that answer an act: those that refuse it, or else those that warn of it."""
        return [rule for rule in self.rules if rule.act and (rule.status is Status.OUT_OF_SCOPE) == refusing]

    def notices_of(
        self, words: Sequence[str], masked: frozenset[str], acts: Mapping[str, float]
    ) -> tuple[Rule, ...]:
        """The notices that ride on the answer; one beside declines also where danger is not unlikely."""
        near = self._danger(acts) >= self.perhaps
        return tuple(
            rule for rule in self.notices if (near if rule.declined else self._holds(rule, words, masked))
        )

    def beside_decline(self, words: Sequence[str], acts: Mapping[str, float]) -> Rule | None:
        """The warning that goes with a decline, because no list of scams is complete."""
        near = self._danger(acts) >= self.perhaps
        rules = (rule for rule in self.notices if rule.declined)
        return next((rule for rule in rules if near or self._holds(rule, words, frozenset())), None)

    def _holds(self, rule: Rule, words: Sequence[str], masked: frozenset[str]) -> bool:
        if rule.masked:
            return bool(masked & set(rule.masked))
        if not rule.all:  # answers an act only
            return False
        if mentioned(words, map(phrase_of, rule.none)):
            return False
        if any(self._mentioned(name, words) for name in rule.none_lists):
            return False
        return all(self._mentioned(name, words) for name in rule.all)

    def _mentioned(self, name: str, words: Sequence[str]) -> bool:
        return bool(mentioned(words, self.words[name]))


def load_safety(path: Path) -> SafetyRules:
    """Read safety.toml; raises KnowledgeError when a rule names a list that is not there, or none."""
    tables = read_toml(path)
    try:
        words = {
            name: tuple(tuple(syllables(text)) for text in texts) for name, texts in tables["words"].items()
        }
        used = {key for kind in ("rule", "notice") for table in tables[kind] for key in table}
        if unknown := used - set(Rule.__dataclass_fields__):  # a mistyped `all` would leave a rule to its act
            raise KeyError(f"unknown keys {', '.join(sorted(unknown))}")
        rules, notices = (msgspec.convert(tables[key], tuple[Rule, ...]) for key in ("rule", "notice"))
        missing = {name for rule in rules + notices for name in rule.all + rule.none_lists} - words.keys()
        if missing:
            raise KeyError(f"words.{', '.join(sorted(missing))}")
        never = [rule.id for rule in rules + notices if not (rule.all or rule.masked or rule.act)]
        if never:
            raise KeyError(f"`all`, `masked` or `act` of {', '.join(never)}")
        told = tables["documents"]
        phrases = (
            tuple(map(phrase_of, told[name])) for name in ("machine", "orders", "always", "never", "denials")
        )
        return SafetyRules(
            str(tables["mask"]),
            float(tables["sure"]),
            float(tables["refused"]),
            float(tables["perhaps"]),
            words,
            rules,
            notices,
            DocumentRules(str(told["number"]), str(told["link"]), str(told["figure"]), *phrases),
        )
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise KnowledgeError([Problem(path, 0, f"missing or of another type: {error}")]) from error


def mask(text: str, sign: str) -> tuple[str, frozenset[str]]:
    """The text with personal numbers replaced by `sign`, and the kinds that were found.

    Kinds: id, phone, card, account, email, code. Amounts, dates, law numbers, hotlines and file numbers
    stay. A number may be said in words ("không chín một hai …"), or have O for 0. Measured on the studies'
    2,000 made-up strings (reference/security-and-text.md A2) and by `assistant evaluate masking`.
    """
    kinds: set[str] = set()
    read, places = _as_read(text)
    public = [match.span() for match in _PUBLIC.finditer(read)]
    spans: list[tuple[int, int]] = []
    for kind, pattern in _NUMBERS:
        for match in pattern.finditer(read):
            start, end = match.span(1) if pattern.groups else match.span()
            is_public = any(a <= start and end <= b for a, b in public)
            if is_public or any(start < b and a < end for a, b in spans):
                continue
            spans.append((start, end))
            kinds.add(kind)
    done = len(text)
    for start, end in sorted(((places[a][0], places[b - 1][1]) for a, b in spans), reverse=True):
        if end <= done:  # of two in one number that was said in words, one
            text = text[:start] + sign + text[end:]
            done = start
    return text, frozenset(kinds)


def _as_read(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Folded text with every digit as 0–9, and which part of the text each of its characters stands for.

    A digit of a number that was said in words stands for all the words.
    """
    folded = fold_in_place(text)
    folded = _LETTER_FOR_DIGIT.sub(lambda found: _DIGIT_LIKE[found[0]], folded)
    places = [(at, at + 1) for at in range(len(text))]
    for start, end, digits in reversed(list(_spoken(text, folded))):
        folded = folded[:start] + digits + folded[end:]
        places[start:end] = [(start, end)] * len(digits)
    return folded, places


def is_foreign(text: str) -> bool:
    """Whether a text without accents is in another language, as far as its words can be no Vietnamese."""
    words = [word for word in syllables(text) if word.isalpha()]
    if not text.isascii() or len(words) < _MIN_FOREIGN:
        return False
    return sum(map(is_syllable, words)) < _FOREIGN * len(words)


def _spoken(text: str, folded: str) -> Iterator[tuple[int, int, str]]:
    """Where numbers are said in words, at least in part, and their digits: "không chín một hai 345"."""
    least = _SPELLED_SECRET if re.search(_SECRET, folded) else _SPELLED
    run: list[tuple[int, int, str]] = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        word, written = match[0].lower(), folded[start:end]
        is_part = written.isdecimal() and (len(written) < _YEAR or written[0] == "0")
        digits = written if is_part else _DIGIT_WORDS.get(word)
        if run and not _BETWEEN_DIGITS.fullmatch(text, run[-1][1], start):
            yield from _number(run, least)
            run = []
        if digits is None and not (run and word in _SILENT):
            yield from _number(run, least)
            run = []
        else:
            run.append((start, end, digits or ""))
    yield from _number(run, least)


def _with_digits(text: str) -> str:
    """The text with numbers that are said in words as digits."""
    for start, end, digits in reversed(list(_spoken(text, fold_in_place(text)))):
        text = text[:start] + digits + text[end:]
    return text


def _number(run: Sequence[tuple[int, int, str]], least: int) -> Iterator[tuple[int, int, str]]:
    digits = "".join(digits for _, _, digits in run)
    words = sum(end - start > len(digits) for start, end, digits in run)
    if words > _FEW_WORDS and len(digits) >= least:
        yield run[0][0], run[-1][1], digits


def known_secrets(words: Sequence[str]) -> list[str]:
    """Words glued from single letters, taken apart where they hold "otp": "mãotp" → "mã", "otp"."""
    out: list[str] = []
    for word in words:
        at = fold(word).find("otp")
        if at >= 0 and len(word) > len("otp") and len(word) <= len("maxacthucotp"):
            out.extend(part for part in (word[:at], "otp", word[at + 3 :]) if part)
        else:
            out.append(word)
    return out
