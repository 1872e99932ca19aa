"""Search measured on a data set of others: a folder in BEIR layout (contract, design.md §4).

The corpus becomes an index of official documents, a text each, as `assistant index build` makes one; a query
goes the way of a question to it: cleaned, typing repaired towards this corpus, in the glossary's words. Only
what the product knows of its own guides takes no part. The only module that imports ir_measures.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from assistant.datatypes import Document, OfficialText, Section
from assistant.errors import EvaluationError
from assistant.retrieval.passages import Passages
from assistant.text.dialect import Glossary, Hearing, neighbours, standard
from assistant.text.keystrokes import KeystrokeRepair, joined_letters
from assistant.text.normalize import clean, syllables

DEPTH = 10  # results that are looked at
_HEADER = ["query-id", "corpus-id", "score"]
Search = Callable[[str], list[str]]


class Text(msgspec.Struct, frozen=True, rename={"id": "_id"}):
    """A line of corpus.jsonl or queries.jsonl."""

    id: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A corpus, the queries that are judged, and for each how relevant which texts are."""

    corpus: tuple[Text, ...]
    queries: tuple[Text, ...]
    relevant: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Run:
    """What a search engine found for each query of a data set, and how long it took."""

    found: dict[str, list[str]]
    milliseconds: tuple[float, ...]
    build_s: float


def read_beir(folder: Path) -> DataSet:
    """Read corpus.jsonl, queries.jsonl and qrels/test.tsv; raises EvaluationError with file and line."""
    relevant: dict[str, dict[str, int]] = {}
    path = folder / "qrels" / "test.tsv"
    for number, line in enumerate(_lines(path), 1):
        columns = line.split("\t")
        if number == 1 and columns == _HEADER:
            continue
        if len(columns) != 3 or not columns[2].isdecimal():
            raise EvaluationError(f"{path}:{number}: not query-id, corpus-id and score with tabs between")
        relevant.setdefault(columns[0], {})[columns[1]] = int(columns[2])
    queries = [query for query in _texts(folder / "queries.jsonl") if query.id in relevant]
    corpus = _texts(folder / "corpus.jsonl")
    for what, found in (("corpus.jsonl", corpus), ("queries.jsonl", queries)):
        if not found:
            raise EvaluationError(f"{folder / what} holds nothing that {path.name} judges")
        if len({text.id for text in found}) < len(found):
            raise EvaluationError(f"{folder / what}: an `_id` stands there twice")
    return DataSet(tuple(corpus), tuple(queries), relevant)


def _texts(path: Path) -> list[Text]:
    found = []
    for number, line in enumerate(_lines(path), 1):
        try:
            found.append(msgspec.json.decode(line, type=Text))
        except msgspec.DecodeError as error:
            raise EvaluationError(f"{path}:{number}: {error}") from error
    return found


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error


def product_search(corpus: Sequence[Text], glossary: Glossary) -> Search:
    """The product's search of official documents over a corpus, through a fresh index on the disk."""
    officials = (
        OfficialText(Document(text.id, text.title, ""), (Section(text.id, text.id, "", text.text),))
        for text in corpus
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "passages"
        Passages.build(officials, glossary).save(path)
        passages = Passages.load(path)  # its file stays open, and so there, after the folder is gone
    counts = Counter(passages.vocabulary)
    counts.update(glossary.words())
    repair = KeystrokeRepair(counts)
    hearing = Hearing(counts, neighbours(syllables(text.text) for text in corpus))

    def search(query: str) -> list[str]:
        typed = repair(syllables(joined_letters(clean(query))))
        words = standard(hearing(typed), glossary)
        return [hit.section.id for hit in passages.search(words, limit=DEPTH)]

    return search


def run(data: DataSet, build: Callable[[Sequence[Text]], Search]) -> Run:
    """Index the corpus, then ask every query once."""
    started = time.perf_counter()
    search = build(data.corpus)
    build_s = time.perf_counter() - started
    search(data.queries[0].text)  # what is loaded at first use is no query's time
    found, milliseconds = {}, []
    for query in data.queries:
        started = time.perf_counter()
        found[query.id] = search(query.text)
        milliseconds.append(1000 * (time.perf_counter() - started))
    return Run(found, tuple(milliseconds), build_s)


def measured(data: DataSet, result: Run) -> dict[str, Any]:
    """The row of the contract: means over the queries, and times."""
    try:
        import ir_measures
    except ImportError as error:
        raise EvaluationError("ir_measures is not installed: pip install -e .[evaluate]") from error
    from ir_measures import RR, R, nDCG

    names = {R @ depth: f"recall@{depth}" for depth in (1, 3, 5, DEPTH)}
    names |= {RR @ DEPTH: f"mrr@{DEPTH}", nDCG @ DEPTH: f"ndcg@{DEPTH}"}
    judged = [
        ir_measures.Qrel(query, text, grade)
        for query, texts in data.relevant.items()
        for text, grade in texts.items()
    ]
    ranked = [
        ir_measures.ScoredDoc(query, text, float(-rank))  # by rank: nothing is tied
        for query, texts in result.found.items()
        for rank, text in enumerate(texts)
    ]
    values = ir_measures.calc_aggregate(list(names), judged, ranked)
    return {
        **{name: round(float(values[measure]), 4) for measure, name in names.items()},
        "ms_p50": round(statistics.median(result.milliseconds), 3),
        "ms_p95": round(sorted(result.milliseconds)[int(0.95 * len(result.milliseconds))], 3),
        "queries": len(data.queries),
        "corpus": len(data.corpus),
        "build_s": round(result.build_s, 2),
    }


def as_text(rows: dict[str, dict[str, Any] | str]) -> str:
    """The rows of several engines as a table, the first compared with each of the others.

    A row that is a text says why there is none.
    """
    columns = ("recall@1", "recall@5", "mrr@10", "ndcg@10", "ms_p50", "ms_p95", "build_s")
    width = max(map(len, rows))
    lines = [" ".join([" " * width, *(f"{column:>9}" for column in columns), "  quality    time"])]
    ours = next(iter(rows.values()))
    for name, row in rows.items():
        if isinstance(row, str) or isinstance(ours, str):
            lines.append(f"{name:{width}} {row}")
            continue
        cells = [f"{row[column]:>9}" for column in columns]
        ratios = f"{ours['mrr@10'] / max(row['mrr@10'], 1e-9):9.3f} {row['ms_p50'] / ours['ms_p50']:7.1f}"
        lines.append(" ".join([f"{name:{width}}", *cells, ratios if row is not ours else ""]).rstrip())
    if len(rows) > 1:
        first = next(iter(rows))
        lines.append(
            f"quality: MRR of {first} by that of the row; time: ms_p50 of the row by that of {first}"
        )
    return "\n".join(lines)
