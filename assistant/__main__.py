"""The command line (contract, design.md §4). The only place that prints; every command wires what it needs.

Heavy imports stand inside the commands, so that --help is instant.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.errors import (
    AssistantError,
    ConfigError,
    DocumentError,
    EmbedderError,
    JournalError,
    KnowledgeError,
    ModelError,
    QuestionError,
    WeightsError,
)

if TYPE_CHECKING:
    from assistant.config import Settings
    from assistant.datatypes import Answer
    from assistant.evaluation.answers import ExpectedAnswer
    from assistant.journal import Journal
    from assistant.knowledge.fetch import Result
    from assistant.knowledge.official import OfficialFile
    from assistant.operations.backup import Kept
    from assistant.pipeline import Assistant

app = typer.Typer(
    help="A local assistant that coaches people in digital skills, in plain Vietnamese.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
index_app = typer.Typer(help="The search index.", no_args_is_help=True)
knowledge_app = typer.Typer(help="The guides and official documents.", no_args_is_help=True)
models_app = typer.Typer(help="Weights of models, and what this PC does with them.", no_args_is_help=True)
evaluate_app = typer.Typer(help="How well the product answers and finds.", no_args_is_help=True)
app.add_typer(index_app, name="index")
app.add_typer(knowledge_app, name="knowledge")
app.add_typer(models_app, name="models")
app.add_typer(evaluate_app, name="evaluate")
journal_app = typer.Typer(help="What people asked, where the journal is switched on.", no_args_is_help=True)
app.add_typer(journal_app, name="journal")
admin_app = typer.Typer(help="The page of maintainers.", no_args_is_help=True)
app.add_typer(admin_app, name="admin")
bench_app = typer.Typer(help="How fast the product is on this machine.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
voice_app = typer.Typer(help="Reading aloud.", no_args_is_help=True)
app.add_typer(voice_app, name="voice")
bundle_app = typer.Typer(help="Installing from a USB stick, without a network.", no_args_is_help=True)
app.add_typer(bundle_app, name="bundle")

_LONE = re.compile(r"[\ud800-\udfff]")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NoModel = Annotated[bool, typer.Option("--no-model", help="Answer from the guides alone.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the program; what failed is said on stderr, with the exit code of the contract."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever the terminal's locale says
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is fetched unasked; `models pull` alone lifts it for itself
    try:
        app(arguments)
    except QuestionError as error:
        _complain(error)
        sys.exit(2)
    except (AssistantError, OSError) as error:  # the disk is full, or cannot be read or written
        _complain(error)
        sys.exit(1)


def _complain(error: AssistantError | OSError) -> None:
    """The Vietnamese sentence for the kind of error, then what exactly was wrong."""
    name = "OSError" if isinstance(error, OSError) else type(error).__name__
    sentence = _ui().get("errors", {}).get(name, "")
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
    prepare: Annotated[bool, typer.Option("--prepare", help="Let the model read the guides.")] = False,
) -> None:
    """Bring the index up to date with the knowledge."""
    settings = _settings()
    _build(settings, full=full)
    if prepare:
        from assistant.loading import load_assistant, prepare_guides

        with _progress() as progress:
            assistant = load_assistant(settings, with_model=False, with_embedder=False, progress=progress)
            read, guides = prepare_guides(assistant, settings, progress)
        print(f"read by the model: {read} of {guides} guides")


def _build(settings: Settings, *, full: bool) -> None:
    from datetime import UTC, datetime

    from assistant.loading import build_index, current_index, load_embedder, load_officials

    embedder = load_embedder(settings)
    with _progress() as progress:
        if full:
            officials = load_officials(settings, read_new=True, progress=progress)
            index = build_index(settings, embedder, None, officials, progress)
        else:
            started = datetime.now(UTC)
            index = current_index(settings, embedder, progress, strict=True)
            if index.manifest.built < started:
                print(f"up to date: {index.manifest.documents} guides")
                return
    manifest = index.manifest
    print(
        f"built: {manifest.documents} guides, {manifest.sections} sections, {manifest.chunks} chunks, "
        f"{manifest.officials} official documents with {manifest.official_sections} sections"
    )


@index_app.command("status")
def index_status(as_json: AsJson = False) -> None:
    """What the index holds, how old it is, and whether an embedder takes part."""
    from assistant.loading import index_state

    status = index_state(_settings())
    if as_json:
        _print_json(status)
    else:
        print("\n".join(f"{key}: {value}" for key, value in status.items()))


@knowledge_app.command("check")
def knowledge_check(
    readability: Annotated[bool, typer.Option(help="Tell how hard each guide is to read instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate every guide and lesson and what prompts/ names; problems come with file and line."""
    from assistant.knowledge.readability import as_row, as_text, read_readability
    from assistant.loading import check_everything
    from assistant.retrieval.classifier import load_utterances

    settings = _settings()
    if readability:
        roots = (settings.knowledge / "guides", settings.overlay / "guides")
        utterances = load_utterances(settings.knowledge / "utterances.jsonl")
        rows = read_readability(roots, (utterance.says for utterance in utterances))
        if as_json:
            _print_json(as_row(rows))
        else:
            print(as_text(rows))
        return
    guides, problems = check_everything(settings)
    if problems:
        raise KnowledgeError(problems)
    if as_json:
        _print_json({"guides": len(guides), "problems": []})
    else:
        print(f"{len(guides)} guides, no problems")


