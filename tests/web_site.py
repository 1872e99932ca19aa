"""A real web server on 127.0.0.1 that answers as badly as it is told, and keeps what it was asked."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from assistant.knowledge.hosts import Hosts, Limits
from assistant.knowledge.sources import Kind, ListedSource

NEWS = "Từ ngày 1 tháng 7, công dân đổi thẻ căn cước tại Công an cấp xã và chờ bảy ngày làm việc. "


@dataclass(frozen=True)
class Says:
    """One answer. `cut`: bytes after which the connection breaks; `hang`: it stops there instead."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: bool = False


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate that 127.0.0.1 gave itself, and the file that makes it trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    certificate = builder.add_extension(names, critical=False).sign(key, SHA256())
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


def page(text: str = NEWS * 12, menu: str = "Trang đầu", **more: str) -> Says:
    """An HTML page that says `text` beside a menu and a ticker; `more` are headers, _ for -."""
    html = f"""<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>Tin</title></head><body>
<nav><ul><li><a href="/">{menu}</a></li><li><a href="/a">Liên hệ</a></li></ul></nav>
<main><article><h1>Thủ tục</h1><p>{text}</p></article></main><footer>{menu}</footer></body></html>"""
    names = {"Content-Type": "text/html; charset=utf-8"} | {k.replace("_", "-"): v for k, v in more.items()}
    return Says(html.encode(), headers=names)


def moved(to: str, status: int = 301) -> Says:
    """A redirect."""
    return Says(status=status, headers={"Location": to})


def robots(text: str) -> Says:
    """A robots.txt."""
    return Says(text.encode(), headers={"Content-Type": "text/plain"})


class Site:
    """What stands at each path, an answer or a function of the request's headers; else 404."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.scheme = scheme
        self.host = f"127.0.0.1:{server.server_port}"
        self.at: dict[str, Says | Callable[[Message], Says]] = {}
        self.asked: list[tuple[str, Message]] = []
        self.closing = Event()
        self.asking: list[Hosts] = []  # are closed with the site

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.host}{path}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def serve(secure: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A running site, over https if it is given its certificate."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append((self.path, self.headers))
            found = site.at.get(self.path, Says(status=404))
            says = found if isinstance(found, Says) else found(self.headers)
            body = says.body if says.cut is None else says.body[: says.cut]
            self.send_response(says.status)
            for name, value in says.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in says.headers and "Transfer-Encoding" not in says.headers:
                self.send_header("Content-Length", str(len(says.body)))
            self.end_headers()
            if says.status != 304:
                self.wfile.write(body)
            if says.hang:
                self.wfile.flush()
                site.closing.wait(10)
            self.close_connection = says.cut is not None or says.hang

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever asked went away: that is what many tests are about."""

    with Server(("127.0.0.1", 0), Answering) as server:
        if secure:
            server.socket = secure.wrap_socket(server.socket, server_side=True)
        site = Site(server, "https" if secure else "http")
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield site
        for asking in site.asking:
            asking.close()
        site.closing.set()
        server.shutdown()


LIMITS = Limits()


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.slept.append(seconds)


def hosts(*sites: Site, clock: Clock | None = None, limits: Limits = LIMITS) -> Hosts:
    """The hosts of the sites."""
    clock = clock or Clock()
    sources = [ListedSource(f"s{n}", site.url("/"), "A", "B", Kind.PAGE) for n, site in enumerate(sites)]
    asking = Hosts(sources, limits, now=clock.now, sleep=clock.sleep)
    sites[0].asking.append(asking)
    return asking
