"""Guard: personal numbers masked before anything else sees them, and the rules of prompts/safety.toml.

Knows no guides; a rule names the guide whose card goes with its reply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assistant.datatypes import Status
from assistant.errors import KnowledgeError, Problem
from assistant.text.dialect import Phrase, mentioned, phrase_of
from assistant.text.normalize import fold, syllables
from assistant.toml import read_toml

_GAP = r"(?:[ .,\-\u00a0_\u2013\u2014*()·]{0,3}|/)"
_SECRET = (
    r"(?:otp|o[ -]?te[ -]?pe|[o0][. -]t[. -]p|0tp|pass\s?code|pass\s?word|mat\s?khau"
    r"|(?:ma|so)?\s?pin|cvv|cvc|ma\s?(?:kich hoat|dang nhap)|mat\s?ma|so bi mat"
    r"|ma\s?xac\s?(?:thuc|nhan|minh)|ma\s?6\s?so"
    r"|ma\s+(?:so\s+)?(?:vua|moi)\s+(?:ve|gui))"
)
_NOT_A_YEAR = r"(?!(?:19|20)\d\d(?!\d))"
_NOT_A_SECRET = r"(?![\d/.,]*\d)(?!\s*(?:so|ky tu|dong|ngay|nghin|trieu|tuoi))"
_NOT_MONEY = r"(?!\s*(?:dong|nghin|ngan|trieu|ty|vnd|d|k)\b)"
# On folded text: kind and pattern, the most telling first. Group 1, where there is one, is the number.
_NUMBERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
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
    ("phone", re.compile(rf"(?<![\d.,/-])(?:(?:\+|00)?84{_GAP}|0|o)[35789](?:{_GAP}\d){{8}}(?![\d/])")),
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
_SPELLED = 6  # digits said in words make a number from here


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
class SafetyRules:
    """prompts/safety.toml."""

    mask: str
    sure: float  # likelihood of all dangerous acts together from which the likeliest is answered
    perhaps: float  # from this one a warning rides on the answer
    words: Mapping[str, tuple[Phrase, ...]]
    rules: tuple[Rule, ...]
    notices: tuple[Rule, ...]

    def vocabulary(self) -> list[str]:
        """Every syllable of the rules, for the repair of typing."""
        return [word for phrases in self.words.values() for phrase in phrases for word in phrase]

    def warning(self, words: Sequence[str], masked: frozenset[str], acts: Mapping[str, float]) -> Rule | None:
        """The first rule that holds for the question, or that of its act: safety is answered first."""
        told = next((rule for rule in self.rules if self._holds(rule, words, masked)), None)
        if told is not None:
            return told
        dangers = [rule for rule in self.rules if rule.act is not None]
        if self._danger(acts) < self.sure:
            return None
        return max(dangers, key=lambda rule: acts.get(rule.act or "", 0.0))

    def _danger(self, acts: Mapping[str, float]) -> float:
        """The likelihood of all dangerous acts together."""
        return sum(acts.get(rule.act, 0.0) for rule in self.rules if rule.act is not None)

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
        return SafetyRules(
            str(tables["mask"]), float(tables["sure"]), float(tables["perhaps"]), words, rules, notices
        )
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise KnowledgeError([Problem(path, 0, f"missing or of another type: {error}")]) from error


def mask(text: str, sign: str) -> tuple[str, frozenset[str]]:
    """The text with personal numbers replaced by `sign`, and the kinds that were found.

    Kinds: id, phone, card, account, email, code. Amounts, dates, law numbers, hotlines and file numbers
    stay. Measured on the studies' 2,000 made-up strings (reference/security-and-text.md A2).
    """
    kinds: set[str] = set()
    text = _spelled_out(text)
    folded = _same_length_fold(text)
    public = [match.span() for match in _PUBLIC.finditer(folded)]
    spans: list[tuple[int, int]] = []
    for kind, pattern in _NUMBERS:
        for match in pattern.finditer(folded):
            start, end = match.span(1) if pattern.groups else match.span()
            if any(start < b and a < end for a, b in public + spans):
                continue
            spans.append((start, end))
            kinds.add(kind)
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + sign + text[end:]
    return text, frozenset(kinds)


def _same_length_fold(text: str) -> str:
    """Folded text whose characters stand where they stood, full-width digits as digits."""
    out = []
    for character in text:
        bare = str(int(character)) if character.isdigit() and character.isdecimal() else fold(character)
        out.append(bare if len(bare) == 1 else character)
    return "".join(out)


def _spelled_out(text: str) -> str:
    """Runs of six or more digits said in words, as digits: "không chín một hai …"."""
    words = text.split(" ")
    runs: list[str] = []
    out: list[str] = []
    for word in [*words, ""]:
        digit = _DIGIT_WORDS.get(word.lower().strip(",."))
        if digit is not None:
            runs.append(word)
            continue
        if len(runs) >= _SPELLED:
            out.append("".join(_DIGIT_WORDS[run.lower().strip(",.")] for run in runs))
        else:
            out.extend(runs)
        runs = []
        out.append(word)
    return " ".join(out[:-1])


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