@knowledge_app.command("read")
def knowledge_read(
    file: Annotated[Path, typer.Argument(help="PDF, DOCX, PPTX, HTML, Markdown, text or picture.")],
    as_json: AsJson = False,
) -> None:
    """Show what would be taken from a document; nothing is stored."""
    from assistant.knowledge.pages import as_row, as_text
    from assistant.knowledge.reading import read_document

    with _progress() as progress:
        reading = read_document(file, progress=progress)
    if as_json:
        _print_json(as_row(reading))
    else:
        print(as_text(reading))


@knowledge_app.command("add")
def knowledge_add(
    files: Annotated[list[Path], typer.Argument(help="Official documents.")],
    title: Annotated[str | None, typer.Option(help="Its title, as people would name it.")] = None,
    agency: Annotated[str | None, typer.Option(help="Who issued it.")] = None,
    date_: Annotated[str | None, typer.Option("--date", help="Day of issue, ISO 8601.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it stands on the web.")] = None,
    supersedes: Annotated[
        list[str] | None, typer.Option(help="Id or law number of what it stands in for; may be repeated.")
    ] = None,
    superseded_by: Annotated[
        list[str] | None, typer.Option(help="Id of the guide or document that stands in for it.")
    ] = None,
) -> None:
    """Bring official documents into the ward's knowledge, and build the index anew.

    Title, agency, date and web address are asked for on a terminal where no option tells them.
    """
    from assistant.knowledge.official import Side, add_official
    from assistant.loading import assistant_of, current_index, load_embedder

    settings = _settings()
    asks = sys.stdin.isatty() and sys.stdout.isatty()
    told = {"title": title, "agency": agency, "date": date_, "url": url}
    failed, added = [], []
    for path in files:
        values = {key: _told(path, key, value, asks) for key, value in told.items()}
        if not values["title"] or not values["agency"]:
            raise typer.BadParameter(f"{path}: tell --title and --agency; answers are cited by them")
        side = Side(
            **values,  # type: ignore[arg-type]
            supersedes=tuple(supersedes or ()),
            superseded_by=tuple(superseded_by or ()),
        )
        try:
            with _progress() as progress:
                file = add_official(
                    path, side, settings.overlay / "official", settings.data / "documents", progress=progress
                )
        except DocumentError as error:
            _complain(error)
            failed.append(path)
            continue
        added.append(file)
        print(f"{file.id}: {len(file.text.sections)} sections of {len(file.reading.pages)} pages")
        if file.reading.reason:
            print(f"{file.id}: to be looked at: {file.reading.reason}")
        for line in _not_shown(settings, file):
            print(f"{file.id}: {_ui()['add']['not_shown']}: {line}")
        if file.held:
            pages = ", ".join(str(page.number) for page in file.held)
            print(f"{file.id}: {_ui()['add']['held']}: {pages} (`assistant knowledge approve {file.id}`)")
    if added:
        with _progress() as progress:
            assistant = assistant_of(
                settings, current_index(settings, load_embedder(settings), progress, strict=True)
            )
        for file in added:
            for guide, sentence in _contradicted(assistant, file):
                print(f"{file.id}: {_ui()['add']['contradicted'].format(guide=guide)}: {sentence}")
    if failed:
        raise typer.Exit(1)


def _contradicted(assistant: Assistant, file: OfficialFile) -> Iterator[tuple[str, str]]:
    """The sentences of a document of which a guide tells other figures, and the guide's id."""
    from assistant.text.normalize import clean, sentences

    for section in file.text.sections:
        for sentence in (one for line in section.text.split("\n") for one in sentences(clean(line))):
            if guide := assistant.contradicting(sentence, section, assistant.clock()):
                yield guide, sentence


def _not_shown(settings: Settings, file: OfficialFile) -> list[str]:
    """The lines of a document of which people are shown less than stands there."""
    from assistant.answering.checks import asks_for_secret
    from assistant.answering.safety import load_safety
    from assistant.knowledge.facts import load_shared_facts
    from assistant.text.normalize import clean

    documents = load_safety(settings.home / "prompts" / "safety.toml").documents
    known = load_shared_facts(settings.knowledge, settings.overlay).contact_values(date.today())
    lines = [clean(line) for section in file.text.sections for line in section.text.split("\n")]
    return [line for line in lines if documents.readable(line, known, asks_for_secret) != line]


