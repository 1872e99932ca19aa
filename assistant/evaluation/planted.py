"""The bench of answering/checks.py: true sentences of every guide, and the same with one planted error.

Guides fall into two halves by the hash of their id: the rules were tuned on the one only. Sentences written
by hand can be counted beside them.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assistant.answering.card import CardWriter
from assistant.answering.checks import Evidence
from assistant.datatypes import Period
from assistant.errors import EvaluationError
from assistant.evaluation.paraphrases import (
    DATE,
    FIGURE,
    TODAY,
    Said,
    digits,
    few,
    is_sayable,
    load_phrases,
    lower,
    number_in_words,
    pick,
    places,
    swapped,
    upper,
)
from assistant.pipeline import Assistant
from assistant.text.normalize import syllables

TRUE = "true"
_EACH = 20  # sentences of one kind of error for each guide
_EACH_FORM = 12  # of one form of paraphrase
_MIN_WORDS = 4  # shorter ones say nothing by themselves: "Không ạ."
_Row = TypeVar("_Row")

_RANGE = re.compile(r"(?<![\d.,/])(\d+)( đến dưới | đến |–|-)(\d+)(?= ?\w)(?![\d/.,])")
_PHONE = re.compile(r"(?<![\d.,/])(?:1[89]00 ?\d{4}|18001096|113|114|115|156|5656)(?![\d.,/])")
_LINK = re.compile(r"(?:https?://)?(?:[\w-]+\.)+(?:vn|com|net)\b")
_LAW = re.compile(r"(?:Nghị định|Thông tư|Luật|Quyết định|Nghị quyết)[\w\s]*? (\d+)(/\d{4})?(?:/[\w-]+)?")
_FORM = re.compile(r"\b(?!CMND)([A-ZĐ]{1,4}0?)(\d{1,2})([a-z]?)\b")
_LABEL = re.compile(r"“([^”]+)”")
_CASES = (
    re.compile(r"(?:Nếu |Khi )?(?P<condition>[^;:]+?) thì (?P<outcome>(?:bác )?[^;:]+)\."),
    re.compile(r"(?P<outcome>[^;:]+?),? (?:nếu|chỉ khi|trừ khi) (?P<condition>[^;:]+)\."),
)
_CASE = re.compile(r"(?:Nếu|nếu|(?<!trước )(?<!sau )khi|Khi|Ai|Người)\b[^,.;:]*|(?<![^ ])[^,.;:]+?(?= thì )")
_UNFINISHED = re.compile(r"\b(?:vì|từ|tới|đến|phòng|dùng|thì|là|và|hoặc|chỉ)$")
_ADVICE = re.compile(r"(?:Bác (?:có thể |nên )?)?(?:hỏi|gọi|nhờ|báo|nhắn|xem)\b", re.IGNORECASE)
_NOTHING = re.compile("")
_NUMBER = re.compile(r"(?<![/\d])\d[\d.]* ?(?:(?:nghìn|triệu) )?$")
_NEGATION = re.compile(r"\b(?:không|chưa|đừng|chớ|khỏi|chẳng)\b", re.IGNORECASE)
_NO_DENIAL = re.compile(
    r"không quá|hay không|không thì|không \w+ mới|(?:không|chưa|đừng)\b.* thì ", re.IGNORECASE
)
_BROKEN = re.compile(  # what nobody would say: a denial without what is denied, "mới" that is no adjective
    r"\b(?:không|khỏi|cứ|vẫn|đã)(?: cần)?(?:[.,:;]| nhé| ạ| nên| đã| thể| tự| còn\b|$)| [.,]"
    r"|^Bác cứ (?:được|nên)|^Thường là ạ|(?<!không )tốn đồng nào|chưa chưa|(?:vẫn|sẽ) đã|hay đã"
    r"|\bđã (?:thì|sẽ)|sau bạ|mức 1, mức 1|cũ (?:tính|được|có)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence for one guide. `kind` is TRUE or the error it holds; `form` how a true one was made."""

    guide: str
    kind: str
    text: str
    question: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence and the reason why it is not shown, or None."""

    sentence: Sentence
    reason: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the sentences of the guides and of each file, and milliseconds a sentence."""

    tuned: list[Verdict]
    held: list[Verdict]
    files: dict[str, list[Verdict]]
    milliseconds: float


