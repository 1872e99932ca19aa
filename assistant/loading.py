"""Puts an Assistant together from the settings: index, words, model. The one place where they meet."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from assistant.answering.prompts import Prompt, load_replies
from assistant.answering.safety import load_safety
from assistant.config import Settings
from assistant.datatypes import Guide
from assistant.errors import ConfigError, IndexUnavailableError, KnowledgeError, Problem
from assistant.knowledge.check import check_knowledge
from assistant.knowledge.facts import SharedFacts, load_shared_facts, references
from assistant.knowledge.official import Listing, Officials, list_officials, read_officials
from assistant.knowledge.pictures import load_scenes
from assistant.knowledge.plain import check_lessons, load_plain_words
from assistant.knowledge.sources import citing, source_problems
from assistant.models.language_model import LanguageModel
from assistant.models.llama import LlamaOptions
from assistant.models.prefix import times_asked
from assistant.models.worker import WorkerModel, WorkerOptions
from assistant.pipeline import Assistant
from assistant.retrieval.classifier import CONTACT, ERRAND, OUTSIDE, TASK, load_utterances
from assistant.retrieval.embedder import Embedder, RememberingEmbedder, SentenceEmbedder
from assistant.retrieval.index import (
    Index,
    KnowledgePaths,
    Manifest,
    Progress,
    build,
    current_folder,
    generations,
    go_back,
    load,
    load_generation,
    save,
    with_vectors,
)
from assistant.retrieval.search import Searcher, earned_weight
from assistant.text.dialect import Hearing, load_glossary
from assistant.text.keystrokes import KeystrokeRepair

LOG = logging.getLogger("assistant")

_GB = 1e9


def load_assistant(
    settings: Settings,
    *,
    with_model: bool = True,
    with_embedder: bool = True,
    progress: Progress = lambda _: None,
) -> Assistant:
    """Everything loaded. Builds the index if there is none, or if the knowledge has changed.

    Raises KnowledgeError, IndexUnavailableError, EmbedderError or ModelError.
    """
    embedder = load_embedder(settings) if with_embedder else None
    index = current_index(settings, embedder, progress, any_vectors=not with_embedder)
    assistant = assistant_of(settings, index, embedder, load_model(settings) if with_model else None)
    if isinstance(assistant.model, WorkerModel):
        assistant.model.prepare_when_idle(reading_list(assistant, settings))
    return assistant


def assistant_of(
    settings: Settings,
    index: Index,
    embedder: Embedder | None = None,
    model: LanguageModel | None = None,
    searcher: Searcher | None = None,
) -> Assistant:
    """The assistant that answers from an index, by the `searcher` over it if there is one already.

    Raises KnowledgeError.
    """
    safety = load_safety(settings.home / "prompts" / "safety.toml")
    replies = load_replies(settings.home / "prompts")
    replies = replies.with_journal() if settings.journal.on else replies
    searcher = searcher or Searcher(index, embedder)
    vocabulary = Counter(searcher.vocabulary)
    vocabulary.update(chain(safety.vocabulary(), replies.vocabulary()))
    return Assistant(
        searcher=searcher,
        repair=KeystrokeRepair(vocabulary),
        hearing=Hearing(vocabulary, index.corpus.pairs),
        safety=safety,
        replies=replies,
        model=model,
        clock=lambda: settings.today or date.today(),
    )


def current_index(
    settings: Settings,
    embedder: Embedder | None,
    progress: Progress,
    *,
    strict: bool = False,
    any_vectors: bool = False,
    held: Index | None = None,
) -> Index:
    """The index on disk if it is of today's knowledge and this embedder, else a new one.

    Where knowledge is broken, or a new index cannot be written, an earlier one goes on serving, unless
    `strict`: then documents that were not read yet are read, too. With `any_vectors` an index of another
    embedder will do: its words are the same. `held` is one in memory, which is not loaded once more.
    """
    root = settings.data / "index"
    officials = load_officials(settings, read_new=True, progress=progress) if strict else None
    try:
        index = load(root, held)
    except IndexUnavailableError:
        return build_index(settings, embedder, None, officials, progress)
    wanted = embedder.name if embedder else None
    try:
        listed = listed_officials(settings)
        inputs = KnowledgePaths(settings.knowledge, settings.overlay).digest(listed.digest)
        same_vectors = any_vectors or index.manifest.embedder == wanted
        if index.manifest.inputs == inputs and same_vectors:
            _warn(() if strict else listed.problems)
            return index
        with _written_to(settings):
            before = go_back(root, inputs, None if any_vectors else (wanted,))
        return before or build_index(settings, embedder, index, officials, progress)
    except (KnowledgeError, ConfigError) as error:
        if strict:
            raise
        LOG.warning("the index of %s serves on: %s", f"{index.manifest.built:%d/%m/%Y}", error)
        return index


def renewed(assistant: Assistant, settings: Settings, progress: Progress = lambda _: None) -> Assistant:
    """The assistant over what the knowledge is now; its embedder and its model go on.

    Documents that were not read yet are read. Raises KnowledgeError where the knowledge is broken.
    """
    embedder, held = assistant.searcher.embedder, assistant.searcher.index
    index = current_index(settings, embedder, progress, strict=True, any_vectors=embedder is None, held=held)
    searcher = assistant.searcher if index is held else None
    new = assistant_of(settings, index, embedder, assistant.model, searcher)
    if searcher and (new.safety, new.replies) == (assistant.safety, assistant.replies):
        return assistant  # nothing has changed; what its words are mended by is held once
    if isinstance(new.model, WorkerModel):
        new.model.prepare_when_idle(reading_list(new, settings))
    return new


def earlier_index(settings: Settings, progress: Progress) -> tuple[Index, Index]:
    """The index before the last change of knowledge, and today's, which is built if it is behind.

    Raises IndexUnavailableError where there is no earlier one.
    """
    root = settings.data / "index"
    embedder = load_embedder(settings)
    after = current_index(settings, embedder, progress, strict=True)
    serving = current_folder(root).name
    before = sorted(name for name in generations(root) if name != serving)
    if not before:
        raise IndexUnavailableError(f"{root} holds one index only: nothing has changed since it was built")
    return load_generation(root / before[-1]), after


def index_state(settings: Settings, manifest: Manifest | None = None) -> dict[str, Any]:
    """What the index on disk holds, or that of a manifest, how old it is, whether an embedder takes part.

    Raises IndexUnavailableError or KnowledgeError.
    """
    root = settings.data / "index"
    manifest = manifest or load(root).manifest
    officials = load_officials(settings, read_new=False)
    inputs = KnowledgePaths(settings.knowledge, settings.overlay).digest(listed_officials(settings).digest)
    folder = current_folder(root)
    states = [path.stat().st_size for path in settings.states.glob("*.state")]
    return {
        "documents": manifest.documents,
        "sections": manifest.sections,
        "chunks": manifest.chunks,
        "officials": manifest.officials,
        "official_sections": manifest.official_sections,
        "pages_to_approve": sum(len(file.held) for file in officials.files),
        "built": manifest.built.isoformat(timespec="seconds"),
        "age_hours": round((datetime.now(UTC) - manifest.built).total_seconds() / 3600, 1),
        "up_to_date": inputs == manifest.inputs,
        "embedder": manifest.embedder,
        "dense_weight": manifest.dense_weight,
        "dense_weight_bare": manifest.dense_weight_bare,
        "lexical_mrr": manifest.lexical_mrr,
        "fused_mrr": manifest.fused_mrr,
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "generation": folder.name,
        "states": len(states),
        "states_bytes": sum(states),
    }


def listed_officials(settings: Settings) -> Listing:
    """Which official documents there are, shipped and the ward's, and whether they were read."""
    return list_officials(_official_folders(settings), settings.data / "documents")