@knowledge_app.command("fetch")
def knowledge_fetch(
    ids: Annotated[list[str] | None, typer.Argument(help="Of sources.toml; all if none is given.")] = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be asked for.")] = False,
) -> None:
    """Fetch the official sources; tell what changed and which guides are to be read again."""
    from assistant.knowledge.fetch import as_row, fetch_all, plan
    from assistant.knowledge.hosts import Hosts, Outcome
    from assistant.knowledge.sources import cited_by, citing, load_sources

    settings = _settings()
    listed = load_sources(settings.knowledge / "sources.toml")
    if unknown := set(ids or ()) - {source.id for source in listed}:
        raise typer.BadParameter(f"not in sources.toml: {', '.join(sorted(unknown))}")
    sources = [source for source in listed if not ids or source.id in ids]
    folder = settings.data / "sources"
    if dry_run:
        print("\n".join(f"{address}  ({why})" for address, why in plan(sources, folder).items()))
        return
    everything = citing(settings.knowledge, settings.overlay)
    names = {source.id: cited_by(source, everything) for source in sources}
    results: list[Result] = []
    try:
        with _progress() as progress:
            for result in fetch_all(sources, folder, Hosts(listed), progress):
                results.append(result)
    finally:  # what came before the disk was full is told, too
        failed = [result for result in results if result.outcome is Outcome.FAILED]
        if as_json:
            _print_json(as_row(results, names))
        elif len(failed) < len(results):
            _print_fetched(results, names)
    for result in failed:
        print(f"{result.source.id}: {result.detail}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _told(path: Path, key: str, value: str | None, asks: bool) -> str | None:
    """What an option tells about a document, else what its side file did, else what is typed."""
    from assistant.errors import KnowledgeError
    from assistant.knowledge.official import read_side

    if value is not None:
        return value
    try:
        before: str | None = getattr(read_side(path), key)
    except KnowledgeError:
        before = None
    if not asks:
        return before
    question = f"{path.name}: {_ui()['add'][key]}"
    return str(typer.prompt(question, default=before or "", show_default=bool(before))) or None


@knowledge_app.command("approve")
def knowledge_approve(
    document: Annotated[str | None, typer.Argument(help="Its id; none lists what waits.")] = None,
    page: Annotated[list[int] | None, typer.Option(help="Only this page; may be repeated.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Release without asking again.")] = False,
) -> None:
    """Release pages that were read by OCR, after a person has compared them with the document."""
    from assistant.knowledge.official import approve
    from assistant.loading import current_index, load_embedder, load_officials

    settings = _settings()
    waiting = {file.id: file for file in load_officials(settings, read_new=False).files if file.held}
    if document is None:
        for file in waiting.values():
            pages = ", ".join(str(held.number) for held in file.held)
            print(f"{file.id}: {_ui()['add']['held']}: {pages} ({file.path})")
        if not waiting:
            print("no page waits for approval")
        return
    if document not in waiting:
        names = ", ".join(sorted(waiting)) or "none"
        raise DocumentError(f"no page of `{document}` waits for approval; waiting: {names}")
    file = waiting[document]
    for held in file.held:
        if page is None or held.number in page:
            print(f"--- {file.path.name}, page {held.number}\n{held.text}\n")
    if not yes and not (sys.stdin.isatty() and typer.confirm(_ui()["add"]["approve"])):
        raise DocumentError("nothing released; compare the text above with the document, then add --yes")
    released = approve(file, page)
    with _progress() as progress:
        current_index(settings, load_embedder(settings), progress, strict=True)
    print(f"{file.id}: {len(file.held) - len(released.held)} pages released, {len(released.held)} wait")


@knowledge_app.command("diff")
def knowledge_diff(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Question sets to ask, beside the guides' own questions.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the knowledge with the index before it: sections that changed, and answers that change."""
    from assistant.evaluation.answers import read_questions
    from assistant.evaluation.changes import answers_changed, as_row, as_text, sections_changed
    from assistant.loading import assistant_of, earlier_index

    settings = _settings()
    questions = [question for file in files or () for question in read_questions(file)]
    with _progress() as progress:
        before, after = earlier_index(settings, progress)
        sections = sections_changed(before, after)
        progress("asking the questions of both")
        answers = answers_changed(assistant_of(settings, before), assistant_of(settings, after), questions)
    if as_json:
        _print_json(as_row(sections, answers))
    else:
        print(as_text(sections, answers))


@knowledge_app.command("pack")
def knowledge_pack(
    folder: Annotated[Path, typer.Argument(help="A new folder, on the USB stick say.")],
    key: Annotated[Path, typer.Option(help="The secret key to sign with (`bundle key` makes one).")],
) -> None:
    """Sign the shipped guides and official documents, for machines whose program stays as it is."""
    from assistant.operations.packs import make_pack

    guides = make_pack(folder, _settings(), key)
    print(_operator_words()["pack"]["made"].format(folder=folder, guides=guides))


@knowledge_app.command("install")
def knowledge_install(
    folder: Annotated[Path, typer.Argument(help="What `knowledge pack` made.")],
    key: Annotated[Path, typer.Option(help="The maker's public key (*.pub), from elsewhere.")],
) -> None:
    """Take over a pack of knowledge, if it is what was signed and passes the check; else nothing changes."""
    from assistant.operations.packs import install

    with _progress() as progress:
        index = install(folder, key, _settings(), progress)
    print(_operator_words()["pack"]["installed"].format(guides=index.manifest.documents))


@knowledge_app.command("rollback")
def knowledge_rollback() -> None:
    """Go back to the knowledge before the last pack; a second time goes forth again."""
    from assistant.operations.packs import roll_back

    with _progress() as progress:
        index = roll_back(_settings(), progress)
    print(_operator_words()["pack"]["rolled_back"].format(guides=index.manifest.documents))


def _print_fetched(results: Sequence[Result], names: Mapping[str, Sequence[str]]) -> None:
    """A table of what somebody should look at, and how many there are of each outcome."""
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from assistant.knowledge.hosts import Outcome

    table = Table("outcome", "source", "what", "guides to read again")
    for outcome in Outcome:
        for result in results:
            if result.outcome is outcome and result.is_to_be_looked_at:
                again = ", ".join(names[result.source.id]) if result.is_to_be_read_again else ""
                table.add_row(outcome, f"{result.source.title} ({result.source.id})", result.detail, again)
    if table.row_count:
        Console(width=None if sys.stdout.isatty() else 200, markup=False).print(table)
    counts = Counter(result.outcome for result in results)
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]))


