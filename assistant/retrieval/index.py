"""The index on disk: build, save, load, fall back. Knows no models but the Embedder it is given.

One folder a generation: `manifest.json`, written last, holds the sha256 of every other file; `CURRENT`
names the generation in use and is replaced atomically. A killed build leaves nothing torn; a damaged
generation is refused and the one before it serves.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import msgspec

from assistant.datatypes import (
    Chunk,
    Contact,
    Corpus,
    Document,
    Fact,
    Guide,
    OfficialText,
    Procedure,
    Section,
)
from assistant.errors import IndexUnavailableError, KnowledgeError, Problem
from assistant.knowledge.facts import SharedFacts, load_procedures, load_shared_facts
from assistant.knowledge.guides import guide_paths, read_guide
from assistant.knowledge.sections import chunks_of, question_chunks, sections_of
from assistant.retrieval.classifier import (
    Classifier,
    Topics,
    Utterance,
    act_classifier,
    act_examples,
    load_utterances,
    topic_of,
    uncovered,
)
from assistant.retrieval.embedder import Embedder
from assistant.retrieval.keywords import KeywordIndex, folded_terms
from assistant.retrieval.passages import Passages
from assistant.retrieval.vectors import VectorIndex
from assistant.text.dialect import Glossary, load_glossary, neighbours, standard
from assistant.text.normalize import syllables

FORMAT = 9  # raise when what is stored changes
_KEEP = 2  # generations on disk: the current one and the one to fall back to
_ABANDONED = 3600  # seconds after which the folder of an unfinished build is a killed one's
_NOTHING_KNOWN: Mapping[str, list[str]] = {}
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is made of.

    `inputs` is the sha256 of all knowledge it was built from, `ways` that of all that was learned from.
    """

    format: int
    built: datetime
    inputs: str
    ways: str
    documents: int
    sections: int
    chunks: int
    officials: int = 0  # documents beside the guides, and their sections
    official_sections: int = 0
    embedder: str | None = None
    dense_weight: float = 0.0  # of vectors, for questions with accents and without
    dense_weight_bare: float = 0.0
    lexical_mrr: float | None = None  # of held-out questions, when an embedder was tried
    fused_mrr: float | None = None
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Index:
    """A loaded generation."""

    corpus: Corpus
    guides: Mapping[str, Guide]
    facts: SharedFacts
    glossary: Glossary
    keywords: KeywordIndex  # of the chunks
    titles: KeywordIndex  # of the documents
    acts: Classifier  # which kind of thing is said
    topics: Topics  # which guide answers it, or NOTHING
    asked: KeywordIndex  # of the ways of asking, in the order of chunks, then of what no guide answers
    procedures: tuple[Procedure, ...]
    names: KeywordIndex | None  # of the procedures, where any are known
    passages: Passages  # of official documents
    vectors: VectorIndex | None
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class KnowledgePaths:
    """Where knowledge is read from: the shipped folder, and the ward's overlay if it exists."""

    shipped: Path
    overlay: Path

    def files(self) -> list[Path]:
        """Every file the index is made of; raises KnowledgeError when there is no knowledge."""
        if not (self.shipped / "guides").is_dir():
            message = "is missing; set ASSISTANT_HOME to the folder that holds knowledge/ and prompts/"
            raise KnowledgeError([Problem(self.shipped / "guides", 0, message)])
        named = [self.shipped / name for name in ("facts.toml", "contacts.toml", "glossary.toml")]
        maybe = [
            self.shipped / "utterances.jsonl",
            self.shipped / "procedures.tsv",
            self.overlay / "contacts.toml",
        ]
        return [
            *named,
            *(path for path in maybe if path.exists()),
            *guide_paths(self.shipped / "guides", self.overlay / "guides"),
        ]

    def digest(self, officials: str = "") -> str:
        """sha256 over names and contents: changes with any knowledge file, or the digest of the documents."""
        total = hashlib.sha256(f"format {FORMAT} {officials}".encode())
        for path in self.files():
            if not path.exists():
                raise KnowledgeError([Problem(path, 0, "is missing; restore it from the project")])
            try:
                total.update(path.name.encode() + b"\0" + bytes.fromhex(_sha256(path)))
            except OSError as error:
                raise KnowledgeError([Problem(path, 0, f"cannot be read: {error.strerror}")]) from error
        return total.hexdigest()


