from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.config import CHECKOUT
from assistant.errors import EvaluationError
from assistant.evaluation.retrieval import (
    DataSet,
    Run,
    Text,
    as_text,
    measured,
    product_search,
    read_beir,
    run,
)
from assistant.text.dialect import Glossary, load_glossary

KEYS = "recall@1 recall@3 recall@5 recall@10 mrr@10 ndcg@10 ms_p50 ms_p95 queries corpus build_s".split()
CORPUS = {
    "thu-do": ("", "Hà Nội là thủ đô của nước Việt Nam, bên bờ sông Hồng."),
    "song": ("Sông Mê Kông", "Dòng sông chảy qua sáu nước rồi đổ ra biển Đông."),
    "nui": ("Phan Xi Păng", "Đỉnh núi cao nhất Đông Dương, ở tỉnh Lào Cai."),
    "pho": ("Phở", "Món nước dùng với bánh phở và thịt bò của người Hà Nội."),
}
QUERIES = {
    "clean": ("Đỉnh núi nào cao nhất Đông Dương?", "nui"),
    "bare": ("song nao chay qua sau nuoc", "song"),
    "telex": ("Thur ddoo cuar Vieetj Nam laf gif?", "thu-do"),
    "slip": ("bánh phở và thịtt bòo", "pho"),
}


def write(folder: Path, corpus: str, queries: str, qrels: str) -> Path:
    (folder / "qrels").mkdir()
    (folder / "corpus.jsonl").write_text(corpus, encoding="utf-8")
    (folder / "queries.jsonl").write_text(queries, encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = [{"_id": id_, "title": title, "text": text} for id_, (title, text) in CORPUS.items()]
    queries = [{"_id": id_, "text": text, "metadata": {}} for id_, (text, _) in QUERIES.items()]
    queries.append({"_id": "unjudged", "text": "Phở"})
    judged = [f"{id_}\t{wanted}\t1" for id_, (_, wanted) in QUERIES.items()]
    return write(
        tmp_path,
        "\n".join(json.dumps(row, ensure_ascii=False) for row in corpus),
        "\n".join(json.dumps(row, ensure_ascii=False) for row in queries) + "\n",
        "\n".join(["query-id\tcorpus-id\tscore", *judged]),
    )


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    return load_glossary(CHECKOUT / "knowledge" / "glossary.toml")


def test_the_row_has_every_key_of_the_contract(folder: Path, glossary: Glossary) -> None:
    data = read_beir(folder)
    row = measured(data, run(data, lambda corpus: product_search(corpus, glossary)))
    assert list(row) == KEYS
    assert (row["recall@1"], row["mrr@10"], row["ndcg@10"]) == (1.0, 1.0, 1.0)
    assert (row["queries"], row["corpus"]) == (len(QUERIES), len(CORPUS))


def test_measures_are_means_over_the_queries() -> None:
    texts = tuple(Text(f"t{n}", "") for n in range(12))
    queries = (Text("first", ""), Text("fourth", ""), Text("eleventh", ""), Text("nothing", ""))
    found = {
        "first": [f"t{n}" for n in range(10)],
        "fourth": ["t5", "t6", "t7", "t0"],
        "eleventh": [f"t{n}" for n in range(1, 12)],
        "nothing": [],
    }
    data = DataSet(texts, queries, {query.id: {"t0": 1} for query in queries})
    row = measured(data, Run(found, (1.0, 2.0, 3.0, 40.0), 0.5))
    assert [row[key] for key in KEYS[:5]] == [0.25, 0.25, 0.5, 0.5, (1 + 1 / 4) / 4]
    assert (row["ms_p50"], row["ms_p95"], row["build_s"]) == (2.5, 40.0, 0.5)


@pytest.mark.parametrize(
    ("corpus", "queries", "qrels", "message"),
    [
        ('{"_id": "a"}', '{"_id": "q", "text": ""}', "q\ta\t1", r"corpus.jsonl:1: .*text"),
        ('{"_id": "a", "text": ""}', "\n{", "q\ta\t1", r"queries.jsonl:1: "),
        ('{"_id": "a", "text": ""}', '{"_id": "q", "text": ""}', "q a 1", r"test.tsv:1: "),
        ('{"_id": "a", "text": ""}', '{"_id": "q", "text": ""}', "x\ta\t1", "queries.jsonl holds nothing"),
        ("", '{"_id": "q", "text": ""}', "q\ta\t1", "corpus.jsonl holds nothing"),
        ('{"_id": "a", "text": ""}\n' * 2, '{"_id": "q", "text": ""}', "q\ta\t1", "twice"),
    ],
)
def test_what_is_wrong_with_a_data_set_is_told(
    tmp_path: Path, corpus: str, queries: str, qrels: str, message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_beir(write(tmp_path, corpus, queries, qrels))


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"test\.tsv cannot be read"):
        read_beir(tmp_path)


def test_the_table_compares_the_first_with_the_others() -> None:
    row = dict.fromkeys(KEYS, 0.5)
    text = as_text(
        {"ours": row, "theirs": row | {"mrr@10": 0.25, "ms_p50": 1.5}, "third": "is not installed"}
    )
    assert "2.000     3.0" in text
    assert "third  is not installed" in text
