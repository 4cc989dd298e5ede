"""A program that is asked over a pipe: one question a line, one answer a line, in order."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from lostproof.errors import BadInput

__all__ = ["Misbehaviour", "Pipe"]

BATCH = 64
"""How many questions are on their way at once."""


class Misbehaviour(BadInput):
    """The program crashed, hung or answered nonsense. ``question`` is the line that it was asked."""

    def __init__(self, told: str, question: bytes) -> None:
        super().__init__(told)
        self.question = question


class Pipe:
    """A running program that answers questions.

    ``timeout`` is in seconds, for each batch of questions. What the program writes to its standard error is kept and its
    end is quoted if it fails.
    """

    def __init__(self, command: Sequence[str], cwd: Path | None = None, timeout: float = 30) -> None:
        self._timeout = timeout
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)
        self._answers: queue.Queue[bytes] = queue.Queue()
        try:
            self._process = subprocess.Popen(
                list(command), cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise BadInput(f"{command[0]}: cannot be run ({error.strerror})") from error
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):
            self._stdin.close()
        if kind is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
        self._kill()
        self._process.wait()
        self._errors.close()

    def ask(self, questions: Sequence[bytes]) -> list[bytes]:
        """Return the answers to ``questions``; each is a line.

        Raises:
            Misbehaviour: the program ended, or did not answer in time.
        """
        answers: list[bytes] = []
        for first in range(0, len(questions), BATCH):
            batch = questions[first : first + BATCH]
            # The program may answer before it has read everything: writing must not wait for reading.
            writer = threading.Thread(target=self._write, args=(b"".join(batch),), daemon=True)
            writer.start()
            answers += self._collect(batch)
        return answers

    def _collect(self, batch: Sequence[bytes]) -> list[bytes]:
        answers: list[bytes] = []
        deadline = time.monotonic() + self._timeout
        for question in batch:
            try:
                line = self._answers.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise Misbehaviour(f"did not answer within {self._timeout:g} s", question) from None
            if not line:
                raise Misbehaviour(self._obituary(), question)
            answers.append(line)
        return answers

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _write(self, text: bytes) -> None:
        with suppress(OSError, ValueError):  # who reads no more is found out by those who wait for the answers
            self._stdin.write(text)
            self._stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def _obituary(self) -> str:
        """Return in words how the program ended, with what it last said about it on its standard error."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        code = self._process.returncode
        if code is None:
            how = "closed its output"
        elif code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}"
        self._errors.seek(0)
        told = [line.strip() for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        # The last line is not always the one that says why.
        why = [line for line in told if "error" in line.lower()] or told
        return f"{how} before it had answered" + (f": {why[-1]}" if why else "")

    def _kill(self) -> None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

