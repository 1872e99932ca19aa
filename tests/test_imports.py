from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "assistant").rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8"), path) for name, path in FILES.items()}

# A module imports only from lines above it; a package without modules listed is one line.
ORDER = """
datatypes errors files toml config
text.normalize text.keystrokes text.dialect text.spelling text.legacy
knowledge.facts knowledge.sections knowledge.guides knowledge.pictures
knowledge.pages knowledge.outline knowledge.typeset knowledge.flatten knowledge.ocr knowledge.ink
knowledge.pdf knowledge.facsimile knowledge.kinds knowledge.word knowledge.slides knowledge.markup
knowledge.images
knowledge.reading
knowledge.official knowledge.plain knowledge.readability
knowledge.check knowledge.health knowledge.overlay knowledge.sources knowledge.hosts knowledge.fetch
retrieval.keywords retrieval.passages retrieval.classifier retrieval.embedder retrieval.vectors
retrieval.index retrieval.features retrieval.search
answering.safety answering.disclosed answering.tagging answering.anonymous answering.intent answering.decide
answering.prompts answering.card answering.checks answering.json
models.language_model models.packing models.prefix models.mask models.llama models.turns
models.worker models.remote models.catalogue
pipeline loading
coaching speech.speakable speech.speak speech.listen journal web
operations.keys operations.materials operations.bundle operations.packs operations.doctor
operations.backup evaluation __main__
"""
PLACES = [f"assistant.{name}" for name in re.findall(r"\S+", ORDER)]
# Slow to import: each is known to one module (of the web, to one package), which loads it when needed.
OWNERS = {
    "aiohttp": "assistant.evaluation.visitors",
    "bm25s": "assistant.evaluation.peers",
    "haystack": "assistant.evaluation.peers",
    "ir_measures": "assistant.evaluation.retrieval",
    "llama_index": "assistant.evaluation.peers",
    "pycrfsuite": "assistant.evaluation.learning",
    "rank_bm25": "assistant.evaluation.peers",
    "txtai": "assistant.evaluation.peers",
    "sklearn": "assistant.retrieval.classifier",
    "sqlalchemy": "assistant.journal",
    "sentence_transformers": "assistant.retrieval.embedder",
    "faiss": "assistant.retrieval.vectors",
    "llama_cpp": "assistant.models.llama",
    "openai": "assistant.models.remote",
    "huggingface_hub": "assistant.models.catalogue",
    "httpx2": "assistant.models.catalogue",
    "pypdf": "assistant.knowledge.pdf",
    "pdfplumber": "assistant.knowledge.pdf",
    "pypdfium2": "assistant.knowledge.facsimile",
    "ocrmypdf": "assistant.knowledge.ocr",
    "docx": "assistant.knowledge.word",
    "pptx": "assistant.knowledge.slides",
    "markdown_it": "assistant.knowledge.markup",
    "httpx": "assistant.knowledge.hosts",
    "protego": "assistant.knowledge.hosts",
    "prometheus_client": "assistant.web.metrics",
    "fpdf": "assistant.coaching",
    "segno": "assistant.coaching.slip",
    "sherpa_onnx": "assistant.speech.listen",
    "cryptography": "assistant.operations.keys",
    "gradio": "assistant.web",
    "fastapi": "assistant.web",
}
WRITERS = {  # of files that are read back
    "docx": {"assistant.evaluation.splitting"},
    "fpdf": {"assistant.evaluation.splitting", "assistant.evaluation.faults.outages"},
}
MAX_REACH = 24
VIETNAMESE = re.compile(
    r"[àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ]", re.IGNORECASE
)
# English messages name headings of a guide and quote from it.
QUOTED = re.compile(r"`[^`]*`|“[^”]*”|##+ \w+ \w+")


def is_empty(name: str) -> bool:
    """An __init__ with at most a docstring."""
    return FILES[name].stem == "__init__" and all(isinstance(node, ast.Expr) for node in TREES[name].body)


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Full names imported by import statements; the imported thing may be a module or a name in it."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in FILES else node.module or ""


