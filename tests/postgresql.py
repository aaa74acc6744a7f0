"""A PostgreSQL server of the tests' own: started on a UNIX socket in a folder of its own, and gone with the tests.

Debian keeps the server's programs outside the PATH; the package is ``postgresql``.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import pytest

_DEBIAN = Path("/usr/lib/postgresql")
_ROLE = "colorizebot"
_START_SECONDS = 60.0
_ORDINARY_USERS = ("postgres", "nobody")
"""Who runs the server where the tests are run by root: PostgreSQL refuses to be."""
# What is committed has to survive a kill, but no power cut.
_FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}


class PostgresqlServer:
    """A running server, which may be stopped and started again; its databases stay."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """Make an empty database; return its URL as an operator would write it."""
        name = f"ledger_{next(self._numbers)}"
        self.run("psql", "-q", "-d", "postgres", "-c", f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://{_ROLE}@/{database}?host={self._folder}"

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs against this server; return what it prints."""
        return self._call(program, *arguments).stdout

    def start(self) -> None:
        """Start the server, unless it runs, and wait until it takes connections."""
        if self._process is not None:
            return
        options = {"listen_addresses": "", "unix_socket_directories": str(self._folder), "max_connections": "200"}
        command = [*_dying_with_us(), str(_program("postgres")), "-D", str(self._data)]
        for name, value in {**options, **_FAST}.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, user=self._user, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while self._call("pg_isready", "-q", check=False).returncode:
            assert self._process.poll() is None, f"PostgreSQL ended: {(self._folder / 'log').read_text()}"
            assert time.monotonic() < deadline, "PostgreSQL doesn't start"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server at once, as in an emergency: whoever is connected is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_START_SECONDS)
            self._process = None

    def pause(self) -> None:
        """Let the server hang: connections stay, and nothing comes any more."""
        assert self._process is not None
        # First the one that starts the others, so that there are no new ones, and none goes.
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
        self._signal_children(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        assert self._process is not None
        self._signal_children(signal.SIGCONT)
        self._process.send_signal(signal.SIGCONT)

    def make(self) -> None:
        """Make the folder with the databases."""
        subprocess.run(
            [_program("initdb"), "-D", self._data, "-U", _ROLE, "--auth=trust", "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=self._user,
        )

    @cached_property
    def _data(self) -> Path:
        return self._folder / "data"

    def _call(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PGHOST": str(self._folder), "PGUSER": _ROLE}
        return subprocess.run(
            [_program(program), *arguments], env=environment, check=check, capture_output=True, text=True
        )

    def _signal_children(self, number: int) -> None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in map(int, children):
            os.kill(pid, number)


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Run a server for as long as the context lasts; skips the test where PostgreSQL is not installed."""
    if missing := [name for name in ("initdb", "postgres", "psql", "pg_isready") if _find(name) is None]:
        pytest.skip(f"no PostgreSQL here ({', '.join(missing)} not found); Debian: apt-get install postgresql")
    # A socket's path may have about a hundred characters, so it is not in pytest's folder.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        user = _ordinary_user() if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(name, user)
        server = PostgresqlServer(Path(name), user)
        server.make()
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _ordinary_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _ORDINARY_USERS if name in known)


def _dying_with_us() -> list[str]:
    """Return what makes a program end with the tests, even when those are killed."""
    return ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []


def _program(name: str) -> Path:
    found = _find(name)
    assert found is not None, f"{name} is not installed"
    return found


def programs_path() -> str:
    """Return a PATH on which PostgreSQL's programs are found, too."""
    return os.pathsep.join([*map(str, sorted(_DEBIAN.glob("*/bin"), reverse=True)), os.environ.get("PATH", "")])


def _find(name: str) -> Path | None:
    found = shutil.which(name, path=programs_path())
    return None if found is None else Path(found)
