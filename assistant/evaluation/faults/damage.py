"""Every kind of file cut short, with a bit flipped, a tail of zeros, emptied, a folder instead, unreadable.

An unreadable file is a link to /proc/self/mem: it opens, and reading it is an input/output error as on a bad
spot of a disk, for everybody. What follows is told by the program itself: an answer with its card, or an
error in a sentence; a traceback is a fault.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assistant.evaluation.faults.chores import (
    Chore,
    Ended,
    embed,
    note,
    read_journal,
    read_notice,
    write_words,
)
from assistant.evaluation.faults.ground import Ground, Row, copied, strays
from assistant.knowledge.overlay import NAME
from assistant.retrieval.index import current_folder

Progress = Callable[[str], None]
Judge = Callable[[Ended], str]  # "answered", "told" or what is wrong


def cut(path: Path) -> None:
    """Half of it is left."""
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """One bit in the middle; the upper one, so that text is no longer UTF-8."""
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 0x80
    path.write_bytes(content)


def flip_low(path: Path) -> None:
    """One bit in the middle; the lowest one, so that a figure is another figure."""
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)


def zero_tail(path: Path) -> None:
    """The last third is zeros, as after a power cut."""
    size = path.stat().st_size
    os.truncate(path, size - size // 3)
    os.truncate(path, size)


def empty(path: Path) -> None:
    """Nothing is left."""
    os.truncate(path, 0)


def folder_instead(path: Path) -> None:
    """A folder of its name."""
    path.unlink()
    path.mkdir()


def unreadable(path: Path) -> None:
    """Reading it is an input/output error."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


WAYS = (cut, flip, flip_low, zero_tail, empty, folder_instead, unreadable)
_SHORT, _FEW = (flip, unreadable), 1  # ways, and files of a kind, of a short run


@dataclass(frozen=True, slots=True)
class Kind:
    """Files that are damaged, each alone and in every way, and what is done then."""

    name: str
    before: Path  # the folder they lie in, as it was
    files: Callable[[Path], list[Path]]
    chore: Callable[[Path], Chore]
    judge: Judge
    allowed: frozenset[str] = frozenset({"answered"})
    left: str = ""


def rows(ground: Ground, progress: Progress) -> Iterator[Row]:
    """Every kind of file."""
    for kind in _kinds(ground):
        yield _damaged(ground, kind, progress)


