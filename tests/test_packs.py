from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assistant.config import Settings
from assistant.errors import BundleError, KnowledgeError
from assistant.operations.bundle import seal
from assistant.operations.keys import make_signing_key
from assistant.operations.packs import install, make_pack, roll_back

ID = "vneid-quen-mat-khau"


def rewrite(home: Path, *lines: tuple[str, str]) -> None:
    """Change lines of a guide by how they begin."""
    path = next((home / "knowledge" / "guides").rglob(f"{ID}.md"))
    text = path.read_text(encoding="utf-8").split("\n")
    for start, changed in lines:
        at = next(n for n, line in enumerate(text) if line.startswith(start))
        text[at] = changed
    path.write_text("\n".join(text), encoding="utf-8")


@pytest.fixture(scope="module")
def workshop(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where packs are made: keys, and a pack with a new line for which no index is built."""
    folder = tmp_path_factory.mktemp("maker")
    for name in ("maker", "stranger"):
        make_signing_key(folder / f"{name}.pem")
    shutil.copytree(shipped, folder / "home")
    with (folder / "home" / "knowledge" / "scams.toml").open("a", encoding="utf-8") as messages:
        messages.write("# new\n")
    assert make_pack(folder / "pack", Settings(home=folder / "home", data=folder), folder / "maker.pem") > 80
    return folder


@pytest.fixture(scope="module")
def kiosk(shipped: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A machine on which the shipped knowledge serves."""
    folder = tmp_path_factory.mktemp("kiosk")
    shutil.copytree(data / "index", folder / "index")
    return Settings(home=shipped, data=folder)


def is_new(settings: Settings) -> bool:
    """Whether what would be read now is what the pack brought."""
    return (settings.knowledge / "scams.toml").read_text(encoding="utf-8").endswith("# new\n")


def test_a_pack_takes_over_and_can_be_left_again(kiosk: Settings, workshop: Path) -> None:
    assert len(install(workshop / "pack", workshop / "maker.pub", kiosk).guides) > 80
    assert is_new(kiosk)
    roll_back(kiosk)
    assert not is_new(kiosk)
    assert kiosk.knowledge == kiosk.home / "knowledge"
    roll_back(kiosk)
    assert is_new(kiosk)
    # A newer release of the program begins with its own knowledge.
    newer = kiosk.model_copy(update={"home": workshop / "home"})
    assert newer.knowledge == workshop / "home" / "knowledge"
    with pytest.raises(BundleError, match="nothing to go back to"):
        roll_back(newer)


@pytest.mark.parametrize("how", ["tampered", "stranger", "bundle", "unfit", "older"])
def test_a_pack_that_is_not_right_changes_nothing(
    how: str, kiosk: Settings, workshop: Path, tmp_path: Path
) -> None:
    pack, used = tmp_path / "pack", kiosk.knowledge
    shutil.copytree(workshop / "pack", pack)
    kind: type[Exception] = BundleError
    if how == "tampered":
        rewrite(pack, ("title:", "title: Khác"))
    elif how == "stranger":
        seal(pack, {"holds": "knowledge"}, workshop / "stranger.pem")
    elif how == "bundle":
        seal(pack, {"models": ""}, workshop / "maker.pem")
    else:
        if how == "older":  # of a program that had no list of places
            (pack / "knowledge" / "places.txt").unlink()
        else:
            rewrite(pack, ("title:", "title: Khác"), ("## Tóm tắt", "## Tóm lược"))
        for file in ("MANIFEST.sha256", "MANIFEST.sig"):
            (pack / file).unlink()
        seal(pack, {"holds": "knowledge"}, workshop / "maker.pem")
        kind = KnowledgeError
    with pytest.raises(kind):
        install(pack, workshop / "maker.pub", kiosk)
    assert kiosk.knowledge == used
    assert not list((kiosk.data / "packs").glob(".*"))
