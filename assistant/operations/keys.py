"""Keys: the certificate under which pages are served on the LAN, and signatures of offline bundles.

The only module that imports cryptography.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import BundleError, ConfigError

if TYPE_CHECKING:
    from cryptography import x509

_DAYS = 397  # browsers refuse certificates that hold longer
_RENEWED = 30  # days before the end
_SIOCGIFADDR = 0x8915


# The certificate of this machine


def certificate_of(data: Path) -> Path:
    """Where in ASSISTANT_DATA the certificate lies."""
    return data / "https" / "certificate.pem"


def certificate(data: Path, host: str = "") -> tuple[Path, Path]:
    """A self-signed certificate and its key, made anew when it ends or this machine is called otherwise.

    `host` is the address that is served, if it is one. Raises ConfigError.
    """
    cert = certificate_of(data)
    folder, key = cert.parent, cert.with_name("key.pem")
    names = names_of_this_machine(host)
    try:
        if not (_holds(cert, names) and _belongs_to(key, cert)):
            folder.mkdir(parents=True, exist_ok=True)
            _make_certificate(cert, key, names)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: no certificate for HTTPS: {error}") from error
    return cert, key


def fingerprint(cert: Path) -> str:
    """The sha256 of a certificate, as browsers show it."""
    from cryptography.hazmat.primitives import hashes

    return _loaded(cert).fingerprint(hashes.SHA256()).hex(":").upper()


def names_of_this_machine(host: str = "") -> list[str]:
    """What other devices may call it: host names and the addresses of its network cards."""
    named = socket.gethostname()
    found = ["localhost", "127.0.0.1", named, f"{named}.local"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, card in socket.if_nameindex():
            with suppress(OSError):  # a card without an address
                request = struct.pack("256s", card.encode()[:15])
                found.append(socket.inet_ntoa(fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)[20:24]))
    if host not in ("", "0.0.0.0", "::"):
        found.append(host)
    return sorted(set(found))


def _loaded(cert: Path) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(cert.read_bytes())


def _holds(cert: Path, names: Sequence[str]) -> bool:
    """Whether the certificate is good for these names for another month."""
    from cryptography import x509

    try:
        loaded = _loaded(cert)
        told = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    held = {*told.get_values_for_type(x509.DNSName), *map(str, told.get_values_for_type(x509.IPAddress))}
    ends = loaded.not_valid_after_utc - timedelta(days=_RENEWED)
    return held >= set(names) and loaded.not_valid_before_utc <= datetime.now(UTC) < ends


def _belongs_to(key: Path, cert: Path) -> bool:
    """Whether the key can be read and is that of the certificate."""
    from cryptography.hazmat.primitives import serialization

    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return False
    return private.public_key() == _loaded(cert).public_key()


def _make_certificate(cert: Path, key: Path, names: Sequence[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, socket.gethostname()[:64])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of telephones differ
        .not_valid_after(now + timedelta(days=_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write_secret(
        key,
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_secret(path: Path, text: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)


# Signatures (Ed25519, RFC 8032), as `openssl pkeyutl` reads them, too


def make_signing_key(path: Path) -> Path:
    """A key pair: the secret half into the file, the public one beside it as *.pub. Raises BundleError."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = path.with_suffix(".pub")
    for file in (path, public):
        if file.exists():
            raise BundleError(f"{file} is there already; a key that was given to others must not be replaced")
    private = Ed25519PrivateKey.generate()
    try:
        _write_secret(
            path,
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        public.write_bytes(
            private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error}") from error
    return public


def sign(data: bytes, key: Path) -> bytes:
    """The signature of some bytes by the secret key of a file. Raises BundleError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BundleError(f"{key} is no secret key that can be read: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise BundleError(f"{key} is no Ed25519 key; `assistant bundle key FILE` makes one")
    return private.sign(data)


def is_signed(data: bytes, signature: bytes, public: Path) -> bool:
    """Whether the bytes were signed by the owner of the public key in a file. Raises BundleError."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key(public.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise BundleError(f"{public} is no public key that can be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(f"{public} is no Ed25519 key")
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
