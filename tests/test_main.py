from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pdf_files
import pytest
from conftest import some_guides
from guide_text import guide_text
from web_site import Says, Site, page, serve

from assistant.__main__ import main
from assistant.config import CHECKOUT, load_settings
from assistant.datatypes import Answer, Status
from assistant.journal import load_journal
from assistant.knowledge.official import keep_reading
from assistant.knowledge.pages import Method, Page, Reading
from assistant.retrieval.index import load
from assistant.web.password import is_right


def process(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program as it is started on a command line."""
    environment = os.environ | {"ASSISTANT_DATA": str(data), "PYTHONIOENCODING": "utf-8"} | variables
    return subprocess.run(
        [sys.executable, "-m", "assistant", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def run(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The same in this process: starting one for each test would take most of the time."""
    out, errors = io.StringIO(), io.StringIO()
    code: object = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
        for name, value in {"ASSISTANT_DATA": str(data), **variables}.items():
            patch.setenv(name, value)
        try:
            main(list(arguments))
        except SystemExit as exit_:
            code = exit_.code or 0
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), errors.getvalue())


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """A folder whose home holds a few guides."""
    some_guides(tmp_path / "home", "can-cuoc")
    return tmp_path


def test_ask_prints_the_answer_with_its_sources(data: Path) -> None:
    done = process(data, "ask", "quen mat khau vneid thi lam sao", "--no-model")
    assert done.returncode == 0
    assert "“Quên mật khẩu”" in done.stdout
    assert "[1] " in done.stdout.rsplit("\n\n", 1)[1]


def test_ask_json_has_every_key_of_the_contract(data: Path) -> None:
    done = run(data, "ask", "Đổi thẻ căn cước mất bao nhiêu tiền?", "--json", ASSISTANT_TODAY="2027-01-01")
    answer = json.loads(done.stdout)
    assert set(answer) == set(
        "question status text card citations notice choices composer elapsed_ms".split()
    )
    assert set(answer["card"]) == set(
        "title lead summary steps papers fees time_limit place contacts cautions quick".split()
    )
    assert set(answer["card"]["fees"][0]) == {"for", "amount", "channel", "condition", "from", "until"}
    assert set(answer["citations"][0]) == set(
        "number document_id title agency source_url date page heading".split()
    )
    assert "50.000 đồng" in answer["card"]["lead"]


def test_batch_answers_line_by_line_and_keeps_the_order(data: Path, tmp_path: Path) -> None:
    lines: list[Any] = [
        {"id": "a", "question": "Quên passcode thì làm sao?"},
        {"id": "b", "question": "bao nhiêu tiền?", "previous": ["Đăng ký tạm trú"], "today": "2027-03-01"},
        {"id": "c", "question": ""},
        {"id": "d"},
        {"id": "e", "question": "x" * 501},
        {"id": 6, "question": "Chào cháu", "today": "hôm nay"},
    ]
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n\n", encoding="utf-8")
    done = run(data, "ask", "--batch", str(file), "--no-model")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [row["id"] for row in rows] == ["a", "b", "c", "d", "e", 6, None, None]
    assert ["error" in row for row in rows] == [False, False, True, True, True, True, True, True]
    assert rows[1]["card"]["lead"].startswith("Lệ phí:")


@pytest.mark.parametrize("question", ["", "🙂", "x" * 501])
def test_a_question_that_is_none_is_wrong_usage(data: Path, question: str) -> None:
    done = run(data, "ask", question)
    assert done.returncode == 2
    assert "bác" in done.stderr.lower()
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments", [["ask"], ["ask", "a", "--batch", "b"], ["nothing"], ["ask", "a", "--x"]]
)
def test_wrong_usage_exits_with_2(data: Path, arguments: list[str]) -> None:
    assert process(data, *arguments).returncode == 2


def test_a_missing_batch_file_is_named(data: Path) -> None:
    done = run(data, "ask", "--batch", "/nowhere/questions.jsonl")
    assert done.returncode == 1
    assert "/nowhere/questions.jsonl" in done.stderr