@cache
def all_imported(name: str) -> frozenset[str]:
    """All that a module imports, lazily or not."""
    return frozenset(imported(ast.walk(TREES[name])))


def inside(name: str) -> set[str]:
    """The modules of the package that a module imports, lazily or not, without empty packages."""
    return {module for module in all_imported(name) if module in FILES and not is_empty(module)}


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: everything outside functions and TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from at_import(child)


def place(name: str) -> int:
    found = [n for n, listed in enumerate(PLACES) if name == listed or name.startswith(f"{listed}.")]
    return found[0] if found else -1


def belongs_to(name: str, owner: str) -> bool:
    return name == owner or name.startswith(f"{owner}.")


@pytest.mark.parametrize("name", [name for name in FILES if name != "assistant" and not is_empty(name)])
def test_a_module_imports_only_from_lines_above_it(name: str) -> None:
    assert place(name) >= 0, f"{name} has no place in the order of design.md §2"
    below = {other for other in inside(name) if place(other) > place(name)}
    assert below == set()


@pytest.mark.parametrize(("package", "owner"), OWNERS.items())
def test_a_heavy_package_is_known_to_one_module_only(package: str, owner: str) -> None:
    importers = {name for name in FILES if any(belongs_to(module, package) for module in all_imported(name))}
    assert {name for name in importers if not belongs_to(name, owner)} <= WRITERS.get(package, set())
    assert importers or owner not in FILES or is_empty(owner), f"{owner} no longer needs {package}"


@pytest.mark.parametrize("name", [name for name in FILES if not belongs_to(name, "assistant.web")])
def test_no_heavy_package_is_loaded_on_import(name: str) -> None:
    loaded = {module.split(".")[0] for module in imported(at_import(TREES[name]))}
    assert loaded & OWNERS.keys() == set()


@pytest.mark.parametrize("module", ["assistant", "assistant.pipeline"])
def test_importing_the_product_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert module in modules
    assert modules & {*OWNERS, "torch"} == set()


def test_the_pipeline_can_be_read_with_few_modules() -> None:
    reached: set[str] = set()
    waiting = ["assistant.pipeline"]
    while waiting:
        new = inside(waiting.pop()) - reached
        reached |= new
        waiting.extend(new)
    assert len(reached) <= MAX_REACH, sorted(reached)


def test_only_the_command_line_can_ask_the_network() -> None:
    importers = {name for name in FILES if inside(name) & {"assistant.knowledge.hosts"}}
    assert importers == {"assistant.knowledge.fetch", "assistant.__main__"}
    for module in ("assistant.knowledge.fetch", "assistant.models.catalogue"):
        importers = {name for name in FILES if inside(name) & {module}}
        # `bench faults` kills downloads from a server of its own on 127.0.0.1.
        assert {name for name in importers if ".evaluation.faults." not in name} == {"assistant.__main__"}


def test_servers_of_models_are_asked_only_where_they_are_configured() -> None:
    assert {name for name in FILES if inside(name) & {"assistant.models.remote"}} == {"assistant.loading"}


def spoken(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The strings of a module that people could read: no docstrings, patterns or word lists."""
    unspoken: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            unspoken.add(id(node.value))
        elif isinstance(node, ast.Call) and re.match(r"re\.|syllables$", ast.unparse(node.func)):
            unspoken |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.Attribute) and node.attr == "split":
            unspoken.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unspoken:
            yield node.lineno, node.value


@pytest.mark.parametrize("name", [name for name in FILES if not belongs_to(name, "assistant.text")])
def test_vietnamese_sentences_stand_in_prompts_and_not_in_code(name: str) -> None:
    sentences = {
        f"line {line}: {text}"
        for line, text in spoken(TREES[name])
        if len(text) > 12 and VIETNAMESE.search(QUOTED.sub("", text))
    }
    assert sentences == set()
