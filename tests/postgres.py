"""A server of PostgreSQL for tests: Debian's programs, a folder, a socket and a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

USER = "tro-ly"
PASSWORD = "mat-khau-rieng-85"
_SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "30",
    "listen_addresses": "127.0.0.1",
}


class Cluster:
    """It runs as an unprivileged user; people of this machine need a password only over its port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self.folder / "data" / "pg_hba.conf").write_text(rules, encoding="ascii")
        self.start()
        self.run_sql(f"ALTER ROLE \"{USER}\" PASSWORD '{PASSWORD}'")

    @property
    def url(self) -> str:
        """Over the socket."""
        return f"postgresql://{USER}@/postgres?host={self.folder}&port={self.port}"

    @property
    def network_url(self) -> str:
        """Over the port."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = " ".join(f"-c {key}={value}" for key, value in _SETTINGS.items())
        options += f" -k {self.folder} -p {self.port}"
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-t", "60", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def run_sql(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
        assert found, "the tests of the journal need PostgreSQL: apt-get install postgresql"
        log = self.folder / "output"
        with log.open("ab") as out:
            done = subprocess.run(
                [found[-1], *arguments], cwd=self.folder, stdout=out, stderr=out, check=False, **self._as
            )
        assert done.returncode == 0, log.read_text(encoding="utf-8", errors="replace")
