"""Answer → the JSON of the contract (design.md §4; programs rely on every key), and words on a terminal."""

from __future__ import annotations

from typing import Any

from assistant.datatypes import Answer, Card


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer as plain values; dates are ISO 8601."""
    return {
        "question": answer.question,
        "status": answer.status.value,
        "text": answer.text,
        "card": card_json(answer.card) if answer.card else None,
        "citations": [
            {
                "number": citation.number,
                "document_id": citation.document_id,
                "title": citation.title,
                "agency": citation.agency,
                "source_url": citation.source_url,
                "date": citation.date,
                "page": citation.page,
                "heading": citation.heading,
            }
            for citation in answer.citations
        ],
        "notice": answer.notice,
        "choices": [{"document_id": c.document_id, "title": c.title} for c in answer.choices],
        "composer": answer.composer.value,
        "elapsed_ms": answer.elapsed_ms,
    }


def card_json(card: Card) -> dict[str, Any]:
    """The card as plain values."""
    return {
        "title": card.title,
        "lead": card.lead,
        "summary": card.summary,
        "steps": [
            {"text": s.text, "otherwise": s.otherwise, "image": s.image, "alt": s.alt, "label": s.label}
            for s in card.steps
        ],
        "papers": [{"name": p.name, "form": p.form, "count": p.count, "note": p.note} for p in card.papers],
        "fees": [
            {
                "for": fee.purpose,
                "amount": fee.amount,
                "channel": fee.channel,
                "condition": fee.condition,
                "from": fee.starts.isoformat() if fee.starts else None,
                "until": fee.ends.isoformat() if fee.ends else None,
            }
            for fee in card.fees
        ],
        "time_limit": card.time_limit,
        "place": card.place,
        "contacts": [{"name": contact.name, "value": contact.value} for contact in card.contacts],
        "cautions": list(card.cautions),
        "quick": [{"question": quick.question, "answer": quick.answer} for quick in card.quick],
    }


def answer_text(answer: Answer) -> str:
    """The answer as a person reads it on a terminal: notice, text, sources."""
    sources = [
        f"[{c.number}] {c.title}"
        + (f" ({c.date})" if c.date else "")
        + (f" {c.source_url}" if c.source_url else "")
        for c in answer.citations
    ]
    return "\n\n".join(filter(None, (answer.notice, answer.text, "\n".join(sources))))
