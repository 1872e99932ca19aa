"""Plain language (design.md §5): short sentences, explained words, one action a step, labels in quotes.

Knows how a sentence is written, not what it states: sources, amounts and hotlines are check.py's matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.guides import GuideFile, Line, guide_paths, read_guide_file
from assistant.text.normalize import sentences, without_marks
from assistant.text.spelling import is_spelled
from assistant.toml import read_toml

MAX_SENTENCE = 28  # words; design.md §5
MAX_MEDIAN = 18
# What is no word to understand: labels as on the screen, {{facts}}, addresses, 69/2024/NĐ-CP.
UNREAD = re.compile(r"“[^”]*”|\{\{.*?\}\}|\S+\.(?:vn|com|net|org|info)\b\S*|\S*\d\S*/\S+")
_WORD = re.compile(r"\w+(?:-\w+)*")
_ABBREVIATION = re.compile(r"[A-ZĐ]{2,}")
_LEAD = re.compile(r"^\s*(?:(?:\d+\.|-(?: [a-d]\))?)\s+|Nếu khác:\s*)?")
_STEP = re.compile(r"\d+\.\s")
_CLAUSE = re.compile(r"[,;.]\s+|\s*\b(?:rồi|sau đó|và)\s+")
# Things done to the screen, the form or the money. Looking, waiting and going somewhere are not counted; nor
# is what follows "hoặc", being another way to do the same.
_VERBS = (
    "bấm, nhấn, chạm, chọn, tích, đánh dấu, gạt, kéo, vuốt, bật, tắt, mở, vào, đăng nhập, đăng xuất, nhập,"
    " gõ, điền, viết, ghi, khai, ký, đặt, quét, áp, chụp, tải, thêm, xóa, gửi, nộp, trả, lưu, xác nhận, cài,"
    " gỡ, cập nhật, gọi"
).split(", ")
_ACTION = re.compile(rf"(?:.*\bthì )?(?:(?:bác|tự|hãy|lại) )*(?:{'|'.join(_VERBS)})\b|“", re.IGNORECASE)
_ASIDE = re.compile(r"“[^”]*”|\([^)]*\)|:\s.*")  # labels, and what is listed after a colon or in parentheses
_PRESSED = re.compile(
    r"\b(?:bấm|nhấn|chạm|chọn|tích|nút|mục|ô)\s+(?:(?:vào|nút|mục|ô|dòng|phần|tiếp)\s+)*"
    r"((?!\{)[^\W\d_]\w*(?:-\w+)*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PlainWords:
    """Words that are no Vietnamese syllables, as knowledge/glossary.toml allows them."""

    known: frozenset[str]  # lower-cased: names and words that every reader knows
    explained: Mapping[str, str]  # lower-cased word → its explanation, which must stand beside its first use
    places: tuple[str, ...]  # names that begin with a capital and are no labels: Công an, Cổng Dịch vụ công


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a guide's body with the line it stands on."""

    line: int
    text: str


def load_plain_words(path: Path) -> PlainWords:
    """Read the table `plain` of glossary.toml; raises KnowledgeError."""
    try:
        table = read_toml(path)["plain"]
        known = msgspec.convert(table["known"], list[str])
        explained = msgspec.convert(table["explained"], dict[str, str])
        places = msgspec.convert(table["places"], list[str])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        message = f"table `plain` or a key of it is missing or of another type: {error}"
        raise KnowledgeError([Problem(path, 0, message)]) from error
    return PlainWords(
        frozenset(word.lower() for word in known),
        {word.lower(): meaning for word, meaning in explained.items()},
        tuple(places),
    )


def statements(file: GuideFile) -> Iterator[Statement]:
    """Every sentence that the guide or lesson says; questions and pictures are left out."""
    for lines in file.body.values():
        for line in lines:
            for sentence in sentences(_words_of(line)):
                yield Statement(line.number, sentence)


def _words_of(line: Line) -> str:
    return "" if line.text.strip().startswith(("### ", "![")) else _LEAD.sub("", line.text)


def plain_problems(file: GuideFile, words: PlainWords) -> Iterator[Problem]:
    """Everything in a guide that an old person would stumble over."""
    said = list(statements(file))
    yield from _sentence_problems(file, said, words)
    lengths = [len(without_marks(statement.text).split()) for statement in said]
    if lengths and median(lengths) > MAX_MEDIAN:
        yield file.problem(1, f"median sentence of {median(lengths)} words, at most {MAX_MEDIAN}")
    if not any("bác" in statement.text.lower() for statement in said):
        yield file.problem(1, "the text never addresses the reader as “bác”")
    for line in file.body.get("Các bước", ()):
        if _STEP.match(line.text):
            yield from _step_problems(file, line)


