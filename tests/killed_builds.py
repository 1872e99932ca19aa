"""Saves a new index over an old one, killed with SIGKILL at a later file operation each time.

Run by test_index.py as `killed_builds.py KNOWLEDGE ROOT`; leaves one folder for each moment in ROOT.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from assistant.retrieval.index import Index, KnowledgePaths, build, save
from assistant.retrieval.vectors import VectorIndex

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


def main(knowledge: Path, root: Path) -> None:
    index = build(KnowledgePaths(knowledge, knowledge / "no-overlay"))
    vectors = VectorIndex.build(np.ones((index.manifest.chunks, 4), dtype=np.float32))
    index = replace(index, vectors=vectors)
    earlier = root / "earlier"
    for inputs in ("oldest", "old"):
        save(replace(index, manifest=replace(index.manifest, inputs=inputs)), earlier)
    new = replace(index, manifest=replace(index.manifest, inputs="new"))
    for moment in range(1000):
        folder = root / f"{moment:03}"
        shutil.copytree(earlier, folder)
        if survives(moment, new, folder):
            return


main(Path(sys.argv[1]), Path(sys.argv[2]))
