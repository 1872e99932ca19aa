"""The power goes off at every write: what the disk then holds, on a real ext4 over a file.

A process that is killed loses nothing that it has written: the kernel still brings it to the disk. When the
power goes, what was not synced is lost. The chores of killing.py are killed on a file system of its own, and
the image under it is copied at once: whatever the kernel had not handed to the disk is not in the copy. A
second copy is made after a sync of another file, as five seconds later: names are on the disk, the bytes of
files that were not synced are not (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). Each
copy is mounted, so its journal is played back as at the next start, and must hold the old state or the new.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import EvaluationError
from assistant.evaluation.faults.chores import Chore, overwrite
from assistant.evaluation.faults.ground import Ground, Row, is_root
from assistant.evaluation.faults.killing import (
    AGAIN,
    Found,
    Killing,
    hub,
    killed_at,
    killings,
    points_of,
)
from assistant.files import write_whole

# data=writeback and noauto_da_alloc: the kernel does nothing for programs that forget to sync.
_OPTIONS = "loop,data=writeback,noauto_da_alloc,noatime"
_TOOLS = ("strace", "mkfs.ext4", "mount", "umount")
_MEGABYTES = 300  # of the disk; a model is fetched only where there is room
_FEW = 2  # cuts of each chore in a short run

Progress = Callable[[str], None]


def rows(ground: Ground, progress: Progress) -> Iterator[Row]:
    """Every chore, with the power cut at every write, and a careless chore that must be found torn."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or not is_root():
        reason = f"{', '.join(missing)} not installed" if missing else "needs root, for a file system"
        yield Row("power cut at every write", 0, reason, "", None, None)
        return
    yield _careless(ground, progress)
    with hub() as address:
        for killing in killings(ground, address):
            found = _cuts(ground, killing, progress, every=not ground.short)
            yield found.row(f"power cut: {killing.fault}")


def _careless(ground: Ground, progress: Progress) -> Row:
    """A file written in place, without a sync: were it never torn, nothing would have been cut."""
    before = ground.folder / "before-careless"
    before.mkdir()
    (before / "note").write_text("old", "utf-8")

    def held(folder: Path) -> str:
        return (folder / "note").read_text("utf-8") or "torn: empty"

    def chore(folder: Path) -> Chore:
        return Chore(overwrite.__name__, [str(folder / "note"), "new"])

    held_after = _cuts(ground, Killing("a careless write", before, chore, held), progress, every=True).held
    seen = "; ".join(f"{what} ({count})" for what, count in held_after.items())
    torn = held_after["torn: empty"] > 0
    return Row("power cut: a careless write, to be found torn", held_after.total(), seen, "", None, torn)


def _cuts(ground: Ground, killing: Killing, progress: Progress, *, every: bool) -> Found:
    """What was found after each cut."""
    place = ground.folder / "power"
    place.mkdir(exist_ok=True)
    folder = place / "data"
    images = ground.folder / "images"
    images.mkdir(exist_ok=True)
    pristine, running, at_once, later = (
        images / name for name in ("pristine", "running", "at-once", "later")
    )
    _image_of(killing.before, pristine)
    _copied(pristine, running)
    with _mounted(running, place):
        points = points_of(ground, killing, folder)
    if not every:
        points = points[:: max(1, len(points) // _FEW)]
    found = Found()
    for number, (name, count) in enumerate(points):
        progress(f"power cut, {killing.fault}: {name} {count} ({number + 1} of {len(points)})")
        _copied(pristine, running)
        with _mounted(running, place):
            status = killed_at(ground, killing.chore(folder), name, count, threads=killing.threads)
            _copied(running, at_once)
            write_whole(place / "other", b"")  # what is synced brings the names of all, not their bytes
            _copied(running, later)
        if status != -signal.SIGKILL:
            found.held["not hit"] += 1
            continue
        for image in (at_once, later):
            with _mounted(image, place):
                found.look(ground, killing, folder, again=number % AGAIN == 0)
    return found


def _image_of(folder: Path, image: Path) -> None:
    """A disk that holds a folder, under the name `data`."""
    source = image.with_suffix(".source")
    shutil.copytree(folder, source / "data", symlinks=True)
    image.unlink(missing_ok=True)
    command = ["mkfs.ext4", *"-q -F -J size=4 -d".split(), str(source), str(image), f"{_MEGABYTES}M"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    shutil.rmtree(source)
    if made.returncode:
        raise EvaluationError(f"mkfs.ext4 makes no disk: {made.stderr.strip()}")


def _copied(image: Path, to: Path) -> None:
    """Without what is empty on it: most is."""
    subprocess.run(["cp", "--sparse=always", image, to], check=True)


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[None]:
    done = subprocess.run(
        ["mount", "-o", _OPTIONS, image, place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise EvaluationError(f"a disk of its own cannot be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)
