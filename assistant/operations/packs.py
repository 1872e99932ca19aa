"""Packs of knowledge: guides and official documents newer than the program, signed, in use in one step.

A pack is a folder as bundles are: `knowledge/`, `MANIFEST.sha256` and its signature. It is installed beside
what serves; a link names the one in use, another the one before. A newer release of the program begins with
its own knowledge: the links belong to the release over which a pack was installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from assistant.answering.anonymous import load_anonymous
from assistant.config import Settings
from assistant.errors import AssistantError, BundleError, KnowledgeError
from assistant.files import in_place_of
from assistant.loading import check_everything, current_index, load_embedder
from assistant.operations.bundle import MANIFEST, copy, seal, verify
from assistant.operations.keys import sign
from assistant.retrieval.index import Index

_HOLDS = "knowledge"  # what a pack says of itself
_SHIPPED = "shipped"  # stands for the program's own knowledge where a link names what was before

Progress = Callable[[str], None]


def make_pack(target: Path, settings: Settings, key: Path) -> int:
    """Fill a new folder with the shipped knowledge and sign it: how many guides. Raises an AssistantError.

    Nothing of the ward's own is in it.
    """
    if target.exists():
        raise BundleError(f"{target} is there already; give a new folder, so that nothing unknown is signed")
    sign(b"", key)  # a key that is none is told before the work
    guides = _checked(settings.model_copy(update={"local": target / "no-overlay"}))
    try:
        copy(settings.knowledge, target / "knowledge")
        made = datetime.now(UTC).isoformat(timespec="seconds")
        seal(target, {"made": made, "holds": _HOLDS, "guides": str(guides)}, key)
    except OSError as error:
        raise BundleError(f"{target}: {error}") from error
    return guides


def install(pack: Path, public: Path, settings: Settings, progress: Progress = lambda _: None) -> Index:
    """Take over a pack: the index that serves from now on.

    What was copied is verified, checked as `knowledge check` does and indexed before the link is turned.
    Raises an AssistantError; then everything is as it was.
    """
    store = settings.pack.parent
    part = store / f".part-{os.getpid()}"
    try:
        shutil.rmtree(part, ignore_errors=True)
        progress("copying")
        shutil.copytree(pack, part, symlinks=True)
        about = verify(part, public, progress)
        if about.get("holds") != _HOLDS:
            raise BundleError(f"{pack} is no pack of knowledge; `assistant knowledge pack` makes one")
        digest = hashlib.sha256((part / MANIFEST).read_bytes()).hexdigest()
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{digest[:8]}"
        part.rename(store / name)
        try:
            index = _tried(store / name, settings, progress)
            _point(settings.pack_before, _in_use(settings))
            _point(settings.pack, name)
        except BaseException:
            shutil.rmtree(store / name)
            raise
    except OSError as error:
        raise BundleError(f"{pack} cannot be installed in {store}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _clean(settings)
    return index


def roll_back(settings: Settings, progress: Progress = lambda _: None) -> Index:
    """Go back to the knowledge before the last pack; a second time goes forth again.

    Gives the index that serves then. Raises an AssistantError; then everything is as it was.
    """
    now = _in_use(settings)
    try:
        before = settings.pack_before.readlink().name
    except OSError:
        raise BundleError(
            f"{settings.pack.parent}: no pack was installed, so there is nothing to go back to"
        ) from None
    _point(settings.pack, before)
    try:
        index = current_index(settings, load_embedder(settings), progress, strict=True)
    except AssistantError:
        _point(settings.pack, now)
        raise
    _point(settings.pack_before, now)
    return index


def _tried(pack: Path, settings: Settings, progress: Progress) -> Index:
    """The index of a pack under this program's own words. Raises KnowledgeError for what does not fit."""
    with TemporaryDirectory(dir=pack.parent, prefix=".trial-") as folder:
        home = Path(folder)
        (home / "knowledge").symlink_to((pack / "knowledge").resolve())
        (home / "prompts").symlink_to((settings.home / "prompts").resolve())
        tried = settings.model_copy(update={"home": home})
        progress("checking")
        _checked(tried)
        load_anonymous(tried.knowledge, "")  # what the journal and the class read of it
        return current_index(tried, load_embedder(tried), progress, strict=True)


def _checked(settings: Settings) -> int:
    guides, problems = check_everything(settings)
    if problems:
        raise KnowledgeError(problems)
    return len(guides)


def _in_use(settings: Settings) -> str:
    return settings.pack.readlink().name if settings.pack.is_symlink() else _SHIPPED


def _point(link: Path, name: str) -> None:
    """Let a link name a pack, or nothing that is there: then the program's own knowledge serves."""
    with in_place_of(link) as fresh:
        fresh.symlink_to(name)


def _clean(settings: Settings) -> None:
    """Remove packs that no link of any release names, and what was left half done."""
    store = settings.pack.parent
    named = {link.readlink().name for link in store.iterdir() if link.is_symlink()}
    for path in store.iterdir():
        if path.is_dir() and not path.is_symlink() and path.name not in named:
            shutil.rmtree(path, ignore_errors=True)
