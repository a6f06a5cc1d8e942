"""Database and cache settings made from a URL, or from the data folder."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES: Final = ("postgresql", "postgres", "sqlite")


def settings_of(url: str, *, pool_size: int) -> dict[str, Any]:
    """Settings of the database a URL names: PostgreSQL, or SQLite as `sqlite:///absolute/path`."""
    if is_sqlite(url):
        return sqlite(Path(unquote(urlsplit(url).path)))
    return postgres(url, pool_size=pool_size)


def is_sqlite(url: str) -> bool:
    """Say whether the URL names a file on this machine."""
    return url.startswith("sqlite:")


def sqlite(path: Path) -> dict[str, Any]:
    """Settings of the embedded SQLite database, shared by web, worker and beat.

    WAL lets readers go on during a write. IMMEDIATE takes the write lock at the start of a transaction, where
    the busy timeout applies; a lock taken later fails at once with "database is locked".
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        },
    }


def postgres(url: str, *, pool_size: int) -> dict[str, Any]:
    """Settings of PostgreSQL from `postgresql://user:password@host:port/name?option=value`.

    A host given as the query option `host` may be a folder with a Unix socket. `pool_size` is the largest
    number of connections a process keeps; 0 switches the pool off.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    port = options.pop("port", None) or (str(parts.port) if parts.port else "")
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def cache(url: str) -> dict[str, Any]:
    """Settings of the cache: the memory of each process, or Redis."""
    if url.startswith("locmem://"):
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "calciwatch"}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "calciwatch",
    }
