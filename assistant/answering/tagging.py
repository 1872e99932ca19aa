"""A tagger of words: a linear chain whose weights were learned from texts that were marked by hand.

Lists of names and rules find what is written with capitals or announced; in small letters, without accents,
what stands around a word tells more than the word. The weights are those of a conditional random field
(Lafferty, McCallum, Pereira 2001), learned by `assistant evaluate masking --learn`; here is only the
best path through them (Viterbi).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assistant.errors import KnowledgeError, Problem

OUTSIDE = "O"
_SCALE = 100  # weights are kept as whole hundredths


class Tagger(msgspec.Struct, frozen=True):
    """Weights, in hundredths, of each feature for each label and of each label behind another."""

    labels: tuple[str, ...]
    transitions: tuple[tuple[int, ...], ...]
    features: dict[str, tuple[tuple[int, int], ...]]  # of a feature: places of labels and weights

    def tags(self, words: Sequence[Sequence[str]]) -> list[str]:
        """The likeliest labels of words that are told by their features."""
        if not words:
            return []
        labels = range(len(self.labels))
        best, back = self._weights(words[0]), []
        for word in words[1:]:
            weights = self._weights(word)
            came = [max(labels, key=lambda last: best[last] + self.transitions[last][to]) for to in labels]
            best = [best[last] + self.transitions[last][to] + weights[to] for to, last in enumerate(came)]
            back.append(came)
        at = max(labels, key=best.__getitem__)
        path = [at]
        for came in reversed(back):
            path.append(at := came[at])
        return [self.labels[label] for label in reversed(path)]

    def _weights(self, features: Sequence[str]) -> list[int]:
        out = [0] * len(self.labels)
        for feature in features:
            for label, weight in self.features.get(feature, ()):
                out[label] += weight
        return out


def load_tagger(path: Path) -> Tagger:
    """Read a file of weights. Raises KnowledgeError."""
    try:
        tagger = msgspec.json.decode(path.read_bytes(), type=Tagger)
    except (OSError, msgspec.DecodeError) as error:
        raise KnowledgeError([Problem(path, 0, str(error))]) from error
    count = len(tagger.labels)
    square = len(tagger.transitions) == count and all(len(row) == count for row in tagger.transitions)
    listed = all(0 <= label < count for weights in tagger.features.values() for label, _ in weights)
    if not count or not square or not listed:
        raise KnowledgeError([Problem(path, 0, "weights of labels that are not listed")])
    return tagger


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of each word: folded, as typed in small letters, its shape, lists and places."""

    folded: Sequence[str]
    small: Sequence[str]
    shapes: Sequence[str]
    lists: Sequence[str]
    places: Sequence[str]
    rules: Sequence[str]  # what the rules take it for
    strange: Sequence[bool]  # stands in no ordinary text
    paired: Sequence[bool]  # stands with the next one in ordinary texts
    accents: bool


def features(seen: Seen) -> list[list[str]]:
    """The features of each word, from three words before it to three behind it."""
    return [list(_of(seen, at)) for at in range(len(seen.folded))]


def _of(seen: Seen, at: int) -> list[str]:
    def near(values: Sequence[str], step: int) -> str:
        return values[at + step] if 0 <= at + step < len(values) else "^"

    word, kinds = seen.folded[at], seen.lists[at]
    last, after = near(seen.folded, -1), near(seen.folded, 1)
    kinds_last, kinds_after = near(seen.lists, -1), near(seen.lists, 1)
    shape = seen.shapes[at]
    out = [
        "b",
        f"w={word}",
        f"s={shape}{seen.accents:d}",
        f"l={kinds}",
        f"ls={kinds}|{shape}",
        f"p={seen.places[at]}",
        f"r={seen.rules[at]}",
        f"rp={seen.rules[at]}{seen.places[at]}{shape}",
        f"odd={seen.strange[at]:d}{shape}",
        f"o={at > 0 and seen.paired[at - 1]:d}{seen.paired[at]:d}",
        f"w-2-1={near(seen.folded, -2)}_{last}",
        f"w-10={last}_{word}",
        f"w01={word}_{after}",
        f"l-10={kinds_last}_{kinds}",
        f"l01={kinds}_{kinds_after}",
        f"l-101={kinds_last}_{kinds}_{kinds_after}",
        f"w-1l={last}_{kinds}",
        f"w-2-1l={near(seen.folded, -2)}_{last}_{kinds}",
        f"lw1={kinds}_{after}",
        f"rl={seen.rules[at]}{kinds}",
    ]
    if seen.accents:
        out.append(f"x={seen.small[at]}")
    out += [f"L{kind}" for kind in kinds]
    for step in (-3, -2, -1, 1, 2, 3):
        out.append(f"w{step}={near(seen.folded, step)}")
        if -3 < step < 3:
            out.append(f"s{step}={near(seen.shapes, step)}")
            out.append(f"l{step}={near(seen.lists, step)}")
            out.append(f"p{step}={near(seen.places, step)}")
            out.append(f"r{step}={near(seen.rules, step)}")
    return out


def weights_of(states: Mapping[tuple[str, str], float], moves: Mapping[tuple[str, str], float]) -> Tagger:
    """A tagger of learned weights: of features and labels, and of labels behind another."""
    labels = tuple(sorted({label for _, label in states} | {label for move in moves for label in move}))
    features: dict[str, tuple[tuple[int, int], ...]] = {}
    for (feature, label), weight in sorted(states.items()):
        if round(weight * _SCALE):
            weights = (labels.index(label), round(weight * _SCALE))
            features[feature] = (*features.get(feature, ()), weights)
    rows = [tuple(round(moves.get((last, label), 0.0) * _SCALE) for label in labels) for last in labels]
    return Tagger(labels, tuple(rows), features)