def load_officials(settings: Settings, *, read_new: bool, progress: Progress = lambda _: None) -> Officials:
    """The official documents, shipped and the ward's; what is wrong with any is logged."""
    officials = read_officials(
        _official_folders(settings), settings.data / "documents", read_new=read_new, progress=progress
    )
    _warn(officials.problems)
    return officials


def _official_folders(settings: Settings) -> tuple[Path, Path]:
    return settings.knowledge / "official", settings.overlay / "official"


def _warn(problems: Iterable[Problem]) -> None:
    for problem in problems:
        LOG.warning("%s", problem)


def build_index(
    settings: Settings,
    embedder: Embedder | None,
    earlier: Index | None,
    officials: Officials | None,
    progress: Progress,
) -> Index:
    """Build and save a new generation; what is unchanged is taken over from `earlier`.

    Where the official documents are not given, those that were read before take part.
    An embedder is asked the guides' own questions first and takes part only as far as it helps.
    """
    root = settings.data / "index"
    with _written_to(settings):  # found out before the work, not after it
        root.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=root).close()
    paths = KnowledgePaths(settings.knowledge, settings.overlay)
    if officials is None:
        officials = load_officials(settings, read_new=False, progress=progress)
    listed = listed_officials(settings).digest
    index = build(paths, officials.texts, listed=listed, earlier=earlier, progress=progress)
    if embedder is not None:
        progress("reading the guides with the embedder")
        with _written_to(settings):
            remembering = RememberingEmbedder(embedder, settings.data / "vectors", progress)
            index = _weighed(with_vectors(index, remembering), remembering)
            remembering.keep()
    with _written_to(settings):
        return save(index, root)


