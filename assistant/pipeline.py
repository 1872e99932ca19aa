"""READ THIS FIRST. How a question becomes an answer, top to bottom.

    question → understand → guard → retrieve → decide → compose → check → Answer

Nothing here touches the disk or the network; `loading.py` puts an Assistant together.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

from assistant.answering.card import NOTHING_TOLD, CardWriter, Told, bullets, renumbered
from assistant.answering.checks import Evidence, asks_for_secret
from assistant.answering.decide import Decision, decide, follow_up, turned, with_officials
from assistant.answering.intent import (
    BY_LAW,
    MONEY,
    PROCEDURE_CODE,
    asks,
    charges,
    details_asked,
    durations,
    false_contact,
    false_figure,
    figure_asked,
    find_intent,
    meant_instead,
    splits,
    waits,
)
from assistant.answering.prompts import Prompt, Replies, neutralised, prompt_for
from assistant.answering.safety import GUIDED, Rule, SafetyRules, known_secrets, mask
from assistant.datatypes import (
    Also,
    Answer,
    Card,
    Choice,
    Citation,
    Composer,
    Guide,
    Intent,
    Reading,
    Section,
    Status,
)
from assistant.errors import EmptyQuestionError, ModelBusyError, ModelError, QuestionTooLongError
from assistant.models.language_model import LanguageModel
from assistant.retrieval.classifier import OUTSIDE
from assistant.retrieval.search import Searcher, law_number
from assistant.text.dialect import Glossary, Hearing, mentions, put_together, standard, topic_words
from assistant.text.keystrokes import KeystrokeRepair, joined_letters
from assistant.text.normalize import clean, sentences, syllables

MAX_QUESTION = 500  # characters
_SAME = 0.55  # likeness from which a question is one that the guide answers by itself
_ALIKE = 0.20  # likeness from which the guide's answer to another question may help
_HARDLY_ALIKE = 0.05  # the same where the guide says nothing else to it
_SURE = 0.8  # likelihood from which a guide on safety stands in for the one a rule names
_ALSO = 3  # such answers at most
_BESIDE_A_NUMBER = 2  # words of the topic beside a hotline's number that still ask whose it is
_MIN_CLAUSE = 4  # words of a clause that could be a question of its own
_SURE_CLAUSE = 0.9  # likelihood from which a clause answers for a question that no guide answers whole
_MIN_PART = 2  # words of a part of a sentence that could be a question of its own
_MIN_SEVERAL = 6  # words of a sentence that could hold two questions
_SURE_PART = 0.75  # likelihood of each of two guides from which a sentence is taken for two questions
_DIFFERENCE = ("khác", "nhau")  # asks about two things at once
_SURE_ALONE = 0.85  # the same of the one guide where surely none answers the other part
_SURE_OUTSIDE = 0.5  # likelihood of another matter from which one of two questions is about that
_CLAUSE_END = re.compile(r"[.?!:;,\n]+|\s+(?:nhưng|rồi|mà)\s+")


@dataclass(frozen=True)
class Assistant:
    """Everything loaded that answering needs."""

    searcher: Searcher
    repair: KeystrokeRepair
    hearing: Hearing
    safety: SafetyRules
    replies: Replies
    model: LanguageModel | None = None
    clock: Callable[[], date] = date.today

    def answer(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Answer:
        """The complete answer. Raises QuestionError for an empty or over-long question."""
        *_, answer = self.stream(question, previous=previous, today=today, use_model=use_model)
        return answer

    def stream(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Answer]:
        """Yield the guide's answer at once, then with the model's words as they pass the check.

        `previous` are the questions before this one, oldest first; the last Answer is complete.
        """
        started = time.monotonic()
        reading = self.understand(question)
        today = today or self.clock()
        answer = self.guard(reading, today)
        reading = self.put_right(reading) if previous else reading
        leans = bool(previous) and not reading.topic and reading.intent is not Intent.GENERAL
        leant = leans or PROCEDURE_CODE.search(reading.question) is not None  # asks, however short it is
        answer = answer or (None if leant else self.chat(reading, today))
        if answer is None:
            if several := self.several(reading, previous):
                answer = self.joined(reading.question, several, today)
            else:
                decision, reading = self.retrieve(reading, previous)
                decision = with_officials(decision, reading, self.searcher, today)
                declines = decision.status in (Status.NOT_COVERED, Status.OUT_OF_SCOPE)
                talk = self.replies.likeliest_talk(reading.acts)
                if declines and not (leant or self.safety.misused(reading.acts, talk)):
                    answer = self.chat(reading, today, unanswered=True)
                answer = answer or self.compose(reading, decision, today)
        answer = replace(answer, elapsed_ms=_milliseconds(started))
        yield answer
        reads_one_guide = answer.card and answer.status is Status.ANSWERED and not answer.also
        if use_model and self.model is not None and reads_one_guide:
            asked = reading.question
            if reading.after:  # the model knows nothing of the conversation
                asked = self.replies.model["after"].format(before=reading.after, question=asked)
            prompt = self._prompt_under(answer, asked, today)
            try:
                for words in self.check(self.model, prompt):
                    yield self._with_words(answer, words, started) if words else answer
            except ModelBusyError:
                yield replace(answer, busy=True)

    @staticmethod
    def _with_words(answer: Answer, words: str, started: float) -> Answer:
        text = f"{answer.text}\n\n{words}"
        return replace(answer, text=text, composer=Composer.MODEL, elapsed_ms=_milliseconds(started))

    @property
    def guides(self) -> Mapping[str, Guide]:
        """Every guide by its id."""
        return self.searcher.index.guides

    @property
    def waiting(self) -> int:
        """How many answers of the model must end before that of the one who asked last begins."""
        return self.model.waiting if self.model else 0

    def open_guide(self, document_id: str, *, today: date | None = None) -> Answer:
        """The card of a guide that a person chose, without a question."""
        started = time.monotonic()
        title = self.searcher.index.guides[document_id].document.title
        chosen = Reading(title, frozenset(), (), (), Intent.GENERAL)
        answer = self._from_guide(chosen, document_id, today or self.clock())
        return replace(answer, elapsed_ms=_milliseconds(started))

    def decline(self, question: str, *, today: date | None = None) -> Answer:
        """That no guide answers, to a question of whose choices none was meant. Raises QuestionError."""
        started = time.monotonic()
        answer = self._declined(self.understand(question), Status.NOT_COVERED, today or self.clock())
        return replace(answer, elapsed_ms=_milliseconds(started))

    @property
    def _glossary(self) -> Glossary:
        return self.searcher.index.glossary

    # 1. Understand

    def understand(self, question: str) -> Reading:
        """Clean, mask, repair and put into the guides' words. Raises QuestionError."""
        if len(question) > 20 * MAX_QUESTION:  # cleaning megabytes would keep the kiosk busy
            raise QuestionTooLongError(f"the question has {len(question)} characters, at most {MAX_QUESTION}")
        text = clean(neutralised(question))
        if len(text) > MAX_QUESTION:
            raise QuestionTooLongError(f"the question has {len(text)} characters, at most {MAX_QUESTION}")
        text, masked = mask(text, self.safety.mask)
        spoken = text.replace(self.safety.mask, " ")
        words = self._words(spoken)
        if not words and not masked:
            raise EmptyQuestionError("the question holds no words")
        glossary = self._glossary
        words = standard(words, glossary)
        priceless = MONEY.sub(" ", BY_LAW.sub(" ", spoken))
        named = words
        if priceless != spoken:
            named = standard(self._words(priceless), glossary)
        topic = topic_words(named, glossary)
        intent = find_intent(words, glossary)
        if intent in (Intent.GENERAL, Intent.STEPS):
            intent = figure_asked(text) or intent
        acts = self.searcher.index.acts.likely(words)
        return Reading(text, masked, tuple(words), tuple(topic), intent, acts, details_asked(words, glossary))

    def _words(self, text: str) -> list[str]:
        typed = put_together(syllables(joined_letters(text)), self._glossary)
        return self.hearing(self.repair(known_secrets(typed)))

    # 2. Guard

    def guard(self, reading: Reading, today: date) -> Answer | None:
        """The safety answer, when a secret is asked for or shown, a scam is told, or harm is done."""
        rule = self.safety.warning(
            reading.words,
            reading.masked,
            reading.acts,
            lambda: max((hit.score for hit in self._decided(reading).hits), default=0.0),
        )
        if rule is None:
            return None
        text = self._writer(today).plain(rule.reply)
        guide = self._safety_guide(rule, reading)
        if guide is None:
            return Answer(reading.question, rule.status, text)
        answer = self._from_guide(replace(reading, intent=Intent.STEPS), guide, today)
        return replace(answer, status=rule.status, text=f"{text}\n\n{answer.text}")

    def _safety_guide(self, rule: Rule, reading: Reading) -> str | None:
        """The guide that goes with the warning: the one on safety that is asked for, else the rule's own."""
        guides = self.searcher.index.guides
        if rule.guide is None or rule.guide not in guides:
            return None
        hits = () if rule.masked or rule.fixed else self._decided(reading).hits[:1]
        sure = [hit.section.document_id for hit in hits if hit.score >= _SURE]
        return next((id_ for id_ in sure if guides[id_].kind == "safety"), rule.guide)

    def chat(self, reading: Reading, today: date, *, unanswered: bool = False) -> Answer | None:
        """The reply to greetings, thanks and questions about the machine itself."""
        fillers = self._glossary.fillers
        reply = self.replies.small_talk(reading.words, fillers, unanswered=unanswered)
        if reply is None and not any(mentions(reading.words, topic) for topic in self._glossary.topics):
            reply = self.replies.talk_of(reading.acts, unanswered=unanswered)
        if reply is None:
            return None
        return Answer(reading.question, Status.ANSWERED, self._writer(today).plain(reply))

    # 3. Retrieve and 4. decide

    def retrieve(self, reading: Reading, previous: Sequence[str]) -> tuple[Decision, Reading]:
        """Search and decide; a long question by its clauses, a follow-up with the one before."""
        reading = self.put_right(reading) if previous else reading
        decision = self._decided(reading)
        strays = not previous and self.safety.strays(reading.acts)
        if strays and decision.hits and decision.hits[0].score < GUIDED:
            decision = Decision(Status.OUT_OF_SCOPE)
        if decision.status is not Status.ANSWERED and not strays:
            for clause in self._clauses(reading):
                found = self._decided(clause)
                if found.status is Status.ANSWERED and found.hits[0].score >= _SURE_CLAUSE:
                    decision, reading = (
                        found,
                        replace(clause, question=reading.question, masked=reading.masked),
                    )
                    break
        return self._follow_up(reading, decision, previous) if previous else (decision, reading)

    def put_right(self, reading: Reading) -> Reading:
        """What is meant by a question that puts right how the one before was taken."""
        said = None if reading.corrects else meant_instead(reading.question)
        meant = None if said is None else self._understood(said)
        if meant is None:
            return reading
        return replace(meant, question=reading.question, masked=reading.masked, corrects=True)

    def several(self, reading: Reading, previous: Sequence[str]) -> list[tuple[Decision, Reading]]:
        """The questions of a sentence that asks several, each decided after the one before; else none.

        Only where two guides are likely, each for its part, or one and surely none for the other: people
        tell much before they ask.
        """
        if len(reading.words) < _MIN_SEVERAL:
            return []
        best: list[tuple[Decision, Reading]] = []
        best_likelihood = 0.0
        for left, right, joined in splits(reading.question):
            found = self._two(reading, left, right, joined, previous)
            sure = [decision.likelihood or 0.0 for decision, _ in found if decision.hits]
            likelihood = min(sure, default=0.0)
            if likelihood > max(best_likelihood, _SURE_PART if len(sure) > 1 else _SURE_ALONE):
                best, best_likelihood = found, likelihood
        return best

    def _two(
        self, whole: Reading, left: str, right: str, joined: bool, previous: Sequence[str]
    ) -> list[tuple[Decision, Reading]]:
        """Two parts of a sentence as questions, what is answered first, if they are two for two guides."""
        first, second = self._understood(left), self._understood(right)
        if first is None or second is None or min(len(first.words), len(second.words)) < _MIN_PART:
            return []
        if not asks(second.words, self._glossary) or Intent.CONTACT in (first.intent, second.intent):
            return []
        shares = not asks(first.words, self._glossary)
        if shares and (not joined or mentions(second.words, _DIFFERENCE)):
            return []
        if shares:
            first = replace(first, intent=second.intent, details=second.details)
        one, first = self.retrieve(first, previous)
        if shares and not one.hits:
            return []
        two, alone = self.retrieve(second, ())
        if not self._surely_none(two, alone):
            two, second = self.retrieve(second, (*previous, left))
        one, two = _without(one, two), _without(two, one)
        answered = [found for found in (one, two) if found.status is Status.ANSWERED]
        none = self._surely_none(one, first) or self._surely_none(two, second)
        if len({_guide(found) for found in answered}) < (1 if none and not shares else 2):
            return []
        both = [(one, replace(first, masked=whole.masked)), (two, second)]
        return both if one in answered else both[::-1]

    def _surely_none(self, decision: Decision, reading: Reading) -> bool:
        """Whether a question is declined because it names what no guide is about."""
        if decision.status not in (Status.NOT_COVERED, Status.OUT_OF_SCOPE):
            return False
        outside = reading.acts.get(OUTSIDE, 0.0) >= _SURE_OUTSIDE
        return outside or self.searcher.features.names_something_else(reading.topic)

    def _understood(self, part: str) -> Reading | None:
        """A part of a question that was read before; None where it holds no words."""
        try:
            return self.understand(part)
        except EmptyQuestionError:
            return None

    def _decided(self, reading: Reading) -> Decision:
        if code := PROCEDURE_CODE.search(reading.question):
            return self._by_code(code[0], reading)
        if not reading.topic and reading.intent not in (Intent.GENERAL, Intent.CONTACT):
            return Decision(Status.CLARIFY)  # "bao nhiêu tiền?": of what?
        hits = self.searcher.search(reading.topic or reading.words, asked=reading.words, acts=reading.acts)
        return decide(hits, reading.words, reading.acts, self._glossary)

    def _by_code(self, code: str, reading: Reading) -> Decision:
        """The guide of a procedure that is named by its code of the national database."""
        for guide in self.searcher.index.guides.values():
            if guide.procedure_code == code:
                words = reading.topic or reading.words
                return Decision(
                    Status.ANSWERED, (self.searcher.hit(words, guide.document.id, asked=reading.words),)
                )
        return Decision(Status.NOT_COVERED)

    def _clauses(self, reading: Reading) -> Iterator[Reading]:
        """The parts of a question that could be asked alone, the last first: mostly the request."""
        parts = [part for part in _CLAUSE_END.split(reading.question) if len(part.split()) >= _MIN_CLAUSE]
        for part in reversed(parts if len(parts) > 1 else []):
            clause = self.understand(part)
            if len(clause.topic) >= _MIN_CLAUSE - 1:
                yield replace(
                    clause, intent=reading.intent if clause.intent is Intent.GENERAL else clause.intent
                )

    def _follow_up(
        self, reading: Reading, decision: Decision, previous: Sequence[str]
    ) -> tuple[Decision, Reading]:
        """The decision for a question that came after others, which it may lean on.

        What turns to another thing ("còn thường trú?") or puts it right asks what was asked before.
        """
        try:
            earlier, before = self.retrieve(self.understand(previous[-1]), previous[:-1])
        except (EmptyQuestionError, QuestionTooLongError):
            return decision, reading
        if not earlier.hits:
            return decision, reading
        decision = follow_up(reading, before, _guide(earlier), decision, self.searcher)
        if reading.intent is Intent.GENERAL and (reading.corrects or turned(reading)):
            reading = replace(reading, intent=before.intent, details=before.details)
        if decision.hits and _guide(decision) == _guide(earlier):
            carried = (*(before.carried or before.topic), *reading.topic)
            reading = replace(reading, carried=tuple(dict.fromkeys(carried)), after=before.question)
        return decision, reading

    # 5. Compose

    def compose(self, reading: Reading, decision: Decision, today: date) -> Answer:
        """The guide's card, the choices, or the decline."""
        writer = self._writer(today)
        notices = self.safety.notices_of(reading.words, reading.masked, reading.acts)
        asked_for = self._contacts_asked_for(reading)
        if decision.status is Status.ANSWERED and not asked_for:
            answer = self._answered(reading, decision, today)
            notice = self._notice(reading, notices, answer, writer, decision)
            return replace(answer, notice=notice, likelihood=decision.likelihood)
        alone = next((notice for notice in notices if notice.alone is not None), None)
        if alone is not None and alone.alone is not None and reading.intent is not Intent.CONTACT:
            status = Status.SAFETY if alone.masked else Status.ANSWERED
            return Answer(reading.question, status, writer.plain(alone.alone))
        if reading.intent is Intent.CONTACT or asked_for:
            return self._hotlines(reading, asked_for or self.replies.hotlines.contacts, writer)
        if decision.status is Status.CLARIFY:
            guides = [self.searcher.index.guides[hit.section.document_id] for hit in decision.hits]
            near = self.replies.near_of([guide.document.id for guide in guides]) if guides else None
            words = near.guides if near else {guide.document.id: guide.document.title for guide in guides}
            choices = tuple(Choice(guide.document.id, words[guide.document.id]) for guide in guides)
            lines = [f"{number}. {choice.title}" for number, choice in enumerate(choices, 1)]
            ask = near.ask if near else self.replies.clarify["question" if choices else "what"]
            text = "\n".join([ask, *lines])
            warnings = " ".join(writer.plain(notice.reply) for notice in notices)
            answer = Answer(reading.question, Status.CLARIFY, text, choices=choices)
            return replace(answer, notice=warnings or None, likelihood=decision.likelihood)
        return replace(self._declined(reading, decision.status, today), likelihood=decision.likelihood)

    def _declined(self, reading: Reading, status: Status, today: date) -> Answer:
        """That the machine does not know, with the names of procedures that may be meant and a warning."""
        writer = self._writer(today)
        text = writer.plain(self.replies.decline[status.value])
        if status is Status.NOT_COVERED and (names := self._official_names(reading)):
            text = "\n\n".join([text, bullets(self.replies.procedures, names)])
        warning = self.safety.beside_decline(reading.words, reading.acts)
        notice = writer.plain(warning.reply) if warning else None
        return Answer(reading.question, status, text, notice=notice)

    def joined(self, question: str, decided: Iterable[tuple[Decision, Reading]], today: date) -> Answer:
        """The answers to the questions of one sentence as one: the card of the first, the words of all."""
        words = self.replies.several
        answers = [
            self.compose(part, with_officials(decision, part, self.searcher, today), today)
            for decision, part in decided
        ]
        texts, said = [words["lead"].format(count=len(answers))], dict[str, None]()
        citations, also = list[Citation](), list[Also]()
        for number, answer in enumerate(answers, 1):
            by = len(citations)
            texts.append(words["part"].format(number=number, text=renumbered(answer.text, by)))
            if number > 1:
                also.append(self._also(answer, by))
            if answer.notice:
                said[renumbered(answer.notice, by)] = None
            citations += [replace(cited, number=cited.number + by) for cited in answer.citations]
        return replace(
            answers[0],
            question=question,
            text="\n\n".join(texts),
            citations=tuple(citations),
            notice=" ".join(said) or None,
            choices=tuple(choice for part in also for choice in part.choices),
            also=tuple(also),
            likelihood=min(answer.likelihood or 0.0 for answer in answers),
        )

    def _also(self, answer: Answer, by: int) -> Also:
        """What the page shows of an answer that follows one with so many citations."""
        if answer.card is None:  # of a choice the question: the choices are buttons
            lead = answer.text.split("\n")[0] if answer.choices else answer.text
            return Also(self.replies.several["other"], lead, answer.choices)
        choices = (Choice(answer.card.document_id, answer.card.title),) if answer.card.document_id else ()
        return Also(answer.card.title, renumbered(answer.card.lead, by), choices)

    def _answered(self, reading: Reading, decision: Decision, today: date) -> Answer:
        """What the guide says, or where there is none the section of an official document."""
        hit = decision.hits[0]
        document_id = hit.section.document_id
        if document_id in self.searcher.index.guides:
            answer = self._from_guide(reading, document_id, today, told=self._told(reading, document_id))
        else:
            quoted = self.quote(hit.section, today)
            if quoted is None:
                return self._declined(reading, Status.NOT_COVERED, today)
            card, citation = quoted
            text = self._writer(today).text(card)
            answer = Answer(reading.question, Status.ANSWERED, text, card, (citation,))
        if decision.newer is None:
            return answer
        section = decision.newer.section
        number = len(answer.citations) + 1
        cited = self._writer(today).cite(self.searcher.document(section.document_id), section, number)
        return replace(answer, citations=(*answer.citations, cited))

    def quote(self, section: Section, today: date) -> tuple[Card, Citation] | None:
        """What a person is shown of an official document's section; None where nothing of it may be shown."""
        document = self.searcher.document(section.document_id)
        known = [*self.searcher.index.facts.contact_values(today)]
        known += [source.url for source in document.sources if source.url]  # the operator told it

        def contradicting(sentence: str) -> str | None:
            guide = self.contradicting(sentence, section, today)
            return guide and self.guides[guide].document.title

        return self._writer(today).quote(
            document,
            section,
            lambda text: self.safety.documents.readable(text, known, asks_for_secret, contradicting),
        )

    def contradicting(self, sentence: str, section: Section, today: date) -> str | None:
        """The guide that tells other fees or another time limit than a document's sentence on the same thing.

        None where no guide surely is on it, where that tells none, or where the document stands in for it.
        """
        fees, times = charges(sentence, section.heading), waits(sentence)
        if not (fees or times):
            return None
        for about in (sentence, f"{section.heading}. {sentence}"):
            reading = self._understood(about)
            decision = self._decided(reading) if reading else None
            if decision is None or decision.status is not Status.ANSWERED:
                continue
            guide = self.guides[_guide(decision)]
            known = frozenset(chain.from_iterable(charges(fee.amount, "phí") for fee in guide.fees))
            limits = frozenset(chain.from_iterable(durations(one.text) for one in guide.time_limits))
            differs = (known and not fees <= known) or (limits and not times <= limits)
            if differs and section.document_id not in self.searcher.standing_in(guide.document.id, today):
                return guide.document.id
        return None

    def _official_names(self, reading: Reading) -> list[str]:
        """What procedures are called that the question may mean, with their codes where known."""
        code = PROCEDURE_CODE.search(reading.question)
        found = self.searcher.closest_procedures(reading.topic)
        if code:
            found = tuple(p for p in self.searcher.index.procedures if p.code == code[0])
        return [f"{p.name} ({p.code})" if p.code else p.name for p in found]

    def _told(self, reading: Reading, document_id: str) -> Told:
        """What the guide says in words to the very question."""
        closest = self.searcher.closest_questions(document_id, reading.words)
        same = next(
            (text for text, likeness in closest[:1] if self._same_question(reading, text, likeness)), None
        )
        sentence = None
        if same is None and reading.intent in (Intent.GENERAL, Intent.WHO, Intent.VALIDITY):
            signs = self._glossary.signs.get(reading.intent.value, ())
            sentence = self.searcher.closest_sentence(document_id, reading.words, signs)
        others = [(text, likeness) for text, likeness in closest if text != same][:_ALSO]
        also = [text for text, likeness in others if likeness >= _ALIKE]
        if not (same or sentence or also):
            also = [text for text, likeness in others if likeness >= _HARDLY_ALIKE]
        return Told(same, sentence, tuple(also))

    def _same_question(self, reading: Reading, text: str, likeness: float) -> bool:
        """Whether a question that the guide answers by itself is the one asked, for the same thing."""
        glossary = self._glossary
        same_intent = find_intent(standard(syllables(text), glossary), glossary) is reading.intent
        return likeness >= _SAME and same_intent

    def _from_guide(
        self,
        reading: Reading,
        document_id: str,
        today: date,
        *,
        told: Told = NOTHING_TOLD,
    ) -> Answer:
        writer = self._writer(today)
        guide = self.searcher.index.guides[document_id]
        asked = (*reading.words, *syllables(reading.question))
        details = reading.details if reading.intent in reading.details else ()
        card, citations = writer.write(guide, reading.intent, asked, told=told, details=details)
        return Answer(reading.question, Status.ANSWERED, writer.text(card), card, citations)

    def _contacts_asked_for(self, reading: Reading) -> list[str]:
        """Contacts that a question for a number names, or whose number is nearly all it says."""
        facts = self.searcher.index.facts
        named = facts.contacts_asked_for(reading.words) if reading.intent is Intent.CONTACT else []
        beside = [word for word in reading.topic if not word.isdecimal()]
        if named or len(beside) > _BESIDE_A_NUMBER:
            return named
        return facts.contacts_named_by_number(reading.words)

    def _hotlines(self, reading: Reading, ids: Iterable[str], writer: CardWriter) -> Answer:
        lines, citations = writer.hotlines(ids)
        text = "\n".join([self.replies.hotlines.lead, *lines])
        notice = self._false_contact(reading, text, writer)
        return Answer(reading.question, Status.ANSWERED, text, citations=citations, notice=notice)

    def _notice(
        self,
        reading: Reading,
        rules: Iterable[Rule],
        answer: Answer,
        writer: CardWriter,
        decision: Decision,
    ) -> str | None:
        """What must be said before the answer: warnings, a false premise, what is out of date or newer."""
        said = [writer.plain(rule.reply) for rule in rules]
        if fact := self.replies.correction(reading.words):
            said.append(writer.plain("{{" + fact + "}}."))
        elif self._false_figure(reading, answer):
            said.append(self.replies.premise.figure)
        if wrong := self._false_contact(reading, answer.text, writer):
            said.append(wrong)
        newer, official = decision.newer, self.replies.official
        if old := self._superseded_law(reading, answer):
            said.append(official["old_law"].format(old=old))

        if decision.instead_of is not None:
            said.append(writer.about(official["instead_of"], decision.instead_of))
        if newer is not None:
            document = self.searcher.document(newer.section.document_id)
            said.append(writer.about(official["newer"], document, number=len(answer.citations)))
        return " ".join(said) or None

    def _superseded_law(self, reading: Reading, answer: Answer) -> str | None:
        """The law that the question names and that what answers it supersedes."""
        number = law_number(reading.question)
        ids = [citation.document_id for citation in answer.citations[:1] if number]
        supersedes = self.searcher.document(ids[0]).supersedes if ids else ()
        return next((old for old in supersedes if law_number(old) == number), None)

    def _false_figure(self, reading: Reading, answer: Answer) -> bool:
        """Whether the question takes an amount or a waiting time for granted that the answer lacks."""
        timed = reading.intent is Intent.TIME and answer.card is not None and bool(answer.card.time_limit)
        return false_figure(reading.question, answer.text, waits=timed)

    def _false_contact(self, reading: Reading, said: str, writer: CardWriter) -> str | None:
        """What is said to a hotline or web address that stands neither in the answer nor in the contacts."""
        known = f"{said} {' '.join(self.searcher.index.facts.contact_values(writer.today))}"
        return writer.plain(self.replies.premise.contact) if false_contact(reading.question, known) else None

    def _writer(self, today: date) -> CardWriter:
        index = self.searcher.index
        return CardWriter(index.facts, self.replies, today, index.manifest.built.date())

    # 6. Check

    def check(self, model: LanguageModel, prompt: Prompt) -> Iterator[str]:
        """The model's words so far, sentence by sentence, each against the text it must come from.

        The same words may come again while the model is at work, so that a person who has left is noticed.
        A model that fails leaves the card as it is. Raises ModelBusyError when it has no room.
        """
        try:
            yield from checked(model.stream(prompt), Evidence(prompt.guide, prompt.question))
        except ModelBusyError:
            raise
        except ModelError:
            return

    def _prompt_under(self, answer: Answer, question: str, today: date) -> Prompt:
        """The guide of the card, or what the card quotes of an official document."""
        if answer.card and answer.card.document_id:
            return self.prompt(answer.card.document_id, today, question)
        return prompt_for(self.replies, answer.text, question)

    def prompt(self, document_id: str, today: date, question: str = "") -> Prompt:
        """What the model is given: of the guide all that holds today, whatever is asked."""
        text = self._writer(today).whole_text(self.searcher.index.guides[document_id])
        return prompt_for(self.replies, text, question, document_id)


