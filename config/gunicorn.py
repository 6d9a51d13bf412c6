"""How gunicorn serves Assent: `gunicorn --config python:config.gunicorn --bind ADDRESS:PORT`."""

import os
import sys

wsgi_app = "config.wsgi:application"
worker_class = "config.web.serving.Worker"
# Each process computes on one core at a time; its threads wait for PostgreSQL side by side.
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = 4
# So many seconds at most does a thread that PostgreSQL has answered wait for one that computes: by
# itself Python takes 5 ms, in which PostgreSQL has nothing to do. What it costs: while several
# threads compute, they change places ten times as often.
sys.setswitchinterval(0.0005)
# Longer than a proxy keeps its idle connections, or else it would send into a closed one.
keepalive = 75
# A process that has not said for so long that it lives is ended: no bound on a request.
timeout = 60
# On a stop, what is being answered has so long to be finished.
graceful_timeout = 20
# Now and then a fresh process, at a moment of its own.
max_requests = 200_000
max_requests_jitter = 20_000
# The longest request line that RFC 9112 asks a server to read, and as much for a header.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True