def is_held(guide: str) -> bool:
    """Whether a guide belongs to the half that no rule was tuned on."""
    return hashlib.sha256(guide.encode()).digest()[0] % 2 == 1


def evaluate(assistant: Assistant, files: Sequence[Path] = ()) -> Report:
    """Check the sentences of every guide, and those of the files; raises EvaluationError."""
    made = made_sentences(assistant)
    written = {path.name: read_sentences(path) for path in files}
    started = time.process_time()
    verdicts = judged(*made)
    milliseconds = 1000 * (time.process_time() - started) / max(len(verdicts), 1)
    return Report(
        [verdict for verdict in verdicts if not is_held(verdict.sentence.guide)],
        [verdict for verdict in verdicts if is_held(verdict.sentence.guide)],
        {name: judged(*one) for name, one in written.items()},
        round(milliseconds, 2),
    )


def made_sentences(
    assistant: Assistant, guides: Iterable[str] | None = None
) -> tuple[dict[str, str], list[Sentence]]:
    """The text of every guide (or of those named), and true and wrong sentences about each."""
    index = assistant.searcher.index
    writer = CardWriter(index.facts, assistant.replies, TODAY, TODAY)
    phrases = load_phrases()
    labels = {
        label
        for guide in index.guides.values()
        for step in guide.steps
        for label in _LABEL.findall(step.text)
    }
    texts, found = {}, []
    for id_ in sorted(index.guides if guides is None else guides):
        said = Said(phrases, writer, index.guides[id_])
        texts[id_] = said.text
        foreign = sorted(label for label in labels if label.lower() not in said.text.lower())
        found += [*_true(said, id_), *_wrong(said, id_, [*foreign, *phrases.planted["labels"]])]
    return texts, found


def read_sentences(path: Path) -> tuple[dict[str, str], list[Sentence]]:
    """Sentences written by hand, and the guides in guides.jsonl beside them; raises EvaluationError."""
    rows = _read(path.with_name("guides.jsonl"), dict[str, str])
    return {row["guide"]: row["text"] for row in rows}, _read(path, Sentence)


def _read(path: Path, kind: type[_Row]) -> list[_Row]:
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except msgspec.DecodeError as error:
            raise EvaluationError(f"{path}:{number}: {error}") from error
    return found


def judged(texts: Mapping[str, str], found: Iterable[Sentence]) -> list[Verdict]:
    """Check each sentence against the text of its guide."""
    evidence: dict[tuple[str, str], Evidence] = {}
    verdicts = []
    for sentence in found:
        key = (sentence.guide, sentence.question)
        if key not in evidence:
            evidence[key] = Evidence(texts[sentence.guide], sentence.question)
        verdicts.append(Verdict(sentence, evidence[key].refusal(sentence.text)))
    return verdicts


def shares(verdicts: Iterable[Verdict]) -> dict[str, tuple[int, int]]:
    """How many sentences of each kind were refused, and how many there were."""
    counts: dict[str, tuple[int, int]] = {}
    for verdict in verdicts:
        refused, total = counts.get(verdict.sentence.kind, (0, 0))
        counts[verdict.sentence.kind] = refused + (verdict.reason is not None), total + 1
    return counts


def as_row(report: Report) -> dict[str, Any]:
    """The counts as JSON: refused and total of each kind."""
    files = {name: _as_counts(verdicts) for name, verdicts in report.files.items()}
    return {
        "tuned": _as_counts(report.tuned),
        "held": _as_counts(report.held),
        "files": files,
        "ms_per_sentence": report.milliseconds,
    }