def read_knowledge(
    paths: KnowledgePaths,
) -> tuple[dict[str, Guide], SharedFacts, Glossary, tuple[Utterance, ...]]:
    """All guides (the ward's win), facts, words, utterances; raises one KnowledgeError with every problem."""
    paths.files()
    facts = load_shared_facts(paths.shipped, paths.overlay)
    glossary = load_glossary(paths.shipped / "glossary.toml")
    guides: dict[str, Guide] = {}
    problems: list[Problem] = []
    for path in guide_paths(paths.shipped / "guides", paths.overlay / "guides"):
        try:
            guide = read_guide(path, facts)
        except KnowledgeError as error:
            problems.extend(error.problems)
        else:
            guides[guide.document.id] = guide
    if problems:
        raise KnowledgeError(problems)
    if not guides:
        raise KnowledgeError([Problem(paths.shipped / "guides", 0, "holds no guides (*.md)")])
    return guides, facts, glossary, load_utterances(paths.shipped / "utterances.jsonl")


def corpus_of(
    guides: Iterable[Guide],
    facts: SharedFacts,
    glossary: Glossary,
    utterances: Sequence[Utterance] = (),
    known: Mapping[str, list[str]] = _NOTHING_KNOWN,
) -> Corpus:
    """What is searched: every guide's sections in chunks, and the ways people ask for it.

    `known` are texts whose words are worked out already.
    """
    sections: list[Section] = []
    chunks: list[Chunk] = []
    owner: list[int] = []
    words: list[list[str]] = []
    frequency: Counter[str] = Counter()
    documents = []
    said: dict[str, list[str]] = {}
    for utterance in utterances:
        said.setdefault(utterance.guide or "", []).append(utterance.says)
    for number, guide in enumerate(guides):
        documents.append(guide.document)
        first = len(chunks)
        for section in sections_of(guide, facts):
            sections.append(section)
            for chunk in chunks_of(section):
                chunks.append(chunk)
                text = _with_headings(guide.document, section, chunk)
                words.append(known.get(text) or standard(syllables(text), glossary))
        for chunk in question_chunks(guide, said.get(guide.document.id, ())):
            chunks.append(chunk)
            words.append(known.get(chunk.text) or _way_of_asking(chunk.text, glossary))
        owner += [number] * (len(chunks) - first)
        frequency.update({term for piece in words[first:] for term in folded_terms(piece)})
    vocabulary = Counter(chain(glossary.words(), chain.from_iterable(words)))
    texts = tuple(" ".join(piece) for piece in words)
    written = chain((chunk.text for chunk in chunks), (utterance.says for utterance in utterances))
    pairs = neighbours(chain(map(syllables, written), glossary.phrases()))
    return Corpus(
        tuple(documents),
        tuple(sections),
        tuple(chunks),
        texts,
        tuple(owner),
        dict(frequency),
        dict(vocabulary),
        pairs,
    )


def _way_of_asking(text: str, glossary: Glossary) -> list[str]:
    return topic_of(" ".join(standard(syllables(text), glossary)), glossary)


def _with_headings(document: Document, section: Section, chunk: Chunk) -> str:
    return f"{document.title}. {section.heading}. {chunk.text}"


def _known_words(earlier: Index | None, glossary: Glossary) -> dict[str, list[str]]:
    """The words of every text of an index that was built with the same glossary."""
    if earlier is None or earlier.glossary != glossary:
        return {}
    corpus = earlier.corpus
    sections = {section.id: section for section in corpus.sections}
    known = {}
    for chunk, text, owner in zip(corpus.chunks, corpus.texts, corpus.owner, strict=True):
        asked = "?" in chunk.id
        written = (
            chunk.text
            if asked
            else _with_headings(corpus.documents[owner], sections[chunk.section_id], chunk)
        )
        known[written] = text.split()
    return known


