"""A real gateway under control: started on loopback in a directory of its own, with a clock that can be shifted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.gateway.release import Release

__all__ = ["Clock", "Gateway", "Hook", "LabError"]

TOKEN = "laboratory"
HOOKS = Path(__file__).with_name("hooks.mjs")
READY_S = 120
CLI_S = 90
_TIED = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Runs a command that the kernel kills when we die, even if nobody is left to clean up."""
LISTENING = "0A"
"""How the kernel's table of sockets calls a listening one."""


class LabError(Exception):
    """The laboratory could not do what it was told; the message says what and where."""


class Clock:
    """The wall clock of the gateway and of its command line. Timers (the monotonic clock) are left alone."""

    def __init__(self, file: Path, library: Path) -> None:
        self._file, self._library = file, library
        self._offset_ms = 0
        self._write()

    def now_ms(self) -> int:
        """Return what the gateway takes for the time, in epoch milliseconds."""
        return time.time_ns() // 1_000_000 + self._offset_ms

    def forward_to(self, epoch_ms: int) -> None:
        """Let the clock jump forward to ``epoch_ms``; it is never set back."""
        self._offset_ms += max(epoch_ms - self.now_ms(), 0)
        self._write()

    def environment(self) -> dict[str, str]:
        """Return the environment variables that put a process under this clock."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"+{self._offset_ms / 1000:.3f}\n", encoding="ascii")
        fresh.replace(self._file)


@dataclass(frozen=True)
class Hook:
    """What is to happen at the ``occurrence``-th statement or file write that matches ``pattern``.

    Attributes:
        pattern: a regular expression, matched against ``SQL -- [values]`` or ``appendFile PATH -- TEXT``.
        action: ``kill`` or ``stop`` the process, or let the write ``fail``.
        when: whether it happens ``before`` or ``after`` the write.
        onward: whether it happens at every later match too.
    """

    pattern: str
    action: str
    when: str = "before"
    occurrence: int = 1
    onward: bool = False


class Gateway:
    """One gateway with its state directory. Use it as a context manager: nothing that it started outlives it."""

    def __init__(self, release: Release, root: Path, model_url: str, clock: Clock) -> None:
        self.release, self.root, self.clock = release, root, clock
        self.state = root / "state"
        self.log = root / "gateway.log"
        self.trace = root / "writes.jsonl"
        self.refused = root / "refused.jsonl"
        self._control = root / "hook.json"
        self._hooks = 0
        self._port = _free_port()
        self._model_url = model_url
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[subprocess.Popen[bytes]] = []
        for folder in (self.state, root / "home", root / "workspace"):
            folder.mkdir(parents=True)
        self._config = self.state / "openclaw.json"
        self._config.write_text(json.dumps(self._configuration(), indent=1), encoding="utf-8")

    def _configuration(self) -> dict[str, Any]:
        free = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
        held = {
            "id": "held", "name": "held", "reasoning": False, "input": ["text"], "cost": free,
            "contextWindow": 200_000, "maxTokens": 4_096,
        }
        provider = {"baseUrl": self._model_url, "apiKey": "none", "api": "openai-completions", "models": [held]}
        agents = {
            "model": {"primary": "fake/held"}, "workspace": str(self.root / "workspace"), "skipBootstrap": True,
            "heartbeat": {"every": "0m"},
        }
        # A model that is silent for long is what the laboratory is about: later releases would give the run up.
        patience = {"stuckSessionAbortMs": 24 * 3_600_000} if self.release.number >= (2026, 5) else {}
        return {
            "diagnostics": patience,
            "gateway": {"mode": "local", "bind": "loopback", "port": self._port, "auth": {"mode": "token", "token": TOKEN}},
            "models": {"providers": {"fake": provider}},
            "agents": {"defaults": agents},
            "update": {"checkOnStart": False},
            "logging": {"file": str(self.root / "product.log")},
            "plugins": {"enabled": False},
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for process in [*self._clients, *([self._process] if self._process else [])]:
            _end(process)
        for leftover in self._helpers():
            with suppress(ProcessLookupError):
                os.kill(leftover, signal.SIGKILL)

    def _helpers(self) -> list[int]:
        """Return the processes that work on our state directory, such as a killed gateway's helpers."""
        mine = f"OPENCLAW_STATE_DIR={self.state}\0".encode()
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # gone meanwhile, or another user's
                if mine in environment.read_bytes():
                    found.append(int(environment.parent.name))
        return found

    # -- the process

    @property
    def running(self) -> bool:
        """Whether the gateway's process is there."""
        return self._process is not None and self._process.poll() is None

    def _environment(self) -> dict[str, str]:
        # Nothing of the caller's environment gets in: no keys, no proxies, no real home.
        return {
            "PATH": f"{self.release.node.parent}:/usr/bin:/bin",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            # Compiled code is kept beside the release; the second variable keeps the product from handing over to a child.
            "NODE_COMPILE_CACHE": str(self.release.home / "compiled"),
            "OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED": "1",
            "OPENCLAW_STATE_DIR": str(self.state),
            "OPENCLAW_CONFIG_PATH": str(self._config),
            "OPENCLAW_GATEWAY_TOKEN": TOKEN,
            "OPENCLAW_SKIP_CHANNELS": "1",
            "OPENCLAW_DISABLE_BONJOUR": "1",
            "OPENCLAW_NO_RESPAWN": "1",
            "OPENCLAW_SKIP_GMAIL_WATCHER": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NODE_OPTIONS": f"--no-warnings --import {HOOKS.as_uri()}",
            "LAB_REFUSED": str(self.refused),
            **self.clock.environment(),
        }

    def start(self) -> None:
        """Start the process; :meth:`wait_ready` waits until it serves."""
        if self.running:
            raise LabError("the gateway is running already")
        environment = {**self._environment(), "LAB_HOOK": str(self._control), "LAB_TRACE": str(self.trace)}
        command = [*_TIED, *self.release.command, "gateway", "run", "--port", str(self._port), "--bind", "loopback"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until the gateway answers.

        Raises:
            LabError: it has ended, or takes too long; the message has the end of its log.
        """
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if not self.running:
                raise LabError(f"the gateway ended while it started:\n{self.tail()}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=2) as reply:
                    if reply.status == 200:
                        break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        else:
            raise LabError(f"the gateway is not ready after {READY_S} s:\n{self.tail()}")
        if not self._serves():
            raise LabError("another process than the one that was started serves: it would outlive a kill")

    def _serves(self) -> bool:
        """Return whether our process itself listens on the port."""
        assert self._process is not None
        local = f"{0x0100007F:08X}:{self._port:04X}"
        sockets = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        wanted = {f"socket:[{each[9]}]" for each in sockets if each[1] == local and each[3] == LISTENING}
        held = set()
        for descriptor in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                held.add(str(descriptor.readlink()))
        return bool(wanted & held)

    def wait_dead(self, seconds: float) -> int:
        """Wait until the process has ended, and return how (negative: the signal)."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError(f"the gateway still runs after {seconds:g} s:\n{self.tail()}") from None

    def kill(self) -> None:
        """Kill the process, as a power-off of the process would."""
        self._signal(signal.SIGKILL)
        self.wait_dead(10)

    def terminate(self) -> None:
        """Ask the process to stop, and wait until it has."""
        self._signal(signal.SIGTERM)
        self.wait_dead(60)

    def resume(self) -> None:
        """Let a stopped process go on."""
        self._signal(signal.SIGCONT)

    def wait_stopped(self, seconds: float) -> None:
        """Wait until a hook has stopped the process.

        Raises:
            LabError: no statement matched.
        """
        assert self._process is not None
        until = time.monotonic() + seconds
        status = Path(f"/proc/{self._process.pid}/stat")
        while time.monotonic() < until:
            if self.running and status.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T":
                return
            time.sleep(0.05)
        raise LabError(f"the gateway did not come to the held write within {seconds:g} s")

    def _signal(self, number: int) -> None:
        if not self.running:
            raise LabError("the gateway is not running")
        assert self._process is not None
        os.kill(self._process.pid, number)

    def tail(self, lines: int = 25) -> str:
        """Return the end of the gateway's log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    # -- hooks

    def arm(self, hook: Hook) -> None:
        """Arm a hook in the running gateway, and in those that are started later, until :meth:`disarm`."""
        self._hooks += 1
        text = json.dumps({"id": self._hooks, **vars(hook)})
        fresh = self._control.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._control)

    def disarm(self) -> None:
        """Take the hook away."""
        self._control.unlink(missing_ok=True)

    def matched(self) -> list[dict[str, Any]]:
        """Return the writes that the last hook matched."""
        file = Path(f"{self._control}.{self._hooks}")
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    def writes(self, contains: str) -> list[dict[str, Any]]:
        """Return the traced writes whose text contains ``contains``."""
        lines = self.trace.read_text(encoding="utf-8").splitlines() if self.trace.exists() else []
        return [entry for line in lines if contains in (entry := json.loads(line))["what"]]

    # -- the command line

    def cli(self, *arguments: str) -> str:
        """Run the release's own command line, and return what it says (some releases say it on stderr).

        Raises:
            LabError: it fails, or takes too long.
        """
        process = self._client(arguments)
        try:
            out, err = process.communicate(timeout=CLI_S)
        except subprocess.TimeoutExpired:
            _end(process)
            raise LabError(f"openclaw {' '.join(arguments)}: no answer within {CLI_S} s") from None
        text = out.decode() if out.strip() else err.decode()
        if process.returncode != 0:
            said = err.decode()[-800:] or text[-800:]
            raise LabError(f"openclaw {' '.join(arguments)}: exit {process.returncode}: {said}")
        return text

    def cli_in_background(self, *arguments: str) -> None:
        """Start the command line and do not wait for it; it ends with the gateway."""
        self._client(arguments)

    def _client(self, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        command = [*_TIED, *self.release.command, *arguments]
        process = subprocess.Popen(
            command, env=self._environment(), cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )
        self._clients.append(process)
        return process

    def add_job(self, name: str, *schedule: str) -> str:
        """Add a job that asks the model in a session of its own, and return its id."""
        said = self.cli(
            "cron", "add", "--name", name, *schedule,
            "--session", "isolated", "--message", f"this is {name}", "--no-deliver", "--json",
        )
        return str(_json_in(said)["id"])

    @contextmanager
    def expecting_death(self, seconds: float) -> Iterator[None]:
        """A block in, or soon after, which a hook kills the gateway."""
        yield
        if self.wait_dead(seconds) != -signal.SIGKILL:
            raise LabError(f"the gateway ended, but not by the hook:\n{self.tail()}")


def _json_in(text: str) -> dict[str, Any]:
    """Return the JSON object in what a command printed, whatever it printed around it."""
    decoder = json.JSONDecoder()
    for position, character in enumerate(text):
        if character == "{":
            try:
                found, _ = decoder.raw_decode(text[position:])
            except json.JSONDecodeError:
                continue
            if isinstance(found, dict):
                return found
    raise LabError(f"no JSON in: {text[:400]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and everything in its session, and reap it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
