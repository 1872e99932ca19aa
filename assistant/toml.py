"""TOML files and lists of lines of knowledge/ and prompts/, with errors that name file and line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from assistant.errors import KnowledgeError, Problem


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as tables; KnowledgeError with file and line if it is missing or broken."""
    try:
        # Windows Notepad begins a file with a byte order mark; utf-8-sig reads both.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise KnowledgeError([Problem(path, 0, "is missing; restore it from the project")]) from None
    except OSError as error:
        raise KnowledgeError([Problem(path, 0, f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise KnowledgeError([Problem(path, 0, f"is not UTF-8: {error}")]) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise KnowledgeError([Problem(path, int(line[1]) if line else 0, str(error))]) from error
    except (ValueError, RecursionError) as error:  # of tomllib itself: a number too long, tables too deep
        raise KnowledgeError([Problem(path, 0, f"cannot be read: {error}")]) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a file that may be missing: then none. Raises KnowledgeError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError([Problem(path, 0, f"cannot be read: {error}")]) from error