@journal_app.command("status")
def journal_status(as_json: AsJson = False) -> None:
    """Whether the journal is on, how many entries it holds, from when to when."""
    settings, journal = _settings(), _journal()
    entries = journal.read()
    status = {
        "on": settings.journal.on,
        "days": settings.journal.days,
        "entries": len(entries),
        "first": entries[0].minute.isoformat(timespec="minutes") if entries else None,
        "last": entries[-1].minute.isoformat(timespec="minutes") if entries else None,
        "file": str(journal.place),
    }
    if as_json:
        _print_json(status)
    else:
        print("\n".join(f"{key}: {value}" for key, value in status.items()))


@journal_app.command("export")
def journal_export(
    file: Annotated[Path, typer.Argument(help="A .csv or .xlsx to be written.")],
) -> None:
    """Write all entries into a table."""
    from assistant.journal import as_csv, as_xlsx
    from assistant.toml import read_toml

    writers = {".csv": as_csv, ".xlsx": as_xlsx}
    if file.suffix.lower() not in writers:
        raise typer.BadParameter(f"{file}: the name must end in .csv or .xlsx")
    words = read_toml(_settings().home / "prompts" / "maintain.toml")
    journal = _journal()
    entries = journal.read()
    try:
        file.write_bytes(writers[file.suffix.lower()](entries, words))
    except OSError as error:
        raise JournalError(f"{file} cannot be written: {error.strerror}") from error
    print(f"{len(entries)} entries: {file}")


@journal_app.command("delete")
def journal_delete(
    before: Annotated[str | None, typer.Option(help="Only entries before this day, ISO 8601.")] = None,
    holding: Annotated[
        str | None, typer.Option(help="Only entries that hold these words; - asks for them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All entries.")] = False,
) -> None:
    """Delete entries; what is deleted is overwritten in the file."""
    if sum(map(bool, (before, holding, everything))) != 1:
        raise typer.BadParameter("give --before DAY, --holding WORDS or --everything, one of them")
    try:
        day = date.fromisoformat(before) if before else None
    except ValueError:
        raise typer.BadParameter(f"--before {before}: is not a day like 2026-11-26") from None
    if holding == "-":  # sudo and the shell write down what stands on a command line
        holding = sys.stdin.readline().strip()
        if not holding:
            raise typer.BadParameter("--holding -: no words were given, and so nothing is deleted")
    journal = _journal()
    count = journal.forget(day, holding=holding or "")
    print(f"{count} entries deleted")


def _journal() -> Journal:
    from assistant.journal import load_journal

    return load_journal(_settings())


@admin_app.command("set-password")
def admin_set_password() -> None:
    """Ask for a password of the maintainers' page and print what belongs into assistant.toml."""
    from assistant.web.password import LEAST, MOST, hashed

    words = _ui()["admin"]
    if sys.stdin.isatty():
        password = typer.prompt(
            words["password"], hide_input=True, confirmation_prompt=words["again"], err=True
        )
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not LEAST <= len(password) <= MOST:
        raise ConfigError(f"a password of the maintainers' page has {LEAST} to {MOST} characters")
    print(words["use"].format(file=_settings().data / "assistant.toml"), file=sys.stderr)
    print(f'[admin]\npassword_hash = "{hashed(password)}"')


@models_app.command("list")
def models_list(as_json: AsJson = False) -> None:
    """The catalogue: sizes, licences, the RAM each wants, which is here and which fits this PC."""
    from assistant.models.catalogue import GB, as_row, load_catalogue, ram_found, recommended

    folder, catalogue, ram = _settings().data / "models", load_catalogue(), ram_found()
    best = recommended(catalogue, ram)
    rows = [as_row(weights, folder / weights.name, best) for weights in catalogue]
    if as_json:
        _print_json({"ram_gb": round(ram / GB, 1), "models": rows})
        return
    words = _ui()["models"]
    print(words["ram"].format(ram=f"{ram / GB:.1f}"))
    for row in rows:
        marks = [words[key] for key in ("recommended", "here") if row[key]]
        marks.append(words["pinned" if row["pinned"] else "unpinned"])
        print(
            f"\n{row['name']}  ({', '.join([words[row['use']], *marks])})\n  {row['about']}\n  "
            + words["needs"].format(
                size=f"{row['bytes'] / GB:.1f}", ram=f"{row['ram_gb']:g}", licence=row["licence"]
            )
            + f"\n  {row['repo']}"
        )
    print(f"\n{words['how']}")