def check_lessons(folder: Path, words: PlainWords) -> Iterator[Problem]:
    """The same of the lessons of a folder, which speak to officials: sentences, words and labels only."""
    for path in guide_paths(folder):
        try:
            file = read_guide_file(path)
        except KnowledgeError as error:
            yield from error.problems
            continue
        yield from _sentence_problems(file, list(statements(file)), words)


def _sentence_problems(file: GuideFile, said: Sequence[Statement], words: PlainWords) -> Iterator[Problem]:
    for statement in said:
        length = len(without_marks(statement.text).split())
        if length > MAX_SENTENCE:
            message = f"sentence of {length} words, at most {MAX_SENTENCE}: “{statement.text}”"
            yield file.problem(statement.line, message)
        if label := _bare_label(statement.text, words):
            yield file.problem(statement.line, f"put the label that begins with “{label}” in quotes “…”")
    yield from _word_problems(file, said, words)


def _bare_label(text: str, words: PlainWords) -> str | None:
    """The first word of a label that stands after "bấm", "chọn", "mục" without quotes."""
    seen = UNREAD.sub("“”", text)
    for match in _PRESSED.finditer(seen):
        place = seen.startswith(words.places, match.start(1))
        if match[1][0].isupper() and match[1].lower() not in words.known and not place:
            return match[1]
    return None


def _word_problems(file: GuideFile, said: Sequence[Statement], words: PlainWords) -> Iterator[Problem]:
    met: set[str] = set()
    for number, statement in enumerate(said):
        for word in unfamiliar_words(statement.text, words):
            if word.lower() in met:
                continue
            met.add(word.lower())
            near = said[max(number - 1, 0) : number + 2]
            if not any(_explains(other.text, word, words) for other in near):
                meaning = words.explained.get(word.lower())
                wanted = f"{word} ({meaning or '…'})" if meaning or not word.isupper() else f"… ({word})"
                message = f"“{word}” is not explained where it first stands: write “{wanted}”"
                known = "" if meaning else ", use a plainer word, or allow it in glossary.toml"
                yield file.problem(statement.line, message + known)


def unfamiliar_words(text: str, words: PlainWords) -> Iterator[str]:
    """Words of a sentence that are no Vietnamese syllables and not known to everyone; no codes."""
    for word in _WORD.findall(UNREAD.sub(" ", without_marks(text))):
        if word.lower() in words.known or any(character.isnumeric() for character in word):
            continue
        strange = len(word) > 2 and not all(is_spelled(part) for part in word.split("-"))  # "aa" are keys
        if strange or _ABBREVIATION.fullmatch(word):
            yield word


def _explains(text: str, word: str, words: PlainWords) -> bool:
    """Whether a sentence tells what a word means: "NFC (…)", "… (NFC)", "NFC, tức là …", "gọi là NFC"."""
    if (meaning := words.explained.get(word.lower())) and meaning.lower() in text.lower():
        return True
    found = re.compile(
        rf"\b{re.escape(word)}\b”?(?:\s*\[\d+\])*(?:\s+\(|,? (?:tức|nghĩa) là\b|,? tức\b)"
        rf"|\([^()]*\b{re.escape(word)}\b[^()]*\)|\bgọi (?:là|tắt là) {re.escape(word)}\b"
        rf"|^(?:\w+ )?{re.escape(word)} là\b",
        re.IGNORECASE,
    )
    return found.search(text) is not None


def _step_problems(file: GuideFile, line: Line) -> Iterator[Problem]:
    text = _words_of(line)
    if len(sentences(text)) > 2:
        yield file.problem(line.number, f"{len(sentences(text))} sentences in a step, at most 2")
    if len(found := actions(text)) > 1:
        listed = "; ".join(f"“{action}”" for action in found)
        yield file.problem(line.number, f"{len(found)} actions in a step, one is allowed: {listed}")


def actions(step: str) -> list[str]:
    """The clauses of a step that ask to do something."""
    text = without_marks(step)
    hidden = _ASIDE.sub(lambda match: match[0][0] + "_" * (len(match[0]) - 1), text)
    between = [match.span() for match in _CLAUSE.finditer(hidden)]
    starts, ends = [0, *(end for _, end in between)], [*(start for start, _ in between), len(text)]
    clauses = zip(starts, ends, strict=True)
    return [text[start:end].strip(" .") for start, end in clauses if _ACTION.match(hidden[start:end])]