def test_index_build_and_status(ward: Path) -> None:
    data, home = ward / "data", {"ASSISTANT_HOME": str(ward / "home")}
    assert run(data, "index", "status", **home).returncode == 1
    assert "built" in run(data, "index", "build", **home).stdout
    assert "up to date" in run(data, "index", "build", **home).stdout
    status = json.loads(run(data, "index", "status", "--json", **home).stdout)
    assert status["documents"] == len(list((ward / "home" / "knowledge" / "guides").rglob("*.md")))
    assert status["up_to_date"] is True
    assert status["dense_weight"] == 0


def test_knowledge_check_passes_on_what_is_shipped(data: Path) -> None:
    done = run(data, "knowledge", "check")
    assert done.returncode == 0, done.stderr
    assert "no problems" in done.stdout


def test_knowledge_check_tells_how_hard_guides_are_to_read(data: Path) -> None:
    lines = run(data, "knowledge", "check", "--readability").stdout.splitlines()
    assert lines[-1].endswith("mean")
    row = json.loads(run(data, "knowledge", "check", "--readability", "--json").stdout)
    levels = [guide["level"] for guide in row["guides"]]
    assert len(levels) == len(lines) - 2
    assert levels == sorted(levels, reverse=True)
    assert row["mean"]["level"] < 6


def test_knowledge_check_names_file_and_line(data: Path, tmp_path: Path) -> None:
    guides = tmp_path / "guides" / "x"
    guides.mkdir(parents=True)
    (guides / "sai.md").write_text("---\nid: sai\n---\n", encoding="utf-8")
    done = run(data, "knowledge", "check", ASSISTANT_LOCAL=str(tmp_path))
    assert done.returncode == 1
    assert "sai.md:1:" in done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Path, Site]]:
    """A product of one guide, whose source stands on a server of this machine."""
    home = tmp_path / "home"
    (home / "knowledge" / "guides").mkdir(parents=True)
    (home / "prompts").symlink_to(CHECKOUT / "prompts")
    with serve() as site:
        source = f"{{n: 1, title: Quy định, url: '{site.url('/the')}'}}"
        (home / "knowledge/guides/doi-the.md").write_text(guide_text(sources=f"[{source}]"), encoding="utf-8")
        entry = f'url = "{site.url("/the")}"\ntitle = "Quy định thẻ"\nagency = "Bộ Văn hóa"\nkind = "page"\n'
        (home / "knowledge/sources.toml").write_text(f"[the]\n{entry}", encoding="utf-8")
        for name in ("facts.toml", "contacts.toml"):
            (home / "knowledge" / name).write_text("", encoding="utf-8")
        yield home, site


