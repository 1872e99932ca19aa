from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.answering.prompts import Prompt
from assistant.config import CHECKOUT
from assistant.errors import ModelBusyError, ModelError
from assistant.models.llama import LlamaOptions
from assistant.models.worker import WorkerModel, WorkerOptions

pytestmark = pytest.mark.slow

SKY = Prompt("Answer in one short sentence.", "The sky is blue. Grass is green.", "What colour is the sky?")
COUNT = replace(SKY, question="Count from one to one thousand in words, and never stop.")
SMALL = LlamaOptions(context=2048, answer=200, seconds=300, threads=1)


def options(path: Path) -> WorkerOptions:
    return WorkerOptions(str(path), SMALL)


@pytest.fixture(scope="module")
def worker(smollm_path: Path) -> Iterator[WorkerModel]:
    with closing(WorkerModel(options(smollm_path))) as model:
        yield model


def said(model: WorkerModel, prompt: Prompt = SKY) -> str:
    return "".join(model.stream(prompt)).lower()


def until(true: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


# Answering


def test_a_question_is_answered_in_pieces(worker: WorkerModel) -> None:
    pieces = [piece for piece in worker.stream(SKY) if piece]
    assert "blue" in "".join(pieces).lower()
    assert len(pieces) > 1


def test_the_model_is_in_another_process(worker: WorkerModel) -> None:
    assert worker.pid not in (None, os.getpid())
    assert "llama_cpp" not in Path(f"/proc/{os.getpid()}/cmdline").read_text()
    code = "import sys, assistant.models.worker; print('llama_cpp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_two_who_ask_at_once_are_both_answered(worker: WorkerModel) -> None:
    answers: list[str] = []
    people = [threading.Thread(target=lambda: answers.append(said(worker))) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert ["blue" in answer for answer in answers] == [True, True]


def test_one_too_many_is_told_at_once(worker: WorkerModel) -> None:
    crowd = [worker.stream(COUNT) for _ in range(SMALL.people + 8)]
    for one in crowd:
        next(one)
    assert worker.waiting == 8
    with pytest.raises(ModelBusyError, match=r"12 people wait for the model"):
        next(worker.stream(SKY))
    for one in crowd:
        one.close()  # type: ignore[attr-defined]
    assert "blue" in said(worker)


def test_a_prompt_that_is_too_long_is_an_error_and_nothing_else(worker: WorkerModel) -> None:
    with pytest.raises(ModelError, match=r"the prompt has \d{4,} tokens"):
        said(worker, replace(SKY, guide="xin chào " * 2000))
    assert "blue" in said(worker)


# Leaving


def test_one_who_leaves_ends_the_work_for_him(worker: WorkerModel) -> None:
    started = time.monotonic()
    said(worker, COUNT)
    whole = time.monotonic() - started
    started = time.monotonic()
    with closing(worker.stream(COUNT)) as pieces:  # type: ignore[type-var]
        next(piece for piece in pieces if piece)
    assert "blue" in said(worker)
    assert worker.waiting == 0
    assert time.monotonic() - started < max(whole, 3)


def test_told_to_stop_it_says_no_more(worker: WorkerModel) -> None:
    pieces: list[str] = []
    pieces.extend(filter(None, worker.stream(COUNT, stop=lambda: len(pieces) >= 2)))
    assert len(pieces) == 2


# Accidents


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_child_that_dies_in_the_middle_costs_the_answer_and_is_back(
    worker: WorkerModel, how: signal.Signals
) -> None:
    pid = worker.pid
    assert pid is not None
    answer = worker.stream(COUNT)
    next(piece for piece in answer if piece)
    os.kill(pid, how)
    with pytest.raises(ModelError, match=f"has ended .{how.name}"):
        list(answer)
    assert until(lambda: worker.ready and worker.pid != pid)
    assert "blue" in said(worker)


def test_a_child_that_hangs_is_replaced(smollm_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.models.worker._HUNG", 0.5)
    hasty = WorkerOptions(str(smollm_path), replace(SMALL, seconds=1))
    with closing(WorkerModel(hasty)) as model:
        assert model.pid is not None
        os.kill(model.pid, signal.SIGSTOP)
        with pytest.raises(ModelError, match="has ended .SIGKILL"):
            said(model)
        assert until(lambda: model.ready)


def test_while_the_child_is_away_an_answer_is_refused_at_once(smollm_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.symlink_to(smollm_path)
    with closing(WorkerModel(options(path))) as model:
        path.unlink()
        assert model.pid is not None
        os.kill(model.pid, signal.SIGKILL)
        assert until(lambda: not model.ready)
        with pytest.raises(ModelError, match=r"model\.gguf is being started again"):
            said(model)
        path.symlink_to(smollm_path)  # the operator puts it back
        assert until(lambda: model.ready)
        assert "blue" in said(model)


def test_the_weights_may_be_cut_short_while_it_runs(smollm_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(smollm_path.read_bytes())
    with closing(WorkerModel(options(path))) as model:
        os.truncate(path, 1000)
        assert "blue" in said(model)


@pytest.mark.parametrize("megabytes", [220, 300, 400])
def test_too_little_memory_is_an_error(smollm_path: Path, megabytes: int) -> None:
    poor = replace(options(smollm_path), model=replace(SMALL, context=32768), memory=megabytes << 20)
    with pytest.raises(ModelError, match=r"cannot be loaded|is not usable here|has ended|not enough memory"):
        WorkerModel(poor)


def test_a_file_that_is_no_model_is_told_as_by_the_model_itself(tmp_path: Path, smollm_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(smollm_path.read_bytes()[:-1_000_000])
    with pytest.raises(ModelError, match=r"model\.gguf cannot be loaded .*corrupted or incomplete"):
        WorkerModel(options(path))


def test_the_child_ends_with_its_parent_however_that_ends(smollm_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from assistant.models.worker import *\n"
        f"model = WorkerModel(WorkerOptions({str(smollm_path)!r}, LlamaOptions(context=512)))\n"
        "print(model.pid, flush=True)\n"
        "time.sleep(100)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert runs(child)
    parent.kill()
    parent.communicate()
    assert until(lambda: not runs(child), 5)


def test_closing_ends_the_child(smollm_path: Path) -> None:
    model = WorkerModel(options(smollm_path))
    pid = model.pid
    assert pid is not None
    model.close()
    assert not runs(pid)


def test_without_handles_there_is_no_model_and_later_there_is(worker: WorkerModel, smollm_path: Path) -> None:
    pid = worker.pid
    assert pid is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, hard))  # those that are open stay
    try:
        with pytest.raises(ModelError, match="no process can be started"):
            WorkerModel(options(smollm_path))
        os.kill(pid, signal.SIGKILL)
        assert until(lambda: not worker.ready)
        time.sleep(0.2)  # the first try to start it again is in vain
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert until(lambda: worker.ready and worker.pid != pid)


# Reading beforehand


def test_guides_are_read_when_told_to(smollm_path: Path, tmp_path: Path) -> None:
    guides = [replace(SKY, guide=f"{n}. The sky is blue.") for n in range(3)]
    told: list[str] = []
    keeping = replace(options(smollm_path), states=str(tmp_path), budget=10**9)
    with closing(WorkerModel(keeping)) as model:
        assert model.prepare(guides, told.append) == 3
    assert told[-1].endswith("of 3")
    assert len(list(tmp_path.glob("*.state"))) == 3 + 1  # and the rules


def test_guides_are_read_when_it_is_quiet(smollm_path: Path, tmp_path: Path) -> None:
    keeping = replace(options(smollm_path), states=str(tmp_path), budget=10**9, quiet=0.1)
    with closing(WorkerModel(keeping)) as model:
        model.prepare_when_idle([SKY])
        assert until(lambda: len(list(tmp_path.glob("*.state"))) == 2)
        assert "blue" in said(model)
