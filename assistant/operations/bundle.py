"""Everything that an installation without a network needs, in one folder for a USB stick, signed.

`MANIFEST.sha256` lists every file as sha256sum(1) does, `MANIFEST.sig` is its Ed25519 signature. Whoever
installs holds the maker's public key from elsewhere: what came on the stick cannot vouch for itself.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.errors import BundleError
from assistant.files import sha256_of
from assistant.operations.keys import is_signed, sign
from assistant.operations.materials import (
    LOCKS,
    Locked,
    Package,
    bill_of_materials,
    read_lock,
    refused,
    wheels,
)

MANIFEST, SIGNATURE, ABOUT, INSTALLER = "MANIFEST.sha256", "MANIFEST.sig", "ABOUT", "install.sh"
BILL, _CONSTRAINTS = "sbom.cdx.json", "constraints.txt"
# What a PC of the last ten years has; nothing that only this one may have.
FEATURES = {"SSE42": "sse4_2", "AVX": "avx", "AVX2": "avx2", "FMA": "fma", "F16C": "f16c", "BMI2": "bmi2"}
BUILD = " ".join(["-DGGML_NATIVE=OFF", *(f"-DGGML_{feature}=ON" for feature in FEATURES)])
_PRODUCT = ("assistant", "app.py", "pyproject.toml", "README.md")
_HOME = ("knowledge", "prompts")
_COMPILED = "llama-cpp-python"
_FOR_SEARCH = ("torch", "sentence-transformers")  # most of the room, for search by meaning alone
_EXTRAS = {"speak": "voice", "listen": "listen"}  # use of weights → extra of pyproject.toml, and its lock
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_NAME = re.compile(r"[^\x00-\x1f\\\x7f]+")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a bundle beside the product itself."""

    source: Path  # the product's folder
    home: Path  # holds knowledge/ and prompts/
    models: Mapping[str, Path] = field(default_factory=dict)  # name → folder of complete weights
    uses: frozenset[str] = frozenset()  # what the weights are for, as the catalogue says
    data: Path | None = None  # a folder with an index of the shipped knowledge
    wheels: Path | None = None  # take the wheels from here, without a network
    requirements: tuple[str, ...] | None = None  # other than those of pyproject.toml


def make(target: Path, contents: Contents, key: Path, progress: Progress = lambda _: None) -> int:
    """Fill an empty folder and sign it: the bytes it holds. Raises BundleError."""
    if target.exists() and any(target.iterdir()):
        raise BundleError(f"{target} is not empty; give a new folder, so that nothing unknown is signed")
    sign(b"", key)  # a key that is none is told before the work
    try:
        target.mkdir(parents=True, exist_ok=True)
        progress("copying the product")
        for name in (*_PRODUCT, *_HOME):
            copy((contents.home if name in _HOME else contents.source) / name, target / "source" / name)
        copy(Path(__file__).with_name("install-bundle.sh"), target / INSTALLER)
        for name, folder in contents.models.items():
            progress(f"copying {name}")
            copy(folder, target / "models" / name)
        if contents.data is not None:
            copy(contents.data / "index", target / "index")
        wanted, locked = contents.requirements, list[Locked]()
        if wanted is None:
            wanted = requirements_of(contents.source / "pyproject.toml", contents.uses)
            extras = (extra for use, extra in _EXTRAS.items() if use in contents.uses)
            locked = read_lock(*(LOCKS / f"{name}.lock" for name in ("run", *extras)))
        (target / "requirements.txt").write_text("\n".join([*wanted, ""]), encoding="utf-8")
        packages = gather_wheels(target / "wheels", wanted, contents.wheels, progress, locked)
        bill = json.dumps(_bill(target, packages), indent=1, ensure_ascii=False)
        (target / BILL).write_text(bill, encoding="utf-8")
        progress("signing")
        seal(target, _about(contents), key)
    except OSError as error:
        raise BundleError(f"{target}: {error}") from error
    return sum(path.stat().st_size for _, path in _files(target))


def seal(target: Path, about: Mapping[str, str], key: Path) -> None:
    """Let a folder tell what it is, list its files and sign the list. Raises BundleError or OSError."""
    lines = "".join(f"{name}={value}\n" for name, value in about.items())
    (target / ABOUT).write_text(lines, encoding="utf-8")
    manifest = "".join(f"{sha256_of(path)}  {name}\n" for name, path in _files(target)).encode()
    (target / MANIFEST).write_bytes(manifest)
    (target / SIGNATURE).write_bytes(sign(manifest, key))


