"""The one signal of the alerts app: rows of the outbox are committed and can be sent."""

from django.dispatch import Signal

# Sent after commit with `notification_ids`: a sorted list of primary keys, never empty.
outbox_filled = Signal()
