"""The command line (contract, design.md §4). The only place that prints; every command wires what it needs.

Heavy imports stand inside the commands, so that --help is instant.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.errors import AssistantError, EmbedderError, KnowledgeError, ModelError, QuestionError

if TYPE_CHECKING:
    from assistant.config import Settings
    from assistant.datatypes import Answer
    from assistant.pipeline import Assistant

app = typer.Typer(
    help="A local assistant that coaches people in digital skills, in plain Vietnamese.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
index_app = typer.Typer(help="The search index.", no_args_is_help=True)
knowledge_app = typer.Typer(help="The guides and official documents.", no_args_is_help=True)
evaluate_app = typer.Typer(help="How well the product answers and finds.", no_args_is_help=True)
app.add_typer(index_app, name="index")
app.add_typer(knowledge_app, name="knowledge")
app.add_typer(evaluate_app, name="evaluate")

_LONE = re.compile(r"[\ud800-\udfff]")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NoModel = Annotated[bool, typer.Option("--no-model", help="Answer from the guides alone.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the program; what failed is said on stderr, with the exit code of the contract."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever the terminal's locale says
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(arguments)
    except QuestionError as error:
        _complain(error)
        sys.exit(2)
    except AssistantError as error:
        _complain(error)
        sys.exit(1)


def _complain(error: AssistantError) -> None:
    """The Vietnamese sentence for the kind of error, then what exactly was wrong."""
    sentence = _ui().get("errors", {}).get(type(error).__name__, "")
    print("\n".join(filter(None, (sentence, f"{type(error).__name__}: {error}"))), file=sys.stderr)


def _ui() -> dict[str, Any]:
    from assistant.toml import read_toml

    try:
        return read_toml(_settings().home / "prompts" / "ui.toml")
    except AssistantError:
        return {}  # the error being reported may be about this very file


def _settings(**changes: object) -> Settings:
    from assistant.config import load_settings

    return load_settings(changes)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows what a long command is doing, on a terminal only."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("…") as status:
        yield status.update


def _load(settings: Settings, *, with_model: bool) -> Assistant:
    """The assistant; a model that cannot be loaded is said and does without."""
    from assistant.loading import load_assistant

    with _progress() as progress:
        try:
            return load_assistant(settings, with_model=with_model, progress=progress)
        except (ModelError, EmbedderError) as error:
            _complain(error)
            return load_assistant(settings, with_model=False, with_embedder=False, progress=progress)


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    batch: Annotated[Path | None, typer.Option(help="JSON lines of questions.")] = None,
    as_json: AsJson = False,
    no_model: NoModel = False,
) -> None:
    """Answer one question, or a file of them."""
    if (question is None) == (batch is None):
        raise typer.BadParameter("give a question or --batch FILE, one of the two")
    if batch is not None:
        _ask_batch(batch, with_model=not no_model)
        return
    assert question is not None
    assistant = _load(_settings(), with_model=not no_model)
    answer = assistant.answer(question, use_model=not no_model)
    if as_json:
        _print_json(_answer_json(answer))
    else:
        from assistant.answering.json import answer_text

        print(answer_text(answer))


def _ask_batch(path: Path, *, with_model: bool) -> None:
    try:
        lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")
    except OSError as error:
        raise AssistantError(f"{path} cannot be read: {error.strerror}") from error
    if lines and not lines[-1]:
        lines.pop()
    assistant = _load(_settings(), with_model=with_model)
    failed = False
    for line in lines:
        row = _batch_line(assistant, line, with_model)
        failed |= "error" in row
        _print_json(row)
    if failed:
        raise typer.Exit(1)


def _batch_line(assistant: Assistant, line: bytes, with_model: bool) -> dict[str, Any]:
    id_ = None
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
        id_ = row["id"]
        question, previous = row["question"], row.get("previous") or []
        texts = [question, *previous] if isinstance(previous, list) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("`question` must be a string and `previous` a list of strings")
        today = date.fromisoformat(row["today"]) if row.get("today") else None
        answer = assistant.answer(question, previous=previous, today=today, use_model=with_model)
    except KeyError as error:
        return {"id": id_, "error": f"`{error.args[0]}` is missing"}
    except RecursionError:
        return {"id": id_, "error": "nested too deeply"}
    except (ValueError, TypeError, AttributeError, QuestionError) as error:
        return {"id": id_, "error": str(error)}
    return {"id": id_} | _answer_json(answer)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _answer_json(answer: Answer) -> dict[str, Any]:
    from assistant.answering.json import answer_json

    return answer_json(answer)


def _print_json(row: dict[str, Any]) -> None:
    line = json.dumps(row, ensure_ascii=False)
    if not line.isprintable() and _LONE.search(line):  # an id may hold a lone surrogate
        line = json.dumps(row)
    print(line, flush=True)


@index_app.command("build")
def index_build(
    full: Annotated[bool, typer.Option("--full", help="Build anew what is unchanged, too.")] = False,
) -> None:
    """Bring the index up to date with the knowledge."""
    from assistant.errors import IndexUnavailableError
    from assistant.loading import build_index, current_index, load_embedder
    from assistant.retrieval.index import load

    settings = _settings()
    embedder = load_embedder(settings)
    with _progress() as progress:
        if full:
            index = build_index(settings, embedder, None, progress)
        else:
            try:
                before = load(settings.data / "index").manifest
            except IndexUnavailableError:
                before = None
            index = current_index(settings, embedder, progress, strict=True)
            if before == index.manifest:
                print(f"up to date: {index.manifest.documents} guides")
                return
    manifest = index.manifest
    print(f"built: {manifest.documents} guides, {manifest.sections} sections, {manifest.chunks} chunks")


@index_app.command("status")
def index_status(as_json: AsJson = False) -> None:
    """What the index holds, how old it is, and whether an embedder takes part."""
    from datetime import UTC, datetime

    from assistant.retrieval.index import KnowledgePaths, current_folder, load

    settings = _settings()
    root = settings.data / "index"
    manifest = load(root).manifest
    inputs = KnowledgePaths(settings.knowledge, settings.overlay).digest()
    folder = current_folder(root)
    status = {
        "documents": manifest.documents,
        "sections": manifest.sections,
        "chunks": manifest.chunks,
        "built": manifest.built.isoformat(timespec="seconds"),
        "age_hours": round((datetime.now(UTC) - manifest.built).total_seconds() / 3600, 1),
        "up_to_date": inputs == manifest.inputs,
        "embedder": manifest.embedder,
        "dense_weight": manifest.dense_weight,
        "lexical_mrr": manifest.lexical_mrr,
        "fused_mrr": manifest.fused_mrr,
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "generation": folder.name,
    }
    if as_json:
        _print_json(status)
    else:
        print("\n".join(f"{key}: {value}" for key, value in status.items()))


@knowledge_app.command("check")
def knowledge_check() -> None:
    """Validate every guide and what prompts/ names; problems come with file and line."""
    from assistant.knowledge.check import check_knowledge
    from assistant.knowledge.facts import load_shared_facts
    from assistant.knowledge.pictures import load_scenes
    from assistant.loading import check_prompts
    from assistant.text.dialect import load_glossary

    settings = _settings()
    if not (settings.knowledge / "guides").is_dir():
        from assistant.retrieval.index import KnowledgePaths

        KnowledgePaths(settings.knowledge, settings.overlay).files()
    facts = load_shared_facts(settings.knowledge, settings.overlay)
    glossary = load_glossary(settings.knowledge / "glossary.toml")
    roots = (settings.knowledge / "guides", settings.overlay / "guides")
    scenes, broken = load_scenes(*settings.pictures)
    guides, problems = check_knowledge(roots, facts, glossary.abbreviations, scenes)
    problems += broken
    problems += tuple(check_prompts(settings, {guide.document.id for guide in guides}, facts))
    if problems:
        raise KnowledgeError(problems)
    print(f"{len(guides)} guides, no problems")


@knowledge_app.command("read")
def knowledge_read(
    file: Annotated[Path, typer.Argument(help="A PDF.")],
    as_json: AsJson = False,
) -> None:
    """Show what would be taken from a document; nothing is stored."""
    from assistant.knowledge.pages import as_row, as_text
    from assistant.knowledge.pdf_child import read_pdf

    with _progress() as progress:
        reading = read_pdf(file, progress=progress)
    if as_json:
        _print_json(as_row(reading))
    else:
        print(as_text(reading))


@evaluate_app.command("answers")
def evaluate_answers(
    file: Annotated[Path, typer.Argument(help="JSON lines of questions with what is expected.")],
    as_json: AsJson = False,
) -> None:
    """Ask a question set and count right, wrong and declined per kind."""
    from assistant.evaluation.answers import as_row, as_text, judge, read_questions, tally

    questions = read_questions(file)
    assistant = _load(_settings(), with_model=False)
    tallies = tally(judge(assistant, question) for question in questions)
    if as_json:
        _print_json(as_row(tallies))
    else:
        print(as_text(tallies))


@evaluate_app.command("documents")
def evaluate_documents(
    folder: Annotated[Path, typer.Argument(help="PDFs beside truth.json.")],
    as_json: AsJson = False,
) -> None:
    """Read a folder of PDFs and compare each with its truth: characters and syllables right."""
    from assistant.evaluation.documents import as_row, as_text, score_documents

    with _progress() as progress:
        scores = score_documents(folder, progress)
    if as_json:
        _print_json(as_row(scores))
    else:
        print(as_text(scores))


@evaluate_app.command("weights")
def evaluate_weights(
    files: Annotated[
        list[Path], typer.Argument(help="Question sets to fit on, beside the guides' own questions.")
    ],
) -> None:
    """Fit the weights of retrieval/search.py and answering/follow_up.py anew; prints them to be put there."""
    from assistant.evaluation.answers import read_questions
    from assistant.evaluation.fitting import fit_follow_up, fit_search
    from assistant.retrieval.classifier import load_utterances

    settings = _settings()
    questions = [question for file in files for question in read_questions(file)]
    assistant = _load(settings, with_model=False)
    utterances = load_utterances(settings.knowledge / "utterances.jsonl")
    for fit in (fit_search(assistant, questions, utterances), fit_follow_up(assistant, questions)):
        print("\n".join(f"    {weight:.2f},  # {name}" for name, weight in fit.weights.items()))
        print(f"right: {fit.right:.3f} of {fit.examples} examples\n")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the pages (the same as `python app.py`); opens no browser."""
    from assistant.web.server import serve as serve_pages

    changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    serve_pages(_settings(**changes))


if __name__ == "__main__":
    main()
