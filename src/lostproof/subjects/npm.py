"""npm and Node: finding them, asking them, and telling what went wrong. Package scripts are never run."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from lostproof.errors import BadInput

__all__ = ["Say", "fresh_folder", "install", "node_for", "offline", "pack", "satisfies", "settle"]

Say = Callable[[str], None]
"""Is told, in a few words, what takes time."""

QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
NODES = ("22.23.3", "24.21.0")
"""Versions of Node that npm brings where the system's own does not do, the oldest first."""
HOOKS = ">=22.15.0 <23 || >=23.5.0"
"""What the driver itself needs: load hooks in the thread of the modules."""
NETWORK = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ERR_SOCKET_TIMEOUT",
)
"""How npm says that it could not reach the registry."""


_OFFLINE: ContextVar[bool] = ContextVar("offline", default=False)


@contextmanager
def offline(wanted: bool) -> Iterator[None]:
    """Let nothing be downloaded in here, if that is ``wanted``: what is not in the cache is bad input then."""
    token = _OFFLINE.set(wanted)
    try:
        yield
    finally:
        _OFFLINE.reset(token)


def pack(spec: str, into: Path) -> Path:
    """Download the package ``name@version`` as a tarball into a folder, and return its path."""
    _npm(["pack", spec, "--pack-destination", str(into)], into, spec)
    return next(into.glob("*.tgz"))


def install(wanted: Mapping[str, str], into: Path) -> None:
    """Install packages (name to version or range) under ``into/node_modules``."""
    manifest = into / "package.json"
    manifest.write_text(json.dumps({"private": True, "dependencies": dict(wanted)}), encoding="utf-8")
    _npm(["install", "--no-package-lock"], into, ", ".join(f"{name}@{version}" for name, version in wanted.items()))


def node_for(engines: str, cache: Path, say: Say | None = None) -> Path:
    """Return a Node that satisfies a range as in ``engines.node``: the system's own, or one that npm brings."""
    system = shutil.which("node")
    if system is not None and _suits(_version_of(Path(system)), engines):
        return Path(system)
    for version in NODES:
        if _suits(version, engines):
            return _pinned_node(version, cache, say)
    raise BadInput(f"the release needs Node {engines}; put such a node on the PATH (npm can bring {' or '.join(NODES)})")


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version lies in an npm range made of comparisons, such as ``>=22.16.0 <23 || >=24.1``."""
    ranges = re.sub(r"([<>=^~])\s+", r"\1", wanted).split("||")
    return any(all(_holds(version, term) for term in terms.split()) for terms in ranges)


def fresh_folder(beside: Path) -> Path:
    """Return a new folder beside a path that does not exist yet, to be filled and then settled there."""
    beside.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{beside.name}-", dir=beside.parent))


def settle(filled: Path, target: Path) -> Path:
    """Move a filled folder to its place in one step, so that a half-filled one is never found there."""
    try:
        filled.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(filled)  # another process was faster
    return target


def _pinned_node(version: str, cache: Path, say: Say | None) -> Path:
    system = {"win32": "win"}.get(sys.platform, sys.platform)
    arch = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    name = f"node-{system}-{arch}"
    home = cache / "node" / version
    binary = Path("node_modules", name, "bin", "node.exe" if system == "win" else "node")
    if not (home / binary).is_file():
        if say is not None:
            say(f"installing Node {version}")
        folder = fresh_folder(home)
        try:
            install({name: version}, folder)
            settle(folder, home)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return home / binary


def _suits(version: str, engines: str) -> bool:
    return satisfies(version, engines) and satisfies(version, HOOKS)


def _version_of(node: Path) -> str:
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "0.0.0"
    return told.strip().removeprefix("v")


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", version.split("-")[0])[:3]]
    return (*numbers, *(0,) * (3 - len(numbers)))


def _holds(version: str, term: str) -> bool:
    match = re.fullmatch(r"(>=|<=|>|<|=|\^|~)?v?(\d+(?:\.(?:\d+|x|\*))*|\*)(?:-[\w.]+)?", term)
    if match is None:
        raise BadInput(f"the range of Node versions has a part that lostproof cannot read: {term!r}")
    relation, bound = match[1] or "=", match[2]
    mine, other = _numbers(version), _numbers(bound)
    given = len(re.findall(r"\d+", bound))
    if relation == "^":
        return mine[:1] == other[:1] and mine >= other
    if relation == "~":
        return mine[: min(given, 2)] == other[: min(given, 2)] and mine >= other
    if relation == "=":
        return mine[:given] == other[:given]  # 22 and 22.x mean any 22
    if relation == ">":
        return mine[:given] > other[:given]
    if relation == "<=":
        return mine[:given] <= other[:given]
    return mine >= other if relation == ">=" else mine < other


def _npm(arguments: Sequence[str], folder: Path, what: str) -> None:
    if _OFFLINE.get():
        raise BadInput(f"{what} is not installed, and nothing is downloaded here; lostproof conform installs it")
    npm = shutil.which("npm")
    if npm is None:
        raise BadInput("npm is not on the PATH; it is needed to install releases (it comes with Node)")
    command = [npm, *arguments, *QUIET]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        raise BadInput(_reason(done.stderr + done.stdout, what, done.returncode))


def _reason(output: str, what: str, code: int) -> str:
    if re.search(r"\bE404\b", output) or "ETARGET" in output:
        return f"npm knows no {what}; `npm view openclaw versions` lists the releases there are"
    if "env: 'node'" in output or "env: node" in output:
        return "npm cannot run because node is not on the PATH"
    for sign in NETWORK:
        if sign in output:
            return f"npm could not reach its registry for {what} ({sign}); is there a network?"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = [line for line in lines if re.match(r"npm (error|ERR!) (?!code)", line)] or lines or [f"exit code {code}"]
    return f"npm failed for {what}: {said[0]}"
