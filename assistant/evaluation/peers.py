"""What a user would pick instead for search: well-known libraries as their first page shows them.

Each with its defaults, no setting for Vietnamese and no weights to download; what is not installed
(`pip install -e .[peers]`) is left out. The only module that imports them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from assistant.evaluation.retrieval import DEPTH, DataSet, Run, Search, Text, run


def _bm25s(corpus: Sequence[Text]) -> Search:
    import bm25s

    retriever = bm25s.BM25()
    retriever.index(bm25s.tokenize(_written(corpus), show_progress=False), show_progress=False)

    def search(query: str) -> list[str]:
        tokens = bm25s.tokenize(query, show_progress=False)
        found, scores = retriever.retrieve(tokens, k=min(DEPTH, len(corpus)), show_progress=False)
        return [corpus[at].id for at, score in zip(found[0], scores[0], strict=True) if score > 0]

    return search


def _rank_bm25(corpus: Sequence[Text]) -> Search:
    from rank_bm25 import BM25Okapi

    ranker = BM25Okapi([text.split(" ") for text in _written(corpus)])
    ids = [text.id for text in corpus]
    return lambda query: list(ranker.get_top_n(query.split(" "), ids, n=DEPTH))


def _txtai(corpus: Sequence[Text]) -> Search:
    from txtai import Embeddings

    embeddings = Embeddings(keyword=True)
    embeddings.index(_written(corpus))
    return lambda query: [corpus[at].id for at, _ in embeddings.search(query, DEPTH)]


def _haystack(corpus: Sequence[Text]) -> Search:
    from haystack import Document
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore()
    store.write_documents(
        [Document(id=text.id, content=said) for text, said in zip(corpus, _written(corpus), strict=True)]
    )
    retriever = InMemoryBM25Retriever(document_store=store)
    return lambda query: [document.id for document in retriever.run(query, top_k=DEPTH)["documents"]]


def _llama_index(corpus: Sequence[Text]) -> Search:
    from llama_index.core.schema import TextNode
    from llama_index.retrievers.bm25 import BM25Retriever

    nodes = [TextNode(id_=text.id, text=said) for text, said in zip(corpus, _written(corpus), strict=True)]
    retriever = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=min(DEPTH, len(nodes)))
    return lambda query: [found.node.node_id for found in retriever.retrieve(query)]


PEERS: dict[str, Callable[[Sequence[Text]], Search]] = {
    "bm25s": _bm25s,
    "rank_bm25": _rank_bm25,
    "txtai": _txtai,
    "haystack": _haystack,
    "llama-index": _llama_index,
}


def run_peers(data: DataSet) -> Iterator[tuple[str, Run | str]]:
    """Each peer's run, or why there is none."""
    for name, build in PEERS.items():
        try:
            yield name, run(data, build)
        except ImportError as error:
            yield name, f"is not installed: {error}"


def _written(corpus: Sequence[Text]) -> list[str]:
    return [f"{text.title}\n{text.text}" if text.title else text.text for text in corpus]
