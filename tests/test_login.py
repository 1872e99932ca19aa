from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from assistant.config import CHECKOUT, load_settings
from assistant.errors import ConfigError
from assistant.toml import read_toml
from assistant.web.login import (
    COOKIE,
    IDLE,
    LONGEST,
    PAGE,
    TRIED_WITHIN,
    TRIES,
    TRIES_OF_ALL,
    Sessions,
    add_login,
)
from assistant.web.password import hashed, is_right

PASSWORD = "mật khẩu trông coi"
HASH = hashed(PASSWORD, cost=2**10)
WORDS = read_toml(CHECKOUT / "prompts" / "maintain.toml")["login"]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock)


def visitor(sessions: Sessions, address: str, host: str = "127.0.0.1") -> TestClient:
    app = FastAPI()
    add_login(app, sessions, HASH, WORDS)
    return TestClient(app, address, follow_redirects=False, client=(host, 50000))


@pytest.fixture
def client(sessions: Sessions) -> TestClient:
    return visitor(sessions, "http://testserver")


def test_a_password_is_known_by_its_hash() -> None:
    assert is_right(PASSWORD, HASH)
    assert is_right(PASSWORD, hashed(PASSWORD))
    assert not is_right(PASSWORD + "x", HASH)
    assert not is_right("", HASH)
    assert PASSWORD not in HASH
    assert hashed(PASSWORD) != HASH  # salted


def test_the_settings_take_the_hash_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_ADMIN_PASSWORD_HASH", HASH)
    secret = load_settings().admin.password_hash
    assert secret is not None
    assert secret.get_secret_value() == HASH
    assert HASH not in repr(load_settings())
    monkeypatch.setenv("ASSISTANT_ADMIN_PASSWORD_HASH", "hunter2hunter2")
    with pytest.raises(ConfigError) as told:
        load_settings()
    assert "hunter2" not in str(told.value)
    assert "set-password" in str(told.value)


def test_the_right_password_opens_and_leaving_closes(client: TestClient, sessions: Sessions) -> None:
    assert 'lang="vi"' in client.get(PAGE).text
    response = client.post(PAGE, data={"password": PASSWORD})
    assert response.status_code == 303
    told = response.headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=strict" in told
    assert f"Path={PAGE}" in told
    assert "Secure" not in told  # plain HTTP on loopback
    assert sessions.is_open(response.cookies[COOKIE])
    assert client.get(PAGE).headers["location"] == f"{PAGE}/"
    assert client.post(f"{PAGE}/ket-thuc").headers["location"] == PAGE
    assert not sessions.is_open(response.cookies[COOKIE])


def test_the_cookie_of_https_goes_nowhere_else(sessions: Sessions) -> None:
    client = visitor(sessions, "https://testserver")
    assert "Secure" in client.post(PAGE, data={"password": PASSWORD}).headers["set-cookie"]


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [
        ("http://tro-ly.phuong", "192.168.1.7", 403),
        ("http://localhost", "::1", 303),
        ("https://tro-ly.phuong", "192.168.1.7", 303),
    ],
)
def test_no_password_crosses_a_network_in_clear(
    sessions: Sessions, address: str, host: str, status: int
) -> None:
    client = visitor(sessions, address, host)
    response = client.post(PAGE, data={"password": PASSWORD})
    assert response.status_code == status
    assert (WORDS["unsafe"] in client.get(PAGE).text) is (status == 403)


def test_a_sixth_try_waits_even_if_it_is_right(client: TestClient, clock: Clock) -> None:
    for _ in range(TRIES):
        response = client.post(PAGE, data={"password": "sai"})
        assert response.status_code == 401
        assert WORDS["wrong"] in response.text
    response = client.post(PAGE, data={"password": PASSWORD})
    assert response.status_code == 429
    assert WORDS["too_many"] in response.text
    clock.now = TRIED_WITHIN + 1
    assert client.post(PAGE, data={"password": PASSWORD}).status_code == 303


def test_a_right_password_forgives_the_wrong_ones(client: TestClient) -> None:
    for _ in range(3):
        for _ in range(TRIES - 1):
            client.post(PAGE, data={"password": "sai"})
        assert client.post(PAGE, data={"password": PASSWORD}).status_code == 303


def test_one_address_does_not_lock_out_another(sessions: Sessions) -> None:
    tries = [sessions.may_try("10.0.0.1") for _ in range(TRIES + 1)]
    assert tries == [True] * TRIES + [False]
    assert sessions.may_try("10.0.0.2")


def test_many_addresses_are_no_more_tries_and_fill_no_memory(sessions: Sessions, clock: Clock) -> None:
    tries = [sessions.may_try(f"fe80::{number:x}") for number in range(3000)]
    assert sum(tries) == TRIES_OF_ALL
    assert len(sessions._tries) == TRIES_OF_ALL
    assert sessions.may_try("127.0.0.1")  # whoever stands before the machine is not locked out
    clock.now = TRIED_WITHIN + 1
    assert sessions.may_try("fe80::1")


def test_a_session_that_was_laid_into_the_browser_is_none(client: TestClient, sessions: Sessions) -> None:
    client.cookies.set(COOKIE, "laid", path=PAGE)
    assert client.post(PAGE, data={"password": PASSWORD}).status_code == 303
    assert not sessions.is_open("laid")


def test_logging_in_again_ends_the_session_before(client: TestClient, sessions: Sessions) -> None:
    tokens = [client.post(PAGE, data={"password": PASSWORD}).cookies[COOKIE] for _ in range(2)]
    assert [sessions.is_open(token) for token in tokens] == [False, True]
    assert len(sessions) == 1


@pytest.mark.parametrize(("step", "total"), [(IDLE + 1, IDLE + 1), (IDLE - 1, LONGEST + IDLE)])
def test_a_session_ends(sessions: Sessions, clock: Clock, step: float, total: float) -> None:
    token = sessions.begin("a")
    assert sessions.is_open(token)
    while clock.now + step < total:
        clock.now += step
        sessions.is_open(token)
    clock.now += step
    assert not sessions.is_open(token)


def test_no_token_is_no_session(sessions: Sessions) -> None:
    assert not sessions.is_open("")
    assert not sessions.is_open("a")


def test_a_password_too_long_is_wrong(client: TestClient) -> None:
    assert client.post(PAGE, data={"password": PASSWORD + "x" * 5000}).status_code == 401
    assert client.post(PAGE).status_code == 401
