"""Settings, all from the environment; `.env.example` names every variable."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
import structlog
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from config.panel import theme
from config.web.conventions import DESCRIPTION

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. `make` and `python -m config.embedded exec -- COMMAND` make one and "
        "keep it; anything else needs one of its own: see .env.example."
    )
# Encrypts the private keys that sign receipts; changing it retires them.
RECEIPT_KEY_SECRET = env.str("RECEIPT_KEY_SECRET", default="") or SECRET_KEY
# Set when the server is reached over https only.
SECURE = env.bool("SECURE", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000")

INSTALLED_APPS = [
    "config.panel",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "ledger.journal",
    "ledger.statements",
    "ledger.payouts",
    "licensing.access",
    "licensing.catalog",
    "licensing.claims",
    "licensing.consent",
    "licensing.simulation",
    "licensing.usage",
    "licensing.commerce",
    "licensing.settlement",
    "licensing.portal",
    "config.web",
    "config.sandbox",
]

MIDDLEWARE = [
    "config.web.requests.RequestIdMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.panel.policy.WiderPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.web.requests.ApiMiddleware",
    "config.web.idempotency.IdempotencyMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "licensing.portal.door.frame",
            ]
        },
    }
]

# -- PostgreSQL -----------------------------------------------------------------------------------
STATEMENT_TIMEOUT = env.str("STATEMENT_TIMEOUT", default="5s")
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **env.db_url("DATABASE_URL", default="postgresql:///assent"),
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"]["ENGINE"] = "config.postgresql"
# django-environ puts the query part of the URL in OPTIONS; the socket's folder is the host.
_options = DATABASES["default"].setdefault("OPTIONS", {})
if "host" in _options:
    DATABASES["default"]["HOST"] = _options.pop("host")
_options["options"] = (
    f"-c statement_timeout={STATEMENT_TIMEOUT} -c lock_timeout=2s"
    " -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
)
# Django would have psycopg prepare nothing, even where it is asked to (`ledger.prepared`). What goes
# through Django's own cursors is not prepared for all that.
_options["prepare_threshold"] = 5
# Each thread of a web server and each worker keeps one connection; a pool instead of that costs a
# journey to PostgreSQL more for each request.
if env.int("DATABASE_POOL", default=0):
    _options["pool"] = {"min_size": 1, "max_size": env.int("DATABASE_POOL"), "timeout": 5}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=0)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "access.User"

# -- Redis, Celery --------------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1, "IGNORE_EXCEPTIONS": True},
    }
}
_VISIBILITY_TIMEOUT = 120
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY_TIMEOUT,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "global_keyprefix": env.str("CELERY_KEY_PREFIX", default="assent:"),
    "max_retries": 1,
}
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY_TIMEOUT
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": _VISIBILITY_TIMEOUT}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_TASK_TIME_LIMIT = 50
CELERY_TASK_SOFT_TIME_LIMIT = 45
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# One sweep a few seconds apart finds whatever a lost message left undone.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "forget-old-answers": {"task": "web.forget_old_answers", "schedule": 600.0},
    "seal-open-batches": {"task": "usage.seal_open_batches", "schedule": 5.0},
    "ring-run-parts": {"task": "settlement.ring_waiting_parts", "schedule": 5.0},
    "ring-simulations": {"task": "simulation.ring_waiting", "schedule": 5.0},
    "submit-payouts": {"task": "payouts.submit_reserved", "schedule": 5.0},
}

# Who knows the words for the ledger's opaque references, given a mode: they go into statements.
LEDGER_LABELS = "licensing.portal.labels.labels_of"
# Who knows which actor a member of staff is, given the admin's request and a mode.
LEDGER_STAFF = "licensing.access.admin.staff_actor"
# Who knows which actors the house's people are, given a mode.
LEDGER_COLLEAGUES = "licensing.access.people.colleagues"
# Who counts what was made with consent that ends, and the remixes of that, given its reach.
CONSENT_GENERATIONS = "licensing.usage.aftermath.generations_within"
CONSENT_REMIXES = "licensing.usage.aftermath.remixes_of"

# -- The API --------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_HANDLERS = ["config.web.files.BoundedUploads"]
BATCH_MAX_BYTES = env.int("BATCH_MAX_BYTES", default=256 * 1024 * 1024)
RATE_LIMIT = env.str("RATE_LIMIT", default="60000/minute")
# How many may wait for a change of their bundle in one server process: each keeps a thread.
BUNDLE_WAITERS = env.int("BUNDLE_WAITERS", default=2)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.web.authentication.BearerKey"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["config.web.strict_json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["config.web.strict_json.PlainJSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "config.web.schema.Schema",
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "config.web.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Assent",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Fields of one name with choices of their own each get a name that says whose they are.
    "ENUM_NAME_OVERRIDES": {
        "MembershipRoleEnum": "licensing.access.roles.Role",
        "PayoutBatchStateEnum": "ledger.payouts.states.BatchState",
        "PayoutItemStateEnum": "ledger.payouts.states.ItemState",
        "PayoutDestinationKindEnum": "ledger.payouts.models.DestinationKind",
        "StatementRoleEnum": "ledger.statements.shapes.OWED_ROLES",
        "OrganisationKindEnum": "licensing.access.roles.OrganisationKind",
        "SubjectKindEnum": "licensing.catalog.models.SubjectKind",
        "ClaimStateEnum": "licensing.claims.states.ClaimState",
        "ClaimDecisionEnum": "licensing.claims.shapes.DECISIONS",
        "ActionEnum": "licensing.consent.windows.shapes.ACTIONS",
        "PurposeEnum": "licensing.consent.windows.shapes.PURPOSES",
        "AudienceEnum": "licensing.consent.windows.shapes.AUDIENCES",
        "ContentCodeEnum": "licensing.consent.windows.shapes.CODES",
        "LevelEnum": "licensing.consent.engine.language.LEVELS",
        "OutcomeEnum": "licensing.consent.states.Outcome",
        "RuleVersionStateEnum": "licensing.consent.states.VersionState",
        "ApprovalStateEnum": "licensing.consent.states.ApprovalState",
        "SimulationStateEnum": "licensing.simulation.states.SimulationState",
        "SettlementRunStateEnum": "licensing.settlement.states.RunState",
        "SettlementRunKindEnum": "licensing.settlement.states.RunKind",
        "SettlementPartKindEnum": "licensing.settlement.states.PartKind",
        "RoyaltyLineCodeEnum": "licensing.settlement.states.LineCode",
    },
}

UNFOLD = theme.UNFOLD

# -- Pages ----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
# Where production collects static files; without it they are served from where they lie.
STATIC_ROOT = env.str("STATIC_ROOT", default=None)
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
LOGIN_URL = "/portal/sign-in"
LOGIN_REDIRECT_URL = "/portal/"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
    }
}
# The admin's theme evaluates expressions and writes inline styles, the API's document styles its
# pictures inline: they alone get wider policies, by the beginning of their address.
WIDER_CONTENT_SECURITY_POLICIES = {
    "/admin/": {
        "script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE],
        "style-src": [SELF, UNSAFE_INLINE],
    },
    "/api/docs/": {"style-src": [SELF, UNSAFE_INLINE]},
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# -- Logs: one JSON line an event, with the request's id -------------------------------------------
# Ours by then: the first middleware has put a well-formed id where this one looks.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
_shared_processors: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.StackInfoRenderer(),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _shared_processors,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"level": LOG_LEVEL},
        "django.server": {"propagate": True},
        "httpx": {"level": "WARNING"},
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared_processors,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
