"""Learning the weights by which names and addresses are told from other words (answering/tagging.py).

From texts with what is personal in them, made many by other names, addresses and ways of writing, and from
what people say to the machine, which tells nobody. The choices are those of a fixed seed: the same texts give
the same weights.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from assistant.answering.anonymous import Anonymous, Found, load_anonymous
from assistant.answering.disclosed import disclosed
from assistant.answering.safety import mask
from assistant.answering.tagging import OUTSIDE, Tagger, features, weights_of
from assistant.config import Settings
from assistant.errors import EvaluationError
from assistant.evaluation.masking import Line, Personal, read_lines
from assistant.evaluation.mistyping import HABITS
from assistant.retrieval.classifier import load_utterances
from assistant.text.keystrokes import is_syllable
from assistant.text.normalize import clean, fold

_SIGN = "…"
_TAGGED = {"name": "name", "address": "place"}
_VARIANTS = 6  # of each text
_FRAMED = 9_000  # texts from frames
_BARE_SHARE = 0.2  # of what people say, learned without accents, too
_MISTYPED = 0.2  # share of what people say, learned as others would type it, too
_ODD = 0.2  # share of the words of names that are on no list of names
_UNTOLD = 0.35  # share of texts of which the rules tell nothing, so that the words around count
_SMALL, _BARE = 0.4, 0.65  # shares in small letters, and up to here without accents
_SLOT = re.compile(r"\{(name|short|place|ask|commune|street|person|number)\}")
_HIGHLAND = 0.1  # share of names like those of the highlands
_USUAL, _FOUR, _TWO = 0.4, 0.25, 0.08  # shares of names with a middle name of these, of four words, of two
_COMMON, _MANY = "nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý".split(), 15
_FEMALE, _MALE = ("thị", "thu", "ngọc", "kim"), ("văn", "hữu", "đức", "công")
_UNITS = ("xã", "xã", "phường", "phường", "thị trấn", "p.", "x.")
_HAMLETS = "thôn,ấp,xóm,bản,buôn,khóm,khu phố,tổ dân phố,khối,làng,khu,đội,tổ".split(",")
_ALLEYS = ("ngõ", "hẻm", "kiệt", "ngách")
_LARGER = ("huyện", "quận", "thành phố", "tp", "thị xã")


def learn(settings: Settings, files: Iterable[Path], frames: Path) -> Tagger:
    """Weights from texts and frames. Raises EvaluationError, KnowledgeError."""
    try:
        import pycrfsuite
    except ModuleNotFoundError as error:
        raise EvaluationError(f"{error}; install python-crfsuite to learn weights") from error
    hide = load_anonymous(settings.knowledge, _SIGN, Tagger((OUTSIDE,), ((0,),), {}))
    pick = random.Random(0)
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({"c1": 0.4, "c2": 0.02, "max_iterations": 110, "feature.minfreq": 2})
    for line in _texts(settings, hide, [*files], frames, pick):
        words, labels = marked(hide, line, told=pick.random() >= _UNTOLD)
        if words:
            trainer.append(words, labels)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "weights")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        info = tagger.info()
    return weights_of(info.state_features, info.transitions)


def marked(hide: Anonymous, line: Line, *, told: bool = True) -> tuple[list[list[str]], list[str]]:
    """The features of each word of a text as the tagger meets it, and its label."""
    text = clean(line.text)
    values = [(each.kind, clean(each.value)) for each in line.personal or ()]
    others = [value for kind, value in values if kind not in _TAGGED]
    tagged = [(_TAGGED[kind], value) for kind, value in values if kind in _TAGGED]
    for value in others:
        if not any(value in other for _, other in tagged):
            text = text.replace(value, _SIGN)
    gone = [Found(start, end, "number") for start, end in disclosed(text, _SIGN, hide.is_said)]
    rules = hide.rules(text, gone)
    labels = [OUTSIDE] * len(rules.tokens)
    for kind, value in tagged:
        start = text.find(value)
        ends = range(start, start + len(value) * (start >= 0))
        inside = [at for at, token in enumerate(rules.tokens) if token.start in ends]
        for at in inside:
            labels[at] = f"{'B' if at == inside[0] else 'I'}-{kind}"
    return features(hide.seen(rules, rules.parts() if told else ())), labels


def _texts(
    settings: Settings, hide: Anonymous, files: Sequence[Path], frames: Path, pick: random.Random
) -> Iterator[Line]:
    """What people say and procedures are called, and every text: as it stands and with other names."""
    made = _Makers(hide, pick)
    says = [
        mask(clean(said.says), _SIGN)[0] for said in load_utterances(settings.knowledge / "utterances.jsonl")
    ]
    for harmless in says:
        yield Line("", harmless)
        if pick.random() < _BARE_SHARE:
            yield Line("", fold(harmless))
        if pick.random() < _MISTYPED:
            yield Line("", HABITS[pick.choice(sorted(HABITS))](harmless))
    titles = (settings.knowledge / "procedures.tsv").read_text(encoding="utf-8").splitlines()
    yield from (Line("", line.split("\t")[-1]) for line in titles if line[0] != "#")
    for line in chain.from_iterable(map(read_lines, files)):
        yield line
        if any(each.kind in _TAGGED for each in line.personal or ()):
            yield from (_as_written(made.another(line), pick) for _ in range(_VARIANTS))
    lines = [line for line in frames.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    for _ in range(_FRAMED):
        yield _as_written(made.framed(pick.choice(lines), pick.choice(says)), pick)


class _Makers:
    """Makes names and addresses from the lists."""

    def __init__(self, hide: Anonymous, pick: random.Random) -> None:
        words, self.pick = hide.words, pick
        self.surnames = sorted(words.surnames) + _COMMON * _MANY
        self.middles, self.givens = sorted(words.middle_names), sorted(words.given_names | words.middle_names)
        self.places = hide.places
        self.syllables = sorted({word for line in self.places for word in line.split() if len(word) > 1})
        self.avenues = words.avenues
        self.foreign = [word for word in self.syllables if not is_syllable(fold(word)) and word.isalpha()]
        self.provinces = words.provinces
        self.public: dict[str, Callable[[], str]] = {  # what anybody may name
            "commune": lambda: pick.choice(self.places),
            "street": self._street,
            "person": self.name,
            "number": lambda: str(pick.randint(1, 400)),
        }

    def _street(self) -> str:
        return self.pick.choice([*self.avenues, self.pick.choice(self.places), self.name()])

    def name(self) -> str:
        pick = self.pick
        if pick.random() < _HIGHLAND:
            return self._highland_name()
        usual = pick.choice(_FEMALE if pick.random() < 0.5 else _MALE)
        middle = usual if pick.random() < _USUAL else pick.choice(self.middles)
        parts = [pick.choice(self.surnames), middle, pick.choice(self.givens)]
        parts = [pick.choice(self.syllables) if pick.random() < _ODD else part for part in parts]
        if pick.random() < _FOUR:
            parts.insert(2, pick.choice(self.middles))
        if pick.random() < _TWO:
            del parts[1]
        return " ".join(parts)

    def _highland_name(self) -> str:
        pick = self.pick
        odd = pick.choice(self.foreign)
        first = pick.choice(["y", "a", "ka", "thị", f"h'{odd}", f"k'{odd}", odd])
        return " ".join(
            [first, *(pick.choice(self.foreign + self.givens) for _ in range(pick.randint(1, 2)))]
        )

    def short(self, words: int = 0) -> str:
        pick = self.pick
        two = words == 2 or (not words and pick.random() < 0.3)
        given = pick.choice(self.syllables if pick.random() < _ODD else self.givens)
        return " ".join([pick.choice(self.middles)] * two + [given])

    def like(self, name: str) -> str:
        words = len(name.split())
        return self.name() if words > 2 else self.short(words)

    def place(self) -> str:
        pick = self.pick
        number = f"{pick.randint(1, 420)}{pick.choice(['', '', 'a', f'/{pick.randint(1, 99)}', '/5/12'])}"
        street, known = self._street(), pick.choice(self.places)
        hamlet = pick.choice(
            [
                known,
                self.short(2),
                pick.choice(self.givens),
                str(pick.randint(1, 20)),
                f"{known} {pick.choice('12ab')}",
            ]
        )
        first = pick.choice(
            [
                f"số {number} {street}",
                f"{number} {street}",
                f"số nhà {number} đường {street}",
                f"số {pick.randint(1, 60)} {pick.choice(_ALLEYS)} {number} {street}",
                f"{pick.choice(_ALLEYS)} {number} {street}",
                f"phòng {pick.randint(101, 1909)} chung cư {known}",
                *[f"{pick.choice(_HAMLETS)} {hamlet}"] * 6,
                *[""] * 2,
            ]
        )
        parts = [first] if first else []
        if not parts or pick.random() < 0.75:
            parts.append(f"{pick.choice(_UNITS)} {pick.choice(self.places)}")
        if pick.random() < 0.25:
            parts.append(pick.choice(["", f"{pick.choice(_LARGER)} "]) + pick.choice(self.places))
        if pick.random() < 0.45:
            parts.append(pick.choice(["", "", "tỉnh ", "thành phố "]) + pick.choice(self.provinces))
        return pick.choice([", ", ", ", " "]).join(parts)

    def another(self, line: Line) -> Line:
        """The text with other names, and other addresses where they are given in full."""
        text, personal = line.text, []
        for each in line.personal or ():
            value = each.value
            if text.count(value) == 1 and each.kind == "name":
                value = _cased(self.like(value), value)
            elif text.count(value) == 1 and each.kind == "address" and _IN_FULL.match(fold(value)):
                value = _cased(self.place(), value)
            text = text.replace(each.value, value)
            personal.append(Personal(each.kind, value))
        return Line(line.id, text, tuple(personal))

    def framed(self, frame: str, ask: str) -> Line:
        personal: list[Personal] = []

        def fill(slot: re.Match[str]) -> str:
            if slot[1] == "ask":
                return ask
            if slot[1] in self.public:
                return self.public[slot[1]]().title()
            value = self.place() if slot[1] == "place" else self.name() if slot[1] == "name" else self.short()
            value = value.title()
            personal.append(Personal("address" if slot[1] == "place" else "name", value))
            return value

        return Line("", _SLOT.sub(fill, frame), tuple(personal))


_IN_FULL = re.compile(r"(?:so|thon|ap|xom|to|khu|phuong|xa|ban|khom|buon|\d)")


def _cased(value: str, like: str) -> str:
    value = value.upper() if like.isupper() else value if like.islower() else value.title()
    return _bare(value) if like.isascii() else value


def _bare(text: str) -> str:
    return "".join(fold(sign).upper() if sign.isupper() else fold(sign) for sign in text)


def _as_written(line: Line, pick: random.Random) -> Line:
    """As it stands, in small letters, or without accents, too."""
    chance = pick.random()
    if chance > _BARE:
        return line
    write = str.lower if chance < _SMALL else fold
    personal = tuple(Personal(each.kind, write(each.value)) for each in line.personal or ())
    return Line(line.id, write(line.text), personal)


def save(tagger: Tagger, path: Path) -> None:
    """Write weights, one feature a line, so that changes can be read."""
    rows = [
        f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(weights)}"
        for name, weights in tagger.features.items()
    ]
    labels, moves = json.dumps(tagger.labels), json.dumps(tagger.transitions)
    head = f'{{"labels":{labels},"transitions":{moves},"features":{{\n'
    path.write_text(head + ",\n".join(rows) + "\n}}\n", encoding="utf-8")
