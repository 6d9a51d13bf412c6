"""Runs `up` with an application of a few lines instead of Django, gunicorn and Celery.

stub_application.py [--once] [-- COMMAND ...]; STUB_BROKEN names a child that fails at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from config.embedded import __main__ as command_line
from config.embedded import up
from config.embedded.supervisor import ChildSpec

_WEB = """
import http.server, os, signal, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""
# Like a Celery worker: a parent with a child of its own in the same group.
_WORKER = """
import os, signal, sys, time
child = os.fork()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("worker", os.getpid(), os.environ["DATABASE_URL"], flush=True)
while True:
    time.sleep(0.1)
"""
_BROKEN = "import sys; sys.exit('this child is broken')"


def _children(home: Path, port: int) -> list[ChildSpec]:
    broken = os.environ.get("STUB_BROKEN")
    return [
        ChildSpec(
            name=name,
            command=[sys.executable, "-c", _BROKEN if name == broken else program, str(port)],
            patience=5.0,
        )
        for name, program in (("web", _WEB), ("worker", _WORKER))
    ]


def _run(command: list[str], *, once: bool) -> int:
    return _original(command, once=once, application=_STUB)


_STUB = up.Application(
    migrate=[sys.executable, "-c", "print('migrated')"], children=_children, ready_path="/readyz"
)
_original = up.run

if __name__ == "__main__":
    up.run = _run  # type: ignore[assignment]
    sys.exit(command_line.main(["up", *sys.argv[1:]]))
