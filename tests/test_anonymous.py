from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.answering.anonymous import load_anonymous, load_words
from assistant.answering.safety import load_safety, mask
from assistant.config import CHECKOUT
from assistant.errors import KnowledgeError
from assistant.retrieval.classifier import load_utterances
from assistant.text.normalize import fold

SIGN = load_safety(CHECKOUT / "prompts" / "safety.toml").mask
HIDE = load_anonymous(CHECKOUT / "knowledge", SIGN)
NAME, PLACE = HIDE.words.name, HIDE.words.place

# Made-up people and addresses; none of the lists is that of knowledge/names.toml.
LAST = "Nguyễn Trần Lê Phạm Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Mai Cao Hà".split()
MIDDLE = "Văn Thị Hữu Đức Ngọc Thanh Minh Xuân Quang Như Hoài Bảo Gia Khánh Mỹ".split()
FIRST = """An Bình Chi Dũng Giang Hà Hạnh Hiếu Hoa Hùng Khoa Lan Linh Long Mai Nam Nga Phúc Phương Quân Sơn
Tâm Thảo Thắng Trang Tú Tuấn Vân Việt Yến Sáu Bảy Út Đào Cúc Nhàn Khuê Đạt Tiến Thùy""".split()
VILLAGES = ["Tân Lập", "Đông Hòa", "Phú Mỹ", "An Khánh", "Xuân Đài", "Bình Minh", "Lộc An", "Yên Sở"]
STREETS = ["Trần Phú", "Lê Lợi", "Nguyễn Trãi", "Hai Bà Trưng", "Cách Mạng Tháng Tám", "Hoàng Văn Thụ"]
TASKS = [
    "muốn làm lại thẻ căn cước",
    "quên mật khẩu VNeID",
    "cần đăng ký tạm trú",
    "hỏi lệ phí khai sinh",
    "bị mất giấy phép lái xe",
]
SAYS_NAME = [
    "Tôi tên là {name}, {task} thì làm sao?",
    "tên tôi là {name}, {task}",
    "Cháu là {name}, cháu {task}",
    "Họ tên: {name}. Tôi {task}",
    "{name} {task} ở đâu",
    "Chồng tôi là {name} {task}",
    "Anh {name} {task} phải nộp gì",
    "Con gái tôi tên {name}, {task}",
    "Tôi {task} cho bà {name} được không",
    "Nhờ máy xem giúp ông {name} {task}",
]
SMALL_NAME = [
    "tôi tên là {name} {task}",
    "tên em là {name}, {task}",
    "{name} {task} thì sao",
    "giúp {name} {task}",
]
SAYS_PLACE = [
    "Nhà tôi ở số {number} đường {street}, {task}",
    "Tôi ở {number} ngõ {number} phố {street} {task}",
    "Tôi ở thôn {village} xã {village} {task}",
    "Tôi trú tại tổ {number}, phường {village}, {task}",
    "Quê ở xã {village}, tôi {task}",
    "số nhà {number} hẻm {number} {task}",
    "ở thôn {small} xã {small}, {task}",
]