@models_app.command("pull")
def models_pull(
    name: Annotated[str, typer.Argument(help="A name of `models list`.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="Take the files from this folder, without a network.")
    ] = None,
) -> None:
    """Get weights from the hub, going on where it was broken off, or from a USB stick; all is checked."""
    from assistant.models.catalogue import copy, load_catalogue, named, pull, settings_for

    settings = _settings()
    weights = named(load_catalogue(), name)
    folder = settings.data / "models" / weights.name
    with _progress() if source else nullcontext(_say) as progress:  # the download has its own bar
        if source:
            copy(weights, folder, source, progress)
        else:
            pull(weights, folder, settings.models.hub, progress)
    print(_ui()["models"]["use"].format(folder=folder, file=settings.data / "assistant.toml"))
    print(settings_for(weights, folder))


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


@models_app.command("verify")
def models_verify(
    name: Annotated[
        str | None, typer.Argument(help="A name of `models list`; all that are here if none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every byte of the weights that were got, and tell whether they are still what they were."""
    from assistant.models.catalogue import is_complete, load_catalogue, named, verify

    folder, catalogue = _settings().data / "models", load_catalogue()
    wanted = [named(catalogue, name)] if name else [w for w in catalogue if is_complete(folder / w.name)]
    with _progress() as progress:
        verdicts = [verify(weights, folder / weights.name, progress) for weights in wanted]
    if as_json:
        _print_json({verdict.name: verdict.reason or "ok" for verdict in verdicts})
    else:
        print(
            "\n".join(f"{verdict.name}: {verdict.reason or 'ok'}" for verdict in verdicts)
            or "no model is here"
        )
    if any(verdict.reason for verdict in verdicts):
        raise typer.Exit(1)


@models_app.command("bench")
def models_bench(
    name: Annotated[str | None, typer.Argument(help="A name of `models list` that is here.")] = None,
    model: Annotated[Path | None, typer.Option(help="A GGUF anywhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure in about a minute what this PC does with a model."""
    from assistant.evaluation.bench import as_row, speed
    from assistant.models.catalogue import load_catalogue, named

    settings = _settings()
    if (name is None) == (model is None):
        raise typer.BadParameter("give a name or --model FILE, one of the two")
    if name is not None:
        weights = named(load_catalogue(), name)
        model = settings.data / "models" / weights.name / weights.files[0].path
    assert model is not None
    if not model.is_file():
        raise WeightsError(f"{model} is not there; `assistant models pull NAME` gets what the catalogue has")
    assistant = _load(settings, with_model=False)
    today = assistant.clock()
    guides = sorted(assistant.searcher.index.guides, key=lambda id_: len(assistant.prompt(id_, today).guide))
    questions = _ui()["models"]["questions"]
    prompts = [assistant.prompt(guides[len(guides) // 2], today, question) for question in questions]
    with _progress() as progress:
        progress(str(model))
        found = speed(model, settings.models, *prompts)
    if as_json:
        _print_json(as_row(found))
        return
    words = _ui()["models"]
    print("\n".join(words["bench"]).format(**as_row(found)))
    verdict = "fast" if found.prepared_s <= 2 else "fair" if found.prepared_s <= 6 else "slow"
    print(words[verdict])


@evaluate_app.command("answers")
def evaluate_answers(
    file: Annotated[Path, typer.Argument(help="JSON lines of questions with what is expected.")],
    as_json: AsJson = False,
    with_model: Annotated[
        bool, typer.Option("--with-model", help="Judge what the model writes under the cards instead.")
    ] = False,
    model: Annotated[
        list[Path] | None, typer.Option(help="A GGUF instead of the configured model; may be repeated.")
    ] = None,
    typed: Annotated[
        str | None,
        typer.Option(
            help="As others would type it: bare, mixed, telex, vni, slips, beside, glued, repeats, heard."
        ),
    ] = None,
) -> None:
    """Ask a question set and count right, wrong and declined per kind, with the rates of wrong decisions and
    their calibration; or judge what a model writes.
    """
    from assistant.evaluation.answers import as_row, as_text, judge, read_questions
    from assistant.evaluation.mistyping import HABITS, mistyped

    if typed is not None and typed not in HABITS:
        raise typer.BadParameter(f"{typed!r} is none of {', '.join(HABITS)}", param_hint="--typed")
    questions = [mistyped(one, typed) if typed else one for one in read_questions(file)]
    if with_model or model:
        _evaluate_models(questions, model or [], as_json)
        return
    assistant = _load(_settings(), with_model=False)
    judgements = [judge(assistant, question) for question in questions]
    if as_json:
        _print_json(as_row(judgements))
    else:
        print(as_text(judgements))


def _evaluate_models(questions: Sequence[ExpectedAnswer], paths: Sequence[Path], as_json: bool) -> None:
    """What each model writes under the cards of a question set, side by side."""
    from assistant.evaluation.writing import Report, as_text, write
    from assistant.loading import load_model

    settings = _settings()
    local = [settings.models.model_copy(update={"backend": "local", "path": path}) for path in paths]
    assistant = _load(settings, with_model=False)
    rows = {}
    with _progress() as progress:
        for wanted in local or [settings.models]:
            model = load_model(settings.model_copy(update={"models": wanted}))
            if model is None:
                raise ConfigError("no model is configured: set models.path, or give --model FILE")
            report = Report(model.name)
            with ExitStack() as ending:
                ending.callback(getattr(model, "close", lambda: None))  # servers and processes have one
                for number, question in enumerate(questions, 1):
                    progress(f"{model.name}: {number} of {len(questions)}")
                    if (written := write(assistant, model, question)) is not None:
                        report.written.append(written)
            rows[str(wanted.path) if model.name in rows else model.name] = report.row()
    if as_json:
        _print_json({"models": rows})
    else:
        print(as_text(rows))


@evaluate_app.command("attacks")
def evaluate_attacks(
    folder: Annotated[Path, typer.Argument(help="A folder of open/, more/, held/, a file a category.")],
    half: Annotated[str | None, typer.Option(help="Only one part: open, more or held.")] = None,
    with_model: Annotated[bool, typer.Option("--with-model", help="With the configured model.")] = False,
    obeying: Annotated[
        bool, typer.Option("--obeying", help="With a model that does whatever it is told.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Attack the product: how often it shows or does what an attacker wants, and refuses a harmless question.

    Of the held half only the ids of what failed are told.
    """
    from assistant.evaluation.attacks import HALVES, as_row, as_text, model_named, read_attacks, run

    if half is not None and half not in HALVES:
        raise typer.BadParameter(f"{half!r} is none of {', '.join(HALVES)}", param_hint="--half")
    settings = _settings()
    assistant = _load(settings, with_model=with_model and not obeying)
    if with_model or obeying:
        assistant = replace(assistant, model=model_named(obeying, assistant.model))
    rows = {}
    with _progress() as progress:
        for one in [half] if half else [name for name in HALVES if (folder / name).is_dir()]:
            found = run(assistant, settings, read_attacks(folder, one), progress)
            rows[one] = as_row(found, texts=one != "held")
    if as_json:
        _print_json({"halves": rows})
    else:
        print(as_text(rows))


@evaluate_app.command("checks")
def evaluate_checks(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="JSON lines of sentences written by hand, beside guides.jsonl."),
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="List what went wrong, but of nothing that is held.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check true sentences of every guide, and the same with one planted error each: the share refused."""
    from assistant.evaluation.planted import as_row, as_text, evaluate

    assistant = _load(_settings(), with_model=False)
    with _progress() as progress:
        progress("checking sentences")
        report = evaluate(assistant, files or ())
    if as_json:
        _print_json(as_row(report))
    else:
        print(as_text(report, failures=failures))


@evaluate_app.command("masking")
def evaluate_masking(
    files: Annotated[list[Path], typer.Argument(help="JSON lines of texts with what is personal in them.")],
    failures: Annotated[
        bool, typer.Option("--failures", help="List what went wrong in files named open….")
    ] = False,
    learn: Annotated[
        Path | None,
        typer.Option(help="Learn the weights of names and addresses from the files, and write them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What the journal would keep of made-up texts: the share of personal parts caught, and false alarms."""
    from assistant.evaluation.masking import as_row, as_text, evaluate, keeper

    if learn is not None:
        from assistant.evaluation.learning import learn as weights_from
        from assistant.evaluation.learning import save

        save(weights_from(_settings(), files, files[0].with_name("frames.txt")), learn)
        return
    outcomes = evaluate(files, keeper(_settings()))
    if as_json:
        _print_json(as_row(outcomes))
    else:
        print(as_text(outcomes, failures=failures))


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


@evaluate_app.command("outline")
def evaluate_outline(
    folder: Annotated[Path, typer.Argument(help="A folder with sections.jsonl: heading and text a line.")],
    as_json: AsJson = False,
) -> None:
    """Print known sections as PDFs and a DOCX, read them back and count what was found again."""
    from assistant.evaluation.splitting import as_row, as_text, score_outline

    with _progress() as progress:
        scores = score_outline(folder, progress)
    if as_json:
        _print_json(as_row(scores))
    else:
        print(as_text(scores))


@evaluate_app.command("retrieval")
def evaluate_retrieval(
    folder: Annotated[Path, typer.Argument(help="A folder in BEIR layout.")],
    peers: Annotated[bool, typer.Option("--peers", help="Also what a user would pick instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search any corpus as official documents are searched, and measure what is found."""
    from assistant.evaluation.retrieval import as_text, measured, product_search, read_beir, run
    from assistant.text.dialect import load_glossary

    data = read_beir(folder)
    glossary = load_glossary(_settings().knowledge / "glossary.toml")
    rows: dict[str, dict[str, Any] | str] = {
        "assistant": measured(data, run(data, lambda corpus: product_search(corpus, glossary)))
    }
    if peers:
        from assistant.evaluation.peers import run_peers

        with _progress() as progress:
            for name, found in run_peers(data):
                progress(name)
                rows[name] = found if isinstance(found, str) else measured(data, found)
    if as_json:
        row = rows.pop("assistant")
        assert isinstance(row, dict)
        _print_json(row | ({"peers": rows} if peers else {}))
    else:
        print(as_text(rows))


@evaluate_app.command("weights")
def evaluate_weights(
    files: Annotated[
        list[Path], typer.Argument(help="Question sets to fit on, beside the guides' own questions.")
    ],
) -> None:
    """Fit the weights of retrieval/search.py and answering/decide.py anew; prints them to be put there."""
    from assistant.evaluation.answers import HELD, read_questions
    from assistant.evaluation.fitting import (
        fit_certainty,
        fit_covered,
        fit_follow_up,
        fit_order,
        fit_search,
    )
    from assistant.retrieval.classifier import load_utterances

    settings = _settings()
    read = (question for file in files for question in read_questions(file))
    questions = [question for question in read if not question.id.startswith(HELD)]
    assistant = _load(settings, with_model=False)
    utterances = load_utterances(settings.knowledge / "utterances.jsonl")
    for fit in (
        fit_search(assistant, questions, utterances),
        fit_order(assistant, utterances),
        fit_covered(assistant, questions, utterances),
        fit_follow_up(assistant, questions),
        fit_certainty(assistant, questions),
    ):
        print("\n".join(f"    {weight:.2f},  # {name}" for name, weight in fit.weights.items()))
        print(f"right: {fit.right:.3f} of {fit.examples} examples\n")


@bench_app.command("first-token")
def bench_first_token(
    model: Annotated[Path, typer.Option(help="A GGUF file.")],
    prompt_tokens: Annotated[int, typer.Option(help="Tokens of rules, guide and question.")] = 800,
    runs: Annotated[int, typer.Option(min=1, help="Medians over so many runs.")] = 3,
    peer: Annotated[bool, typer.Option(help="Time bare llama-cpp-python beside it.")] = True,
    as_json: AsJson = False,
) -> None:
    """Seconds until the model's first word: nothing read, the guide read beforehand, the question alone."""
    from assistant.evaluation.bench import as_row, as_text, first_token
    from assistant.loading import llama_options, load_assistant

    settings = _settings()
    with _progress() as progress:
        assistant = load_assistant(settings, with_model=False, with_embedder=False, progress=progress)
        options = llama_options(settings)
        result = first_token(
            assistant, model, options, prompt_tokens=prompt_tokens, runs=runs, peer=peer, progress=progress
        )
    if as_json:
        _print_json(as_row(result))
    else:
        print(as_text(result))


@bench_app.command("answers")
def bench_answers(
    file: Annotated[Path, typer.Argument(help="JSON lines of questions.")],
    concurrency: Annotated[int, typer.Option(min=1, help="People who ask at the same time.")] = 1,
    minutes: Annotated[float, typer.Option(min=0, help="Go on asking for so long.")] = 0,
    as_json: AsJson = False,
    no_model: NoModel = False,
) -> None:
    """What people wait for whole answers, how many a second, and the memory it takes."""
    from assistant.evaluation.bench import answers, as_row, as_text, read_asked

    questions = read_asked(file)
    assistant = _load(_settings(), with_model=not no_model)
    result = answers(assistant, questions, concurrency=concurrency, minutes=minutes)
    if as_json:
        _print_json(as_row(result))
    else:
        print(as_text(result))
    if result.errors:
        raise typer.Exit(1)


@bench_app.command("visitors")
def bench_visitors(
    people: Annotated[int, typer.Option(min=1, help="How many are at the pages at the same time.")] = 10,
    minutes: Annotated[float, typer.Option(min=0, help="For how long they come.")] = 1,
    think: Annotated[
        float, typer.Option(min=0, help="Seconds a person takes between two things; 0: none at all.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="Who does what is drawn from it.")] = 0,
    model: Annotated[Path | None, typer.Option(help="A GGUF that writes under the cards.")] = None,
    journal: Annotated[bool, typer.Option(help="With the journal switched on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let people come to the real pages over HTTP: what they wait, who is refused, what is left of them."""
    from assistant.evaluation.visitors import Plan, as_row, as_text, visit

    settings = _settings()
    guides = _load(settings, with_model=False).guides.values()
    questions = [question for guide in guides for question in guide.questions]
    with _progress() as progress:
        report = visit(Plan(people, minutes, think, seed, model, journal), settings, questions, progress)
    if as_json:
        _print_json(as_row(report))
    else:
        print(as_text(report))
    if not report.well:
        raise typer.Exit(1)


@bench_app.command("scale")
def bench_scale(
    folder: Annotated[Path, typer.Argument(help="Procedures as *.jsonl, which are recombined.")],
    sections: Annotated[
        list[int] | None, typer.Option(min=1, help="Sections of all procedures; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What search costs with thousands of official documents (1,000, 10,000 and 55,000 sections)."""
    from assistant.evaluation.recombine import read_material
    from assistant.evaluation.scale import as_row, as_text, measure

    material = read_material(folder)
    settings = _settings()
    costs = []
    with _progress() as progress:
        for size in sections or (1_000, 10_000, 55_000):
            costs.append(measure(material, size, settings, progress))
            if as_json:
                _print_json(as_row(costs[-1]))
    if not as_json:
        print(as_text(costs))


@bench_app.command("fuzz")
def bench_fuzz(
    requests: Annotated[int, typer.Option(min=1, help="How many.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed asks the same things.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Ask a server of its own what no browser asks; exit code 1 where it breaks or tells of this machine."""
    from assistant.evaluation.fuzz import as_row, as_text, fuzz

    with _progress() as progress:
        report = fuzz(_settings(), requests, seed, progress)
    if as_json:
        _print_json(as_row(report))
    else:
        print(as_text(report))
    if not report.passed:
        raise typer.Exit(1)


@bench_app.command("faults")
def bench_faults(
    only: Annotated[list[str] | None, typer.Option(help="Only these kinds; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Inject faults (kills, damaged files, full disks, a wrong clock …) and tell what comes of each."""
    from assistant.evaluation.faults.table import as_row, as_text, strike

    with _progress() as progress:
        rows = list(strike(_settings(), only or (), progress))
    if as_json:
        _print_json(as_row(rows))
    else:
        print(as_text(rows))
    if any(row.well is False for row in rows):
        raise typer.Exit(1)


@voice_app.command("prepare")
def voice_prepare() -> None:
    """Read every step of the guides aloud beforehand, so that nobody waits for it."""
    from assistant.speech.speak import load_speaker
    from assistant.toml import read_toml

    settings = _settings()
    speaker = load_speaker(settings.voice, read_toml(settings.home / "prompts" / "voice.toml"), settings.data)
    assistant = _load(settings, with_model=False)
    opened = (assistant.open_guide(id_).card for id_ in sorted(assistant.searcher.index.guides))
    with _progress() as progress:
        read = speaker.prepare((card for card in opened if card is not None), progress)
    told = {"read": read, "mb": round(speaker.kept() / 1e6), "folder": settings.data / "voice"}
    print(_operator_words()["voice"]["prepared"].format(**told))


def _operator_words() -> dict[str, Any]:
    """What the person who looks after the machine reads."""
    from assistant.toml import read_toml

    return read_toml(_settings().home / "prompts" / "operate.toml")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Look over this machine: what is well, what is missing, what to do; exit code 1 where one is bad."""
    from assistant.operations.doctor import State, as_row, as_text, examine, worst

    words = _operator_words()["doctor"]
    with _progress() as progress:
        progress("looking")
        findings = examine(_settings())
    if as_json:
        _print_json(as_row(findings, words))
    else:
        print(as_text(findings, words))
    if worst(findings) is State.BAD:
        raise typer.Exit(1)


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The archive to be written.")]) -> None:
    """Keep the ward's own guides, contacts, documents, approvals and the journal in one archive."""
    from assistant.operations.backup import back_up

    with _progress() as progress:
        kept = back_up(_settings(), file, progress)
    _print_kept("made", file, kept)


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="What `assistant backup` wrote.")]) -> None:
    """Put back what an archive holds; what is there now stays until the new is known to be whole."""
    from assistant.errors import BackupError
    from assistant.operations.backup import restore as put_back
    from assistant.operations.doctor import is_served

    settings = _settings()
    if is_served(settings):
        raise BackupError("the pages are being served; stop them first (systemctl stop tro-ly)")
    with _progress() as progress:
        kept = put_back(settings, file, progress)
    _print_kept("restored", file, kept)


def _print_kept(what: str, file: Path, kept: Kept) -> None:
    words = _operator_words()["backup"]
    told = {"files": kept.files, "documents": kept.documents, "made": kept.made}
    print(words[what].format(file=file, **told, journal=words["with" if kept.journal else "without"]))


@bundle_app.command("key")
def bundle_key(
    file: Annotated[Path, typer.Argument(help="The secret half; *.pub is laid beside it.")],
) -> None:
    """Make the pair of keys that bundles are signed and checked with."""
    from assistant.operations.keys import make_signing_key

    public = make_signing_key(file)
    print(_operator_words()["bundle"]["key"].format(secret=file, public=public))


@bundle_app.command("make")
def bundle_make(
    folder: Annotated[Path, typer.Argument(help="A new folder, on the USB stick say.")],
    key: Annotated[Path, typer.Option(help="The secret key to sign with.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Weights that `models pull` has got; may be repeated.")
    ] = None,
    wheels: Annotated[Path | None, typer.Option(help="Take the packages from here, without network.")] = None,
) -> None:
    """Gather product, packages, models and index in one folder, and sign it."""
    from tempfile import TemporaryDirectory

    from assistant.config import CHECKOUT
    from assistant.loading import build_index, load_officials
    from assistant.models.catalogue import load_catalogue, named, verify
    from assistant.operations.bundle import Contents, make

    settings = _settings()
    chosen = [named(load_catalogue(), name) for name in model or ()]
    models = {weights.name: settings.data / "models" / weights.name for weights in chosen}
    with _progress() as progress, TemporaryDirectory() as temporary:
        for weights in chosen:
            if reason := verify(weights, models[weights.name], progress).reason:
                raise WeightsError(reason)
        data = Path(temporary)
        shipped = settings.model_copy(update={"data": data, "local": data / "local"})  # nothing of this ward
        build_index(shipped, None, None, load_officials(shipped, read_new=True), progress)
        uses = frozenset(str(weights.use) for weights in chosen)
        contents = Contents(CHECKOUT, settings.home, models, uses, data, wheels)
        made = make(folder, contents, key, progress)
    print(_operator_words()["bundle"]["made"].format(folder=folder, gb=round(made / 1e9, 2)))


@bundle_app.command("verify")
def bundle_verify(
    folder: Annotated[Path, typer.Argument(help="The bundle.")],
    key: Annotated[Path, typer.Option(help="The maker's public key (*.pub), from elsewhere.")],
) -> None:
    """Compare every byte of a bundle with what its maker signed."""
    from assistant.operations.bundle import verify

    with _progress() as progress:
        about = verify(folder, key, progress)
    told = {"made": about.get("made", "?"), "python": about.get("python", "?")}
    print(_operator_words()["bundle"]["verified"].format(**told, models=about.get("models") or "-"))


@app.command("licences")
def list_licences() -> None:
    """What is installed beside the product, and under which licences, as a table of Markdown."""
    from assistant.operations.materials import LICENCES, LOCKS, installed, licences

    print(licences(installed(), sorted(LOCKS.glob("*.lock")), LICENCES.read_text(encoding="utf-8")))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    https: Annotated[
        bool | None, typer.Option("--https", help="With a certificate of this machine's own.")
    ] = None,
) -> None:
    """Serve the pages (the same as `python app.py`); opens no browser."""
    from assistant.web.server import serve as serve_pages

    given = {"host": host, "port": port, "https": https}
    settings = _settings(**{key: value for key, value in given.items() if value is not None})
    if not settings.https:
        serve_pages(settings)
        return
    from assistant.operations.keys import certificate, fingerprint

    files = certificate(settings.data, settings.host)
    told = _operator_words()["https"]["told"].format(fingerprint=fingerprint(files[0]))
    print(told, file=sys.stderr)
    serve_pages(settings, files)


if __name__ == "__main__":
    main()
