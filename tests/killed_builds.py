"""Saves a new index over an old one, killed with SIGKILL at a later file operation each time.

Run by test_index.py as `killed_builds.py EARLIER ROOT`, with an index of two generations; leaves one folder
for each moment in ROOT.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from assistant.retrieval.index import Index, load, save

FILE_OPERATIONS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir")


def die_at(moment: int) -> None:
    """Kill this process at the file operation of that number."""
    seen = 0

    def count(event: str, _: tuple[object, ...]) -> None:
        nonlocal seen
        if event in FILE_OPERATIONS:
            seen += 1
            if seen > moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def survives(moment: int, index: Index, root: Path) -> bool:
    """Whether the save ended before its killer came."""
    child = os.fork()
    if child == 0:
        try:
            die_at(moment)
            save(index, root)
        finally:
            os._exit(0)
    return os.WIFEXITED(os.waitpid(child, 0)[1])


def main(earlier: Path, root: Path) -> None:
    index = load(earlier)
    new = replace(index, manifest=replace(index.manifest, inputs="new"))
    for moment in range(1000):
        folder = root / f"{moment:03}"
        shutil.copytree(earlier, folder, copy_function=os.link)  # no file is ever written over
        with patch("os.fsync"):  # what a killed process wrote is not lost, as it is in a power cut
            if survives(moment, new, folder):
                return


main(Path(sys.argv[1]), Path(sys.argv[2]))
