from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fake_pages import until

from assistant.config import CHECKOUT
from assistant.errors import EvaluationError
from assistant.evaluation.faults.chores import state_of
from assistant.evaluation.server import Server, served

PARENT = """
import sys
from pathlib import Path
from assistant.evaluation.faults.chores import state_of
from assistant.evaluation.server import Server
server = Server({}, Path(sys.argv[1]))
print(server.process.pid, flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert state_of(server) not in ("", "Z")
        parent.kill()
    until(lambda: state_of(server) in ("", "Z"))


def test_a_server_that_does_not_come_up_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = Server({}, tmp_path / "log", before="raise SystemExit('no room here')")
    with pytest.raises(EvaluationError, match="no room here"), served(broken):
        pass
