from __future__ import annotations

import traceback
from datetime import date
from pathlib import Path

import pytest

from assistant.config import CHECKOUT, load_settings
from assistant.errors import ConfigError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ASSISTANT_DATA, whatever the machine's own settings."""
    for name in ("HOME", "LOCAL", "TODAY", "HOST", "PORT", "MODELS_PATH", "EMBEDDER_PATH"):
        monkeypatch.delenv(f"ASSISTANT_{name}", raising=False)
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path))
    return tmp_path


def test_without_any_setting_the_shipped_guides_answer_on_this_machine_only(data: Path) -> None:
    settings = load_settings()
    assert settings.knowledge == CHECKOUT / "knowledge"
    assert settings.overlay == data / "local"
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert (settings.models.path, settings.embedder.path, settings.today) == (None, None, None)


def test_the_file_in_the_data_folder_is_read(data: Path) -> None:
    (data / "assistant.toml").write_text(
        'port = 9000\nhome = "/srv/a"\n[models]\npath = "/m/qwen.gguf"\nthreads = 2\n', encoding="utf-8"
    )
    settings = load_settings()
    assert settings.port == 9000
    assert settings.knowledge == Path("/srv/a/knowledge")
    assert (settings.models.path, settings.models.threads) == (Path("/m/qwen.gguf"), 2)


def test_the_environment_wins_over_the_file_key_by_key(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "assistant.toml").write_text("port = 9000\n[models]\ncontext = 1000\nthreads = 2\n")
    monkeypatch.setenv("ASSISTANT_PORT", "9001")
    monkeypatch.setenv("ASSISTANT_MODELS_THREADS", "3")
    settings = load_settings()
    assert (settings.port, settings.models.threads, settings.models.context) == (9001, 3, 1000)


