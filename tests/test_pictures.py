from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from assistant.errors import KnowledgeError
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.guides import guide_paths, read_guide
from assistant.knowledge.pictures import MAX_BYTES, Scene, drawn, load_scenes, read_scene, words_of

KNOWLEDGE = Path(__file__).resolve().parents[1] / "knowledge"
PICTURES = KNOWLEDGE / "pictures"
SVG = "{http://www.w3.org/2000/svg}"
BUTTON = '<text data-label="1" data-width="200" data-height="80" x="160" y="100" text-anchor="middle"/>'
GOOD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 220" role="img"><title>Một nút</title>'
    f'<rect width="10" height="10" fill="#111"/>{BUTTON}<text x="12" y="212">Hình minh hoạ</text></svg>'
)
# The procedures that are asked about most: each of their steps has a picture.
MOST_ASKED = """
vneid-cai-dat vneid-dang-ky-muc-1 vneid-dang-ky-muc-2 vneid-kich-hoat vneid-dang-nhap vneid-quen-mat-khau
vneid-quen-passcode vneid-doi-dien-thoai vneid-khoa-tai-khoan vneid-tich-hop-giay-to thong-bao-luu-tru
dvc-dang-nhap dvc-nop-ho-so dvc-theo-doi-ho-so dvc-thanh-toan can-cuoc-cap-doi can-cuoc-mat-hong
can-cuoc-tre-em dang-ky-thuong-tru dang-ky-tam-tru khai-sinh doi-giay-phep-lai-xe tra-cuu-phat-nguoi
vssid-the-bhyt ho-chieu-cap-moi ly-lich-tu-phap lo-doc-otp-chuyen-tien nhan-biet-lua-dao
""".split()


@pytest.fixture(scope="module")
def shipped() -> dict[str, Scene]:
    scenes, problems = load_scenes(PICTURES)
    assert [str(problem) for problem in problems] == []
    return scenes


def scene(folder: Path, svg: str = GOOD) -> Scene:
    path = folder / "nut.svg"
    path.write_text(svg, encoding="utf-8")
    return read_scene(path)


def lines_of(svg: str) -> tuple[float, list[str]]:
    """Size and lines of the words that were filled in."""
    [text] = [text for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if len(text)]
    return float(text.attrib["font-size"]), [line.text or "" for line in text]


