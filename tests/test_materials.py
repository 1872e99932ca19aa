from __future__ import annotations

import ast
import json
import re
import tomllib
import zipfile
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from assistant.config import CHECKOUT
from assistant.errors import BundleError
from assistant.operations.materials import (
    BUILT,
    LICENCES,
    LOCKS,
    UNKNOWN,
    Locked,
    Package,
    bill_of_materials,
    installed,
    licences,
    normal,
    read_lock,
    refused,
    wheels,
)

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAMES = ("run", "test", "voice", "listen", "ocr", "postgres")
LOCK = {name: {lock.name: lock for lock in read_lock(LOCKS / f"{name}.lock")} for name in NAMES}
HERE = installed()
# Copyleft that reaches what imports it. That of the LGPL and the MPL reaches the package alone.
STRONG = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public", re.IGNORECASE)
# Never locked: pip itself, and what comes with torch where it is not the build for CPUs.
FREE = re.compile(r"pip$|nvidia-|cuda-|triton")
# Their metadata say nothing; what the licence beside them is.
SAID_ELSEWHERE = {"axe-playwright-python": "MIT"}


def asked_for(extra: str) -> list[Requirement]:
    rows = PROJECT["dependencies"] if extra == "run" else PROJECT["optional-dependencies"][extra]
    return [Requirement(row) for row in rows]


def is_for_this_python(lock: Locked) -> bool:
    return not lock.marker or Marker(lock.marker.strip("; ")).evaluate()


def locked_for(extra: str) -> dict[str, Locked]:
    return LOCK["run"] | LOCK[extra]


# Locks


@pytest.mark.parametrize("extra", NAMES)
def test_what_is_locked_is_what_the_project_asks_for(extra: str) -> None:
    locked = locked_for(extra)
    for requirement in asked_for(extra):
        name = normal(requirement.name)
        if name in BUILT:
            assert re.fullmatch(r"==[\d.]+", str(requirement.specifier)), "pinned here, for no lock holds it"
        else:
            assert requirement.specifier.contains(locked[name].version), requirement


@pytest.mark.parametrize("extra", NAMES)
def test_whatever_a_locked_package_needs_is_locked_too(extra: str) -> None:
    locked = locked_for(extra)
    for name in (*locked, *BUILT):
        if name not in HERE:
            continue
        for row in requires(name) or ():
            needed = Requirement(row)
            if FREE.match(needed.name) or (needed.marker and not needed.marker.evaluate({"extra": ""})):
                continue
            assert normal(needed.name) in (*locked, *BUILT), f"{name} needs {row}"


def test_what_is_installed_is_what_was_locked() -> None:
    """CI installs by the locks; whoever works on the project should have the same."""
    locked = locked_for("test")
    other = {
        name: (HERE[name].version if name in HERE else None)
        for name, lock in locked.items()
        if is_for_this_python(lock) and (name not in HERE or HERE[name].version != lock.version)
    }
    assert other == {}, "run install.sh test, or lock.sh where the new version is meant"


@pytest.mark.parametrize("extra", NAMES)
def test_every_file_is_known_beforehand_and_no_place_to_get_it_from_is_named(extra: str) -> None:
    assert LOCK[extra].keys() & set(BUILT) == set()
    assert all(lock.hashes for lock in LOCK[extra].values())
    text = (LOCKS / f"{extra}.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|index|find-links|trusted-host", text)


def test_a_line_that_pins_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    path.write_text("# remark\na==1.0 ; python_version < '3.12' \\\n    --hash=sha256:" + 64 * "0" + "\n")
    assert read_lock(path) == [Locked("a", "1.0", "; python_version < '3.12'", frozenset([64 * "0"]))]
    path.write_text("a>=1.0\n")
    with pytest.raises(BundleError, match=r"a\.lock:1: `a>=1\.0` pins no version"):
        read_lock(path)
    with pytest.raises(BundleError, match="restore it"):
        read_lock(tmp_path / "b.lock")


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        (Package("Tiny_Tool", "1.0", "MIT", sha256="a" * 64), None),
        (Package("tiny.tool", "1.0+local", "MIT", sha256="a" * 64), None),
        (Package("tiny-tool", "1.1", "MIT", sha256="a" * 64), "not the locked version 1.0"),
        (Package("tiny-tool", "1.0", "MIT", sha256="b" * 64), "not the one whose sha256 was locked"),
        (Package("torch", "2.13.0+cpu", "BSD", sha256="b" * 64), None),
    ],
)
def test_another_version_or_file_than_the_locked_one_is_refused(package: Package, reason: str | None) -> None:
    told = refused(package, [Locked("tiny-tool", "1.0", hashes=frozenset(["a" * 64]))])
    assert (told is None) if reason is None else (reason in (told or ""))


