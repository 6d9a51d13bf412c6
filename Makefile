# Everything a checkout can do. Needs only make and Python 3.11 or newer; `make` lists the targets.

.DEFAULT_GOAL := help
PY := .venv/bin/python
EMBEDDED := $(PY) -m config.embedded
# Commands that need PostgreSQL and Redis: the embedded ones, unless DATABASE_URL and REDIS_URL are set.
EXEC := $(EMBEDDED) exec --
# A slow disk may take its time to drop a test database. Three at a time: on two cores one waits for a
# browser or a worker half of the time.
TESTING := STATEMENT_TIMEOUT=60s
SIZE ?= small
ONCE ?=
# What `check --deploy` looks at: the settings of a production server, with throw-away secrets.
PRODUCTION = DEBUG=0 SECURE=1 ALLOWED_HOSTS=assent.example BASE_URL=https://assent.example \
	CSRF_TRUSTED_ORIGINS=https://assent.example \
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	RECEIPT_KEY_SECRET=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')

.PHONY: help demo serve sandbox test test-faults bench check format lock status stop clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[36m%-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/.stamp: requirements.lock .ci/venv
	@.ci/venv .venv requirements.lock >&2
	@touch $@

demo: .venv/.stamp ## Start everything and play the demo; ONCE=1 ends after it
	@$(EMBEDDED) up $(if $(filter-out 0,$(ONCE)),--once) -- $(PY) manage.py demo

serve: .venv/.stamp ## Start servers, web, worker and beat until Ctrl-C (ASSENT_PORT=8000)
	@$(EMBEDDED) up

sandbox: .venv/.stamp ## Make a sandbox platform and print its keys as JSON
	@$(EMBEDDED) exec --migrate -- $(PY) manage.py sandbox

test: .venv/.stamp ## Run the tests, those in the browser too
	@.ci/chromium
	@$(TESTING) $(EXEC) $(PY) -m pytest -n 3 --dist worksteal

test-faults: .venv/.stamp ## Run the tests that kill processes
	@$(TESTING) $(EXEC) $(PY) -m pytest -m faults

bench: .venv/.stamp ## Run the benchmarks; SIZE=small, medium or large
	@$(EXEC) $(PY) -m tests.bench --size $(SIZE)

check: .venv/.stamp ## Check format, lint, types, layers, migrations, deployment, dependencies
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy .
	.venv/bin/lint-imports
	$(EXEC) $(PY) manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy, with production's settings"
	@$(PRODUCTION) $(EXEC) $(PY) manage.py check --deploy --fail-level WARNING
	.venv/bin/deptry .

format: .venv/.stamp ## Format the code and fix what can be fixed safely
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

lock: .venv/.stamp ## Resolve the dependencies again into both locks
	@.ci/lock

status: .venv/.stamp ## Show which servers and commands run
	@$(EMBEDDED) status || true

stop: .venv/.stamp ## Stop whatever runs
	@$(EMBEDDED) stop

clean: ## Remove the virtualenv, caches and built files; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
