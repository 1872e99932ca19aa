"""True sentences about a guide: its own, its rows in words, and plain paraphrases of both.

Made by code from planted.toml, the same on every run; a paraphrase says the same by how it is made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from assistant.answering.card import CardWriter, Told, day_in_words
from assistant.datatypes import Card, Guide, Intent, Period
from assistant.text.normalize import sentences, syllables, without_marks
from assistant.toml import read_toml

TODAY = date(2026, 12, 1)  # the day the cards are written for
FIGURE = re.compile(
    r"(?<![\d.,/\w–-])(\d{1,3}(?:\.\d{3})+|\d{1,3})(?= ?(?:đồng|ngày|giờ|tháng|năm|tuổi|%|bản|ký tự|lần"
    r"|người|loại|trang|phút|tuần|số|triệu|tỷ|nghìn|m²|cm|thủ tục)\b)"
)
DATE = re.compile(r"(?<![\d/.])(\d{1,2})/(\d{1,2})/(\d{4})(?![\d/])")
_FREELY = frozenset(syllables("bác thì là và hoặc ở tại đến cho rồi có không chưa nếu"))
_CONDITIONAL = frozenset(syllables("nếu khi thì ai chỉ trừ"))
_NAMES = frozenset(
    syllables("công cổng zalo facebook phòng bộ sở luật nghị quyết việt hà đà app google android")
)
_ONES = "không một hai ba bốn năm sáu bảy tám chín".split()
_IF = re.compile(r"(?:Nếu |Khi )?([^,:;]+?) thì ([^;:]+)\.")
_IF_LAST = re.compile(r"([^,:;]+?),? (?:nếu|khi) ([^,:;]+)\.")
_BECAUSE = re.compile(r"([^:;]+?), vì ([^,:;]+)\.")
_EITHER = re.compile(r"(.*?)(\w+ \w+) hoặc (\w+ \w+)\.")
_THOUSANDS = re.compile(r"(?<![\d.])(\d{1,3})\.000(?= đồng)")
_NOUGHT = re.compile(r"\b0(\d)(?= (?:ngày|giờ|năm|tháng|lần))")
_EXTRAS = (  # a reason, what stands in brackets and is no condition, an explanation, the second thing to do
    re.compile(r", vì [^,;:]+(?=\.$)"),
    re.compile(r" \((?!(?:chỉ|khi|nếu|người|nhà|để)\b)[^)]*\)"),
    re.compile(r", tức [^,.;]+"),
    re.compile(r",? rồi (?!mới)[^,;:]+(?=\.$)"),
)


class Phrases(msgspec.Struct, frozen=True):
    """planted.toml."""

    paraphrase: dict[str, Any]
    planted: dict[str, Any]


def load_phrases() -> Phrases:
    """What sentences are made from; raises KnowledgeError."""
    return msgspec.convert(read_toml(Path(__file__).with_name("planted.toml")), Phrases)


@dataclass(frozen=True)
class Said:
    """What is said about one guide."""

    phrases: Phrases
    writer: CardWriter
    guide: Guide

    @cached_property
    def card(self) -> Card:
        """The card with every answer of the guide."""
        told = Told(also=tuple(quick.question for quick in self.guide.quick_answers))
        return self.writer.write(self.guide, Intent.GENERAL, told=told)[0]

    @cached_property
    def text(self) -> str:
        """All that the guide says, as the model reads it."""
        return without_marks(self.writer.whole_text(self.guide))

    @cached_property
    def own(self) -> dict[str, None]:
        """The sentences of the guide as they stand."""
        card = self.card
        texts = [card.summary, *card.cautions, *(quick.answer for quick in card.quick)]
        texts += [self.writer.plain(text) for text in self.guide.preparation]
        for step in card.steps:
            texts += [step.text, *([step.otherwise] if step.otherwise else [])]
        return dict.fromkeys(without_marks(sentence) for text in texts for sentence in sentences(text))

    @cached_property
    def steps(self) -> dict[str, None]:
        """The steps, each as it stands."""
        return dict.fromkeys(without_marks(step.text) for step in self.card.steps)

    @cached_property
    def fees(self) -> dict[str, None]:
        """Fees in words."""
        return dict.fromkeys(self._fees())

    @cached_property
    def rows(self) -> dict[str, None]:
        """Fees, times, places, papers and contacts in words."""
        return self.fees | dict.fromkeys(self._other_rows())

    @cached_property
    def fees_by_case(self) -> dict[str, None]:
        """Fees in words where leaving out the channel or the condition leaves out something."""
        cases = [fee.purpose or "" for fee in self.card.fees]
        alone = {
            fee.purpose for fee in self.card.fees if cases.count(fee.purpose or "") == 1 and not fee.condition
        }
        named = [name for case in alone if case for name in (case, lower(case))]
        return {row: None for row in self.fees if not any(name in row for name in named)}

    def paraphrases(self) -> Iterator[tuple[str, str]]:
        """Forms of paraphrase, each with what it makes of a sentence or row of the guide."""
        for form, make in _FORMS.items():
            for sentence in [*self.own, *self.rows]:
                yield from ((form, text) for text in make(self, sentence))
        yield from (("joined", text) for text in self._joined())

    def fee(self, purpose: str, amount: str, when: str) -> Iterator[str]:
        """A fee in words; one that is no number in the plainest only."""
        forms = self.phrases.paraphrase["fee"]["free" if amount.startswith("0 ") else "plain"]
        for form in forms if amount[0].isdigit() else forms[:2]:
            yield filled(form, purpose=purpose, amount=amount, when=when)

    def time(self, purpose: str, text: str, when: str) -> Iterator[str]:
        """A time limit in words; one that is no number in the plainest only."""
        forms = self.phrases.paraphrase["time"]["purpose" if purpose else "alone"]
        for form in forms if digits(text) else forms[:2]:
            yield filled(form, purpose=purpose, text=text, when=when)

    def when(self, channel: str | None, condition: str | None, period: Period) -> str:
        """On which channel and condition, and until when, in words."""
        said = self.phrases.paraphrase["fee"]
        parts = [pick(said[channel], self.guide.document.id)] if channel else []
        if condition:
            parts.append(pick(said["condition"], condition).format(condition=condition))
        if period.ends:
            form = pick(said["between" if period.starts else "until"], condition or "")
            start = day_in_words(period.starts) if period.starts else ""
            parts.append(form.format(start=start, end=day_in_words(period.ends)))
        return "".join(f", {part}" if at else f" {part}" for at, part in enumerate(parts))

    def also_says(self, outcome: str, sentence: str) -> bool:
        """Whether another sentence of the guide holds nearly all words of the outcome, on no condition."""
        words = {word for word in syllables(outcome) if word not in _FREELY}
        others = (
            set(syllables(other)) for other in [*self.own, *self.rows, self.card.title] if other != sentence
        )
        return any(not said & _CONDITIONAL and len(words & said) >= 0.7 * len(words) for said in others)

    def is_plain(self, condition: str, outcome: str) -> bool:
        """Whether the case need not be told: the title or the outcome names it, or it is "nếu có"."""
        words = {word for word in syllables(condition) if word not in _FREELY}
        told = set(syllables(self.card.title)), set(syllables(outcome))
        return len(words) < 2 or any(len(words & said) >= 0.5 * len(words) for said in told)

    def _fees(self) -> Iterator[str]:
        for fee in self.card.fees:
            if fee.purpose and not fee.purpose[0].isdigit():
                when = self.when(fee.channel, fee.condition, Period(fee.starts, fee.ends))
                yield from self.fee(fee.purpose, fee.amount, when)

    def _other_rows(self) -> Iterator[str]:
        said = self.phrases.paraphrase
        for row in self.guide.time_limits:
            if row.period.covers(TODAY):
                when = self.when(row.channel, row.condition, row.period)
                yield from self.time(row.purpose or "", row.text, when)
        for row in self.guide.places:
            for form in said["place"].get("purpose" if row.purpose else row.channel or "", []):
                yield filled(form, purpose=row.purpose or "", text=row.text)
        for paper in self.guide.papers:
            kind = "note" if paper.note else "count" if paper.count else "plain"
            for form in said["paper"][kind] if ":" not in paper.name else ():
                yield filled(form, name=paper.name, count=str(paper.count), note=paper.note or "")
        for contact in self.guide.contacts:
            shown = self.writer.facts.contacts[contact]
            for form in said["contact"].get(shown.kind, []):
                yield filled(form, name=shown.name.split(" (")[0], value=shown.value)

    def _joined(self) -> Iterator[str]:
        steps = [step for step in self.steps if len(sentences(step)) == 1 and "," not in step]
        for first, second in pairwise(steps):
            for form in self.phrases.paraphrase["joined"]:
                yield form.format(first=lower(first).rstrip("."), second=lower(second).rstrip("."))


# Forms of paraphrase


def _opened(said: Said, sentence: str) -> Iterator[str]:
    for form in said.phrases.paraphrase["opened"]:
        yield form.format(rest=lower(sentence))


def _closed(said: Said, sentence: str) -> Iterator[str]:
    if sentence.endswith(".") and not sentence.endswith(("ạ.", "nhé.")):
        for form in said.phrases.paraphrase["closed"]:
            yield form.format(start=sentence[:-1], end=".")


def _as_step(said: Said, sentence: str) -> Iterator[str]:
    if sentence in said.steps:
        for form in said.phrases.paraphrase["step"]:
            yield form.format(rest=lower(sentence))


def _synonym(said: Said, sentence: str) -> Iterator[str]:
    for old, new in said.phrases.paraphrase["synonyms"]:
        yield from swapped(sentence, old, new)


def _reordered(said: Said, sentence: str) -> Iterator[str]:
    forms = said.phrases.paraphrase
    if sentence not in said.own:
        return
    if (match := _IF.fullmatch(sentence)) and not re.match(r"(?:Ai|Người|Mỗi)\b", match[1]):
        for form in forms["condition_last"]:
            yield form.format(condition=lower(match[1]), outcome=upper(match[2]))
    if match := _IF_LAST.fullmatch(sentence):
        for form in forms["condition_first"]:
            yield form.format(condition=match[2], outcome=lower(match[1]))
    if match := _BECAUSE.fullmatch(sentence):
        for form in forms["reason_first"]:
            yield form.format(reason=match[2], outcome=lower(match[1]))
    if match := _EITHER.fullmatch(sentence):
        yield f"{match[1]}{match[3]} hoặc {match[2]}."


def _in_words(_: Said, sentence: str) -> Iterator[str]:
    """Digits as words: "07 ngày" → "bảy ngày", "20.000 đồng" → "hai mươi nghìn đồng"."""
    for match in FIGURE.finditer(sentence):
        number = int(match[1].replace(".", ""))
        if is_sayable(number) and not is_quoted(sentence, match.start()):
            yield sentence[: match.start(1)] + number_in_words(number) + sentence[match.end(1) :]


def _in_digits(_: Said, sentence: str) -> Iterator[str]:
    """Other ways to write the same figures: "50000 đồng", "50 nghìn đồng", "7 ngày", dates in words."""
    for match in _THOUSANDS.finditer(sentence):
        yield f"{sentence[: match.start()]}{match[1]} nghìn{sentence[match.end() :]}"
        yield f"{sentence[: match.start()]}{match[1]}000{sentence[match.end() :]}"
    for match in _NOUGHT.finditer(sentence):
        yield sentence[: match.start()] + match[1] + sentence[match.end() :]
    for match in DATE.finditer(sentence):
        day, month, year = match.groups()
        before = sentence[: match.start()].removesuffix("ngày ")
        yield f"{before}ngày {int(day)} tháng {int(month)} năm {year}{sentence[match.end() :]}"
        yield f"{sentence[: match.start()]}{day}-{month}-{year}{sentence[match.end() :]}"


def _shortened(_: Said, sentence: str) -> Iterator[str]:
    yield from (text for extra in _EXTRAS if (text := extra.sub("", sentence)) != sentence)


_FORMS: Mapping[str, Callable[[Said, str], Iterator[str]]] = {
    "opened": _opened,
    "closed": _closed,
    "step": _as_step,
    "synonym": _synonym,
    "reordered": _reordered,
    "number words": _in_words,
    "other digits": _in_digits,
    "shortened": _shortened,
}


# Words put together


def places(sentence: str, phrase: str) -> Iterator[re.Match[str]]:
    """Where a phrase stands as whole words, outside quotes and links."""
    for match in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", sentence):
        if not is_quoted(sentence, match.start()):
            yield match


def is_quoted(sentence: str, at: int) -> bool:
    """Whether this place stands in quotes or in a link."""
    before = sentence[:at]
    return before.count("“") > before.count("”") or "http" in before.rpartition(" ")[2]


def swapped(sentence: str, old: str, new: str) -> Iterator[str]:
    """The sentence with one phrase put for another, at each place where it stands."""
    for match in places(sentence, old):
        yield " ".join(f"{sentence[: match.start()]}{new}{sentence[match.end() :]}".split())


def filled(form: str, **values: str) -> str:
    """A form with {name} filled in as inside a sentence, and {Name} as at its beginning."""
    inside = {name: lower(value) for name, value in values.items()}
    first = {name.capitalize(): upper(value) for name, value in values.items()}
    return form.format(**inside, **first)


def lower(text: str) -> str:
    """As inside a sentence; names and abbreviations keep their capital."""
    first = text.split(" ", 1)[0]
    named = first.lower() in _NAMES or first[1:] != first[1:].lower()
    return text if named else text[:1].lower() + text[1:]


def upper(text: str) -> str:
    """As at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def digits(text: str) -> list[str]:
    """The numbers of a text, without noughts before them."""
    return [number.lstrip("0") for number in re.findall(r"\d+", text)]


