"""Names the modules that register tables with the site; imported when all apps are ready."""

from alerts.admin import alerts, patients, records

__all__ = ["alerts", "patients", "records"]