def build(
    paths: KnowledgePaths,
    officials: Sequence[OfficialText] = (),
    *,
    listed: str = "",
    earlier: Index | None = None,
    progress: Progress = lambda _: None,
) -> Index:
    """Build a lexical index in memory.

    `listed` is the digest of the official documents. What was learned and worked out for `earlier` is taken
    over as far as it comes from the same words: the result is the same as without.
    """
    inputs = paths.digest(listed)
    progress("reading the guides")
    guides, facts, glossary, utterances = read_knowledge(paths)
    progress(f"indexing {len(guides)} guides")
    corpus = corpus_of(guides.values(), facts, glossary, utterances, _known_words(earlier, glossary))
    procedures = load_procedures(paths.shipped / "procedures.tsv")
    examples = act_examples(utterances, guides)
    asked = [
        (chunk.text, corpus.documents[owner].id)
        for chunk, owner in zip(corpus.chunks, corpus.owner, strict=True)
        if "?" in chunk.id
    ]
    ways = hashlib.sha256(
        msgspec.json.encode((glossary, examples, asked, utterances, procedures), order="deterministic")
    ).hexdigest()
    if earlier is not None and earlier.manifest.ways == ways:
        acts, topics, ways_known, names = earlier.acts, earlier.topics, earlier.asked, earlier.names
    else:
        progress("learning from the ways people ask")
        named = [" ".join(standard(syllables(procedure.name), glossary)) for procedure in procedures]
        acts = act_classifier(examples, glossary)
        vain = uncovered(named, utterances, corpus, glossary)
        topics = Topics.fit(corpus, glossary, vain)
        ways_known = KeywordIndex.build(
            [
                *(text for text, chunk in zip(corpus.texts, corpus.chunks, strict=True) if "?" in chunk.id),
                *(" ".join(topic_of(text, glossary)) for text in vain),
            ]
        )
        names = KeywordIndex.build(named) if named else None
    same_words = earlier is not None and earlier.glossary == glossary
    passages = Passages.build(officials, glossary, earlier.passages if earlier and same_words else None)
    manifest = Manifest(
        format=FORMAT,
        built=datetime.now(UTC).astimezone(),
        inputs=inputs,
        ways=ways,
        documents=len(corpus.documents),
        sections=len(corpus.sections),
        chunks=len(corpus.chunks),
        officials=len(passages.documents),
        official_sections=len(passages.sections),
    )
    titles = [" ".join(standard(syllables(d.title), glossary)) for d in corpus.documents]
    return Index(
        corpus=corpus,
        guides=guides,
        facts=facts,
        glossary=glossary,
        keywords=KeywordIndex.build(
            corpus.texts,
            earlier.keywords if earlier else None,
            earlier.corpus.texts if earlier else (),
        ),
        titles=KeywordIndex.build(titles),
        acts=acts,
        topics=topics,
        asked=ways_known,
        procedures=procedures,
        names=names,
        passages=passages,
        vectors=None,
        manifest=manifest,
    )


def with_vectors(index: Index, embedder: Embedder) -> Index:
    """The index with the vectors of its chunks."""
    passages = _passages(index)
    numbers = {text: number for number, text in enumerate(dict.fromkeys(passages))}
    vectors = embedder.embed_passages(list(numbers))
    built = VectorIndex.build(vectors[[numbers[text] for text in passages]])
    return replace(index, vectors=built, manifest=replace(index.manifest, embedder=embedder.name))


def _passages(index: Index) -> list[str]:
    """What an embedder reads of each chunk: as written, with the document's title."""
    titles = [document.title for document in index.corpus.documents]
    return [
        chunk.text if "?" in chunk.id else f"{titles[number]}. {chunk.text}"
        for chunk, number in zip(index.corpus.chunks, index.corpus.owner, strict=True)
    ]


def save(index: Index, root: Path) -> Index:
    """Write a new generation under `root` and make it current; old ones beyond two are removed."""
    root.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}"
    building = root / f".building-{name}"
    building.mkdir()
    try:
        manifest = _write(index, building)
        building.rename(root / name)
    except OSError:  # a full disk: what was written takes up the room that is wanted
        shutil.rmtree(building, ignore_errors=True)
        raise
    _point_to(root, name)
    _clean(root, name)
    return replace(index, manifest=manifest)


def _write(index: Index, building: Path) -> Manifest:
    """Write all files of a generation, the manifest last, and force them to the disk."""
    encode = msgspec.json.encode
    (building / "corpus.json").write_bytes(encode(index.corpus))
    (building / "guides.json").write_bytes(encode(tuple(index.guides.values())))
    (building / "facts.json").write_bytes(encode((index.facts.facts, index.facts.contacts)))
    (building / "glossary.json").write_bytes(encode(index.glossary))
    index.keywords.save(building / "keywords.npz")
    index.titles.save(building / "titles.npz")
    if index.names is not None:
        index.names.save(building / "names.npz")
    (building / "procedures.json").write_bytes(encode(index.procedures))
    index.acts.save(building / "acts.npz")
    index.topics.by_topic.save(building / "topics.npz")
    index.topics.by_question.save(building / "questions.npz")
    index.asked.save(building / "asked.npz")
    index.passages.save(building / "passages")
    if index.vectors is not None:
        index.vectors.save(building / "vectors.faiss")
    files = {str(path.relative_to(building)): _sha256(path) for path in _files(building)}
    manifest = replace(index.manifest, files=files)
    for path in _files(building):
        _sync(path)
    (building / "manifest.json").write_bytes(msgspec.json.format(encode(manifest)))
    _sync(building / "manifest.json")
    return manifest


