"""Every setting of CalciWatch in one module: safe defaults, replaced by variables of the environment.

The variables are listed in README.md and .env.example. Nothing set means: one machine, SQLite and a private
broker in the data folder, reachable from this machine only.
"""

from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from project import database, logs, mail, schedule
from project.embedded import socket_path, stored_secret_key
from project.env import Environment

env = Environment()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.folder("CALCIWATCH_DATA", BASE_DIR / "var")

DATABASE_URL = env.url("DATABASE_URL", f"sqlite://{DATA_DIR}/calciwatch.sqlite3", schemes=database.SCHEMES)
# With SQLite everything lives in one data folder on one machine.
EMBEDDED = database.is_sqlite(DATABASE_URL)

# --- Security --------------------------------------------------------------------------------------------
DEBUG = env.boolean("CALCIWATCH_DEBUG", default=False)
if EMBEDDED or DEBUG:
    SECRET_KEY = env.text("SECRET_KEY", "", minimum_length=32) or stored_secret_key(DATA_DIR)
else:
    SECRET_KEY = env.text("SECRET_KEY", expected="a random text that stays the same", minimum_length=32)
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")

# Health probes ask the machine itself, so its own names always work.
HOSTS = env.items("CALCIWATCH_HOSTS")
ALLOWED_HOSTS = [*HOSTS, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.items("CALCIWATCH_ORIGINS")
HTTPS = env.boolean("CALCIWATCH_HTTPS", default=not (EMBEDDED or DEBUG))
# Links in messages begin with this.
PUBLIC_URL = env.url(
    "CALCIWATCH_URL",
    f"http{'s' if HTTPS else ''}://{HOSTS[0]}"
    if HOSTS
    else f"http://localhost:{env.integer('CALCIWATCH_PORT', 8000, minimum=1, maximum=65535)}",
    schemes=("http", "https"),
)
PROXY_COUNT = env.integer("CALCIWATCH_PROXIES", 0, minimum=0, maximum=5)
if PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.integer("CALCIWATCH_HSTS_SECONDS", 31_536_000 if HTTPS else 0, minimum=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = env.integer("CALCIWATCH_SESSION_SECONDS", 12 * 3600, minimum=60)
SESSION_SAVE_EVERY_REQUEST = False
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
# The user name and the address together: one mistyping colleague does not lock out a ward behind one address.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_IPWARE_PROXY_COUNT = PROXY_COUNT or None
AXES_IPWARE_META_PRECEDENCE_ORDER = ["HTTP_X_FORWARDED_FOR", "REMOTE_ADDR"] if PROXY_COUNT else ["REMOTE_ADDR"]
AXES_VERBOSE = False

# --- Applications ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "project.apps.ProjectConfig",
    "monitoring.apps.MonitoringConfig",
    "alerts.apps.AlertsConfig",
    "project.apps.WardAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_structlog",
    "axes",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# --- Database, cache, files ------------------------------------------------------------------------------
DATABASES = {
    "default": database.settings_of(DATABASE_URL, pool_size=env.integer("CALCIWATCH_POOL", 10, minimum=0, maximum=200))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix", "redis+socket"))
BROKER_SOCKET = socket_path(DATA_DIR)
BROKER_URL = REDIS_URL or f"unix://{BROKER_SOCKET}"

CACHE_URL = env.url("CACHE_URL", REDIS_URL or "locmem://", schemes=("locmem", "redis", "rediss", "unix"))
CACHES = {"default": database.cache(CACHE_URL)}

STATIC_URL = "static/"
STATIC_ROOT = env.folder("CALCIWATCH_STATIC", DATA_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG or env.boolean("CALCIWATCH_PLAIN_STATIC", default=False)
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
MEDIA_ROOT = env.folder("CALCIWATCH_MEDIA", DATA_DIR / "media")
# A batch of 2,000 results is about one megabyte; larger files come in as uploads, which go to disk.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("CALCIWATCH_BODY_BYTES", 10 * 1024 * 1024, minimum=65_536)
FILE_UPLOAD_PERMISSIONS = 0o600

# --- Language and time -----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "project" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Mail ------------------------------------------------------------------------------------------------
globals().update(mail.settings_from(env))

# --- Logs ------------------------------------------------------------------------------------------------
LOG_FORMAT = env.choice("CALCIWATCH_LOG", "text" if EMBEDDED else "json", options=("text", "json"))
LOG_LEVEL = env.choice(
    "CALCIWATCH_LOG_LEVEL", "warning" if EMBEDDED else "info", options=("debug", "info", "warning", "error")
).upper()
LOGGING_CONFIG = None
logs.configure(log_format=LOG_FORMAT, level=LOG_LEVEL)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# --- API -------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["project.parsers.BoundedJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "project.paging.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "monitoring.api.openapi.ApiSchema",
    "DEFAULT_THROTTLE_CLASSES": ["project.throttling.CallerThrottle", "project.throttling.StrangerThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "caller": env.text("CALCIWATCH_RATE_CALLER", "1200/min"),
        "stranger": env.text("CALCIWATCH_RATE_STRANGER", "60/min"),
    },
    "NUM_PROXIES": PROXY_COUNT,
    "EXCEPTION_HANDLER": "project.api.problem_response",
    "PAGE_SIZE": 100,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CalciWatch API",
    "DESCRIPTION": (
        "Facts in, alerts out. Decision support, not a diagnosis. Times are RFC 3339; errors are RFC 9457 "
        "problems whose `type` never changes; lists are keyset pages."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    # Lists of words that several resources call alike ("kind", "status") are named after their meaning.
    "ENUM_NAME_OVERRIDES": {
        "Analyte": "monitoring.api.words.ANALYTES",
        "FindingKind": "monitoring.api.words.FINDING_KINDS",
        "FindingStatus": "monitoring.api.words.FINDING_STATUSES",
        "ImportStatus": "monitoring.api.words.IMPORT_STATUSES",
        "LabStatus": "monitoring.api.words.LAB_STATUSES",
        "PatientStatus": "monitoring.api.words.PATIENT_STATUSES",
        "QuarantineStatus": "monitoring.api.words.QUARANTINE_STATUSES",
        "ResultOutcome": "monitoring.api.words.RESULT_OUTCOMES",
        "RuleKind": "monitoring.api.words.RULE_KINDS",
        "RuleScope": "monitoring.api.words.RULE_SCOPES",
        "RuleSetStatus": "monitoring.api.words.RULE_SET_STATUSES",
        "Severity": "monitoring.api.words.SEVERITIES",
        "Side": "monitoring.api.words.SIDES",
        "Site": "monitoring.api.words.SITES",
        "StoredOutcome": "monitoring.api.words.STORED_OUTCOMES",
        "Tier": "monitoring.api.words.TIERS",
        "Timing": "monitoring.api.words.TIMINGS",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Celery (each choice is explained in docs/architecture.md) -------------------------------------------
CELERY_BROKER_URL = BROKER_URL.replace("unix://", "redis+socket://", 1)
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 45, 60
CELERY_BROKER_TRANSPORT_OPTIONS = schedule.transport_options(CELERY_BROKER_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2}
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_ETA_TASK_LIMIT = 1000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = schedule.LIVE
CELERY_TASK_QUEUES = schedule.queues()
CELERY_TASK_ROUTES = schedule.ROUTES
CELERY_BEAT_SCHEDULE = schedule.beat_schedule()
CELERY_BEAT_SCHEDULER = "project.beat:LeasedDatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
# Save the time of each run at once: the next beat must not repeat what the last one sent.
CELERY_BEAT_SYNC_EVERY = 1
DJANGO_CELERY_BEAT_TZ_AWARE = True