def _weighed(index: Index, embedder: Embedder) -> Index:
    """The index with the weights that its vectors have earned."""
    searcher = Searcher(index, embedder)
    trial, bare = earned_weight(searcher), earned_weight(searcher, accents=False)
    manifest = replace(
        index.manifest,
        dense_weight=trial.weight,
        dense_weight_bare=bare.weight,
        lexical_mrr=trial.lexical_mrr,
        fused_mrr=trial.fused_mrr,
    )
    return replace(index, manifest=manifest)


@contextmanager
def _written_to(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"ASSISTANT_DATA = {settings.data} cannot be written: {error}") from error


def check_everything(
    settings: Settings, contacts: Path | None = None
) -> tuple[tuple[Guide, ...], tuple[Problem, ...]]:
    """Every guide and lesson, and what prompts/ and sources.toml name: the guides, and all problems.

    `contacts` is a folder whose contacts.toml stands in for the ward's. Raises KnowledgeError where a file
    that all rest on cannot be read.
    """
    if not (settings.knowledge / "guides").is_dir():
        KnowledgePaths(settings.knowledge, settings.overlay).files()  # tells what is missing
    facts = load_shared_facts(settings.knowledge, contacts or settings.overlay)
    load_glossary(settings.knowledge / "glossary.toml")
    words = load_plain_words(settings.knowledge / "glossary.toml")
    scenes, broken = load_scenes(*settings.pictures)
    roots = (settings.knowledge / "guides", settings.overlay / "guides")
    guides, problems = check_knowledge(roots, facts, words, scenes)
    problems += broken
    problems += tuple(check_lessons(settings.knowledge / "lessons", words))
    problems += tuple(check_prompts(settings, {guide.document.id for guide in guides}, facts))
    if not problems:  # who cites what can be told of whole files only
        problems = tuple(source_problems(settings.knowledge / "sources.toml", citing(settings.knowledge)))
    return guides, problems


