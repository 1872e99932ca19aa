from __future__ import annotations

import sys

import pytest

from assistant.evaluation.peers import PEERS, run_peers
from assistant.evaluation.retrieval import DataSet, Run, Text

CORPUS = (
    Text("a", "đổi thẻ căn cước", "Căn cước"),
    Text("b", "làm hộ chiếu"),
    Text("c", "khai sinh cho con"),
)
DATA = DataSet(CORPUS, (Text("q", "hộ chiếu"),), {"q": {"b": 1}})
PACKAGES = ("bm25s", "rank_bm25", "txtai", "haystack", "llama_index")


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    runs = dict(run_peers(DATA))
    assert runs.keys() == PEERS.keys()
    assert all(isinstance(run, str) and "is not installed" in run for run in runs.values())


@pytest.mark.parametrize(("name", "package"), zip(PEERS, PACKAGES, strict=True))
def test_a_peer_finds_what_is_asked_for(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(package)
    monkeypatch.setattr("assistant.evaluation.peers.PEERS", {name: PEERS[name]})
    ((_, run),) = run_peers(DATA)
    assert isinstance(run, Run)
    assert run.found["q"][0] == "b"
