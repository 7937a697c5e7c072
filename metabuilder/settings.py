"""All settings, read from the environment once, here and nowhere else. `.env.example` lists them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from metabuilder import navigation
from metabuilder.environment import (
    read_choice,
    read_flag,
    read_int,
    read_secret_key,
    read_storage,
)
from metabuilder.execution.layout import default_data_dir

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

METABUILDER_ENV = read_choice(env, "METABUILDER_ENV", ("development", "staging", "production"))
IS_PRODUCTION = METABUILDER_ENV == "production"
DATA_DIR = Path(env.str("METABUILDER_DATA_DIR", default="") or default_data_dir(BASE_DIR))
WORK_DIR = DATA_DIR / "work"  # workspaces, scratch copies, reports: all of it can be made again
SECRET_KEY = read_secret_key(env, METABUILDER_ENV, DATA_DIR)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000")

# --- Healing: platform defaults; a tenant and then a run may override (autofix/policy.py) ---------
FEATURE_META_V3_AUTOFIX = read_flag(env, "FEATURE_META_V3_AUTOFIX")
AUTOFIX_DEFAULT = not IS_PRODUCTION
META_V3_MAX_TOTAL_ATTEMPTS = read_int(env, "META_V3_MAX_TOTAL_ATTEMPTS", 6, (1, 20))
META_V3_MAX_PER_STEP_ATTEMPTS = read_int(env, "META_V3_MAX_PER_STEP_ATTEMPTS", 3, (1, 10))
META_V3_BACKOFF_CAP_SECONDS = read_int(env, "META_V3_BACKOFF_CAP_SECONDS", 60, (1, 300))
# Hosts of language models that need not be public or HTTPS, as host or host:port: only the platform may say so.
META_V3_MODEL_HOSTS = env.list("META_V3_MODEL_HOSTS", default=[])
# Fixes that may change what code does are tried, and kept where the tests and type checks pass with them.
META_V3_UNSAFE_FIXES = read_flag(env, "META_V3_UNSAFE_FIXES") is not False

# --- Execution ------------------------------------------------------------------------------------
METABUILDER_SANDBOX = read_choice(env, "METABUILDER_SANDBOX", ("bubblewrap", "none"))
SANDBOX_STEP_UID = read_int(env, "METABUILDER_STEP_UID", 61234, (1000, 4_000_000_000))
SOURCE_ROOTS = [Path(root) for root in env.list("METABUILDER_SOURCE_ROOTS", default=[])]
STEP_ENV = env.dict("METABUILDER_STEP_ENV", default={})
STEP_TIMEOUT_SECONDS = read_int(env, "METABUILDER_STEP_TIMEOUT_SECONDS", 600, (1, 86_400))
STEP_MEMORY_MIB = read_int(env, "METABUILDER_STEP_MEMORY_MIB", 2048, (64, 1_048_576))
STEP_LOG_LIMIT_BYTES = read_int(env, "METABUILDER_STEP_LOG_LIMIT_BYTES", 16 << 20, (1024, 1 << 31))
UPLOAD_LIMIT_BYTES = read_int(env, "METABUILDER_UPLOAD_LIMIT_BYTES", 256 << 20, (1024, 1 << 33))
# A longer log leaves the database for the storage once its step has ended. In characters.
LOG_ROWS_LIMIT = read_int(env, "METABUILDER_LOG_ROWS_LIMIT", 1 << 20, (1024, 1 << 31))

# --- Engine ---------------------------------------------------------------------------------------
LEASE_SECONDS = read_int(env, "METABUILDER_LEASE_SECONDS", 12, (3, 600))
STOP_GRACE_SECONDS = read_int(env, "METABUILDER_STOP_GRACE_SECONDS", 20, (0, 3600))
MAX_RUN_MINUTES = read_int(env, "METABUILDER_MAX_RUN_MINUTES", 360, (1, 10_080))
# 0: no limit of its own; the workers are one.
MAX_RUNNING_RUNS = read_int(env, "METABUILDER_MAX_RUNNING_RUNS", 0, (0, 100_000))
MAX_RUNNING_RUNS_PER_TENANT = read_int(env, "METABUILDER_MAX_RUNNING_RUNS_PER_TENANT", 0, (0, 100_000))
MAX_QUEUED_RUNS = read_int(env, "METABUILDER_MAX_QUEUED_RUNS", 20_000, (1, 10_000_000))
MAX_QUEUED_RUNS_PER_TENANT = read_int(env, "METABUILDER_MAX_QUEUED_RUNS_PER_TENANT", 5_000, (1, 1_000_000))
# Named here so that lower layers can wake a run without importing the layer that drives it.
ADVANCE_TASK = "autofix.tasks.advance"
CHORE_TASK = "autofix.tasks.do_chore"
PLAN_RULE_FAULT = "autofix.rulebooks.fault_of"  # says what is wrong with a rule of a plan
WARM_UPS = ["autofix.rehearsal.rehearse"]  # called once before a node forks its workers

# --- Keeping: a tenant may set the first two for itself --------------------------------------------
RETENTION_DAYS = read_int(env, "METABUILDER_RETENTION_DAYS", 90, (1, 3650))
TIDY_SECONDS = read_int(env, "METABUILDER_TIDY_SECONDS", 300, (1, 86_400))
GATE_EXPIRY_HOURS = read_int(env, "METABUILDER_GATE_EXPIRY_HOURS", 168, (1, 8760))
WORKSPACE_CACHE_MIB = read_int(env, "METABUILDER_WORKSPACE_CACHE_MIB", 20_480, (64, 1 << 30))

# --- Database, cache, queue -----------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["CONN_MAX_AGE"] = 60
# A server-side cursor whose reader stopped half way is closed whenever Python gets round to it: by then in
# somebody else's transaction, which that may abort. What is read row by row here is small.
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Else every connection makes a Kerberos context, which few have a use for: ?gssencmode=prefer in DATABASE_URL.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("gssencmode", "disable")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Only `runs.rows` prepares statements. Behind a pooler that gives each transaction another session
    # they must be off, and notifications do not come through: METABUILDER_DATABASE_POOLER=true.
    pooled = read_flag(env, "METABUILDER_DATABASE_POOLER")
    DATABASES["default"]["OPTIONS"] = {"prepare_threshold": None if pooled else 2}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default="")
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "metabuilder_cache",
        }
    ),
    # django-q2 writes its status here twice a second: never to a shared database.
    "cluster": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
Q_CLUSTER = {
    "name": "metabuilder",
    "label": "Queue",
    "orm": "default",
    "broker_class": "metabuilder.runs.broker.DueTimeBroker",
    "workers": read_int(env, "METABUILDER_WORKERS", 2, (1, 64)),
    "poll": 0.2,
    # Steps have their own limits and a lost worker's run is found by its lease: these never act.
    "timeout": 7 * 86_400,
    "retry": 8 * 86_400,
    "save_limit": -1,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "scheduler": False,
    "cache": "cluster",
    "log_level": "WARNING",
}

# --- Applications ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "metabuilder.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "csp",
    "tenants",
    "metabuilder.runs",  # before django_q: its `qcluster` is ours
    "django_q",
    "approvals",
    "autofix",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "metabuilder.urls"
WSGI_APPLICATION = "metabuilder.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
MEDIA_ROOT = DATA_DIR / "media"
# Uploads and large logs. Nothing in it is ever served by its address.
STORAGES = {
    "default": read_storage(env),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 << 20
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Web security ---------------------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
USE_TLS = read_flag(env, "METABUILDER_TLS")
USE_TLS = IS_PRODUCTION if USE_TLS is None else USE_TLS
SESSION_COOKIE_SECURE = USE_TLS
CSRF_COOKIE_SECURE = USE_TLS
SECURE_SSL_REDIRECT = USE_TLS
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if USE_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = USE_TLS
SECURE_HSTS_PRELOAD = USE_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if USE_TLS else None
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # unfold's Alpine evaluates expressions and sets style attributes.
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- API ------------------------------------------------------------------------------------------
KNOX_TOKEN_MODEL = "tenants.ApiToken"
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTO_REFRESH": False, "TOKEN_PREFIX": "mb_"}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.authentication.BearerAuthentication",
        "tenants.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.AnyTypeJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "tenants.api.NewestFirstPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.api.problem_handler",
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {"caller": env.str("METABUILDER_API_RATE", default="1200/min")},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Meta-Builder v3",
    "DESCRIPTION": "Runs build steps, heals what fails, proves every fix, asks where it must.",
    "VERSION": "3.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# --- Logging --------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"django-q": {"level": "WARNING"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
}
UNFOLD = navigation.UNFOLD
