"""The Celery application, with the same structured logs as the web."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

# As root, Celery warns of pickled messages; only JSON is accepted here, and containers run as another user.
warnings.filterwarnings("ignore", category=SecurityWarning)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

app = Celery("calciwatch")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@setup_logging.connect
def keep_the_logs_of_settings(**_: Any) -> None:
    """Stop Celery from replacing the log handlers: settings have configured them, redaction included."""