def contrast(colour: str, other: str) -> float:
    """WCAG's ratio of two colours #rgb or #rrggbb."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted([luminance(colour), luminance(other)])
    return (high + 0.05) / (low + 0.05)


# The shipped scenes


def test_words_in_every_scene_are_large_and_stand_out(shipped: dict[str, Scene]) -> None:
    for name, drawing in shipped.items():
        for text in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text"):
            fill = text.attrib["fill"]
            grounds = ["#0B3D91", "#A30000"] if fill == "#fff" else ["#fff"]  # a button, a number in a disc
            assert min(contrast(fill, ground) for ground in grounds) >= 7, name
            assert float(text.get("font-size", 16)) >= 16, name


def test_the_procedures_asked_about_most_have_a_picture_at_every_step() -> None:
    facts = load_shared_facts(KNOWLEDGE)
    guides = {path.stem: path for path in guide_paths(KNOWLEDGE / "guides")}
    for name in MOST_ASKED:
        steps = read_guide(guides[name], facts).steps
        assert [step.text for step in steps if step.image is None] == [], name


def test_every_scene_is_used(shipped: dict[str, Scene]) -> None:
    facts = load_shared_facts(KNOWLEDGE)
    guides = [read_guide(path, facts) for path in guide_paths(KNOWLEDGE / "guides")]
    assert shipped.keys() - {step.image for guide in guides for step in guide.steps} == set()


# Reading


def test_a_scene_tells_where_words_go(tmp_path: Path) -> None:
    [place] = scene(tmp_path).places
    assert (place.name, place.x, place.y, place.width, place.height) == ("1", 160, 100, 200, 80)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<rect", "<script>alert(1)</script><rect", "<script>"),
        ("<rect", "<style>*{color:red}</style><rect", "<style>"),
        ("<rect", "<foreignObject/><rect", "<foreignObject>"),
        ("<rect", '<image href="x.png"/><rect', "<image>"),
        ("<rect", '<a href="https://a.vn"><g/></a><rect', "<a>"),
        ("<rect", '<rect onload="alert(1)"', 'onload="alert(1)"'),
        ("<rect", '<rect style="fill:red"', "style="),
        ("<rect", '<rect id="a"', "id="),
        ('fill="#111"', 'fill="url(https://a.vn/b)"', "url("),
        ("<svg", '<!DOCTYPE svg [<!ENTITY a "b">]><svg', "no declaration"),
        ("<svg", '<?xml version="1.0"?><svg', "no declaration"),
        ("</svg>", "", "ParseError"),
        (' xmlns="http://www.w3.org/2000/svg"', "", "must be <svg xmlns"),
        (' role="img"', "", 'role="img"'),
        (' viewBox="0 0 320 220"', "", "viewBox"),
        ("<title>Một nút</title>", "", "<title>"),
        ("Một nút", " ", "<title>"),
        ("Hình minh hoạ", "Ảnh chụp", "must say that it is a drawing"),
        ('data-label="1"', 'data-label="3"', "data-label must be one of 1, 2, address"),
        (BUTTON, BUTTON * 2, "each once"),
        (' data-width="200"', "", "data-width"),
        ('x="160"', 'x="giữa"', "giữa"),
        ("<rect", "<g/>" * 1000 + "<rect", f"at most {MAX_BYTES}"),
    ],
)
def test_what_is_no_plain_drawing_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(KnowledgeError) as caught:
        scene(tmp_path, GOOD.replace(old, new, 1))
    assert message in str(caught.value)
    assert "nut.svg" in str(caught.value)


def test_a_wards_scene_wins_and_a_broken_one_does_not(tmp_path: Path) -> None:
    shutil.copy(PICTURES / "bam-nut.svg", tmp_path)
    shutil.copy(PICTURES / "cup-may.svg", tmp_path)
    ward = tmp_path / "ward"
    ward.mkdir()
    (ward / "bam-nut.svg").write_text(GOOD, encoding="utf-8")
    (ward / "cup-may.svg").write_text("hỏng", encoding="utf-8")
    scenes, problems = load_scenes(tmp_path, ward, tmp_path / "absent")
    assert scenes["bam-nut.svg"].svg == GOOD
    assert "Cúp máy" in scenes["cup-may.svg"].svg
    assert [problem.path for problem in problems] == [ward / "cup-may.svg"]


# Words


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("Bấm “Lưu”, rồi bấm “Gửi” [1].", None, {"1": "Lưu", "2": "Gửi"}),
        ("Bấm “Lưu”, rồi bấm “Gửi” [1].", "Gửi", {"1": "Gửi"}),
        ("Bấm nút Mở khi máy cài xong.", "Mở", {"1": "Mở"}),
        ("Bấm “Lưu”.", "Xóa", {}),
        ("Mở https://dichvucong.gov.vn, bấm “Vào”.", None, {"1": "Vào", "address": "dichvucong.gov.vn"}),
        ("Nhập mật khẩu [1].", None, {}),
    ],
)
def test_words_come_from_the_step(text: str, label: str | None, words: dict[str, str]) -> None:
    assert words_of(text, label) == words


def test_a_picture_says_the_label_and_what_it_shows(tmp_path: Path) -> None:
    root = ElementTree.fromstring(drawn(scene(tmp_path), {"1": "Gửi"}, "Nút “Gửi”."))
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == "Nút “Gửi”."
    assert "Hình minh hoạ" in "".join(root.itertext())
    assert lines_of(drawn(scene(tmp_path), {"1": "Gửi"}, "Nút.")) == (30, ["Gửi"])


def test_labels_are_escaped(tmp_path: Path) -> None:
    evil = "</text><script>alert(1)</script>"
    svg = drawn(scene(tmp_path), {"1": evil}, evil)
    assert "<script" not in svg
    assert evil.split()[0] in "".join(ElementTree.fromstring(svg).itertext())


def test_a_long_label_is_smaller_and_in_up_to_three_lines(shipped: dict[str, Scene]) -> None:
    label = "Gia hạn thẻ BHYT theo HGĐ tích hợp giảm trừ mức đóng"
    size, lines = lines_of(drawn(shipped["bam-nut.svg"], {"1": label}, "Nút."))
    assert " ".join(lines) == label
    assert len(lines) == 3
    assert size >= 20
    assert max(map(len, lines)) - min(map(len, lines)) < 8


def test_a_label_without_room_is_told_and_still_drawn(tmp_path: Path) -> None:
    narrow = scene(tmp_path, GOOD.replace('data-width="200"', 'data-width="40"'))
    assert narrow.too_long({"1": "Thủ tục hành chính"}) == ["Thủ tục hành chính"]
    assert narrow.too_long({"1": "Gửi"}) == []
    assert "hành" in drawn(narrow, {"1": "Thủ tục hành chính"}, "Nút.")


def test_a_scene_says_which_words_it_misses(shipped: dict[str, Scene]) -> None:
    assert shipped["go-dia-chi.svg"].missing({"1": "Vào"}) == ["address"]
    assert shipped["hai-nut.svg"].missing(words_of("Bấm “Lưu”.")) == ["2"]
    assert shipped["the-nfc.svg"].missing({}) == []