def _as_counts(verdicts: Iterable[Verdict]) -> dict[str, dict[str, int]]:
    return {kind: {"refused": one, "total": total} for kind, (one, total) in shares(verdicts).items()}


def as_text(report: Report, *, failures: bool = False) -> str:
    """The share refused of each kind; with `failures` also what went wrong, but of nothing that is held."""
    tuned, held = shares(report.tuned), shares(report.held)
    lines = [f"{'refused':<26} {'tuned half':>18} {'held half':>20}"]
    for kind in tuned | held:
        lines.append(f"{kind:<26} {_share(tuned.get(kind, (0, 0)))}   {_share(held.get(kind, (0, 0)))}")
    for name, verdicts in report.files.items():
        true = [verdict.reason is not None for verdict in verdicts if verdict.sentence.kind == TRUE]
        wrong = [verdict.reason is not None for verdict in verdicts if verdict.sentence.kind != TRUE]
        for what, some in (("true", true), ("wrong", wrong)):
            lines.append(f"{f'{name}: {what}':<26} {_share((sum(some), len(some)))}")
    lines.append(f"{report.milliseconds} ms a sentence")
    seen = [
        report.tuned,
        *(verdicts for name, verdicts in report.files.items() if not name.startswith("held")),
    ]
    for verdict in (verdict for verdicts in seen for verdict in verdicts if failures):
        one = verdict.sentence
        if (verdict.reason is not None) == (one.kind == TRUE):
            lines.append(f"    {one.kind} | {one.guide} | {one.text} | {verdict.reason or 'shown'}")
    return "\n".join(lines)


def _share(count: tuple[int, int]) -> str:
    refused, total = count
    return f"{100 * refused / total:6.1f} % {refused:>4}/{total:<5}" if total else f"{'–':>19}"


def _true(said: Said, guide: str) -> Iterator[Sentence]:
    """The guide's own sentences, its rows in words, and some paraphrases of each form."""
    forms: dict[str, list[str]] = {"own": list(said.own), "row": list(said.rows)}
    for form, text in said.paraphrases():
        forms.setdefault(form, []).append(text)
    for form, texts in forms.items():
        whole = [text for text in texts if len(syllables(text)) >= _MIN_WORDS]
        for text in whole if form in ("own", "row") else few(whole, _EACH_FORM, guide):
            yield Sentence(guide, TRUE, text, form=form)


def _wrong(said: Said, guide: str, foreign: Sequence[str]) -> Iterator[Sentence]:
    """True sentences with one planted error each, some of each kind. `foreign` are labels of other guides."""
    sources = [*said.own, *said.rows]
    told = {tuple(syllables(text)) for text in sources}
    kinds = {kind: [text for one in sources for text in plant(said, one)] for kind, plant in _ERRORS.items()}
    for kind, texts in (kinds | _made_whole(said, foreign)).items():
        whole = (
            text
            for text in texts
            if len(syllables(text)) >= _MIN_WORDS and tuple(syllables(text)) not in told
        )
        for text in few(whole, _EACH, guide + kind):
            yield Sentence(guide, kind, text)
    for text in said.phrases.planted["copied"][:_EACH]:
        yield Sentence(guide, "copied from the question", text, f"{said.guide.questions[0]} {text}")


def _made_whole(said: Said, foreign: Sequence[str]) -> dict[str, Iterable[str]]:
    """Wrong sentences that are no true ones changed in one place."""
    planted = said.phrases.planted
    labels = [
        sentence.replace(label, pick(foreign, sentence))
        for sentence in said.own
        for label in _LABEL.findall(sentence)
    ]
    return {
        "label": labels,
        "invented phone": [
            f.format(phone=phone) for f in planted["phone_sentences"] for phone in planted["phones"]
        ],
        "invented link": [
            f.format(link=link) for f in planted["link_sentences"] for link in planted["links"]
        ],
        "fee or time of another case": _of_another_case(said),
        "secret asked for": planted["secrets"],
        "foreign sentence": planted["foreign_sentences"],
    }


