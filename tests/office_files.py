"""Makes small documents as they come: DOCX, PPTX, pictures, broken archives."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import docx
import pptx
from docx.document import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.text.paragraph import Paragraph
from PIL import Image
from pptx.presentation import Presentation

TEXT = "Công dân mang thẻ căn cước đến Công an xã, phường nơi cư trú để làm thủ tục."


def picture(width: int = 240, height: int = 320, shade: str = "navy", kind: str = "PNG") -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), shade).save(buffer, kind)
    return buffer.getvalue()


def word(path: Path, write: Callable[[Document], object]) -> Path:
    """A DOCX."""
    document = docx.Document()
    write(document)
    document.save(str(path))
    return path


def slides(path: Path, write: Callable[[Presentation], object]) -> Path:
    """A PPTX."""
    presentation = pptx.Presentation()
    write(presentation)
    presentation.save(str(path))
    return path


def add_xml(paragraph: Paragraph, xml: str) -> None:
    """Put XML of WordprocessingML at the end of a paragraph."""
    start, _, rest = xml.partition(">")
    closed = start.endswith("/")
    start = start.removesuffix("/")
    name = f"{start} {nsdecls('w', 'r')}{'/' if closed else ''}>{rest}"
    paragraph._p.append(parse_xml(name))


def add_table(document: Document, rows: Sequence[Sequence[str]]) -> None:
    table = document.add_table(len(rows), len(rows[0]))
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text


def altered(source: Path, path: Path, members: Mapping[str, Callable[[bytes], bytes]]) -> Path:
    """An archive with some of its members changed, or added where they are not there."""
    with (
        zipfile.ZipFile(source) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        names = old.namelist()
        for name in dict.fromkeys([*names, *members]):
            data = old.read(name) if name in names else b""
            new.writestr(name, members.get(name, bytes)(data))
    return path
