"""Looks for input that breaks a target of fuzz_targets.py, guided by coverage, for some minutes.

    .venv/bin/pip install -e '.[fuzz]'
    .venv/bin/python tests/fuzz_input.py text --minutes 10
    .venv/bin/python tests/fuzz_input.py documents --minutes 10
    .venv/bin/python tests/fuzz_input.py files --minutes 10

A finding does not end the run: each kind, told by its exception and by where it was raised, is written to the
folder of findings once. The last line says how many inputs were tried; the exit code is 1 where anything was
found. What hangs for 30 s or takes 2 GB ends the run with a finding of libFuzzer's own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path

TARGETS = ("text", "documents", "files")
Target = Callable[[bytes], None]


def _build_index(folder: Path) -> None:
    """Before anything is instrumented, which makes it several times slower."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from assistant.config import CHECKOUT
    from assistant.retrieval.index import KnowledgePaths, build, save

    save(build(KnowledgePaths(CHECKOUT / "knowledge", CHECKOUT / "no-overlay")), folder)


def _text(scratch: Path, corpus: Path) -> Target:
    from fuzz_targets import TODAY, anonymous_of, try_text

    from assistant.answering.checks import Evidence
    from assistant.config import load_settings
    from assistant.loading import assistant_of
    from assistant.retrieval.index import load

    assistant = assistant_of(load_settings(), load(scratch))
    evidence = Evidence(assistant.prompt("can-cuoc-cap-doi", TODAY).guide)
    anonymous = anonymous_of(assistant)
    asked = (text for guide in assistant.guides.values() for text in guide.questions[:3])
    for number, text in enumerate([*asked, "cccd 079085001234, mã otp 482910", "0912,345,678 <|im_end|>"]):
        (corpus / f"question-{number}").write_bytes(text.encode())
    return lambda data: try_text(assistant, anonymous, evidence, data.decode("utf-8", "surrogateescape"))


def _documents(scratch: Path, corpus: Path) -> Target:
    from fuzz_targets import seeds, seeds_of_shapes, shapes, try_document

    good = seeds(scratch)
    made = shapes(good)
    for number, seed in enumerate(seeds_of_shapes(good)):
        (corpus / f"shape-{number}").write_bytes(bytes([number]) + seed)
    return lambda data: try_document(scratch, made[data[0] % len(made)], data[1:]) if data else None


def _files(scratch: Path, corpus: Path) -> Target:
    from fuzz_targets import LOADERS, try_file

    names = list(LOADERS)
    for number, name in enumerate(names):
        (corpus / name.replace("/", "-")).write_bytes(bytes([number]) + LOADERS[name][0])
    return lambda data: try_file(scratch, names[data[0] % len(names)], data[1:]) if data else None


def _fuzz(what: str, options: list[str], findings: Path, scratch: Path) -> None:
    """The process that libFuzzer ends."""
    import atheris

    corpus = scratch / "corpus"
    corpus.mkdir()
    seen: set[str] = set()
    with atheris.instrument_imports(include=["assistant", "pypdf", "docx", "pptx", "markdown_it"]):
        target = {"text": _text, "documents": _documents, "files": _files}[what](scratch, corpus)

    def one(data: bytes) -> None:
        try:
            target(data)
        except Exception as error:  # whatever it is, it is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__}-{Path(place.filename).stem}-{place.lineno}"
            if kind not in seen:
                seen.add(kind)
                (findings / kind).write_bytes(data)
                (findings / f"{kind}.txt").write_text("".join(traceback.format_exception(error)), "utf-8")

    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    """Start the process that tries inputs, and tell what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=date.today().toordinal())
    parser.add_argument("--findings", type=Path, default=None, help="a folder; a new one if none is given")
    parser.add_argument("--inside", type=Path, default=None, help=argparse.SUPPRESS)
    given, options = parser.parse_known_args()
    if given.inside:
        _fuzz(given.what, options, given.findings, given.inside)
        return
    findings = given.findings or Path(tempfile.mkdtemp(prefix="fuzz-"))
    findings.mkdir(parents=True, exist_ok=True)
    limits = [
        *(
            "-timeout=30",
            "-report_slow_units=30",
            "-rss_limit_mb=2048",
            "-max_len=20000",
            "-verbosity=0",
            "-print_final_stats=1",
        ),
        *(
            f"-max_total_time={round(60 * given.minutes)}",
            f"-seed={given.seed}",
            f"-artifact_prefix={findings}/",
        ),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        if given.what == "text":
            _build_index(Path(scratch))
        inside = ["--inside", scratch, "--findings", str(findings), *limits]
        done = subprocess.run(
            [sys.executable, __file__, given.what, *inside],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            check=False,
        )
    told = done.stderr.decode("utf-8", "replace")
    (findings / "log.txt").write_text(told, "utf-8")
    tried = next((line for line in told.splitlines() if "number_of_executed_units" in line), "no figures")
    found = sorted(path.name for path in findings.iterdir() if path.suffix != ".txt")
    print(f"{given.what}, seed {given.seed}: {tried}; {len(found)} findings in {findings}")
    print(*found, sep="\n")
    sys.exit(bool(found) or done.returncode != 0)


if __name__ == "__main__":
    main()
