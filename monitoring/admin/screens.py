"""Names the modules that register tables with the site; imported when all apps are ready.

Not the package itself: the site is built from parts of it, and a table can only be registered once the site is there.
"""

from monitoring.admin import facts, imports, labs, mappings, units

__all__ = ["facts", "imports", "labs", "mappings", "units"]
