"""What kind of document a file is, by what it holds; its name must agree.

Nothing is parsed here but the list of what a zip archive holds.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from enum import StrEnum
from pathlib import Path

from assistant.errors import DocumentError


class Kind(StrEnum):
    """The kinds of documents that can be read."""

    PDF = "PDF"
    DOCX = "DOCX"
    PPTX = "PPTX"
    HTML = "HTML"
    MARKDOWN = "Markdown"
    TEXT = "text"
    PICTURE = "picture"


_NAMED = {
    "pdf": Kind.PDF,
    "docx": Kind.DOCX,
    "pptx": Kind.PPTX,
    **dict.fromkeys(("html", "htm", "xhtml"), Kind.HTML),
    **dict.fromkeys(("md", "markdown"), Kind.MARKDOWN),
    "txt": Kind.TEXT,
    **dict.fromkeys(("png", "jpg", "jpeg", "tif", "tiff"), Kind.PICTURE),
}
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD = 4096  # bytes
# Atomic: a row of comments could else be taken apart in more ways than there is time for.
_HTML = re.compile(
    rb"(?:\s|<\?xml[^>]*>|(?><!--.*?-->))*+<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_PLAIN = (Kind.HTML, Kind.MARKDOWN, Kind.TEXT)
_LARGEST_PLAIN = 10 << 20  # bytes; a book is 1 MB
_MEMBERS, _UNPACKED, _XML = 10_000, 300 << 20, 40 << 20  # of a zip archive; bytes of all, of one XML
_MAIN = {
    b"wordprocessingml.document.main+xml": Kind.DOCX,
    b"presentationml.presentation.main+xml": Kind.PPTX,
}
# What readers of Office's archives raise for broken ones and for odd XML, beside errors of their own.
BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
)
_LOCKED = "it is locked with a password; save a copy without one"
_AS_WHAT = "save it as DOCX or PDF and take that"
_AGAIN = "get it again from where it came"


def kind_of(path: Path) -> Kind:
    """What a file is. Raises DocumentError for what cannot be read, and where name and content differ."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise DocumentError("the file is empty")
    named = _NAMED.get(path.suffix.lower().removeprefix("."))
    found = _found(path, head)
    if found is None:
        found = named if named is Kind.PDF else _plain(named, head)
    if found is None:
        what = f"no {named} although its name says so" if named else "of no kind that can be read"
        raise DocumentError(f"it is {what}; PDF, DOCX, PPTX, HTML, Markdown, text and pictures are")
    if named and named is not found:
        raise DocumentError(
            f"it is no {named} but {found}, whatever its name says; {_AGAIN}, or give it its right ending"
        )
    if found in _PLAIN and path.stat().st_size > _LARGEST_PLAIN:
        raise DocumentError(
            f"it is larger than any ordinary page of text ({_LARGEST_PLAIN >> 20} MB); split it"
        )
    return found


def _found(path: Path, head: bytes) -> Kind | None:
    """The kind by the content alone; None for what only its name can tell."""
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith(_PICTURES):
        return Kind.PICTURE
    if head.startswith(b"PK\x03\x04"):
        return _office(path)
    if head.startswith(_OLE):
        # Office puts an encrypted document into a file of the old kind, under this name.
        locked = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
        raise DocumentError(_LOCKED if locked else f"it is of a kind from before 2007; {_AS_WHAT}")
    if head.startswith(b"{\\rtf"):
        raise DocumentError(f"it is RTF; {_AS_WHAT}")
    if b"MIME-Version:" in head and b"multipart/related" in head:
        raise DocumentError("it is a web page with all its parts in one file; save it as HTML and take that")
    return Kind.HTML if _HTML.match(head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")) else None


def _plain(named: Kind | None, head: bytes) -> Kind | None:
    if _is_binary(head) or named not in (None, *_PLAIN):
        return None
    return named or Kind.TEXT


def _is_binary(head: bytes) -> bool:
    """Whether this is no text in any encoding: text in UTF-16 has its zeros on one side."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    zeros = [side.count(0) for side in (head[::2], head[1::2])]
    return min(zeros) > 0 or sum(byte < 9 for byte in head) - sum(zeros) > 0.1 * len(head)


def _office(path: Path) -> Kind:
    """The kind of an archive of Office, once it is known to unpack to something ordinary."""
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bombs(archive)
            if "[Content_Types].xml" not in archive.namelist():
                raise DocumentError(f"it is a zip archive and no document; {_AS_WHAT}")
            types = archive.read("[Content_Types].xml")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise DocumentError(f"it is broken or cut off ({error}); {_AGAIN}") from error
    kinds = [kind for name, kind in _MAIN.items() if name in types]
    if not kinds:
        raise DocumentError(f"it is neither a DOCX nor a PPTX; {_AS_WHAT}")
    return kinds[0]


def _refuse_bombs(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        raise DocumentError(_LOCKED)
    if len(members) > _MEMBERS or sum(member.file_size for member in members) > _UNPACKED:
        raise DocumentError("it unpacks to more than any ordinary document")
    for member in members:
        if member.filename.endswith((".xml", ".rels")):
            if member.file_size > _XML:
                raise DocumentError(f"`{member.filename}` unpacks to more than in any ordinary document")
            xml = archive.read(member).replace(b"\0", b"")
            if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
                raise DocumentError(f"`{member.filename}` declares entities, as in no ordinary document")