def cases(templates: list[str], count: int, *, small: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Questions, and what must not be left of each."""
    pick = random.Random(0)
    for at in range(count):
        full = " ".join([pick.choice(LAST), pick.choice(MIDDLE), pick.choice(FIRST)])
        short = pick.choice(FIRST)
        template = templates[at % len(templates)]
        name = short if template.startswith(("Anh", "Con gái", "Nhờ")) and at % 2 else full
        name = full.lower() if small else name
        village, street = pick.choice(VILLAGES), pick.choice(STREETS)
        number = str(pick.randint(10, 399)) + pick.choice(["", "", "A", "/12"])
        values = {
            "name": name,
            "village": village,
            "street": street,
            "number": number,
            "small": village.lower(),
        }
        secret = [text for key, text in values.items() if "{" + key + "}" in template]
        yield template.format(task=pick.choice(TASKS), **values), secret


def recall(found: Iterator[tuple[str, list[str]]], *, bare: bool = False) -> float:
    """The share of questions of which nothing secret is left."""
    clean = []
    for question, secrets in found:
        text = fold(question) if bare else question
        hidden = HIDE(mask(text, SIGN)[0])
        clean.append(not any((fold(secret) if bare else secret) in hidden for secret in secrets))
    return sum(clean) / len(clean)


@pytest.mark.parametrize(
    ("templates", "small", "bare", "least"),
    [
        (SAYS_NAME, False, False, 0.99),
        (SMALL_NAME, True, False, 0.99),
        (SAYS_PLACE, False, False, 0.99),
        (SMALL_NAME, True, True, 0.93),
    ],
    ids=["names", "names in small letters", "addresses", "names without accents"],
)
def test_most_names_and_addresses_are_found(
    templates: list[str], small: bool, bare: bool, least: float
) -> None:
    assert recall(cases(templates, 300, small=small), bare=bare) >= least


# Written when the rules stood, with the secret in braces; the rules were not changed after it.
LATER = """
cho tôi gặp {Giàng A Páo} để hỏi về thẻ bảo hiểm
hồ sơ của bà {Trịnh Thị Lụa} đến đâu rồi
cháu {H'Nhiên} nhà tôi 6 tuổi làm định danh thế nào
em tên {Thạch Sa Rây} ở {Trà Cú} muốn đổi bằng lái
thằng {Tèo} nhà tôi mất điện thoại thì khóa VNeID sao
Mẹ em ({Phan Thị Bích Ngọc}) bị khóa tài khoản
nhờ đổi tên từ {Lò Thị Pỏm} sang {Lò Thị Phương}
người ký giấy là {Đỗ Trọng Nghĩa}, giờ nghỉ hưu rồi
bố cháu {Hoàng Đình Chiến} mất tháng trước, xin giấy báo tử
tôi và chồng {Vũ Đức Thắng} muốn tách hộ
dạ con {Như Ý} đây, con quên mật khẩu
ông nội {quách văn tòng} cần làm thẻ căn cước tại nhà
chị {thu hà} dặn hỏi lệ phí đổi thẻ
tên trong sổ là {bùi thị nhớn} mà thẻ ghi khác
tài khoản mang tên {NGUYEN THI HUONG} nhắn tin đòi tiền
toi la {Pham Quoc Bao}, muon dang ky thuong tru
vo toi ten {Le Thi Sen} chua co the
con toi {dang gia huy} 14 tuoi lam can cuoc
toi ten {nguyen thi thom} o {thon doai}
nha tôi ở {27B} ngách {15/8} đường {Láng}
ở {ấp Bình Hòa} 2, xã {Mỹ Lộc}
căn hộ {1205} tòa {S2}, khu đô thị {Ocean Park}
tôi thuê trọ {88/3} {Phan Đình Phùng}, đăng ký tạm trú
khu tập thể {Nam Đồng}, nhà {C3} phòng {210}
quê {Hậu Lộc}, đang ở nhờ {khu phố 4}
xóm {Chùa}, thôn {Thượng}, xã {Dương Liễu}
phường {3} quận {Gò Vấp} làm giấy ở đâu
bản {Nà Lốc} xa quá có nộp qua mạng không
so nha {19} duong {le loi} dang ky tam tru
o {to 7} khu pho {2} phuong {tan phu}
biển số {51G-678.90} bị phạt nguội
gửi về {an.nguyen@gmail.com} giúp tôi
số tài khoản {0123 4567 8901} bị lừa
cháu sinh {09/08}/2011 đã làm thẻ được chưa
facebook.com/{tran.van.be.77} giả công an
""".strip().splitlines()


def test_questions_written_later() -> None:
    left = []
    for line in LATER:
        secrets = re.findall(r"{(.*?)}", line)
        hidden = HIDE(mask(re.sub(r"[{}]", "", line), SIGN)[0])
        left += [secret for secret in secrets if secret in hidden]
    count = sum(line.count("{") for line in LATER)
    assert len(left) <= 0.05 * count, left


def test_what_tells_nobody_stays() -> None:
    """Of what people say to the machine, mostly without names, nearly all stays as it is."""
    utterances = load_utterances(CHECKOUT / "knowledge" / "utterances.jsonl")
    says = [mask(utterance.says, SIGN)[0] for utterance in utterances[::8]]
    changed = [text for text in says if HIDE(text) != text]
    assert len(changed) <= 0.025 * len(says), changed


@pytest.mark.parametrize(
    ("question", "hidden"),
    [
        ("Tôi tên là Lan, mất thẻ căn cước", f"Tôi tên là {NAME}, mất thẻ căn cước"),
        ("tên đăng nhập là gì", "tên đăng nhập là gì"),
        ("Tôi ở Thành phố Hồ Chí Minh", "Tôi ở Thành phố Hồ Chí Minh"),
        ("Công an xã Tân Lập ở đâu", "Công an xã Tân Lập ở đâu"),  # an office is nobody's home
        ("tôi ở xã Tân Lập", f"tôi ở {PLACE}"),
        ("tôi sinh năm 1958 có phải đổi thẻ", f"tôi sinh {SIGN} có phải đổi thẻ"),
        ("mật khẩu vneid em đặt Thanh@2k5 bị lộ", f"mật khẩu vneid em đặt {SIGN} bị lộ"),
        ("mật khẩu là hoa hồng đỏ mà sai", f"mật khẩu là {SIGN} mà sai"),
        ("mật khẩu là gì và có mấy ký tự", "mật khẩu là gì và có mấy ký tự"),
        ("biển hai chín bê một, hai ba bốn năm sáu", f"biển {SIGN}"),
        ("mail lan chấm anh a còng gmail chấm com", f"mail {SIGN}"),
        ("luật có hiệu lực từ 01/07/2024", "luật có hiệu lực từ 01/07/2024"),
        ("công viên Lê Văn Tám ở đâu", "công viên Lê Văn Tám ở đâu"),
        ("bộ phận một cửa của xã, phường", "bộ phận một cửa của xã, phường"),
        ("xe 29A-123.45 bị phạt", f"xe {SIGN} bị phạt"),
        ("con sinh ngày 12/3/2020 làm căn cước", f"con sinh ngày {SIGN} làm căn cước"),
        ("sinh năm 1958 có phải đổi thẻ", "sinh năm 1958 có phải đổi thẻ"),
        ("gọi 0912,345,678 không được", f"gọi {SIGN} không được"),
        ("nộp 1.200.000 đồng", "nộp 1.200.000 đồng"),
        ("thủ tục 1.004222 là gì", "thủ tục 1.004222 là gì"),
        ("bấm vào https://vneid-gov.com/nguyen-van-a?id=5", "bấm vào https://vneid-gov.com"),
        ("TÔI MUỐN LÀM LẠI THẺ CĂN CƯỚC BỊ MẤT", "TÔI MUỐN LÀM LẠI THẺ CĂN CƯỚC BỊ MẤT"),
        ("", ""),
    ],
)
def test_examples(question: str, hidden: str) -> None:
    assert HIDE(mask(question, SIGN)[0]) == hidden


def test_twice_is_once() -> None:
    for question, _ in cases(SAYS_NAME + SAYS_PLACE, 100):
        assert HIDE(HIDE(question)) == HIDE(question)


def test_a_broken_list_of_names_is_told(tmp_path: Path) -> None:
    path = tmp_path / "names.toml"
    path.write_text('name = "x"', encoding="utf-8")
    with pytest.raises(KnowledgeError, match="names.toml"):
        load_words(path)