# Licences


def imported_packages() -> set[str]:
    """Distributions that the product imports itself, by the names of their modules."""
    modules = set()
    for path in (CHECKOUT / "assistant").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").split(".")[0])
    known = packages_distributions()
    return {normal(name) for module in modules for name in known.get(module, ())}


def with_what_they_need(names: set[str]) -> set[str]:
    found, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in HERE:
            continue
        found.add(name)
        for row in requires(name) or ():
            needed = Requirement(row)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(normal(needed.name))
    return found


def test_nothing_under_the_gpl_is_imported_with_all_that_it_imports() -> None:
    reached = with_what_they_need(imported_packages() - {normal(PROJECT["name"])})
    assert {"gradio", "pypdf", "lxml", "anyio"} <= reached
    assert {name: HERE[name].licence for name in reached if STRONG.search(HERE[name].licence)} == {}
    assert "piper-tts" not in reached


@pytest.mark.parametrize(
    ("licence", "strong"),
    [
        ("AGPL-3.0-only", True),
        ("GPL-3.0-or-later", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("GNU Affero General Public License v3", True),
        ("LGPL-3.0-or-later", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MPL-2.0 AND MIT", False),
    ],
)
def test_which_copyleft_is_strong(licence: str, strong: bool) -> None:
    assert bool(STRONG.search(licence)) == strong


def test_the_list_of_licences_is_that_of_what_is_locked() -> None:
    text = LICENCES.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| (.+?) \| \w+ \|$", text, re.MULTILINE))
    assert licences(HERE, sorted(LOCKS.glob("*.lock")), text) == text.strip(), "renew it, see README"
    assert rows.keys() == {*BUILT, *(name for lock in LOCK.values() for name in lock)}
    assert {name for name, told in rows.items() if told == UNKNOWN} == SAID_ELSEWHERE.keys()
    assert {name for name, told in rows.items() if STRONG.search(told)} == {"piper-tts"}


# Bill of materials


def wheel(folder: Path, name: str, *lines: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        metadata = "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines, "", "Text."])
        archive.writestr(f"{name}-1.0.dist-info/METADATA", metadata)


def test_wheels_tell_their_licences(tmp_path: Path) -> None:
    wheel(tmp_path, "a", "License-Expression: MIT OR Apache-2.0", "License: other")
    wheel(tmp_path, "b", "License: BSD", "Classifier: License :: OSI Approved :: MIT License")
    wheel(tmp_path, "c", "License: BSD-3-Clause", "Classifier: License :: OSI Approved")
    wheel(tmp_path, "d", "License: UNKNOWN")
    wheel(tmp_path, "e", "License: " + "Permission is hereby granted " * 9)
    told = [(package.name, package.licence, package.is_spdx) for package in wheels(tmp_path)]
    assert told == [
        ("a", "MIT OR Apache-2.0", True),
        ("b", "MIT License", False),
        ("c", "BSD-3-Clause", False),
        ("d", UNKNOWN, False),
        ("e", UNKNOWN, False),
    ]
    (tmp_path / "f-1.0-py3-none-any.whl").write_bytes(b"PK no archive")
    with pytest.raises(BundleError, match="is no wheel"):
        list(wheels(tmp_path))


def test_the_bill_of_materials_is_valid_cyclonedx(tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion  # takes every worker seconds to import
    from cyclonedx.validation.json import JsonStrictValidator

    wheel(tmp_path, "a", "License-Expression: MIT")
    packages = [*wheels(tmp_path), Package("torch", "2.13.0+cpu", "BSD License")]
    bill = bill_of_materials(
        "tro-ly", "1", "2026-11-27T00:00:00+00:00", packages, {"m": {"m.gguf": "0" * 64}}
    )
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert [each["name"] for each in bill["components"]] == ["a", "torch", "m"]
    assert bill["components"][0]["hashes"][0]["content"] == next(wheels(tmp_path)).sha256
