"""Shipped releases of openclaw, installed leanly: their maintenance module, what it imports, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from lostproof.errors import BadInput
from lostproof.subjects.npm import Say, fresh_folder, node_for, pack, settle
from lostproof.subjects.npm import install as install_packages

__all__ = ["DRIVER", "Build", "default_cache", "install", "local"]

DRIVER = Path(__file__).with_name("driver") / "driver.mjs"
"""The Node program that asks a release."""

VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.-]+)?")
CODE = (".js", ".mjs", ".cjs", ".json")


@dataclass(frozen=True)
class Build:
    """A build of the product that can be asked: its folder (with ``package.json`` and ``dist``), its version, its Node."""

    folder: Path
    version: str
    node: Path

    def command(self) -> tuple[str, ...]:
        """Return the command that answers questions about this build, as lines of JSON."""
        return (str(self.node), "--no-warnings", str(DRIVER), "--package", str(self.folder))

    def describe(self) -> dict[str, Any]:
        """Say what the driver found in this build; raises ``BadInput`` if it cannot ask it."""
        done = _node((*self.command(), "--describe"))
        if done.returncode != 0:
            raise BadInput(f"openclaw {self.version} in {self.folder} cannot be asked: {_complaint(done)}")
        told: dict[str, Any] = json.loads(done.stdout)
        return told


@dataclass(frozen=True)
class Closure:
    """What the maintenance module needs to load: files of the package, and names of other packages."""

    files: tuple[Path, ...]
    packages: tuple[str, ...]


def default_cache() -> Path:
    """Return where releases are kept: ``LOSTPROOF_CACHE`` if it is set, else the user's cache folder for lostproof."""
    chosen = os.environ.get("LOSTPROOF_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("lostproof"))


def install(version: str, cache: Path, say: Say | None = None) -> Build:
    """Install a release leanly in the cache, or find it there; the network is needed only the first time."""
    if VERSION.fullmatch(version) is None:
        raise BadInput(f"{version!r} is not a version of openclaw; one looks like 2026.4.15")
    home = cache.resolve() / "openclaw" / version
    if not home.is_dir():
        if say is not None:
            say(f"installing openclaw {version}")
        work = fresh_folder(home)
        try:
            unpacked = _unpack(pack(f"openclaw@{version}", work), work / "unpacked")
            closure = _closure(unpacked, _build(unpacked, cache, say).node, f"openclaw@{version}")
            _settle_lean(unpacked, closure, work, home)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return _build(home, cache, say)


def local(path: Path, cache: Path, say: Say | None = None) -> Build:
    """Return the build in a folder: an unpacked package, or a checkout that was built.

    It is used in place if its dependencies are installed there; otherwise what it needs is copied to the cache, and they are
    installed beside the copy.
    """
    path = path.resolve()
    build = _build(path, cache, say)
    closure = _closure(path, build.node, str(path))
    if all(_resolves(name, path) for name in closure.packages):
        return build
    home = cache.resolve() / "local" / _digest(path, closure)
    if not home.is_dir():
        if say is not None:
            say(f"installing what {path} depends on")
        work = fresh_folder(home)
        try:
            _settle_lean(path, closure, work, home)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return _build(home, cache, say)


def _build(folder: Path, cache: Path, say: Say | None) -> Build:
    manifest = _manifest(folder)
    engines = manifest.get("engines", {}).get("node", ">=22")
    return Build(folder, str(manifest.get("version", "unknown")), node_for(engines, cache.resolve(), say))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{folder} has no package.json; name an unpacked package of openclaw or a built checkout") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder / 'package.json'} cannot be read: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("name") != "openclaw":
        raise BadInput(f"{folder / 'package.json'} is not that of openclaw")
    return manifest


def _unpack(tarball: Path, into: Path) -> Path:
    """Unpack what a module can import, in one pass: a release holds thousands of other files."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            _, _, name = member.name.partition("/")
            parts = Path(name).parts
            wanted = name == "package.json" or (parts[:1] == ("dist",) and name.endswith(CODE))
            content = archive.extractfile(member) if wanted and member.isfile() and ".." not in parts else None
            if content is not None:
                target = into / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    return into


def _settle_lean(source: Path, closure: Closure, work: Path, home: Path) -> None:
    """Copy the closure of a package, install what it names as the release pins it, and settle both at home."""
    lean = work / "lean"
    for file in closure.files:
        copy = lean / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    pins = _pins(source)
    if closure.packages:
        install_packages({name: pins[name] for name in closure.packages}, lean)
    shutil.copyfile(source / "package.json", lean / "package.json")
    settle(lean, home)


def _closure(folder: Path, node: Path, called: str) -> Closure:
    """Let the driver tell what of a package it needs: the maintenance module is rewritten before it is loaded."""
    if not (folder / "dist").is_dir():
        raise BadInput(f"{called} has no dist folder; build the checkout first, or name an unpacked package")
    done = _node((str(node), str(DRIVER.with_name("closure.mjs")), "--package", str(folder)))
    if done.returncode != 0:
        raise BadInput(f"{called} cannot be asked: {_complaint(done)}")
    told = json.loads(done.stdout)
    pins = _pins(folder)
    return Closure(tuple(folder / file for file in told["files"]), tuple(name for name in told["packages"] if name in pins))


def _node(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The line of a Node program's errors that says what is wrong."""
    lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
    said = next((line for line in lines if re.match(r"shape:|\w*Error", line)), lines[-1]).removeprefix("shape: ")
    # A cache that an older lostproof filled may hold less than this driver needs.
    return f"{said}; if the folder is in the cache, delete it to install it anew" if "Cannot find" in said else said


def _pins(folder: Path) -> dict[str, str]:
    manifest = _manifest(folder)
    kinds = ("peerDependencies", "optionalDependencies", "dependencies")
    return {name: version for kind in kinds for name, version in manifest.get(kind, {}).items()}


def _resolves(name: str, folder: Path) -> bool:
    return any((above / "node_modules" / name / "package.json").is_file() for above in (folder, *folder.parents))


def _digest(folder: Path, closure: Closure) -> str:
    told = hashlib.sha256()
    for file in (folder / "package.json", *closure.files):
        content = file.read_bytes()
        told.update(f"{file.relative_to(folder).as_posix()} {len(content)}\n".encode())
        told.update(content)
    return told.hexdigest()[:16]