def _of_another_case(said: Said) -> Iterator[str]:
    """The fee or time of one case told for another, where the two differ."""
    fees = [fee for fee in said.card.fees if fee.purpose]
    told = {(fee.purpose, fee.channel, fee.amount) for fee in fees}
    for fee in fees:
        when = said.when(fee.channel, fee.condition, Period(fee.starts, fee.ends))
        for amount in (other.amount for other in fees if other.amount[0].isdigit()):
            if (fee.purpose, fee.channel, amount) not in told:
                yield from said.fee(fee.purpose or "", amount, when)
    times = [row for row in said.guide.time_limits if row.purpose and row.period.covers(TODAY)]
    for row in times:
        for other in times:
            if digits(row.text) != digits(other.text) and row.purpose != other.purpose:
                yield from said.time(row.purpose or "", other.text, "")


# Errors planted in one sentence


def _digit(_: Said, sentence: str) -> Iterator[str]:
    for match in FIGURE.finditer(sentence):
        for other in _other_numbers(match[1]):
            if int(other.replace(".", "")) != int(match[1].replace(".", "")):
                yield sentence[: match.start(1)] + other + sentence[match.end(1) :]


def _other_numbers(number: str) -> Iterator[str]:
    """One digit changed, one more at the end or at the beginning, a nought more."""
    first = next((at for at, digit in enumerate(number) if digit in "123456789"), 0)
    yield number[:first] + str(int(number[first]) % 9 + 1) + number[first + 1 :]
    if "." not in number:
        yield number.lstrip("0") + "5"
        yield "1" + number.lstrip("0")
    elif number.count(".") == 1 and len(number) < 7:
        yield number.replace(".", "0.")


def _number_word(said: Said, sentence: str) -> Iterator[str]:
    unchanged = {match[1] for match in FIGURE.finditer(sentence)}
    for text in _digit(said, sentence):
        for match in FIGURE.finditer(text):
            number = int(match[1].replace(".", ""))
            is_some = number == 1 and text.startswith(" số", match.end(1))  # "một số"
            if match[1] not in unchanged and is_sayable(number) and not is_some:
                yield text[: match.start(1)] + number_in_words(number) + text[match.end(1) :]


def _date(_: Said, sentence: str) -> Iterator[str]:
    for match in DATE.finditer(sentence):
        day, month, year = match.groups()
        for other in (
            f"{int(day) % 28 + 1}/{month}/{year}",
            f"{day}/{int(month) % 12 + 1}/{year}",
            f"{day}/{month}/{int(year) + 1}",
        ):
            yield sentence[: match.start()] + other + sentence[match.end() :]


def _range_end(_: Said, sentence: str) -> Iterator[str]:
    for match in _RANGE.finditer(sentence):
        low, between, high = match.groups()
        for other in (f"{low}{between}{int(high) + 5}", f"{int(low) + 1}{between}{high}"):
            yield sentence[: match.start()] + other + sentence[match.end() :]


def _phone(_: Said, sentence: str) -> Iterator[str]:
    for match in _PHONE.finditer(sentence):
        for at in (match.end() - 1, match.end() - 2):
            yield sentence[:at] + str((int(sentence[at]) + 3) % 10) + sentence[at + 1 :]


def _link(_: Said, sentence: str) -> Iterator[str]:
    for match in _LINK.finditer(sentence):
        for old, new in (
            (".gov.vn", ".com.vn"),
            (".gov.vn", ".vn"),
            (".gov", "-gov"),
            ("gov.vn", "gov.vn.com"),
        ):
            if old in match[0]:
                yield sentence[: match.start()] + match[0].replace(old, new) + sentence[match.end() :]


