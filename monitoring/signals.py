"""The one signal of the monitoring app: facts of some patients have changed and are committed."""

from django.dispatch import Signal

# Sent after commit with `patient_ids`: a sorted list of primary keys, never empty.
facts_changed = Signal()