def fetch(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {"ASSISTANT_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    return run(home / "data", "knowledge", "fetch", *arguments, **variables)


def test_knowledge_fetch_tells_what_changed_and_which_guides_to_read_again(home: tuple[Path, Site]) -> None:
    folder, site = home
    site.at["/the"] = page()
    done = fetch(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 new\n", "")
    site.at["/the"] = page("Từ nay đổi thẻ mất 90.000 đồng. " * 10)
    done = fetch(folder, "the")
    assert done.returncode == 0
    row = next(line for line in done.stdout.splitlines() if "Quy định thẻ (the)" in line)
    assert "changed" in row
    assert "doi-the" in row
    assert done.stdout.endswith("\n1 changed\n")


def test_knowledge_fetch_names_what_failed(home: tuple[Path, Site]) -> None:
    folder, site = home
    site.at["/the"] = Says(status=500)
    done = fetch(folder, "--json")
    assert done.returncode == 1
    assert done.stderr == "the: answers 500\n"
    assert json.loads(done.stdout)["counts"] == {"failed": 1}


def test_knowledge_fetch_can_only_show_its_plan(home: tuple[Path, Site]) -> None:
    folder, site = home
    done = fetch(folder, "--dry-run")
    assert done.returncode == 0
    assert f"{site.url('/the')}  (the: for the first time)" in done.stdout
    assert site.asked == []


def test_knowledge_fetch_without_a_network_says_so_once(home: tuple[Path, Site]) -> None:
    folder, site = home
    path = folder / "knowledge/sources.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(site.host, "127.0.0.1:1"), encoding="utf-8")
    done = fetch(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "FetchError: is there a network?" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_an_unknown_source_is_wrong_usage(home: tuple[Path, Site]) -> None:
    done = fetch(home[0], "khong-co")
    assert done.returncode == 2
    assert "khong-co" in done.stderr


def test_a_model_that_cannot_be_loaded_is_said_and_the_guides_answer(data: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "model.gguf"
    damaged.write_bytes(b"GGUF" + bytes(64))
    done = run(data, "ask", "Quên passcode VNeID", ASSISTANT_MODELS_PATH=str(damaged))
    assert done.returncode == 0
    assert "model.gguf" in done.stderr
    assert "Quên passcode" in done.stdout


def test_one_line_that_cannot_be_read_costs_no_other(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    good = json.dumps({"id": "z", "question": "Quên passcode"})
    bad = [json.dumps({"id": "\ud800", "question": "Chào"}), "[" * 100_000, '{"id": NaN, "question": "a"}']
    bad.append(json.dumps({"id": "p", "question": "a", "previous": "b"}))
    file.write_bytes(b"\xef\xbb\xbf" + "\n".join([good, *bad, good]).encode())
    done = process(data, "ask", "--batch", str(file), "--no-model")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in row for row in rows] == [False, False, True, True, True, False]
    assert rows[1]["id"] == "\ud800"


@pytest.mark.slow
def test_another_process_answers_in_the_same_words(data: Path, tmp_path: Path) -> None:
    """Whatever order its sets have."""
    previous = ["Chuyển VNeID sang điện thoại mới thế nào?"]
    lines = [
        {"id": "a", "question": "không có máy cũ nữa thì sao?", "previous": previous},
        {
            "id": "b",
            "question": "Nhà em muốn thêm ông cụ vào mục người phụ thuộc trên VNeID thì làm thế nào ạ?",
        },
    ]
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    said = set()
    for seed in ("0", "7"):
        done = process(data, "ask", "--batch", str(file), ASSISTANT_TODAY="2026-11-26", PYTHONHASHSEED=seed)
        said.add(tuple(json.loads(line)["text"] for line in done.stdout.splitlines()))
    assert len(said) == 1


def test_a_data_folder_that_cannot_be_written_is_named(ward: Path) -> None:
    file = ward / "file"
    file.write_text("not a folder", encoding="utf-8")
    done = run(file, "ask", "Quên passcode", ASSISTANT_HOME=str(ward / "home"))
    assert done.returncode == 1
    assert "ASSISTANT_DATA" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_embedder_that_is_not_there_is_said_and_the_words_answer(data: Path, tmp_path: Path) -> None:
    done = run(data, "ask", "Quên passcode VNeID", ASSISTANT_EMBEDDER_PATH=str(tmp_path / "none"))
    assert done.returncode == 0
    assert "none" in done.stderr


def test_evaluate_answers_counts_by_kind(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    rows = [
        {"id": "1", "kind": "plain", "question": "Quên passcode VNeID", "status": ["answered"]},
        {
            "id": "2",
            "kind": "plain",
            "question": "Quên passcode VNeID",
            "status": ["answered"],
            "facts": ["77"],
        },
        {"id": "3", "kind": "odd", "question": "Giá vàng hôm nay?", "status": ["answered"]},
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    tallies = json.loads(run(data, "evaluate", "answers", str(file), "--json").stdout)
    assert (tallies["plain"]["right"], tallies["plain"]["wrong"]) == (1, 1)
    assert tallies["odd"]["declined"] == 1
    assert tallies["overall"]["right"] == 1
    rates = {"wrong_guide", "false_decline", "answered_outside", "calibration_error", "reliability"}
    assert rates <= tallies["plain"].keys()
    assert "calibration error" in run(data, "evaluate", "answers", str(file)).stdout


def test_a_wrong_setting_is_named(data: Path) -> None:
    done = run(data, "index", "status", ASSISTANT_PORT="cổng")
    assert done.returncode == 1
    assert "port" in done.stderr


def test_knowledge_read_tells_what_would_be_taken_from_a_file(data: Path, tmp_path: Path) -> None:
    file = pdf_files.clean(tmp_path / "a.pdf")
    row = json.loads(run(data, "knowledge", "read", str(file), "--json").stdout)
    assert list(row) == ["file", "status", "reason", "pages", "seconds"]
    assert (row["file"], row["status"], row["reason"]) == (str(file), "ok", None)
    first = {"number": 1, "text": pdf_files.TEXT, "method": "plain", "quality": 1.0}
    assert row["pages"] == [first | {"headings": [], "images": [], "image_lines": []}]
    assert pdf_files.TEXT in run(data, "knowledge", "read", str(file)).stdout


def test_knowledge_read_of_a_broken_file_is_done_and_of_a_missing_one_failed(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"<html>404</html>")
    done = run(data, "knowledge", "read", str(tmp_path / "a.pdf"), "--json")
    assert done.returncode == 0
    row = json.loads(done.stdout)
    assert (row["status"], row["pages"]) == ("quarantined", [])
    assert "no PDF" in row["reason"]
    missing = run(data, "knowledge", "read", str(tmp_path / "b.pdf"))
    assert missing.returncode == 1
    assert "b.pdf" in missing.stderr
    assert missing.stdout == ""


def test_evaluate_masking_counts_what_is_caught(tmp_path: Path) -> None:
    file = tmp_path / "open.jsonl"
    line = {"id": "1", "text": "gọi 0912345678", "personal": [{"kind": "phone", "value": "0912345678"}]}
    file.write_text(json.dumps(line), encoding="utf-8")
    assert json.loads(run(tmp_path, "evaluate", "masking", str(file), "--json").stdout)["recall"]["of"] == 1
    assert "caught" in run(tmp_path, "evaluate", "masking", str(file)).stdout


def test_evaluate_documents_scores_a_folder(data: Path, tmp_path: Path) -> None:
    pdf_files.clean(tmp_path / "a.pdf")
    (tmp_path / "truth.json").write_text(json.dumps({"a.pdf": pdf_files.TEXT}), encoding="utf-8")
    row = json.loads(run(data, "evaluate", "documents", str(tmp_path), "--json").stdout)
    assert row["files"][0]["syllables"] == 1.0
    assert row["totals"]["files"] == 1
    assert run(data, "evaluate", "documents", str(data)).returncode == 1


def test_a_document_is_added_and_answers(ward: Path) -> None:
    home = {"ASSISTANT_HOME": str(ward / "home")}
    text = "Đăng ký chở hàng trên đảo.\nBước 1: Nộp tờ khai tại Ủy ban nhân dân xã.\nBước 2: Nhận giấy."
    file = pdf_files.clean(ward / "Chở hàng.pdf", [text])
    untold = run(ward / "data", "knowledge", "add", str(file), **home)
    assert untold.returncode == 2
    assert "--agency" in untold.stderr
    told = ("--title", "Đăng ký chở hàng trên đảo", "--agency", "Xã đảo", "--date", "2026-05")
    added = run(ward / "data", "knowledge", "add", str(file), *told, **home)
    assert (added.returncode, added.stdout) == (0, "cho-hang: 1 sections of 1 pages\n"), added.stderr
    answer = json.loads(run(ward / "data", "ask", "đăng ký chở hàng trên đảo", "--json", **home).stdout)
    assert answer["citations"][0]["title"] == "Đăng ký chở hàng trên đảo"
    assert answer["citations"][0]["page"] == 1
    listed = run(ward / "data", "knowledge", "approve", **home)
    assert listed.stdout == "no page waits for approval\n"
    broken = ward / "hong.pdf"
    broken.write_bytes(b"%PDF-1.7")
    failed = run(ward / "data", "knowledge", "add", str(broken), *told, **home)
    assert failed.returncode == 1
    assert "hong.pdf is not taken" in failed.stderr


def test_pages_read_from_pictures_wait_for_a_person(ward: Path) -> None:
    home = {"ASSISTANT_HOME": str(ward / "home")}
    folder = ward / "data" / "local" / "official"
    folder.mkdir(parents=True)
    (folder / "quyet-dinh.pdf").write_bytes(b"a scan")
    (folder / "quyet-dinh.pdf.toml").write_text(
        'title = "Đăng ký chở hàng trên đảo"\nagency = "Xã"', encoding="utf-8"
    )
    page = Page(1, "Đăng ký chở hàng trên đảo tại xã trong một ngày.", Method.OCR, 0.97)
    key = hashlib.sha256(b"a scan").hexdigest()
    keep_reading(ward / "data" / "documents", key, Reading("x", (page,), None, 1.0))
    question = ("ask", "đăng ký chở hàng trên đảo", "--json")
    assert json.loads(run(ward / "data", *question, **home).stdout)["citations"] == []
    listed = run(ward / "data", "knowledge", "approve", **home)
    assert listed.stdout.startswith("quyet-dinh: Cần người xem lại (đọc từ ảnh), trang: 1 (")
    shown = run(ward / "data", "knowledge", "approve", "quyet-dinh", **home)
    assert shown.returncode == 1
    assert page.text in shown.stdout
    released = run(ward / "data", "knowledge", "approve", "quyet-dinh", "--yes", **home)
    assert released.stdout.endswith("quyet-dinh: 1 pages released, 0 wait\n")
    answer = json.loads(run(ward / "data", *question, **home).stdout)
    assert answer["citations"][0]["title"] == "Đăng ký chở hàng trên đảo"


def test_the_journal_is_told_exported_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run(tmp_path, "journal", "status", "--json").stdout)["entries"] == 0
    assert list(tmp_path.iterdir()) == []  # looking makes no file
    journal = load_journal(load_settings({"data": tmp_path}))
    for question in ("mất sổ đỏ", "giá vàng"):
        journal.asked(Answer(question, Status.NOT_COVERED, "text"))
    journal.flush()
    journal.close()
    status = json.loads(run(tmp_path, "journal", "status", "--json").stdout)
    assert (status["on"], status["entries"]) == (False, 2)
    table = tmp_path / "table.csv"
    assert run(tmp_path, "journal", "export", str(table)).returncode == 0
    assert "mất sổ đỏ" in table.read_text(encoding="utf-8-sig")
    assert run(tmp_path, "journal", "export", str(tmp_path / "table.pdf")).returncode == 2
    assert run(tmp_path, "journal", "export", str(tmp_path / "none" / "table.xlsx")).returncode == 1
    assert run(tmp_path, "journal", "delete").returncode == 2
    assert run(tmp_path, "journal", "delete", "--before", "hôm qua").returncode == 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("\ngiá vàng\n"))
    assert run(tmp_path, "journal", "delete", "--holding", "-").returncode == 2
    assert run(tmp_path, "journal", "delete", "--holding", "-").stdout == "1 entries deleted\n"
    assert run(tmp_path, "journal", "delete", "--everything").stdout == "1 entries deleted\n"


def test_a_password_becomes_a_line_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("ngắn\n"))
    assert run(tmp_path, "admin", "set-password").returncode == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO("mật khẩu đủ dài\n"))
    lines = run(tmp_path, "admin", "set-password").stdout
    (tmp_path / "assistant.toml").write_text(lines, encoding="utf-8")
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path))
    secret = load_settings().admin.password_hash
    assert secret is not None
    assert is_right("mật khẩu đủ dài", secret.get_secret_value())


@pytest.mark.slow
def test_another_process_knows_what_was_learned_from(ward: Path) -> None:
    """Sets come in another order in each: then everything would be learned anew at each build."""
    home = {"ASSISTANT_HOME": str(ward / "home")}
    guide = ward / "home" / "knowledge" / "guides" / "can-cuoc" / "can-cuoc-cap-doi.md"
    ways = set()
    for seed in ("1", "2"):
        assert process(ward / "data", "index", "build", PYTHONHASHSEED=seed, **home).returncode == 0
        ways |= {load(ward / "data" / "index").manifest.ways}
        guide.write_text(guide.read_text(encoding="utf-8").replace("bác", "bà", 1), encoding="utf-8")
    assert len(ways) == 1


def test_diff_tells_what_a_change_touches(ward: Path) -> None:
    home = {"ASSISTANT_HOME": str(ward / "home")}
    assert run(ward / "data", "index", "build", **home).returncode == 0
    guide = ward / "home" / "knowledge" / "guides" / "can-cuoc" / "can-cuoc-cap-doi.md"
    text = guide.read_text(encoding="utf-8")
    guide.write_text(text.replace("amount: 50.000 đồng", "amount: 51.000 đồng"), encoding="utf-8")
    done = run(ward / "data", "knowledge", "diff", "--json", ASSISTANT_TODAY="2027-06-01", **home)
    changes = json.loads(done.stdout)
    assert [row["section_id"] for row in changes["sections"]] == ["can-cuoc-cap-doi#fees"]
    touched = {row["question"] for row in changes["answers"]}
    assert "Đổi thẻ căn cước mất bao nhiêu tiền?" in touched
    assert {row["document_after"] for row in changes["answers"]} == {"can-cuoc-cap-doi"}


def test_models_list_tells_what_fits_this_pc(data: Path) -> None:
    done = run(data, "models", "list")
    assert done.returncode == 0
    assert "qwen3-4b  (viết câu trả lời" in done.stdout
    listed = json.loads(run(data, "models", "list", "--json").stdout)
    assert {model["here"] for model in listed["models"]} == {None}
    assert sum(model["recommended"] for model in listed["models"]) <= 1


def test_models_pull_takes_nothing_that_is_not_whole(data: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    done = run(data, "models", "pull", "e5-small", "--from", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("Chưa lấy được mô hình")
    assert f"{tmp_path} has no 1_Pooling/config.json of e5-small" in done.stderr
    done = run(data, "models", "verify", "e5-small")
    assert done.returncode == 1
    assert done.stdout.startswith("e5-small: ")
    assert run(data, "models", "verify").stdout == "no model is here\n"


def test_models_pull_needs_the_hub_and_says_so(data: Path) -> None:
    with serve() as gone:
        pass
    done = run(data, "models", "pull", "sailor2-1b", ASSISTANT_MODELS_HUB=gone.url(""), NO_PROXY="127.0.0.1")
    assert done.returncode == 1
    assert f"bartowski/Sailor2-1B-Chat-GGUF at {gone.url('')}: " in done.stderr
    assert "--from" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["models", "pull", "gpt"], 1, "`gpt` is not in the catalogue"),
        (["models", "bench"], 2, "give a name or --model FILE"),
        (
            ["models", "bench", "--model", "/khong/co.gguf"],
            1,
            "/khong/co.gguf is not there; `assistant models pull",
        ),
        (["evaluate", "answers", "/dev/null", "--with-model"], 1, "no model is configured"),
    ],
)
def test_what_models_cannot_do_is_told(data: Path, arguments: list[str], code: int, said: str) -> None:
    done = run(data, *arguments)
    assert done.returncode == code
    assert said in done.stderr