def _law(_: Said, sentence: str) -> Iterator[str]:
    for match in _LAW.finditer(sentence) if not DATE.search(sentence) else ():
        yield sentence[: match.start(1)] + str(int(match[1]) + 3) + sentence[match.end(1) :]
        if match[2]:
            yield sentence[: match.start(2)] + f"/{int(match[2][1:]) - 1}" + sentence[match.end(2) :]


def _form(_: Said, sentence: str) -> Iterator[str]:
    for match in _FORM.finditer(sentence):
        letters, number, suffix = match.groups()
        yield f"{sentence[: match.start()]}{letters}{int(number) + 1}{suffix}{sentence[match.end() :]}"
        if letters.endswith("0"):
            other = "TK0" if letters != "TK0" else "CT0"
            yield f"{sentence[: match.start()]}{other}{number}{suffix}{sentence[match.end() :]}"


def _condition_dropped(said: Said, sentence: str) -> Iterator[str]:
    """What holds in one case only, told without the case.

    Nothing that the guide also tells so, and no advice to ask somebody, which is good in any case.
    """
    for case in _CASES if sentence in said.own or sentence in said.fees_by_case else ():
        match = case.fullmatch(sentence)
        if match and len(match["outcome"].split()) >= _MIN_WORDS:
            outcome = upper(match["outcome"])
            harmless = said.also_says(outcome, sentence) or said.is_plain(match["condition"], outcome)
            if not harmless and not _ADVICE.match(outcome) and not _UNFINISHED.search(outcome):
                yield f"{outcome}."


def _condition_changed(said: Said, sentence: str) -> Iterator[str]:
    for match in _CASE.finditer(sentence):
        for old, new in said.phrases.planted["condition"]:
            for changed in swapped(match[0], old, new):
                text = sentence[: match.start()] + changed + sentence[match.end() :]
                if not _BROKEN.search(text):
                    yield text


def _swap(name: str, after: re.Pattern[str] = _NOTHING) -> Callable[[Said, str], Iterator[str]]:
    """Phrases changed as planted.toml tells, only behind the pattern `after`."""

    def plant(said: Said, sentence: str) -> Iterator[str]:
        for old, new in said.phrases.planted[name]:
            for match in places(sentence, old):
                before = sentence[: match.start()]
                text = " ".join(f"{before}{new}{sentence[match.end() :]}".split())
                if (after.search(before) or old.startswith("mỗi")) and not _BROKEN.search(text):
                    yield text

    return plant


def _negation_added(said: Said, sentence: str) -> Iterator[str]:
    if not _NEGATION.search(sentence):
        yield from _swap("negation_added")(said, sentence)
        if re.fullmatch(r"[^.,]+\.", sentence) and sentence in said.steps:
            for word in ("không cần", "đừng", "khỏi"):
                yield f"Bác {word} {lower(sentence)}"


def _negation_removed(said: Said, sentence: str) -> Iterator[str]:
    if len(_NEGATION.findall(sentence)) == 1 and not _NO_DENIAL.search(sentence):
        yield from _swap("negation_removed")(said, sentence)


_ERRORS: Mapping[str, Callable[[Said, str], Iterator[str]]] = {
    "digit": _digit,
    "number word": _number_word,
    "range end": _range_end,
    "unit": _swap("unit", _NUMBER),
    "currency": _swap("currency", _NUMBER),
    "duration": _swap("duration", _NUMBER),
    "date": _date,
    "phone": _phone,
    "link": _link,
    "law number": _law,
    "form code": _form,
    "negation added": _negation_added,
    "negation removed": _negation_removed,
    "condition dropped": _condition_dropped,
    "condition changed": _condition_changed,
    "channel": _swap("channel"),
    "level of the place": _swap("place"),
    "agency": _swap("agency"),
    "foreign words": _swap("foreign"),
}