def _guide(decision: Decision) -> str:
    return decision.hits[0].section.document_id


def _without(decision: Decision, other: Decision) -> Decision:
    """Of a choice that holds the guide of the other part, the likeliest of the rest, if it is clear."""
    if decision.status is not Status.CLARIFY or other.status is not Status.ANSWERED:
        return decision
    left = [hit for hit in decision.hits if hit.section.document_id != _guide(other)]
    clear = bool(left) and left[0].score > sum(hit.score for hit in left[1:])
    if len(left) == len(decision.hits) or not clear:
        return decision
    return replace(decision, status=Status.ANSWERED, hits=(left[0],))


def checked(pieces: Iterable[str], evidence: Evidence) -> Iterator[str]:
    """The words so far, sentence by sentence, without those that do not stand in the evidence."""
    shown = rest = ""
    for piece in pieces:
        if not piece:
            yield shown
        rest += piece
        *whole, tail = sentences(rest) or [""]
        rest = rest[rest.rindex(tail) :]
        for sentence in whole:
            if _is_told(sentence, evidence):
                shown = f"{shown} {sentence}".strip()
                yield shown
    if rest.endswith((".", "!", "?")) and _is_told(rest, evidence):
        yield f"{shown} {rest}".strip()


def _is_told(sentence: str, evidence: Evidence) -> bool:
    """Whether a sentence tells what the guide says, without control signs.

    A repeated question tells what it takes for true.
    """
    plain = neutralised(clean(sentence)).split() == sentence.split()
    return plain and not sentence.rstrip().endswith("?") and evidence.refusal(sentence) is None


def _milliseconds(started: float) -> int:
    return round(1000 * (time.monotonic() - started))
