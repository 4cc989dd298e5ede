"""Where the laboratory finds a release: installed whole, in the cache of lostproof, with the Node that it needs."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lostproof.errors import BadInput
from lostproof.subjects.npm import fresh_folder, node_for, settle
from lostproof.subjects.releases import default_cache

__all__ = ["RELEASES", "Release", "faketime", "installed"]

RELEASES = ("2026.4.15", "2026.5.28", "2026.9.6")
INSTALL_S = 600
LIBRARIES = (
    "usr/lib/*/faketime/libfaketimeMT.so.1",
    "usr/lib*/faketime/libfaketimeMT.so.1",
    "usr/local/lib/faketime/libfaketimeMT.so.1",
)
"""Where distributions, and a build of one's own, put the library."""


@dataclass(frozen=True)
class Release:
    """An installed release.

    Attributes:
        version: such as ``2026.4.15``.
        home: the folder that it is installed in.
        node: the Node binary that runs it.
    """

    version: str
    home: Path
    node: Path

    @property
    def command(self) -> tuple[str, str]:
        """How its command line is run."""
        return str(self.node), str(_package(self.home) / "openclaw.mjs")

    @property
    def number(self) -> tuple[int, ...]:
        """The version as numbers, to compare releases."""
        return _number(self.version)


def faketime() -> Path:
    """Return the library that shifts the clock of a process; skip the test if it is not installed."""
    found = [path for pattern in LIBRARIES for path in sorted(Path("/").glob(pattern))]
    if not found:
        pytest.skip("libfaketime is not installed (Debian: apt install libfaketime)")
    return found[0]


def installed(version: str) -> Release:
    """Return a release, installed from npm into the cache unless it is there; skip the test if that cannot be done."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not on the PATH; the laboratory gets the releases and their Node from it")
    home = default_cache().resolve() / "gateway" / version
    try:
        if not (_package(home) / "openclaw.mjs").is_file():
            _install(version, home)
        engines = json.loads((_package(home) / "package.json").read_text(encoding="utf-8"))["engines"]["node"]
        return Release(version, home, node_for(engines, default_cache().resolve()))
    except BadInput as refused:
        pytest.skip(str(refused))


def _install(version: str, home: Path) -> None:
    """Install a release with everything that it depends on; scripts of packages are never run."""
    folder = fresh_folder(home)
    try:
        # Only 2026.4.15 asks for libsignal, from a git server; nothing but WhatsApp needs it.
        stub = folder / "stubs" / "libsignal"
        stub.mkdir(parents=True)
        (stub / "package.json").write_text('{"name": "libsignal", "version": "0.0.0"}\n', encoding="utf-8")
        overrides = {"libsignal": "file:./stubs/libsignal"} if _number(version) < (2026, 5) else {}
        package = {"private": True, "dependencies": {"openclaw": version}, "overrides": overrides}
        (folder / "package.json").write_text(json.dumps(package), encoding="utf-8")
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode != 0:
            raise BadInput(f"npm could not install openclaw@{version}: {(done.stderr or done.stdout).strip()[-400:]}")
        settle(folder, home)
    except subprocess.TimeoutExpired:
        raise BadInput(f"npm has not installed openclaw@{version} within {INSTALL_S} s") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _package(home: Path) -> Path:
    return home / "node_modules" / "openclaw"


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
