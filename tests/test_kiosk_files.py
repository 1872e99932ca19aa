"""What makes a machine a kiosk: the units of systemd, Chromium's flags and its policy."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from assistant.config import CHECKOUT

OPERATIONS = CHECKOUT / "assistant" / "operations"


def setup(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """kiosk.sh, laying the files into a folder of the test."""
    return subprocess.run(
        ["sh", str(OPERATIONS / "kiosk.sh"), str(tmp_path / "opt"), *arguments],
        env=os.environ | {"DESTDIR": str(tmp_path / "root")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A machine on which the assistant is installed."""
    (tmp_path / "opt").mkdir()
    shutil.copy("/bin/true", tmp_path / "opt" / "assistant")
    return tmp_path


def units(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "root/etc/systemd/system").glob("*.service"))


def test_units_start_what_was_installed(installed: Path) -> None:
    assert setup(installed).returncode == 0
    app, screen = sorted(units(installed), key=lambda path: len(path.name))
    assert f"ExecStart={installed}/opt/assistant serve" in app.read_text()
    assert "Wants=tro-ly.service" in screen.read_text()
    policy = json.loads((installed / "root/etc/chromium/policies/managed/tro-ly.json").read_text())
    assert policy["URLBlocklist"] == ["*"]


def test_without_a_screen_only_the_pages_are_served(installed: Path) -> None:
    assert setup(installed, "--no-screen").returncode == 0
    assert [path.name for path in units(installed)] == ["tro-ly.service"]
    assert not list((installed / "root").rglob("*.json"))


def test_nothing_is_set_up_where_nothing_is_installed(tmp_path: Path) -> None:
    done = setup(tmp_path)
    assert done.returncode == 1
    assert "install.sh" in done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_the_unit_of_the_pages(installed: Path) -> None:
    setup(installed, "--no-screen")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(units(installed)[0])], capture_output=True, text=True, check=False
    )
    assert "tro-ly.service" not in done.stderr.replace(str(installed), ""), done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_the_unit_of_the_screen(installed: Path) -> None:
    setup(installed)
    _, screen = sorted(units(installed), key=lambda path: len(path.name))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(screen)], capture_output=True, text=True, check=False
    )
    assert re.findall(r"man-hinh.service(?!: Command \S+ is not executable).*", done.stderr) == []


def test_the_screen_has_what_a_compositor_needs() -> None:
    """Each of these left it dark on a real machine."""
    text = (OPERATIONS / "systemd" / "tro-ly-man-hinh.service").read_text()
    assert "ProtectHome=" not in re.sub(r"#.*", "", text)  # takes /run/user away
    assert re.search(
        r"^ExecStart=/usr/bin/timeout ", text, re.MULTILINE
    )  # else a failing cage waits for ever
    assert (
        "IPAddressDeny" not in text
    )  # holds nothing there: logind moves the processes to their user's slice
    assert "IPAddressDeny=any" in (OPERATIONS / "systemd" / "man-hinh.slice.conf").read_text()


def flags(url: str) -> list[str]:
    """What Chromium is started with on a kiosk, for this page."""
    text = (OPERATIONS / "systemd" / "tro-ly-man-hinh.service").read_text().replace("\\\n", " ")
    command = re.search(r"^ExecStart=.*? (/usr/bin/chromium .*)$", text, re.MULTILINE)
    assert command is not None
    left_out = ("--kiosk", "--ozone-platform", "--user-data-dir", "http:")
    words = [word for word in shlex.split(command[1]) if not word.startswith(left_out)]
    return [*words, url]


@pytest.fixture
def page_that_calls_out() -> Iterator[str]:
    """A page that asks for something from outside."""

    class Calling(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p id=here>here</p><img src='http://outside.example/x.png'>")

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Calling) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.browser
def test_the_browser_of_a_kiosk_asks_for_no_name_outside(tmp_path: Path, page_that_calls_out: str) -> None:
    log = tmp_path / "net.json"
    command = [
        *flags(page_that_calls_out)[:1],
        *("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"),
        *(f"--log-net-log={log}", "--dump-dom", "--virtual-time-budget=3000"),
        *flags(page_that_calls_out)[1:],
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "here" in done.stdout
    text = log.read_text(errors="replace")
    kinds = json.loads(re.search(r'"logEventTypes":(\{.*?\})', text)[1])  # type: ignore[index]
    jobs = kinds["HOST_RESOLVER_MANAGER_JOB"]
    assert not re.findall(rf'"type":{jobs}\b', text)