def _damaged(ground: Ground, kind: Kind, progress: Progress) -> Row:
    folder = ground.folder / "run"
    counts: Counter[str] = Counter()
    sentences: dict[str, None] = {}
    worst, left = 0.0, 0
    names = [path.relative_to(kind.before) for path in kind.files(kind.before)]
    for name in names[:: max(1, len(names) // _FEW)] if ground.short else names:
        for way in _SHORT if ground.short else WAYS:
            progress(f"{kind.name}: {name}, {way.__name__}")
            copied(kind.before, folder)
            way(folder / name)
            ended = ground.nursery.run(kind.chore(folder))
            found = "crashed" if ended.crashed else kind.judge(ended)
            if found not in kind.allowed:
                found = f"{found} ({name}, {way.__name__}: {ended.last_words[:200]})"
            elif found == "told":
                sentences[ended.errors.strip().partition("\n")[0]] = None
            counts[found] += 1
            worst = max(worst, ended.seconds)
            left = max(left, len(strays(folder)))
    seen = ", ".join(f"{count} {found}" for found, count in sorted(counts.items()))
    seen += "".join(f"; {sentence}" for sentence in list(sentences)[:1])
    on_disk = f"{left} hidden files" if left else kind.left or "nothing"
    well = set(counts) <= kind.allowed and bool(counts)
    return Row(f"damaged: {kind.name}", counts.total(), seen, on_disk, round(worst, 1), well)


# What is damaged


_EITHER = frozenset({"answered", "told"})


def _kinds(ground: Ground) -> Iterator[Kind]:
    answers = partial(_answers, ground)
    yield Kind(
        "index",
        ground.data,
        lambda data: _in(current_folder(data / "index")) + [data / "index" / "CURRENT"],
        ground.ask,
        answers,
        left="the damaged generation, until the next build",
    )
    yield Kind("guide", ground.home, _guides, partial(_asked_of, ground), answers)
    ward = copied(ground.data, ground.folder / "ward")
    shutil.copy(ground.home / "knowledge" / NAME, ward / "local" / NAME)
    yield Kind("the ward's contacts", ward, lambda data: [data / "local" / NAME], ground.ask, answers)
    yield Kind("document, what it is, what was read", ward, _officials, ground.ask, answers)
    (ward / "assistant.toml").write_text('[journal]\non = false\n\n[models]\npath = ""\n', "utf-8")
    yield Kind("assistant.toml", ward, lambda data: [data / "assistant.toml"], ground.ask, answers, _EITHER)
    if ground.short:
        return
    yield Kind("prompts", ground.home, _prompts, partial(_asked_of, ground), answers, _EITHER)
    yield Kind("shared facts, words", ground.home, _shared, partial(_asked_of, ground), answers)
    yield from _small(ground)
    if ground.model is not None:
        yield from _of_the_model(ground, ground.model)


def _in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _guides(home: Path) -> list[Path]:
    return sorted((home / "knowledge" / "guides").rglob("*.md"))[:2]


def _shared(home: Path) -> list[Path]:
    return [home / "knowledge" / name for name in ("facts.toml", "contacts.toml", "glossary.toml")]


def _prompts(home: Path) -> list[Path]:
    return [home / "prompts" / name for name in ("safety.toml", "replies.toml", "ui.toml", "answer.md")]


def _officials(data: Path) -> list[Path]:
    return [*_in(data / "local" / "official"), *_in(data / "documents")]


def _asked_of(ground: Ground, home: Path) -> Chore:
    return ground.ask(ground.fresh("data-of-it"), home)


def _answers(ground: Ground, ended: Ended) -> str:
    """Whether the question got its card, or a sentence and a reason."""
    if ended.status == 0:
        answer = json.loads(ended.out)
        cited = {citation["document_id"] for citation in answer["citations"]}
        return "answered" if answer["card"] and ground.document in cited else f"another answer: {cited}"
    return _told(ended)


def _told(ended: Ended) -> str:
    return "told" if ended.status == 1 and "Error: " in ended.errors else f"exit code {ended.status}"


def _small(ground: Ground) -> Iterator[Kind]:
    """Files that no answer rests on."""
    before = ground.folder / "before-small"
    before.mkdir()
    (before / "notice.txt").write_text("closed", "utf-8")
    embed(str(before / "vectors"))
    note(str(before / "journal" / "journal.sqlite"), "a", "b")

    def journal(data: Path) -> list[Path]:
        return [data / "journal" / "journal.sqlite"]

    def read(ended: Ended) -> str:
        return "answered" if ended.status == 0 else _told(ended)

    yield Kind(
        "journal, read by a maintainer",
        before,
        journal,
        lambda data: Chore(read_journal.__name__, [str(journal(data)[0])]),
        read,
        _EITHER,
    )
    yield Kind(
        "journal, written meanwhile",
        before,
        journal,
        lambda data: Chore(note.__name__, [str(journal(data)[0]), "c"]),
        read,
        left="the damaged file, which is told of",
    )
    yield Kind(
        "notice: it stays switched off",
        before,
        lambda data: [data / "notice.txt"],
        lambda data: Chore(read_notice.__name__, [str(data / "notice.txt")]),
        lambda ended: "answered" if ended.out.startswith("off") else f"switched on {_told(ended)}",
    )
    yield Kind(
        "vectors: made anew",
        before,
        lambda data: _in(data / "vectors"),
        lambda data: Chore(embed.__name__, [str(data / "vectors")]),
        read,
    )


def _of_the_model(ground: Ground, model: Path) -> Iterator[Kind]:
    before = ground.folder / "before-model"
    before.mkdir()
    shutil.copy(model, before / "model.gguf")
    ground.nursery.run(_words(before))

    def said(ended: Ended) -> str:
        if ended.status == 0:
            return "answered"
        return _told(ended)

    states = before / "states"
    yield Kind(
        "prepared states, weights.json, asked.json",
        before,
        lambda folder: [folder / path.relative_to(before) for path in _in(states)],
        _words,
        said,
    )
    yield Kind(
        "model (GGUF)", before, lambda folder: [folder / "model.gguf"], _words, said, _EITHER, left="the file"
    )


def _words(folder: Path) -> Chore:
    return Chore(write_words.__name__, [str(folder / "model.gguf"), str(folder / "states")])