def is_sayable(number: int) -> bool:
    """Whether `number_in_words` says a number as people do."""
    return 0 < number < 1000 or (number % 1000 == 0 and 0 < number < 10**9)


def number_in_words(number: int) -> str:
    """A number below a milliard as Vietnamese says it: 25 → "hai mươi lăm"."""
    for size, name in ((10**6, "triệu"), (1000, "nghìn")):
        if number >= size:
            rest = number % size
            return f"{number_in_words(number // size)} {name}" + (f" {number_in_words(rest)}" if rest else "")
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    words = [_ONES[hundreds], "trăm"] if hundreds else []
    if tens:
        words += ["mười"] if tens == 1 else [_ONES[tens], "mươi"]
    elif hundreds and ones:
        words.append("linh")
    if ones or not words:
        last = {1: "mốt" if tens > 1 else "một", 5: "lăm" if tens else "năm"}
        words.append(last.get(ones, _ONES[ones]))
    return " ".join(words)


# Choices, the same on every run


def pick(options: Sequence[str], seed: str) -> str:
    """One of the options, the same for the same seed."""
    return options[_number(seed) % len(options)]


def few(texts: Iterable[str], count: int, seed: str) -> list[str]:
    """At most so many of the texts, the same for the same seed."""
    return sorted(dict.fromkeys(texts), key=lambda text: _number(seed + text))[:count]


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big")