def test_the_command_line_wins_over_the_environment(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_PORT", "9001")
    assert load_settings({"port": 9002}).port == 9002


def test_today_can_be_set_for_a_demonstration(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_TODAY", "2027-01-01")
    assert load_settings().today == date(2027, 1, 1)


def test_the_wards_overlay_may_lie_elsewhere(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_LOCAL", str(data / "phuong"))
    assert load_settings().overlay == data / "phuong"


@pytest.mark.parametrize("name", ["ASSISTANT_DATA", "ASSISTANT_MODELS_PATH", "ASSISTANT_TODAY"])
def test_an_empty_variable_counts_as_unset(data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    settings = load_settings()
    assert settings.data in (data, CHECKOUT / ".data")
    assert (settings.models.path, settings.today) == (None, None)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASSISTANT_PORT", "nhà", "port = 'nhà'"),
        ("ASSISTANT_PORT", "70000", "port = '70000'"),
        ("ASSISTANT_TODAY", "2026-13-01", "today = '2026-13-01'"),
        ("ASSISTANT_MODELS_CONTEXT", "100", "models.context = '100'"),
        ("ASSISTANT_MODELS_CONTXT", "4096", "models.contxt = '4096'"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("port = ", "assistant.toml: Invalid value"),
        ("prt = 7860", "prt = 7860"),
        ('port = "x"', "port = 'x'"),
        ("[models]\nspeed = 1", "models.speed = 1"),
        ('[embedder]\nprefix = "x"', "embedder.prefix = 'x'"),
    ],
)
def test_a_wrong_file_is_told_with_what_stands_in_it(data: Path, content: str, said: str) -> None:
    (data / "assistant.toml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)
    assert "assistant.toml" in str(caught.value)


def test_settings_cannot_change_while_the_program_runs(data: Path) -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


# The servers of a model


SERVERS = 'backend = "openai"\nendpoints = ["http://10.0.0.5:8000/v1/"]\nmodel = "m"\n'


def test_a_key_is_taken_from_the_environment_and_never_shown(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "assistant.toml").write_text(f"[models]\n{SERVERS}")
    monkeypatch.setenv("ASSISTANT_MODELS_KEY", "sk-bi-mat")
    settings = load_settings()
    assert settings.models.key is not None
    assert settings.models.key.get_secret_value() == "sk-bi-mat"
    assert settings.models.endpoints == ("http://10.0.0.5:8000/v1",)
    assert "sk-bi-mat" not in f"{settings!r} {settings} {settings.model_dump_json()} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[models]\nkeys = "sk-bi-mat"', "models.keys: "),
        ('[models]\napi_token = "sk-bi-mat"', "models.api_token: "),
        ('[models]\nkey = "sk-bi-mat có dấu"', "models.key: "),
        ('[models]\nkey = ["sk-bi-mat"]', "models.key: "),
        ('[models]\nbackend = "openai"\nkey = "sk-bi-mat"', 'needs endpoints = ["http://…/v1"]'),
        ('[model]\nkey = "sk-bi-mat"', "model: "),
        ('[models]\nproxy = "http://x:sk-bi-mat@10.0.0.1"', "models.proxy: "),
        ('[models]\nendpoints = ["http://x:sk-bi-mat@10.0.0.1/v1"]', "models.endpoints.0: "),
        ('[journal]\nurl = "postgresql://x:sk-bi-mat@10.0.0.1/a"', "journal.url: "),
        ('[journal]\nurl = "postgresql:///a?password=sk-bi-mat"', "journal.url: "),
        ('[journal]\npassword = ["sk-bi-mat"]', "journal.password: "),
        ('[models]\nkey = "sk-bi-mat', "assistant.toml: "),
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(data: Path, content: str, said: str) -> None:
    (data / "assistant.toml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    error = caught.value
    assert said in str(error)
    assert "sk-bi-mat" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "address", ["10.0.0.5:8000", "ftp://a/v1", "http://", "http://a/v1?key=x", "file:///a"]
)
def test_an_address_that_is_none_is_told(data: Path, address: str) -> None:
    (data / "assistant.toml").write_text(f'[models]\nendpoints = ["{address}"]\n')
    with pytest.raises(ConfigError, match=r"models\.endpoints\.0 = .* must"):
        load_settings()


def test_the_database_of_the_journal(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "assistant.toml").write_text('[journal]\nurl = "postgresql://tro-ly@10.0.0.7/nhat_ky"\n')
    monkeypatch.setenv("ASSISTANT_JOURNAL_PASSWORD", "sk-bi-mat")
    settings = load_settings()
    assert settings.journal.url == "postgresql://tro-ly@10.0.0.7/nhat_ky"
    assert "sk-bi-mat" not in f"{settings!r} {settings.model_dump_json()}"
    (data / "assistant.toml").write_text('[journal]\nurl = "mysql://10.0.0.7/nhat_ky"\n')
    with pytest.raises(ConfigError, match=r"journal\.url = .* must be an address"):
        load_settings()


def test_lists_in_variables_are_json(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_MODELS_ENDPOINTS", '["http://a/v1", "http://b/v1"]')
    assert load_settings().models.endpoints == ("http://a/v1", "http://b/v1")
    monkeypatch.setenv("ASSISTANT_MODELS_ENDPOINTS", "http://a/v1")
    with pytest.raises(ConfigError, match=r'an ASSISTANT_\* variable: .*lists are written \["…", "…"\]'):
        load_settings()


@pytest.mark.parametrize(
    ("content", "wanted"),
    [("", False), ('[models]\npath = "/a.gguf"', True), (f"[models]\n{SERVERS}", True)],
)
def test_a_model_is_wanted_where_one_is_named(data: Path, content: str, wanted: bool) -> None:
    (data / "assistant.toml").write_text(content)
    assert load_settings().models.wanted is wanted


def test_a_folder_in_the_place_of_the_file_is_told(data: Path) -> None:
    (data / "assistant.toml").mkdir()
    with pytest.raises(ConfigError, match=r"assistant\.toml is a folder"):
        load_settings()