def verify(target: Path, public: Path, progress: Progress = lambda _: None) -> dict[str, str]:
    """Compare every byte with what the owner of the key signed; what the bundle says of itself.

    Raises BundleError on the first thing that is changed, missing, or there without being listed.
    """
    try:
        manifest = (target / MANIFEST).read_bytes()
        signature = (target / SIGNATURE).read_bytes()
    except OSError as error:
        raise BundleError(f"{target} is no bundle: {error}") from error
    if not is_signed(manifest, signature, public):
        raise BundleError(f"{target / MANIFEST} was not signed with the key of {public}; do not install it")
    listed = _listed(target, manifest)
    try:
        there = dict(_files(target))
        if unlisted := sorted(there.keys() - listed.keys() - {MANIFEST, SIGNATURE}):
            raise BundleError(f"{target / unlisted[0]} was added to what was signed; do not install it")
        for name, digest in listed.items():
            progress(f"reading {name}")
            if name not in there:
                raise BundleError(f"{target / name} is missing; copy the bundle again")
            if sha256_of(there[name]) != digest:
                raise BundleError(f"{target / name} is not what was signed; do not install it")
        about = (target / ABOUT).read_text(encoding="utf-8")
    except OSError as error:
        raise BundleError(f"{target} cannot be read: {error}") from error
    return dict(line.split("=", 1) for line in about.splitlines() if "=" in line)


def requirements_of(pyproject: Path, uses: Iterable[str]) -> tuple[str, ...]:
    """What is installed for these uses: what runs weights that are not in the bundle is left out."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    skipped = {"answers": (_COMPILED,), "search": _FOR_SEARCH}
    unwanted = tuple(name for use, names in skipped.items() if use not in uses for name in names)
    wanted = [line for line in project["dependencies"] if not (unwanted and line.startswith(unwanted))]
    for use, extra in _EXTRAS.items():
        wanted += project["optional-dependencies"][extra] if use in uses else []
    return tuple(wanted)


def gather_wheels(
    folder: Path,
    wanted: Sequence[str],
    source: Path | None,
    progress: Progress = lambda _: None,
    locked: Sequence[Locked] = (),
) -> list[Package]:
    """Download or build a wheel of every requirement, of what it needs, and of pip; what these are.

    Raises BundleError, also for a version or a file that is not the one that was locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "-w", str(folder)]
    offline = ["--no-index", "--find-links", str(source)] if source else []
    compiled = [line for line in wanted if line.startswith(_COMPILED)]
    if compiled and not source:
        # Built here and now: a wheel of pip's cache may have been built for this very processor.
        progress(f"building {_COMPILED} for older processors")
        build = ["--no-deps", "--no-cache-dir", "--no-binary", _COMPILED, *compiled]
        _run([*pip, *build], os.environ | {"CMAKE_ARGS": BUILD})
    progress("gathering the packages")
    with tempfile.TemporaryDirectory() as temporary:
        versions = Path(temporary) / _CONSTRAINTS
        versions.write_text("".join(f"{lock.name}=={lock.version} {lock.marker}\n" for lock in locked))
        constraint = ["-c", str(versions)]
        _run([*pip, *constraint, "--find-links", str(folder), *offline, "pip", *wanted], os.environ)
    found = list(wheels(folder))
    if wrong := next(filter(None, (refused(package, locked) for package in found)), None):
        raise BundleError(f"{wrong}; get it from another mirror, or make the locks anew")
    return found


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr[-500:]]
        raise BundleError(f"pip wheel failed: {' '.join(told)}")


def _bill(target: Path, packages: Sequence[Package]) -> dict[str, Any]:
    """The list of the packages and weights of a bundle."""
    pyproject = target / "source" / "pyproject.toml"
    project = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
    weights: dict[str, dict[str, str]] = {}
    for path in sorted((target / "models").rglob("*")):
        if path.is_file():
            model, _, name = path.relative_to(target / "models").as_posix().partition("/")
            weights.setdefault(model, {})[name] = sha256_of(path)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return bill_of_materials(
        project.get("name", "assistant"), project.get("version", "0"), made, packages, weights
    )


def _about(contents: Contents) -> dict[str, str]:
    """Lines that the installer reads with sed; it runs none of them."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "machine": platform.machine(),
        "libc": platform.libc_ver()[1],
        "needs": " ".join(FEATURES.values()) if "answers" in contents.uses else "",
        "models": " ".join(contents.models),
    }


def copy(source: Path, target: Path) -> None:
    """Copy files and folders, but no links, caches or hidden files."""
    if source.is_symlink():
        raise BundleError(f"{source} is a link; a bundle holds files only")
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for child in source.iterdir():
            if child.name != "__pycache__" and not child.name.startswith("."):
                copy(child, target / child.name)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _files(target: Path) -> Iterator[tuple[str, Path]]:
    """Every file of a bundle by its name in the manifest, in order; anything else in it is refused."""
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleError(f"{path} is neither a file nor a folder; a bundle holds nothing else")
        if not _NAME.fullmatch(name):
            raise BundleError(f"{path} has a name that a manifest cannot hold")
        if path.is_file():
            yield name, path


def _listed(target: Path, manifest: bytes) -> dict[str, str]:
    listed = {}
    for line in manifest.decode(errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or ".." in Path(match[2]).parts or Path(match[2]).is_absolute():
            raise BundleError(f"{target / MANIFEST} holds a line that no maker writes: {line!r}")
        listed[match[2]] = match[1]
    return listed
