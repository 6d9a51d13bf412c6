# Assent's one image: the web server, the Celery worker and beat differ only in their command.
FROM python:3.13-slim AS build
WORKDIR /app
# What serves and nothing else: no tests' tools, no embedded servers.
COPY requirements-runtime.lock ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-runtime.lock

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app assent
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py ./
COPY config config
COPY ledger ledger
COPY licensing licensing
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    STATIC_ROOT=/app/staticfiles \
    PROMETHEUS_MULTIPROC_DIR=/tmp/prometheus
RUN mkdir -p /tmp/prometheus /app/staticfiles \
    && SECRET_KEY=only-to-collect-static-files python manage.py collectstatic --noinput \
    && chown -R assent /tmp/prometheus /app/staticfiles
USER assent
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["gunicorn", "--config", "python:config.gunicorn", "--bind", "0.0.0.0:8000"]
