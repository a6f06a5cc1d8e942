"""The shell around the two apps: settings, queues, API policy, health, logs and supervision."""

from project.celery import app as celery_app

__all__ = ["celery_app"]
