"""How well documents are read: a folder of PDFs beside truth.json, what each should say.

A truth of "" or null, or none, is a file that is only to be survived: hostile, broken, or of unknown text.
"""

from __future__ import annotations

import resource
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import msgspec

from assistant.errors import EvaluationError
from assistant.knowledge.pages import Reading
from assistant.knowledge.reading import read_document
from assistant.text.normalize import syllables


@dataclass(frozen=True, slots=True)
class Score:
    """How one file was read. Accuracies are 1 minus the share of edits; None where no truth is known."""

    file: str
    status: str
    reason: str | None
    methods: dict[str, int]
    characters: float | None
    syllables: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Totals:
    """All files together; accuracies are means over the files that were read and have a truth."""

    files: int
    read: int
    quarantined: int
    compared: int
    characters: float | None
    syllables: float | None
    seconds: float
    slowest_quarantined: float
    peak_mb: int  # the largest of all processes that were started


def read_truth(folder: Path) -> dict[str, str | None]:
    """truth.json of a folder: file name → text."""
    path = folder / "truth.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str | None])
    except (OSError, msgspec.DecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error


def score_documents(folder: Path, progress: Callable[[str], None] = lambda _: None) -> list[Score]:
    """Read every PDF of a folder, in the order of names, and compare it with its truth."""
    truth = read_truth(folder)
    if missing := sorted(name for name in truth if not (folder / name).is_file()):
        raise EvaluationError(f"{folder / 'truth.json'} names files that are not there: {', '.join(missing)}")
    scores = []
    for path in sorted(folder.glob("*.pdf")):
        progress(path.name)
        scores.append(score(read_document(path), truth.get(path.name)))
    return scores


def score(reading: Reading, truth: str | None) -> Score:
    """Compare what was read with what stands there."""
    characters = words = None
    if truth and not reading.quarantined:
        text = "\n".join(page.text for page in reading.pages)
        characters = round(accuracy(_folded(truth), _folded(text)), 4)
        words = round(accuracy(syllables(_folded(truth)), syllables(_folded(text))), 4)
    methods = Counter(page.method.value for page in reading.pages)
    name = Path(reading.file).name
    return Score(name, reading.status, reading.reason, dict(methods), characters, words, reading.seconds)


def add_up(scores: Sequence[Score]) -> Totals:
    """The figures of all files."""
    characters = [score.characters for score in scores if score.characters is not None]
    words = [score.syllables for score in scores if score.syllables is not None]
    stopped = [score.seconds for score in scores if score.status == "quarantined"]
    return Totals(
        files=len(scores),
        read=len(scores) - len(stopped),
        quarantined=len(stopped),
        compared=len(characters),
        characters=round(mean(characters), 4) if characters else None,
        syllables=round(mean(words), 4) if words else None,
        seconds=round(sum(score.seconds for score in scores), 1),
        slowest_quarantined=max(stopped, default=0.0),
        peak_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    )


def as_row(scores: Sequence[Score]) -> dict[str, Any]:
    """The scores of all files and their totals as JSON."""
    return {"files": [asdict(score) for score in scores], "totals": asdict(add_up(scores))}


def as_text(scores: Sequence[Score]) -> str:
    """The scores as a table, then the totals."""
    lines = []
    for score in scores:
        how = f"{score.status} {score.reason or ''}"
        if score.characters is not None and score.syllables is not None:
            how = f"characters {score.characters:7.2%} syllables {score.syllables:7.2%}"
        lines.append(f"{score.file:<36} {score.seconds:>6.2f} s {'+'.join(score.methods):<12} {how}".rstrip())
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in asdict(add_up(scores)).items())])


def accuracy(truth: Sequence[Hashable], found: Sequence[Hashable]) -> float:
    """1 minus the edits (one inserted, left out or changed) over the length of the longer."""
    longer = max(len(truth), len(found))
    return 1 - distance(truth, found) / longer if longer else 1.0


def distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Levenshtein distance, a column at a time in the bits of whole numbers (Myers 1999)."""
    if not one:
        return len(other)
    places: dict[Hashable, int] = {}
    for place, item in enumerate(one):
        places[item] = places.get(item, 0) | 1 << place
    last, full = 1 << len(one) - 1, (1 << len(one)) - 1
    up, down, edits = full, 0, len(one)  # where the column grows and shrinks, and its last value
    for item in other:
        same = places.get(item, 0)
        vertical = same | down
        horizontal = (((same & up) + up) ^ up) | same
        right, left = down | ~(horizontal | up), up & horizontal
        edits += bool(right & last) - bool(left & last)
        right, left = right << 1 | 1, left << 1
        up, down = (left | ~(vertical | right)) & full, right & vertical & full
    return edits


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
