"""The error tree: everything the product raises on purpose.

Messages are English: what was wrong, where, and what to do. The edges (CLI, pages) turn the
*type* into the Vietnamese sentence of `prompts/ui.toml`.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class AssistantError(Exception):
    """Base of all errors; caught only in `__main__.py` and in `web/`."""


class ConfigError(AssistantError):
    """A setting is wrong; names the setting and the bad value."""


class QuestionError(AssistantError):
    """What was typed cannot be taken as a question."""


class EmptyQuestionError(QuestionError):
    """Nothing readable is left of the question."""


class QuestionTooLongError(QuestionError):
    """The question is longer than the limit; it is refused, never cut."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a knowledge file. `line` counts from 1; 0 is the whole file."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class KnowledgeError(AssistantError):
    """Files of `knowledge/` or `prompts/` are missing or broken; holds every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class DocumentError(AssistantError):
    """A document of another's making cannot be read; says why."""


class FetchError(AssistantError):
    """Official sources cannot be fetched: no network, no room on the disk; says why."""


class IndexUnavailableError(AssistantError):
    """The index is missing, or damaged with no earlier generation; says: run `index build`."""


class ModelError(AssistantError):
    """The language model cannot be loaded or failed while answering."""


class ModelBusyError(ModelError):
    """So many people ask the model already that one more gets the guide alone."""


class WeightsError(AssistantError):
    """The weights of a model cannot be had, or are not what they should be; says why and what to do."""


class EmbedderError(AssistantError):
    """The sentence-transformers model cannot be loaded."""


class JournalError(AssistantError):
    """The journal cannot be read or written: no room, locked, damaged, of a newer release; says why."""


class PausedError(AssistantError):
    """A maintainer has switched the assistant off for a while."""


class VoiceError(AssistantError):
    """Nothing can be read aloud: no voice is installed, or it failed; says why."""


class ListenError(AssistantError):
    """What was said cannot be heard: no recogniser, a broken one, or a recording that is none; says why."""


class BundleError(AssistantError):
    """An offline bundle cannot be made, or is not what its maker signed; says why."""


class BackupError(AssistantError):
    """A backup cannot be made, or is none that can be put back; says why."""


class EvaluationError(AssistantError):
    """A question set or data set cannot be read; names file and line."""


class ClassroomError(AssistantError):
    """What was asked of a class cannot be done."""


class UnknownCodeError(ClassroomError):
    """No class, learner or trainer has the code that was typed."""


class ClassFullError(ClassroomError):
    """Too many classes go on, or too many people are in one."""


class UnfitNameError(ClassroomError):
    """A name cannot stand on a certificate."""


def place_of(error: BaseException) -> str:
    """The kinds of an error and of what caused it, and where they arose.

    Not their messages, which may quote what a person typed.
    """
    told: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(told) < 5:
        frames = traceback.extract_tb(cause.__traceback__)[-4:]
        at = " < ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        told.append(f"{type(cause).__name__} at {at}" if at else type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return "; from ".join(told)


def _short(path: str) -> str:
    """The end of a path, which tells the module and nothing of the machine."""
    return "/".join(Path(path).parts[-2:])
