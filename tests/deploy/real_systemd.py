"""A real systemd that runs the units of ``deploy/systemd`` and nothing else, in namespaces of its own.

It is process 1 of a process namespace, with its own control groups, ``/run``, ``/etc/systemd`` and ``/var/lib``; the
system's own units are hidden from it. It ends, with everything that it started, when the context does.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
NAMES = ("colorizebot-worker.service", "colorizebot.service")
_SYSTEMD = Path("/lib/systemd/systemd")
_BOOT_SECONDS = 20.0
# What systemd takes for granted around every service; here they stand for nothing.
_TARGETS = ("basic", "multi-user", "network", "network-online", "shutdown", "sysinit")
_DROP_IN = """
[Unit]
DefaultDependencies=no

[Service]
# Where the tests' own Python and this checkout are, should they be below somebody's home.
ProtectHome=tmpfs
BindReadOnlyPaths={python} {root}
Environment=PYTHONPATH={root}
StandardOutput=append:{log}
StandardError=inherit
WatchdogSec=10
RestartSec=100ms
"""


class RealSystemd:
    """Process 1, as seen from outside."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid = pid
        self.log = log

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``systemctl`` beside it."""
        inside = ["nsenter", f"--target={self._pid}", "--mount", "--pid", "systemctl", "--no-pager", *arguments]
        return subprocess.run(inside, capture_output=True, text=True, timeout=100, check=False)

    def told(self, unit: str, name: str) -> str:
        """Return a property of a unit, as ``systemctl show`` prints it."""
        shown = self.call("show", unit, f"--property={name}", "--value")
        assert shown.returncode == 0, shown.stderr
        return shown.stdout.strip()

    def until(self, true: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                states = self.call("status", *NAMES).stdout
                raise AssertionError(f"waited in vain for {what}\n{states}\n{self.log.read_text()}")
            time.sleep(0.1)


@contextmanager
def real_systemd(folder: Path, *, bot: dict[str, str], worker: dict[str, str]) -> Iterator[RealSystemd]:
    """Run systemd with our units, not yet started; ``bot`` and ``worker`` go into their environment files."""
    for tool in (str(_SYSTEMD), "systemctl", "unshare", "nsenter"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian: systemd, util-linux)")
    if os.geteuid() != 0:
        pytest.skip("only root can run a systemd of its own")
    log, units, etc = folder / "log", folder / "units", folder / "etc"
    log.touch()
    etc.mkdir()
    _write_environment(etc / "bot.env", bot)
    _write_environment(etc / "worker.env", worker)
    _write_units(units, log)
    with (folder / "console").open("w") as console:
        outer = subprocess.Popen(
            [
                *("unshare", "--kill-child", "--mount", "--propagation=private", "--pid", "--fork", "--uts", "--ipc"),
                *("--cgroup", "sh", "-euc", _script(folder, units, etc)),
            ],
            stdout=console,
            stderr=console,
        )
        try:
            yield RealSystemd(_booted(outer, folder), log)
        finally:
            outer.kill()
            outer.wait()


def _write_environment(file: Path, variables: dict[str, str]) -> None:
    file.write_text("".join(f"{name}='{value}'\n" for name, value in variables.items()))
    file.chmod(0o600)


def _write_units(units: Path, log: Path) -> None:
    units.mkdir()
    for name in NAMES:
        shutil.copy(UNITS / name, units)
        (units / f"{name}.d").mkdir()
        drop_in = _DROP_IN.format(python=Path(sys.base_prefix), root=ROOT, log=log)
        (units / f"{name}.d" / "test.conf").write_text(drop_in)
    for target in _TARGETS:
        (units / f"{target}.target").write_text(f"[Unit]\nDescription={target}\nDefaultDependencies=no\n")


def _script(folder: Path, units: Path, etc: Path) -> str:
    place = {name: shlex.quote(str(path)) for name, path in {"units": units, "etc": etc, "all": folder}.items()}
    return f"""
mount -t proc proc /proc
touch {place["all"]}/said
mount --bind {place["all"]}/said /dev/console
umount --recursive /sys/fs/cgroup || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for empty in /run /var/lib /var/cache /etc/systemd /opt; do mount -t tmpfs -o mode=755 tmpfs $empty; done
mount --bind {place["units"]} /usr/lib/systemd/system
mkdir -p /opt/colorizebot/.venv /etc/colorizebot
mount --bind {shlex.quote(sys.prefix)} /opt/colorizebot/.venv
mount --bind {place["etc"]} /etc/colorizebot
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin {_SYSTEMD} --system --unit=basic.target \\
    --show-status=no --log-target=console
"""


def _booted(outer: subprocess.Popen[bytes], folder: Path) -> int:
    """Return the process id of the new process 1, once it listens."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    deadline = time.monotonic() + _BOOT_SECONDS
    while outer.poll() is None and time.monotonic() < deadline:
        for pid in map(int, children.read_text().split()):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                systemd = RealSystemd(pid, folder / "log")
                if systemd.call("is-system-running").stdout.strip() in {"running", "degraded"}:
                    return pid
        time.sleep(0.1)
    said = (folder / "console").read_text() + ((folder / "said").read_text() if (folder / "said").exists() else "")
    pytest.skip(f"systemd can't be run in namespaces here: {said[-500:]}")
