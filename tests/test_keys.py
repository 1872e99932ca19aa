from __future__ import annotations

import ssl
import subprocess
import threading
from pathlib import Path
from socket import create_connection, create_server

import pytest

from assistant.errors import BundleError, ConfigError
from assistant.operations import keys
from assistant.operations.keys import certificate, fingerprint, is_signed, make_signing_key, sign


def test_a_device_that_took_the_certificate_can_talk_to_this_machine(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "192.0.2.7")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    with create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                with server.accept()[0] as plain, serving.wrap_socket(plain, server_side=True) as secret:
                    secret.sendall(b"hello")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        for name in ("localhost", "192.0.2.7"):
            with (
                create_connection(server.getsockname()) as plain,
                trusting.wrap_socket(plain, server_hostname=name) as secret,
            ):
                assert secret.recv(5) == b"hello"
        thread.join(5)


def test_the_key_is_nobody_elses_and_the_certificate_stays(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    assert key.stat().st_mode & 0o077 == 0
    before = fingerprint(cert)
    assert len(before.split(":")) == 32
    certificate(tmp_path)
    assert fingerprint(cert) == before


def test_a_new_address_or_a_near_end_makes_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, _ = certificate(tmp_path)
    before = fingerprint(cert)
    certificate(tmp_path, "192.0.2.7")
    assert fingerprint(cert) != before
    monkeypatch.setattr(keys, "_DAYS", 20)
    cert.unlink()
    certificate(tmp_path)
    soon_over = fingerprint(cert)
    certificate(tmp_path)
    assert fingerprint(cert) != soon_over


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "https").write_text("in the way")
    with pytest.raises(ConfigError, match="https"):
        certificate(tmp_path)


def test_signed_is_only_what_was_signed(tmp_path: Path) -> None:
    public = make_signing_key(tmp_path / "maker.pem")
    other = make_signing_key(tmp_path / "other.pem")
    signature = sign(b"manifest", tmp_path / "maker.pem")
    assert is_signed(b"manifest", signature, public)
    assert not is_signed(b"Manifest", signature, public)
    assert not is_signed(b"manifest", signature[:-1], public)
    assert not is_signed(b"manifest", signature, other)


def test_openssl_agrees(tmp_path: Path) -> None:
    public = make_signing_key(tmp_path / "maker.pem")
    (tmp_path / "data").write_bytes(b"manifest")
    (tmp_path / "signature").write_bytes(sign(b"manifest", tmp_path / "maker.pem"))
    command = "openssl pkeyutl -verify -pubin -rawin -in data -sigfile signature -inkey".split()
    assert subprocess.run([*command, public.name], cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "data").write_bytes(b"Manifest")
    assert subprocess.run([*command, public.name], cwd=tmp_path, capture_output=True).returncode != 0


def test_a_key_is_not_replaced_and_what_is_none_is_told(tmp_path: Path) -> None:
    public = make_signing_key(tmp_path / "maker.pem")
    assert (tmp_path / "maker.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(BundleError, match="already"):
        make_signing_key(tmp_path / "maker.pem")
    with pytest.raises(BundleError, match="secret key"):
        sign(b"", public)
    with pytest.raises(BundleError, match="public key"):
        is_signed(b"", b"", tmp_path / "maker.pem")
    with pytest.raises(BundleError, match="can be read"):
        sign(b"", tmp_path / "gone.pem")


def test_a_damaged_key_is_made_anew(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    other = key.read_bytes()
    before = fingerprint(cert)
    for damage in (b"", other[:100]):
        key.write_bytes(damage)
        certificate(tmp_path)
        assert fingerprint(cert) != before
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    key.write_bytes(other)  # of another certificate
    certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
