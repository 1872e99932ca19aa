from __future__ import annotations

import re

import pytest

from assistant.config import CHECKOUT

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
TREE = re.search(r"```\nassistant/\n(.*?)```", README, re.DOTALL)


def test_ci_runs_the_test_line_of_the_readme_and_nothing_else() -> None:
    line = next(line for line in README.splitlines() if line.endswith("pytest"))
    commands = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert commands == ["#!/usr/bin/env bash", 'cd "$(dirname "$0")/.."', line]


@pytest.mark.parametrize("line", TREE[1].splitlines() if TREE else [])
def test_what_the_layout_names_is_there(line: str) -> None:
    folder = "assistant/" if line.startswith("  ") else ""
    assert (CHECKOUT / (folder + line.split()[0])).exists()


def test_every_module_of_the_top_stands_in_the_layout() -> None:
    assert TREE is not None
    modules = {path.name for path in (CHECKOUT / "assistant").glob("*.py")} - {"__init__.py"}
    assert modules <= set(TREE[1].split())


def test_nothing_but_the_agreed_entries_lies_at_the_top() -> None:
    agreed = {"assistant", "knowledge", "prompts", "app.py", "pyproject.toml", "tests", "README.md"}
    made = {path.name for path in CHECKOUT.iterdir() if path.suffix == ".egg-info" or path.name == "build"}
    assert {path.name for path in CHECKOUT.iterdir() if path.name[0] != "."} - made == agreed