def load(root: Path, held: Index | None = None) -> Index:
    """The current generation, or the newest older one that is whole; `held` itself if it is that one.

    Raises IndexUnavailableError when there is none: run `assistant index build`.
    """
    reasons = []
    for folder in _candidates(root):
        try:
            return load_generation(folder, held)
        except IndexUnavailableError as error:
            reasons.append(str(error))
    detail = "; ".join(reasons) or f"no index under {root}"
    raise IndexUnavailableError(f"{detail}; run `assistant index build`")


def go_back(root: Path, inputs: str, embedders: Collection[str | None] | None = None) -> Index | None:
    """The generation that was built of these inputs, made current again; None if none is kept and whole.

    With `embedders` only one of theirs.
    """
    for name in generations(root):
        try:
            index = load_generation(root / name)
        except IndexUnavailableError:
            continue
        manifest = index.manifest
        if manifest.inputs == inputs and (embedders is None or manifest.embedder in embedders):
            _point_to(root, name)
            return index
    return None


def current_folder(root: Path) -> Path:
    """The folder of the generation in use; raises IndexUnavailableError when there is none."""
    for folder in _candidates(root):
        return folder
    raise IndexUnavailableError(f"no index under {root}; run `assistant index build`")


def _candidates(root: Path) -> list[Path]:
    try:
        current = (root / "CURRENT").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # missing, or on a bad spot of the disk
        current = ""
    return [root / name for name in sorted(generations(root), key=lambda name: name != current)]


def load_generation(folder: Path, held: Index | None = None) -> Index:
    """Inverse of save(), for one folder; every file is verified first. What is `held` is not read again."""
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        damaged = [name for name, digest in manifest.files.items() if _sha256(folder / name) != digest]
    except (OSError, ValueError) as error:
        raise IndexUnavailableError(f"index {folder} is damaged: {error}") from error
    if damaged or manifest.format != FORMAT:
        what = f"damaged: {', '.join(damaged)}" if damaged else f"of format {manifest.format}, not {FORMAT}"
        raise IndexUnavailableError(f"index {folder} is {what}")
    if held is not None and held.manifest == manifest:
        return held
    try:
        return _decoded(folder, manifest)
    except (OSError, ValueError, KeyError) as error:  # written by another version of this program
        raise IndexUnavailableError(f"index {folder} cannot be read: {error}") from error


def _decoded(folder: Path, manifest: Manifest) -> Index:
    guides = msgspec.json.decode((folder / "guides.json").read_bytes(), type=tuple[Guide, ...])
    facts = msgspec.json.decode(
        (folder / "facts.json").read_bytes(), type=tuple[dict[str, Fact], dict[str, Contact]]
    )
    vectors = folder / "vectors.faiss"
    return Index(
        corpus=msgspec.json.decode((folder / "corpus.json").read_bytes(), type=Corpus),
        guides={guide.document.id: guide for guide in guides},
        facts=SharedFacts(*facts),
        glossary=msgspec.json.decode((folder / "glossary.json").read_bytes(), type=Glossary),
        keywords=KeywordIndex.load(folder / "keywords.npz"),
        titles=KeywordIndex.load(folder / "titles.npz"),
        acts=Classifier.load(folder / "acts.npz"),
        topics=Topics(Classifier.load(folder / "topics.npz"), Classifier.load(folder / "questions.npz")),
        asked=KeywordIndex.load(folder / "asked.npz"),
        procedures=msgspec.json.decode((folder / "procedures.json").read_bytes(), type=tuple[Procedure, ...]),
        passages=Passages.load(folder / "passages"),
        names=KeywordIndex.load(folder / "names.npz") if "names.npz" in manifest.files else None,
        vectors=VectorIndex.load(vectors) if vectors.name in manifest.files else None,
        manifest=manifest,
    )


def generations(root: Path) -> list[str]:
    """Names of the finished generations, newest first."""
    found = (path.parent.name for path in root.glob("[0-9]*/manifest.json"))
    return sorted(found, reverse=True)


def _clean(root: Path, current: str) -> None:
    """Remove all but the current generation and the newest other, and what killed builds left behind."""
    found = [
        path for path in root.iterdir() if path.is_dir()
    ]  # before the listing: another build may end now
    keep = [current, *(name for name in generations(root) if name != current)][:_KEEP]
    for path in found:
        with suppress(FileNotFoundError):  # another build has ended, or has removed it, too
            running = path.name.startswith(".") and time.time() - path.stat().st_mtime < _ABANDONED
            if path.name not in keep and not running:
                shutil.rmtree(path, ignore_errors=True)


def _point_to(root: Path, name: str) -> None:
    fresh = root / f".CURRENT-{os.getpid()}"
    fresh.write_text(name + "\n", encoding="utf-8")
    _sync(fresh)
    fresh.replace(root / "CURRENT")
    _sync(root)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
