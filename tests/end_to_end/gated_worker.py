"""A worker over HTTP that paints no colours, and holds every photo back until its gate is open."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

from inference.vocabulary import HEIGHT_HEADER, INPUT_HEADER, MODEL_HEADER, WIDTH_HEADER

_MODEL = "gated-0011aabb"


class GatedWorker:
    """What the tests see of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.gate = threading.Event()
        self.asked = 0
        """How many photos have come in."""
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            self.asked += 1


@contextmanager
def gated_worker() -> Iterator[GatedWorker]:
    """Run the worker; its gate is closed at first."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(json.dumps({"name": _MODEL}).encode(), "application/json")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            worker.count()
            worker.gate.wait(60)
            data = io.BytesIO()
            Image.new("RGB", (16, 12), "teal").save(data, "JPEG")
            headers = {MODEL_HEADER: _MODEL, INPUT_HEADER: "gray", WIDTH_HEADER: "16", HEIGHT_HEADER: "12"}
            self._answer(data.getvalue(), "image/jpeg", headers)

        def _answer(self, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
            try:
                self.send_response(200)
                for name, value in {"Content-Type": content_type, **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True  # whoever asked was killed

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    worker = GatedWorker(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield worker
    finally:
        worker.gate.set()
        server.shutdown()
        server.server_close()
