"""What search costs with as many official documents as a province has: time, memory, disk.

The index is built here; it is served by a process of its own, so that memory and times are those of a kiosk.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from assistant.config import CHECKOUT, Settings, load_settings
from assistant.datatypes import OfficialText
from assistant.errors import EvaluationError
from assistant.evaluation.recombine import Material, procedures
from assistant.loading import assistant_of
from assistant.models.worker import memory_of
from assistant.retrieval.index import Index, KnowledgePaths, build, current_folder, load, save
from assistant.text.dialect import Glossary

Progress = Callable[[str], None]
_QUERIES = 400
_SEED = 7
_SERVE = "from assistant.evaluation.scale import serve; serve()"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one size. Seconds are those of the clock on the wall, `cpu` what the program took of them."""

    sections: int
    documents: int
    terms: int
    postings: int
    disk_mb: int
    build_s: float  # with the guides' index, saved
    build_cpu_s: float
    document_changed_s: float  # building anew after one document was changed
    document_changed_cpu_s: float
    load_s: float  # verified
    load_cpu_s: float
    rss_mb: int  # of a process that has loaded everything but a model and answered the queries
    peak_rss_mb: int
    query_p50_ms: float  # search of the official documents alone
    query_p95_ms: float
    query_cpu_p50_ms: float
    query_cpu_p95_ms: float
    found: float  # share of queries, each with a part of a title, that brought a document with that part


def measure(
    material: Material, sections: int, settings: Settings, progress: Progress = lambda _: None
) -> Cost:
    """Build, change, load and ask an index of so many sections of made procedures."""
    progress(f"{sections} sections: recombining")
    officials = list(procedures(material, sections))
    paths = KnowledgePaths(settings.knowledge, settings.overlay)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        progress(f"{sections} sections: building")
        built = _build(paths, officials, root)
        progress(f"{sections} sections: building anew")
        index = load(root)
        again = _build(paths, [_changed(officials[0]), *officials[1:]], root, index)
        keywords = index.passages.keywords
        assert keywords is not None
        terms, postings = len(keywords.terms), keywords.owners.size
        disk = sum(path.stat().st_size for path in current_folder(root).rglob("*") if path.is_file())
        queries = queries_for(officials, index.glossary)
        progress(f"{sections} sections: asking")
        served = _served({"root": folder, "queries": queries})
    return Cost(
        sections=sections,
        documents=len(officials),
        terms=terms,
        postings=postings,
        disk_mb=disk // 2**20,
        build_s=built[0],
        build_cpu_s=built[1],
        document_changed_s=again[0],
        document_changed_cpu_s=again[1],
        **served,
    )


def queries_for(officials: Sequence[OfficialText], glossary: Glossary) -> list[tuple[str, str]]:
    """Questions that hold a part of a title and ask something about it, each with that part."""
    chance = random.Random(_SEED)
    cues = [" ".join(cue) for cues in glossary.intents.values() for cue in cues if "$" not in cue]
    found = []
    for _ in range(_QUERIES):
        words = chance.choice(officials).document.title.split()
        length = min(len(words), chance.randint(4, 14))
        begin = chance.randint(0, len(words) - length)
        part = " ".join(words[begin : begin + length])
        found.append((f"{part} {chance.choice(cues)}", part))
    return found


def _changed(official: OfficialText) -> OfficialText:
    first, *others = official.sections
    return replace(official, sections=(replace(first, text=first.text + "\n" + first.heading), *others))


def _build(
    paths: KnowledgePaths, officials: Sequence[OfficialText], root: Path, earlier: Index | None = None
) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    save(build(paths, officials, earlier=earlier), root)
    return round(time.perf_counter() - wall, 2), round(time.process_time() - cpu, 2)


def _served(task: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _SERVE], input=json.dumps(task).encode(), capture_output=True, cwd=CHECKOUT
    )
    if done.returncode:
        raise EvaluationError(f"serving failed: {done.stderr.decode('utf-8', 'replace')[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def serve() -> None:
    """What the process that serves does: reads its task from stdin, writes what it measured to stdout."""
    task = json.load(sys.stdin)
    wall, cpu = time.perf_counter(), time.process_time()
    index = load(Path(task["root"]))
    loaded = time.perf_counter() - wall, time.process_time() - cpu
    assistant = assistant_of(load_settings(), index)
    walls, cpus, right = [], [], 0
    for question, part in task["queries"]:
        reading = assistant.understand(question)
        signs = index.glossary.headings.get(reading.intent.value, ())
        wall, cpu = time.perf_counter(), time.thread_time()
        hits = index.passages.search(reading.topic or reading.words, signs)
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.thread_time() - cpu))
        right += any(part in index.passages.document(hit.section.document_id).title for hit in hits)
    now, peak = memory_of(os.getpid())
    walls.sort()
    cpus.sort()
    row = {
        "load_s": round(loaded[0], 2),
        "load_cpu_s": round(loaded[1], 2),
        "rss_mb": now >> 20,
        "peak_rss_mb": peak >> 20,
        "query_p50_ms": round(statistics.median(walls), 2),
        "query_p95_ms": round(walls[int(0.95 * len(walls))], 2),
        "query_cpu_p50_ms": round(statistics.median(cpus), 2),
        "query_cpu_p95_ms": round(cpus[int(0.95 * len(cpus))], 2),
        "found": round(right / len(walls), 3),
    }
    json.dump(row, sys.stdout)


def as_row(cost: Cost) -> dict[str, Any]:
    """As plain values."""
    return asdict(cost)


def as_text(costs: Sequence[Cost]) -> str:
    """A line for each thing, a column for each size."""
    rows = [asdict(cost) for cost in costs]
    return "\n".join(f"{key:24}" + "".join(f"{row[key]:>12}" for row in rows) for key in rows[0])
