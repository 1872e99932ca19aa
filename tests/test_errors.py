from __future__ import annotations

from pathlib import Path

import pytest

from assistant import errors
from assistant.errors import AssistantError, KnowledgeError, Problem, QuestionError

ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", ERRORS)
def test_the_edges_catch_every_error_by_one_name(kind: type[Exception]) -> None:
    assert issubclass(kind, AssistantError)
    assert kind.__doc__


@pytest.mark.parametrize("kind", [errors.EmptyQuestionError, errors.QuestionTooLongError])
def test_a_question_that_cannot_be_taken_is_told_from_other_failures(kind: type[Exception]) -> None:
    assert issubclass(kind, QuestionError)
    assert not issubclass(KnowledgeError, QuestionError)


def test_a_problem_reads_as_file_line_message() -> None:
    assert str(Problem(Path("knowledge/a.md"), 7, "step 2 expected")) == "knowledge/a.md:7: step 2 expected"


def test_a_knowledge_error_tells_every_problem_on_its_own_line() -> None:
    problems = [Problem(Path("a.md"), 1, "`id` is missing"), Problem(Path("b.md"), 0, "cannot be read")]
    error = KnowledgeError(problems)
    assert str(error).split("\n") == ["a.md:1: `id` is missing", "b.md:0: cannot be read"]
    assert error.problems == tuple(problems)
