"""What an installation is made of: which files were locked, under which licences, and the list of it all.

The locks (`locks/*.lock`, made by `locks/lock.sh`) are pip's requirement files with the sha256 of every file
that may be taken. What is built differently from machine to machine, torch and llama-cpp-python, stands in
pyproject.toml alone, by its version. `locks/licences.md` is what `assistant licences` tells.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, cast

from assistant.errors import BundleError

LOCKS = Path(__file__).with_name("locks")
BUILT = ("llama-cpp-python", "torch")
LICENCES = LOCKS / "licences.md"
UNKNOWN = "unknown"
_PINNED = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)\s*(;[^\\]+?)?\s*\\?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_ROW = re.compile(r"^\| ([a-z0-9-]+) \| (.+?) \| \w+ \|$", re.MULTILINE)
_LONG = 60  # characters; a licence field that is longer holds the licence itself
_SPECIFICATION = "1.6"


@dataclass(frozen=True, slots=True)
class Locked:
    """A package at the only version that is installed. Without `hashes` its file is not known beforehand."""

    name: str  # as PyPI compares names
    version: str
    marker: str = ""  # "; python_version < …", where it is not for every Python
    hashes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Package:
    """A package as it says of itself. `licence` is an SPDX expression where it gives one."""

    name: str
    version: str
    licence: str
    is_spdx: bool = False
    sha256: str = ""  # of its file, where there is one


def normal(name: str) -> str:
    """A package's name as PyPI compares it: "PyYAML" and "pyyaml" are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(*paths: Path) -> list[Locked]:
    """What lock files pin. Raises BundleError for a line that is no pin, and for a file that is not there."""
    found: list[Locked] = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise BundleError(
                f"{path} cannot be read ({error.strerror}); restore it from the project"
            ) from error
        for number, line in enumerate(lines, 1):
            text = line.split(" #")[0].strip()
            if not text or text.startswith("#"):
                continue
            if hash_ := _HASH.match(text):
                found[-1] = Locked(
                    found[-1].name, found[-1].version, found[-1].marker, found[-1].hashes | {hash_[1]}
                )
            elif pin := _PINNED.match(text):
                found.append(Locked(normal(pin[1]), pin[2], pin[3] or ""))
            else:
                raise BundleError(f"{path}:{number}: `{text}` pins no version; make the locks anew")
    return found


def refused(package: Package, locked: Iterable[Locked]) -> str | None:
    """Why a package's file is not the one that was locked; None where it is, or where no file was locked."""
    same = [lock for lock in locked if lock.name == normal(package.name)]
    if not same:
        return None
    versions = {lock.version for lock in same}
    if package.version.split("+")[0] not in versions:
        return f"{package.name} {package.version} is not the locked version {' or '.join(sorted(versions))}"
    hashes = frozenset[str]().union(*(lock.hashes for lock in same))
    if hashes and package.sha256 not in hashes:
        return f"the file of {package.name} {package.version} is not the one whose sha256 was locked"
    return None


def wheels(folder: Path) -> Iterator[Package]:
    """What the wheels of a folder say of themselves. Raises BundleError for one that is broken."""
    for path in sorted(folder.glob("*.whl")):
        try:
            with zipfile.ZipFile(path) as archive:
                name = next(
                    n for n in archive.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1
                )
                metadata = HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, StopIteration, zipfile.BadZipFile) as error:
            raise BundleError(f"{path} is no wheel: {error}") from error
        yield _package(metadata, digest)


def installed() -> dict[str, Package]:
    """The packages of this environment by their normal names."""
    found: dict[str, Package] = {}
    for each in distributions():
        package = _package(_metadata(each))
        found.setdefault(normal(package.name), package)
    return found


def _metadata(distribution: Distribution) -> Message:
    return cast(Message, distribution.metadata)


def _package(metadata: Message, sha256: str = "") -> Package:
    expression = _said(metadata, "License-Expression")
    name, version = str(metadata["Name"]), str(metadata["Version"])
    return Package(name, version, expression or _licence(metadata), bool(expression), sha256)


def _said(metadata: Message, key: str) -> str:
    text = str(metadata.get(key) or "").strip()
    return "" if text.upper() == "UNKNOWN" else text


def _licence(metadata: Message) -> str:
    """The classifiers, else the field; whoever writes the licence itself there names it in the first line."""
    classes = [str(row).split(" :: ") for row in metadata.get_all("Classifier", [])]
    named = [row[-1] for row in classes if row[0] == "License" and row[-1] != "OSI Approved"]
    field = _said(metadata, "License")
    first = field.split("\n")[0].strip(" #*")
    return " OR ".join(dict.fromkeys(named)) or (first if len(first) <= _LONG else "") or UNKNOWN


def licences(packages: Mapping[str, Package], locks: Iterable[Path], before: str = "") -> str:
    """What the locks and pyproject.toml pin, each with its licence and the lock it stands in, as Markdown.

    What is not installed here keeps what the table told `before`. Raises BundleError where that told nothing.
    """
    told = dict(_ROW.findall(before)) | {name: package.licence for name, package in packages.items()}
    found = {lock.name: path.stem for path in locks for lock in read_lock(path)} | dict.fromkeys(BUILT, "run")
    if missing := sorted(found.keys() - told.keys()):
        raise BundleError(
            f"{', '.join(missing)} are not installed here; install them, then list the licences"
        )
    rows = (f"| {name} | {told[name]} | {lock} |" for name, lock in sorted(found.items()))
    return "\n".join(["| Package | Licence | Lock |", "|---|---|---|", *rows])


def bill_of_materials(
    name: str, version: str, made: str, packages: Iterable[Package], weights: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """A CycloneDX list of what a product holds: packages, and files of weights with their sha256.

    `made` is a time as ISO 8601. https://cyclonedx.org/docs/1.6/json/
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "version": 1,
        "metadata": {
            "timestamp": made,
            "component": {"type": "application", "bom-ref": name, "name": name, "version": version},
        },
        "components": [
            *(_component(package) for package in packages),
            *(
                {
                    "type": "machine-learning-model",
                    "bom-ref": f"weights/{each}",
                    "name": each,
                    "components": [
                        {"type": "file", "name": path, "hashes": _hashes(digest)}
                        for path, digest in files.items()
                    ],
                }
                for each, files in weights.items()
            ),
        ],
    }


def _component(package: Package) -> dict[str, Any]:
    address = f"pkg:pypi/{normal(package.name)}@{package.version.replace('+', '%2B')}"
    licence = {"expression": package.licence} if package.is_spdx else {"license": {"name": package.licence}}
    return {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
        "licenses": [licence],
        "hashes": _hashes(package.sha256) if package.sha256 else [],
    }


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]