def check_prompts(settings: Settings, guides: Collection[str], facts: SharedFacts) -> list[Problem]:
    """What prompts/ and utterances.jsonl name that does not exist: facts, contacts, guides, dialogue acts.

    Raises KnowledgeError where a file cannot be read at all.
    """
    folder = settings.home / "prompts"
    safety, replies = load_safety(folder / "safety.toml"), load_replies(folder)
    rules = (*safety.rules, *safety.notices)
    said = {
        "safety.toml": [text for rule in rules for text in (rule.reply, rule.alone or "")],
        "replies.toml": [
            *(talk.reply for talk in replies.smalltalk),
            *replies.decline.values(),
            *replies.admit.values(),
            replies.premise.contact,
            *("{{" + correction.fact + "}}" for correction in replies.premise.correction),
        ],
    }
    problems = [
        Problem(folder / name, 0, "{{" + reference + "}} is in neither facts.toml nor contacts.toml")
        for name, texts in said.items()
        for text in texts
        for reference in references(text)
        if reference not in facts
    ]
    problems += [
        Problem(folder / "replies.toml", 0, f"contact `{id_}` of [hotlines] is not in contacts.toml")
        for id_ in replies.hotlines.contacts
        if id_ not in facts.contacts
    ]
    problems += [
        Problem(folder / "safety.toml", 0, f"rule {rule.id}: guide `{rule.guide}` does not exist")
        for rule in rules
        if rule.guide is not None and rule.guide not in guides
    ]
    problems += [
        Problem(folder / "choices.toml", 0, f"“{near.ask}”: guide `{id_}` does not exist")
        for near in replies.near
        for id_ in near.guides
        if id_ not in guides
    ]
    acts = {TASK, ERRAND, OUTSIDE, CONTACT, *(rule.act for rule in rules), *(t.id for t in replies.smalltalk)}
    path = settings.knowledge / "utterances.jsonl"
    for line, utterance in enumerate(load_utterances(path), 1):
        if utterance.act is not None and utterance.act not in acts:
            problems.append(Problem(path, line, f"act `{utterance.act}` is none of prompts/"))
        if utterance.guide and utterance.guide not in guides:
            problems.append(Problem(path, line, f"guide `{utterance.guide}` does not exist"))
    return problems


def load_embedder(settings: Settings) -> Embedder | None:
    """The configured sentence-transformers model, if there is one. Raises EmbedderError."""
    wanted = settings.embedder
    if wanted.path is None:
        return None
    return SentenceEmbedder(wanted.path, query_prefix=wanted.query, passage_prefix=wanted.passage)


def load_model(settings: Settings) -> LanguageModel | None:
    """The configured model, local or on servers, if there is one. Raises ModelError."""
    wanted = settings.models
    if wanted.backend == "openai":
        from assistant.models.remote import RemoteModel

        return RemoteModel(wanted)
    if wanted.path is None:
        return None
    return WorkerModel(
        WorkerOptions(
            str(wanted.path),
            llama_options(settings),
            states=str(settings.states) if wanted.states else None,
            budget=round(wanted.states * _GB),
            memory=round(wanted.memory * _GB) if wanted.memory else None,
        )
    )


def llama_options(settings: Settings) -> LlamaOptions:
    """How the local model is loaded and what an answer may cost."""
    wanted = settings.models
    return LlamaOptions(
        context=wanted.context,
        answer=wanted.answer,
        seconds=wanted.seconds,
        threads=wanted.threads,
        cache=wanted.cache,
        people=wanted.people,
    )


def reading_list(assistant: Assistant, settings: Settings) -> list[Prompt]:
    """The guides for the model to read beforehand: those asked for most first, then those people talk of."""
    asked = times_asked(settings.states)
    path = settings.knowledge / "utterances.jsonl"
    said = Counter(utterance.guide for utterance in load_utterances(path))
    guides = sorted(assistant.searcher.index.guides, key=lambda id_: (-asked.get(id_, 0), -said[id_]))
    today = assistant.clock()
    return [assistant.prompt(document_id, today) for document_id in guides]


def prepare_guides(assistant: Assistant, settings: Settings, progress: Progress) -> tuple[int, int]:
    """Let the model read the guides now: how many it has read, of how many. Raises ModelError."""
    model = load_model(settings)
    if not isinstance(model, WorkerModel) or not settings.models.states:
        raise ConfigError(
            "--prepare needs a local model and room: set models.path, and models.states above 0"
        )
    with closing(model):
        prompts = reading_list(assistant, settings)
        return model.prepare(prompts, progress), len(prompts)
