from __future__ import annotations

from pathlib import Path

import pytest
from conftest import some_guides

from assistant.config import load_settings
from assistant.evaluation.recombine import Material
from assistant.evaluation.scale import as_row, as_text, measure


def test_a_size_is_built_changed_and_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = some_guides(tmp_path / "home", "can-cuoc/can-cuoc-cap-doi.md", "vneid/vneid-cai-dat.md")
    monkeypatch.setenv("ASSISTANT_HOME", str(home))
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path / "data"))
    titles = [
        "Cấp giấy phép lái xe quốc tế",
        "Công nhận trường tiểu học đạt chuẩn",
        "Hỗ trợ chi phí hỏa táng",
    ]
    pieces = {"Hồ sơ": ["Đơn đề nghị theo mẫu 07.", "Giấy tờ tùy thân còn hạn."], "Phí": ["Nộp 135 nghìn."]}
    cost = measure(Material(titles, pieces, [{"Hồ sơ": 9, "Phí": 3}]), 60, load_settings())
    assert (cost.sections, cost.documents) == (60, 30)
    assert cost.found > 0.9
    assert cost.peak_rss_mb >= cost.rss_mb > 0
    assert str(cost.postings) in as_text([cost])
    assert as_row(cost)["sections"] == 60
