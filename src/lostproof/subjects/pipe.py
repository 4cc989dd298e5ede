"""A program that is asked over a pipe: one question a line, one answer a line, in order."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO

from lostproof.errors import BadInput

__all__ = ["Misbehaviour", "Pipe"]

BATCH = 64
"""How many questions are sent at once; two batches are on their way."""

LONGEST = 16_000_000
"""No answer is longer, in bytes: a program that writes without end must not fill the memory."""


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
        self._questions: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[bytes] = queue.Queue()
        try:
            self._process = subprocess.Popen(
                list(command), cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise BadInput(f"{command[0]}: cannot be run ({error.strerror})") from error
        # Each pipe has a thread of its own, which alone closes it: a program may answer before it has read everything, and
        # one that reads nothing must not keep anybody.
        for work in (self._write, self._read):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._questions.put(b"")
        if kind is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
        self._kill()
        self._process.wait()
        self._errors.close()

    def ask(self, questions: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the answers to ``questions`` as they come; each is a line.

        Raises:
            Misbehaviour: the program ended, or did not answer in time.
        """
        remaining = iter(questions)
        on_their_way: list[bytes] = []
        # The program works on the next batch while the answers to the one before are looked at.
        while batch := list(islice(remaining, BATCH)):
            self._questions.put(b"".join(batch))
            yield from self._collect(on_their_way)
            on_their_way = batch
        yield from self._collect(on_their_way)

    def _collect(self, batch: Sequence[bytes]) -> Iterator[bytes]:
        deadline = time.monotonic() + self._timeout
        for question in batch:
            try:
                line = self._answers.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                # One that has ended is heard of at once, unless a child of it keeps its output open.
                hangs = self._process.poll() is None
                told = f"did not answer within {self._timeout:g} s" if hangs else self._obituary()
                raise Misbehaviour(told, question) from None
            if not line:
                raise Misbehaviour(self._obituary(), question)
            if len(line) >= LONGEST:
                raise Misbehaviour(f"answered with a line of more than {LONGEST:,} bytes", question)
            yield line

    def _write(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:  # who reads no more is found out by who waits for the answers
            while batch := self._questions.get():
                pipe.write(batch)
                pipe.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            while line := pipe.readline(LONGEST):
                self._answers.put(line)
                if len(line) >= LONGEST:
                    break
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

