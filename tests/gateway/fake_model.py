"""A model server for the laboratory: it speaks the OpenAI completions protocol and holds every answer until told."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["FakeModel", "Request"]

HOLD_S = 600
"""A request that nobody answers is given up after this time, so that no thread outlives a forgotten test."""


@dataclass
class Request:
    """One question to the model, and the answer it is waiting for.

    Attributes:
        text: everything that was said in the question, to find the job that asks.
        end: how it is to be answered: ``ok``, or ``failed`` (a refusal that clients do not retry).
    """

    text: str
    end: str | None = None
    told: threading.Event = field(default_factory=threading.Event)

    def answer(self, end: str) -> None:
        """Let the request go on."""
        self.end = end
        self.told.set()


class FakeModel:
    """The server. Use it as a context manager; ``url`` is what a provider's ``baseUrl`` has to be."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
                request = Request(json.dumps(body.get("messages", body)))
                with model._lock:
                    model.requests.append(request)
                request.told.wait(HOLD_S)
                try:
                    self._reply(request, body)
                except OSError:
                    self.close_connection = True  # whoever asked is gone

            def do_GET(self) -> None:
                self._send(200, "application/json", json.dumps({"object": "list", "data": [{"id": "held"}]}).encode())

            def _reply(self, request: Request, body: dict[str, Any]) -> None:
                if request.end != "ok":
                    refusal = {"error": {"message": "the laboratory refuses", "type": "invalid_request_error"}}
                    self._send(400, "application/json", json.dumps(refusal).encode())
                elif body.get("stream"):
                    self._send(200, "text/event-stream", _stream())
                else:
                    self._send(200, "application/json", json.dumps(_whole()).encode())

            def _send(self, status: int, kind: str, content: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def handle(self) -> None:
                with suppress(ConnectionError):  # a client that was killed
                    super().handle()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> FakeModel:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for request in self.requests:
            request.answer("failed")
        self._server.shutdown()
        self._server.server_close()

    def asked_by(self, mark: str) -> list[Request]:
        """Return the questions that contain ``mark``, in the order in which they came."""
        with self._lock:
            return [request for request in self.requests if mark in request.text]


_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
_HEAD = {"id": "lab-1", "created": 0, "model": "held"}


def _whole() -> dict[str, Any]:
    message = {"role": "assistant", "content": "done"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}


def _stream() -> bytes:
    head = {**_HEAD, "object": "chat.completion.chunk"}
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "done"}, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": _USAGE},
    ]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