def test_a_configured_server_that_is_down_costs_only_the_words_of_the_model(data: Path) -> None:
    with serve() as gone:
        pass
    servers = {
        "ASSISTANT_MODELS_BACKEND": "openai",
        "ASSISTANT_MODELS_ENDPOINTS": json.dumps([gone.url("/v1")]),
        "ASSISTANT_MODELS_MODEL": "m",
        "ASSISTANT_MODELS_KEY": "sk-bi-mat",
    }
    done = run(data, "ask", "VNeID là gì?", "--json", **servers)
    assert done.returncode == 0
    assert json.loads(done.stdout)["composer"] == "guide"
    assert "sk-bi-mat" not in done.stdout + done.stderr


def test_retrieval_is_measured_on_a_folder(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("q\ta\t1\n", encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "ho chieu"}', encoding="utf-8")
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "Hộ chiếu"}', encoding="utf-8")
    done = run(tmp_path, "evaluate", "retrieval", str(tmp_path), "--json")
    assert json.loads(done.stdout)["recall@1"] == 1.0
    assert "assistant" in run(tmp_path, "evaluate", "retrieval", str(tmp_path)).stdout
    done = run(tmp_path, "evaluate", "retrieval", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "cannot be read" in done.stderr


def test_scale_needs_procedures(tmp_path: Path) -> None:
    done = run(tmp_path, "bench", "scale", str(tmp_path), "--sections", "10")
    assert done.returncode == 1
    assert "no *.jsonl" in done.stderr


def test_what_the_disk_refuses_is_told_in_a_sentence(ward: Path) -> None:
    (ward / "data" / "local").mkdir(parents=True)
    (ward / "data" / "local" / "official").write_text("a file where the folder should be")
    document = pdf_files.clean(ward / "a.pdf")
    told = ("--title", "A", "--agency", "B")
    done = run(ward / "data", "knowledge", "add", str(document), *told, ASSISTANT_HOME=str(ward / "home"))
    assert done.returncode == 1
    assert done.stderr.startswith("Máy chưa đọc hay ghi được tệp.")
    assert "official" in done.stderr
