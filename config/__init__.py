"""Settings, URLs, Celery and the web's conventions. Nothing below imports this package."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
