from __future__ import annotations

import ensurepip
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.__main__ import main
from assistant.config import CHECKOUT
from assistant.errors import BundleError
from assistant.operations.bundle import (
    MANIFEST,
    SIGNATURE,
    Contents,
    gather_wheels,
    make,
    requirements_of,
    verify,
)
from assistant.operations.keys import make_signing_key, sign
from assistant.operations.materials import Locked

PROGRAM = """import os, sys, tinytool
print(tinytool.NAME, *sys.argv[1:])
print(os.environ["ASSISTANT_DATA"])
"""


def tiny_wheel(folder: Path) -> None:
    """A package as pip knows them, small."""
    folder.mkdir()
    info = "tinytool-1.0.dist-info"
    files = {
        "tinytool.py": "NAME = 'tinytool 1.0'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinytool\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / "tinytool-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(name, text)


def tiny_product(folder: Path) -> None:
    """The product's folder with the least in it that can be installed and run."""
    files = {
        "assistant/__init__.py": "",
        "assistant/__main__.py": PROGRAM,
        "assistant/__pycache__/old.pyc": "compiled",
        "knowledge/guides/một bài.md": "Nội dung.",
        "knowledge/.hidden": "hidden",
        "prompts/ui.toml": "",
        "app.py": "",
        "pyproject.toml": "",
        "README.md": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A maker's machine: keys, and a bundle that holds a tiny product."""
    folder = tmp_path_factory.mktemp("maker")
    tiny_wheel(folder / "wheels")
    bundled = (Path(ensurepip.__file__).parent / "_bundled", Path("/usr/share/python-wheels"))
    shutil.copy(next(path for place in bundled for path in place.glob("pip-*.whl")), folder / "wheels")
    tiny_product(folder / "product")
    (folder / "weights").mkdir()
    (folder / "weights" / "model.gguf").write_bytes(b"GGUF weights")
    (folder / "data" / "index" / "one").mkdir(parents=True)
    (folder / "data" / "index" / "one" / "manifest.json").write_text("{}")
    (folder / "data" / "index" / "CURRENT").write_text("one")
    make_signing_key(folder / "maker.pem")
    make_signing_key(folder / "stranger.pem")
    contents = Contents(
        source=folder / "product",
        home=folder / "product",
        models={"tiny": folder / "weights"},
        data=folder / "data",
        wheels=folder / "wheels",
        requirements=("tinytool==1.0",),
    )
    assert make(folder / "bundle", contents, folder / "maker.pem") > 0
    return folder


@pytest.fixture
def bundle(workshop: Path, tmp_path: Path) -> Path:
    """A copy on a stick, to be tampered with."""
    return Path(shutil.copytree(workshop / "bundle", tmp_path / "stick" / "tro-ly"))


def install(bundle: Path, key: Path, prefix: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(bundle / "install.sh"), str(key), str(prefix)],
        env=os.environ | {"ASSISTANT_DATA": str(prefix / "data"), "PIP_INDEX_URL": "http://127.0.0.1:9/"},
        capture_output=True,
        text=True,
        check=False,
    )


def run(prefix: Path, *arguments: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "ASSISTANT_DATA"}
    command = [str(prefix / "assistant"), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_a_bundle_holds_what_was_given_and_nothing_hidden(workshop: Path) -> None:
    about = verify(workshop / "bundle", workshop / "maker.pub")
    assert about["models"] == "tiny"
    names = {line.split("  ", 1)[1] for line in (workshop / "bundle" / MANIFEST).read_text().splitlines()}
    assert {
        "source/knowledge/guides/một bài.md",
        "wheels/tinytool-1.0-py3-none-any.whl",
        "models/tiny/model.gguf",
        "index/CURRENT",
        "install.sh",
        "sbom.cdx.json",
    } <= names
    bill = json.loads((workshop / "bundle" / "sbom.cdx.json").read_bytes())
    assert {each["name"] for each in bill["components"]} == {"pip", "tinytool", "tiny"}
    assert not [name for name in names if "pycache" in name or "/." in name]


TAMPERINGS: dict[str, Callable[[Path], object]] = {
    "one byte of a wheel": lambda folder: flip(next(folder.glob("wheels/*.whl"))),
    "one byte of the product": lambda folder: flip(folder / "source" / "assistant" / "__main__.py"),
    "one byte of the weights": lambda folder: flip(folder / "models" / "tiny" / "model.gguf"),
    "one byte of the manifest": lambda folder: flip(folder / MANIFEST),
    "one byte of the signature": lambda folder: flip(folder / SIGNATURE),
    "no signature": lambda folder: (folder / SIGNATURE).unlink(),
    "a file is missing": lambda folder: (folder / "index" / "CURRENT").unlink(),
    "a wheel is added": lambda folder: (folder / "wheels" / "evil-1.0-py3-none-any.whl").write_bytes(b"x"),
    "a file became a link": lambda folder: relink(folder / "source" / "app.py"),
    "a folder became a link": lambda folder: relink(folder / "source" / "prompts"),
}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def relink(path: Path) -> None:
    moved = path.rename(path.parents[2] / "elsewhere")
    path.symlink_to(moved)


@pytest.mark.parametrize("how", TAMPERINGS)
def test_a_bundle_that_was_tampered_with_is_refused(how: str, bundle: Path, workshop: Path) -> None:
    TAMPERINGS[how](bundle)
    with pytest.raises(BundleError):
        verify(bundle, workshop / "maker.pub")
    prefix = bundle.parents[1] / "opt"
    done = install(bundle, workshop / "maker.pub", prefix)
    assert done.returncode == 1
    assert "BỘ CÀI KHÔNG ĐÚNG" in done.stderr
    assert not any((prefix / "versions").iterdir())
    assert not (prefix / "assistant").exists()


def test_the_command_tells_whether_a_bundle_is_whole(
    bundle: Path, workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bundle", "verify", str(bundle), "--key", str(workshop / "maker.pub")]
    with pytest.raises(SystemExit, match="0"):
        main(command)
    assert "mô hình: tiny" in capsys.readouterr().out
    flip(bundle / "install.sh")
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 1
    assert "install.sh is not what was signed" in capsys.readouterr().err


def test_a_bundle_of_another_maker_is_refused(bundle: Path, workshop: Path, tmp_path: Path) -> None:
    """Whoever changes a bundle can list and sign it anew, but not with the maker's key."""
    (bundle / SIGNATURE).write_bytes(sign((bundle / MANIFEST).read_bytes(), workshop / "stranger.pem"))
    with pytest.raises(BundleError, match="not signed with the key"):
        verify(bundle, workshop / "maker.pub")
    assert install(bundle, workshop / "maker.pub", tmp_path / "opt").returncode == 1


@pytest.mark.parametrize("line", ["../outside", "/etc/passwd", ""])
def test_a_manifest_lists_files_of_the_bundle_only(line: str, bundle: Path, workshop: Path) -> None:
    listed = f"{(bundle / MANIFEST).read_text()}{64 * '0'}  {line}\n".encode()
    (bundle / MANIFEST).write_bytes(listed)
    (bundle / SIGNATURE).write_bytes(sign(listed, workshop / "maker.pem"))
    with pytest.raises(BundleError, match="no maker writes"):
        verify(bundle, workshop / "maker.pub")


@pytest.mark.slow
def test_it_is_installed_without_a_network_and_replaced_by_a_later_one(
    workshop: Path, bundle: Path, tmp_path: Path
) -> None:
    prefix = tmp_path / "máy kiosk"
    done = install(bundle, workshop / "maker.pub", prefix)
    assert done.returncode == 0, done.stderr
    assert run(prefix, "ask", "quên mật khẩu") == ["tinytool 1.0 ask quên mật khẩu", str(prefix / "data")]
    assert (prefix / "data" / "models" / "tiny" / "model.gguf").read_bytes() == b"GGUF weights"
    assert (prefix / "data" / "index" / "one" / "manifest.json").is_file()
    again = install(bundle, workshop / "maker.pub", prefix)
    assert again.returncode == 0
    assert "Nothing to install" in again.stdout

    (prefix / "data" / "local").mkdir()
    changed = bundle / "source" / "assistant" / "__main__.py"
    changed.write_text('print("version 2")\n')
    lines = (bundle / MANIFEST).read_text().splitlines()
    digest = subprocess.run(["sha256sum", str(changed)], capture_output=True, text=True, check=True).stdout[
        :64
    ]
    listed = [f"{digest}  {line[66:]}" if line.endswith("/__main__.py") else line for line in lines]
    manifest = ("\n".join(listed) + "\n").encode()
    (bundle / MANIFEST).write_bytes(manifest)
    (bundle / SIGNATURE).write_bytes(sign(manifest, workshop / "maker.pem"))
    first = (prefix / "current").readlink()
    assert install(bundle, workshop / "maker.pub", prefix).returncode == 0
    assert run(prefix) == ["version 2"]
    assert (prefix / first).is_dir()  # to go back to
    assert (prefix / "data" / "local").is_dir()


def test_a_bundle_for_another_python_is_told_and_changes_nothing(
    bundle: Path, workshop: Path, tmp_path: Path
) -> None:
    about = bundle / "ABOUT"
    before = subprocess.run(["sha256sum", str(about)], capture_output=True, text=True, check=True).stdout[:64]
    about.write_text(
        "\n".join("python=3.99" if row[:7] == "python=" else row for row in about.read_text().split("\n"))
    )
    after = subprocess.run(["sha256sum", str(about)], capture_output=True, text=True, check=True).stdout[:64]
    manifest = (bundle / MANIFEST).read_bytes().replace(before.encode(), after.encode())
    (bundle / MANIFEST).write_bytes(manifest)
    (bundle / SIGNATURE).write_bytes(sign(manifest, workshop / "maker.pem"))
    done = install(bundle, workshop / "maker.pub", tmp_path / "opt")
    assert done.returncode == 1
    assert "Python 3.99" in done.stderr
    assert not (tmp_path / "opt" / "current").exists()


def test_only_an_empty_folder_is_filled(workshop: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    contents = Contents(workshop / "product", workshop / "product", requirements=())
    with pytest.raises(BundleError, match="not empty"):
        make(tmp_path, contents, workshop / "maker.pem")
    with pytest.raises(BundleError, match="secret key"):
        make(tmp_path / "new", contents, workshop / "maker.pub")
    assert not (tmp_path / "new").exists()


def test_packages_that_cannot_be_had_are_told(workshop: Path, tmp_path: Path) -> None:
    contents = Contents(
        workshop / "product", workshop / "product", wheels=workshop / "wheels", requirements=("absent==9",)
    )
    with pytest.raises(BundleError, match="absent==9"):
        make(tmp_path / "new", contents, workshop / "maker.pem")


def test_a_wheel_that_is_not_the_locked_one_is_not_taken(workshop: Path, tmp_path: Path) -> None:
    locked = [Locked("tinytool", "1.0", hashes=frozenset([64 * "0"]))]
    with pytest.raises(BundleError, match=r"tinytool 1\.0 is not the one whose sha256 was locked"):
        gather_wheels(tmp_path, ["tinytool"], workshop / "wheels", locked=locked)


def test_what_runs_no_weights_of_the_bundle_is_left_out() -> None:
    def names(*uses: str) -> str:
        return " ".join(requirements_of(CHECKOUT / "pyproject.toml", uses))

    assert "torch" not in names()
    assert "llama" not in names()
    assert "gradio" in names()
    assert "llama-cpp-python==" in names("answers")
    assert "torch" not in names("answers")
    assert "sentence-transformers" in names("search")
    assert "piper-tts" in names("speak")
    assert "sherpa-onnx" in names("listen")
