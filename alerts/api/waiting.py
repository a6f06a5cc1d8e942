"""Waits a little for the next event, without holding a transaction, and without letting waiters fill the house."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import connection

# The web process has 8 threads by default: those who wait must leave room for those who work.
MOST_WAITING: Final = 4
LOOK_SECONDS: Final = 0.5

_places = threading.BoundedSemaphore(MOST_WAITING)


def wait_until(happened: Callable[[], bool], *, seconds: float) -> bool:
    """Look until it has happened or the time is over; says whether it has.

    Each look is a statement of its own; between looks the connection is given back. When too many wait already, the
    answer comes at once: asking again is the caller's business.
    """
    if seconds <= 0 or not _places.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            give_connection_back()
            time.sleep(min(LOOK_SECONDS, left))
            if happened():
                return True
    finally:
        _places.release()


def give_connection_back() -> None:
    """Close the connection (or return it to the pool) unless a transaction is open."""
    if not connection.in_atomic_block:
        connection.close()
