"""The originals on this machine: official PDFs that were brought in, pages that `knowledge fetch` copied.

Each is read or drawn in a child process with limits, when somebody wants to see it, and kept for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from assistant.config import Settings
from assistant.errors import DocumentError
from assistant.knowledge.facsimile import saying
from assistant.knowledge.official import document_id, official_paths
from assistant.knowledge.reading import picture_of_page, read_document
from assistant.knowledge.sources import load_sources

_REMEMBERED = 32  # pages


@dataclass(frozen=True, slots=True)
class Originals:
    """Where the originals lie: PDFs by the id of the document, copies by the address they came from.

    `pictures` has a folder for each document that was read, with the pictures that its sections name.
    """

    officials: Mapping[str, Path]
    copies: Mapping[str, Path]
    pictures: Path | None = None

    def picture(self, name: str) -> Path | None:
        """Where a picture of a section lies, if it is still there; its name is the sum of what it shows."""
        return next(self.pictures.glob(f"*/{name}"), None) if self.pictures else None


NO_ORIGINALS = Originals({}, {})


def find_originals(settings: Settings) -> Originals:
    """The originals that are there now. Raises KnowledgeError for a broken sources.toml."""
    paths = official_paths(settings.knowledge / "official", settings.overlay / "official")
    listed = load_sources(settings.knowledge / "sources.toml")
    copies = {source.url: settings.data / "sources" / source.file for source in listed}
    return Originals(
        {document_id(path): path for path in paths if path.suffix.lower() == ".pdf"},
        {url: path for url, path in copies.items() if path.exists()},
        settings.data / "documents",
    )


def drawn(path: Path, number: int, passage: str) -> bytes:
    """A page of a PDF as PNG, the passage marked; page 0 is the one that says it. Raises DocumentError."""
    return _drawn(path, _age(path), number, passage)


def marked_text(path: Path, said: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """The text of a copied page in pieces, each with whether it says one of `said`. Raises DocumentError."""
    text = _text(path, _age(path))
    pieces: list[tuple[str, bool]] = []
    begin = 0
    for sentence in sorted(saying(text, said), key=text.find):
        at = text.find(sentence, begin)
        if at >= 0:
            pieces += [(text[begin:at], False), (sentence, True)]
            begin = at + len(sentence)
    return tuple((piece, marks) for piece, marks in [*pieces, (text[begin:], False)] if piece)


def _age(path: Path) -> int:
    """What changes with the file, so that nothing is remembered of one that was replaced."""
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise DocumentError(f"{path} is gone: {error.strerror}") from error


@lru_cache(maxsize=_REMEMBERED)
def _drawn(path: Path, age: int, number: int, passage: str) -> bytes:
    return picture_of_page(path, number, passage)


@lru_cache(maxsize=_REMEMBERED)
def _text(path: Path, age: int) -> str:
    reading = read_document(path)
    if reading.quarantined:
        raise DocumentError(f"{path} cannot be read: {reading.reason}")
    return "\n".join(page.text for page in reading.pages)
