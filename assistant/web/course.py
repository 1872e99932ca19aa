"""What the pages of learning rest on, and what the class page shows as HTML. Knows no session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from assistant.coaching.classroom import Classroom, Classrooms, Learner
from assistant.coaching.lessons import PASS, Criterion, Exercise, Lesson, QuizQuestion, load_lessons
from assistant.coaching.practice import Message, load_messages
from assistant.coaching.sandbox import Comparison, Finding, Mark, Sandbox, Verdict, load_sandbox
from assistant.datatypes import Source
from assistant.pipeline import Assistant
from assistant.toml import read_toml
from assistant.web.render import Renderer, day, focus_heading, icon
from assistant.web.waiting import LoadingAssistant

_REFUSED = '<p class="refused" role="status"></p>'  # why the file of a form may not be had


def heading(text: str) -> str:
    """The heading that a new view moves the focus to."""
    return focus_heading(escape(text))


def spaced(digits: str) -> str:
    """A code in two groups that can be read out."""
    half = (len(digits) + 1) // 2
    return f"{digits[:half]} {digits[half:]}"


@dataclass(frozen=True)
class Course:
    """What the class and the practice page share. `reference` waits for the assistant."""

    reference: Callable[[], Assistant]
    render: Renderer
    words: Mapping[str, Any]  # prompts/classroom.toml
    practice: Mapping[str, Any]  # prompts/practice.toml
    lessons: tuple[Lesson, ...]
    sandbox: Sandbox
    messages: tuple[Message, ...]
    classrooms: Classrooms = field(default_factory=Classrooms)


def load_course(
    home: Path, ui: Mapping[str, Any], loading: LoadingAssistant, knowledge: Path | None = None
) -> Course:
    """Read what both pages need, while the assistant loads. Raises KnowledgeError."""
    prompts, knowledge = home / "prompts", knowledge or home / "knowledge"
    lessons = load_lessons(knowledge / "lessons")
    return Course(
        loading.reference,
        Renderer(ui),
        read_toml(prompts / "classroom.toml"),
        read_toml(prompts / "practice.toml"),
        lessons,
        load_sandbox(prompts / "classroom.toml", lessons, knowledge),
        load_messages(knowledge / "scams.toml"),
    )


@dataclass(frozen=True)
class CourseRenderer:
    """The words of prompts/classroom.toml around lessons and what people did in them."""

    words: Mapping[str, Any]
    render: Renderer
    lessons: Sequence[Lesson]
    sandbox: Sandbox

    def header(self) -> str:
        """The line above everything."""
        words = self.words["page"]
        return (
            f'<header class="top"><h1>{escape(words["title"])}</h1><p>{escape(words["subtitle"])}</p>'
            f'<a class="link" href="/tap/">{icon("phone-app")}{escape(words["practice"])}</a>'
            f'<a class="link" href="/">{icon("home")}{escape(words["home"])}</a></header>'
        )

    def head(self, part: str, turn: int, note: str = "") -> str:
        """What a part of the page is for."""
        words = self.words[part]
        below = f'<p class="note">{escape(note)}</p>' if note else ""
        return (
            f'<section class="say" data-turn="{turn}">{heading(words["title"])}'
            f"<p>{escape(words['hint'])}</p>{below}</section>"
        )

    # Lessons

    def overview(self, learner: Learner, turn: int) -> str:
        """The words above the lessons."""
        done = learner.count([lesson.activity for lesson in self.lessons], PASS)
        text = self.words["lessons"]["progress"].format(done=done, count=len(self.lessons))
        return f'{self.head("lessons", turn)}<p class="points">{escape(text)}</p>'

    def tile(self, number: int, learner: Learner) -> str:
        """What the button of a lesson says: how long it takes, or that it is done."""
        lesson, result = self.lessons[number], learner.results.get(self.lessons[number].activity)
        done = result is not None and result.right >= PASS
        told = {"number": number + 1, "title": lesson.title, "minutes": lesson.minutes}
        if result is not None:
            told |= {"right": result.right, "total": result.total}
        text: str = self.words["lessons"]["tile_done" if done else "tile"]
        return text.format(**told)

    def lesson(self, lesson: Lesson, turn: int) -> str:
        """What there is to read."""
        words = self.words["lessons"]
        parts = (("goals", lesson.goals), ("content", lesson.content), ("example", lesson.example))
        told = "".join(
            f'<section class="{key}"><h3>{escape(words[key])}</h3>{self._lines(lines)}</section>'
            for key, lines in parts
        )
        return f'<article class="lesson" data-turn="{turn}">{heading(lesson.title)}{told}</article>'

    def _lines(self, lines: Iterable[str]) -> str:
        """Paragraphs, and the lines that begin with "- " as items."""
        parts: list[str] = []
        for line in lines:
            text = self.render.words(line.removeprefix("- "))
            if not line.startswith("- "):
                parts.append(f"<p>{text}</p>")
            elif parts and parts[-1].endswith("</ul>"):
                parts[-1] = f"{parts[-1].removesuffix('</ul>')}<li>{text}</li></ul>"
            else:
                parts.append(f"<ul><li>{text}</li></ul>")
        return "".join(parts)

    def exercise(self, exercise: Exercise) -> str:
        """The task; its rubric is ticked below."""
        title = escape(self.words["lessons"]["exercise"].format(title=exercise.title))
        task = self.render.words(exercise.task)
        return f'<section class="exercise"><h3>{title}</h3><p>{task}</p></section>'

    def criterion(self, criterion: Criterion) -> str:
        """A line of the rubric, as it is ticked."""
        text: str = self.words["lessons"]["criterion"]
        return text.format(text=criterion.text, points=criterion.points)

    def points(self, exercise: Exercise, ticked: Sequence[str]) -> str:
        """What the ticked criteria are worth."""
        points = sum(one.points for one in exercise.criteria if self.criterion(one) in ticked)
        total = sum(one.points for one in exercise.criteria)
        text = self.words["lessons"]["score"].format(points=points, total=total)
        return f'<p class="points" role="status">{escape(text)}</p>'

    def sources(self, lesson: Lesson) -> str:
        """What the marks [n] of a lesson mean."""
        items = "".join(
            f'<li value="{source.number}">{escape(self._cited(source))}</li>' for source in lesson.sources
        )
        summary = escape(self.words["lessons"]["sources"].format(count=len(lesson.sources)))
        return f"<details><summary>{summary}</summary><ol>{items}</ol></details>"

    def _cited(self, source: Source) -> str:
        text: str = self.words["lessons"]["dated" if source.date else "source"]
        return text.format(title=source.title, day=day(source.date or ""))

    # Questions

    def question(self, lesson: Lesson, number: int, turn: int) -> str:
        """A question; its answers are the buttons below."""
        progress = self.words["quiz"]["progress"].format(number=number + 1, count=len(lesson.questions))
        return (
            f'<section class="task" data-turn="{turn}"><p class="small">{escape(lesson.title)} · '
            f"{escape(progress)}</p>{heading(lesson.questions[number].text)}</section>"
        )

    def explained(self, question: QuizQuestion, chosen: int) -> str:
        """Whether the answer was right, and why."""
        words, right = self.words["quiz"], chosen == question.right
        said = words["right"] if right else words["wrong"].format(answer=question.answers[question.right])
        return (
            f'<section class="{"good" if right else "bad"}" role="status"><p><b>{escape(said)}</b></p>'
            f"<p>{self.render.words(question.why)}</p></section>"
        )

    def result(self, lesson: Lesson, right: int, turn: int) -> str:
        """How the questions went."""
        text = self.words["quiz"]["passed" if right >= PASS else "failed"]
        told = text.format(right=right, total=len(lesson.questions), least=PASS)
        return (
            f'<section class="result" data-turn="{turn}">{heading(lesson.title)}'
            f'<p class="large">{escape(told)}</p></section>'
        )

    # The sandbox

    def findings(self, findings: Sequence[Finding]) -> str:
        """What may not be sent, each with the reason, the rule and where it stands."""
        words = self.words["sandbox"]
        if not findings:
            fine = escape(words["fine"])
            return f'<section class="good" role="status"><p>{icon("check")}{fine}</p></section>'
        found = "".join(map(self._finding, findings))
        title = f"<h3>{icon('alarm')}{escape(words['blocked'])}</h3>"
        return f'<section class="blocked" role="alert">{title}{found}</section>'

    def _finding(self, finding: Finding) -> str:
        words, ground = self.words["sandbox"], finding.ground
        seen = f"<p>{escape(words['found'].format(words=finding.words))}</p>" if finding.words else ""
        cited = "; ".join(self._cited(self.sandbox.sources[cite]) for cite in ground.cites)
        return (
            f'<div class="ground" data-ground="{escape(ground.id)}"><h4>{escape(ground.what)}</h4>{seen}'
            f"<p><b>{escape(words['why'])}:</b> {escape(ground.reason)}</p>"
            f"<p><b>{escape(words['law'])}:</b> {escape(ground.law)}</p>"
            f'<p class="small">{escape(words["cites"])}: {escape(cited)}</p></div>'
        )

    def score(self, marks: Sequence[Mark]) -> str:
        """What a request earns, and what would earn the rest."""
        words, wanted = self.words["sandbox"], self.words["rubric"]["lesson"]
        title = next(lesson.title for lesson in self.lessons if lesson.id == wanted)
        total, earned = sum(mark.criterion.points for mark in marks), sum(mark.points for mark in marks)
        head = words["score"].format(title=title, points=earned, total=total)
        rows = []
        for mark in marks:
            hints = "".join(f"<small>{escape(words['add'].format(hint=hint))}</small>" for hint in mark.hints)
            got = words["earned"].format(points=mark.points, total=mark.criterion.points)
            rows.append(f"<li><span>{escape(mark.criterion.text)}{hints}</span><b>{escape(got)}</b></li>")
        return (
            f'<section class="scored"><h3>{escape(head)}</h3><ul>{"".join(rows)}</ul>'
            f'<p class="small">{escape(words["score_note"])}</p></section>'
        )

    def draft(self, written: str, name: str) -> str:
        """What the model wrote, marked as nobody's but its own."""
        words = self.words["sandbox"]
        return (
            f'<section class="written" aria-live="polite"><h3>{escape(words["draft"].format(name=name))}</h3>'
            f'{self.render.paragraphs(written)}<p class="small">{escape(words["draft_note"])}</p></section>'
        )

    # Two answers

    def two(self, comparison: Comparison, title: str, sides: Sequence[tuple[str, str]]) -> str:
        """Two answers side by side: who wrote each, and the answer as HTML."""
        words = self.words["compare"]
        columns = "".join(
            f'<div class="side {key}"><h3>{escape(words[key])}</h3><p class="small">{escape(writer)}</p>'
            f"{shown}</div>"
            for key, (writer, shown) in zip(("without", "with"), sides, strict=True)
        )
        return (
            f'<section class="compared"><p class="asked"><q>{escape(comparison.question)}</q></p>'
            f'<p class="small">{escape(words["guide"].format(title=title))}</p>'
            f'<div class="two">{columns}</div></section>'
        )

    def verdicts(self, found: Sequence[Verdict]) -> str:
        """Each sentence with what the guide says to it."""
        stands = sum(verdict.kind == "stands" for verdict in found)
        count = self.words["compare"]["count"].format(stands=stands, total=len(found))
        items = "".join(map(self._verdict, found))
        return f'<ul class="verdicts">{items}</ul><p><b>{escape(count)}</b></p>'

    def _verdict(self, verdict: Verdict) -> str:
        holds = verdict.kind == "stands"
        told = icon("check" if holds else "alarm") + escape(self.words["verdicts"][verdict.kind])
        kind = "stands" if holds else "falls"
        return f'<li class="{kind}"><span>{escape(verdict.sentence)}</span><small>{told}</small></li>'

    # The class

    def joined(self, learner: Learner) -> str:
        """Who one is in the class, and the code to come back with."""
        text = self.words["class"]["joined"]
        told = text.format(number=learner.number, code=spaced(learner.code), ticket=spaced(learner.ticket))
        return self.render.message(told, "good")

    def paper(self, learner: Learner, token: str) -> str:
        """The form of the certificate, or how many lessons are left."""
        words, count = self.words["certificate"], len(self.lessons)
        left = count - learner.count([lesson.activity for lesson in self.lessons], PASS)
        head = f'<section class="paper"><h3>{escape(words["head"])}</h3>'
        if left:
            return f"{head}<p>{escape(words['left'].format(count=count, left=left))}</p></section>"
        return (
            f"{head}<p>{escape(words['ready'].format(count=count))}</p>"
            f'<form action="/lop-hoc/chung-nhan.pdf" data-file="{escape(words["file"])}" autocomplete="off">'
            f'<input type="hidden" name="token" value="{escape(token)}">'
            f'<label>{escape(words["name"])}<input name="name" type="text" maxlength="60" required></label>'
            f'<button type="submit">{escape(words["make"])}</button>{_REFUSED}</form></section>'
        )

    def progress(self, classroom: Classroom) -> str:
        """A class as its trainer sees it: the code in very large type, a bar a lesson, a line a number."""
        words, learners = self.words["class"], classroom.learners
        seen = f"{self._chart(learners)}{self._table(learners)}" if learners else ""
        nobody = "" if learners else f"<p>{escape(words['nobody'])}</p>"
        return (
            f'<section class="class"><p>{escape(words["opened"])}</p>'
            f'<p class="code">{spaced(classroom.code)}</p>'
            f"<details><summary>{escape(words['ticket'])}</summary>"  # a projector may show this page
            f"<p>{spaced(classroom.ticket)}</p></details>"
            f'<p class="small">{escape(words["lasts"])}</p>'
            f"<h3>{escape(words['progress'])}</h3>{nobody}{seen}"
            f'<form action="/lop-hoc/tien-do.xlsx" data-file="{escape(self.words["export"]["file"])}">'
            f'<input type="hidden" name="ticket" value="{escape(classroom.ticket)}">'
            f'<button type="submit">{escape(words["export"])}</button>{_REFUSED}</form></section>'
        )

    def _chart(self, learners: Sequence[Learner]) -> str:
        bars = []
        for number, lesson in enumerate(self.lessons, 1):
            done = sum(learner.count([lesson.activity], PASS) for learner in learners)
            bars.append(
                f'<li><span>{number}. {escape(lesson.title)}</span><span class="bar" aria-hidden="true">'
                f'<i style="width:{round(100 * done / len(learners))}%"></i></span>'
                f"<b>{done}/{len(learners)}</b></li>"
            )
        return f'<h4>{escape(self.words["class"]["chart"])}</h4><ul class="chart">{"".join(bars)}</ul>'

    def _table(self, learners: Sequence[Learner]) -> str:
        words, lessons = self.words["class"], [lesson.activity for lesson in self.lessons]
        names = (words[key] for key in ("learner", "lessons", "practice", "scam"))
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
        rows = []
        for learner in learners:
            practised = sum(activity not in lessons for activity in learner.results)
            scam = learner.results.get("messages")
            cells = (
                f"{learner.count(lessons, PASS)}/{len(lessons)}",
                str(practised),
                f"{scam.right}/{scam.total}" if scam else "–",
            )
            name = escape(words["number"].format(number=learner.number))
            told = "".join(f"<td>{cell}</td>" for cell in cells)
            rows.append(f'<tr><th scope="row">{name}</th>{told}</tr>')
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
