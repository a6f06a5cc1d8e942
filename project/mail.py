"""E-mail settings: one EMAIL_URL, or EMAIL_HOST and its companions; the console when neither is set."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from project.env import Environment, EnvironmentProblem

SMTP = "django.core.mail.backends.smtp.EmailBackend"
CONSOLE = "django.core.mail.backends.console.EmailBackend"


def settings_from(env: Environment) -> dict[str, Any]:
    """Give Django's EMAIL_* settings.

    `smtp://` is plain, `smtp+tls://` is STARTTLS, `smtps://` is TLS from the first byte. User name and
    password are percent-encoded in the URL.
    """
    url = env.url("EMAIL_URL", schemes=("smtp", "smtp+tls", "smtps", "console"))
    host = env.find("EMAIL_HOST")
    if url is not None and host is not None:
        raise EnvironmentProblem("EMAIL_HOST", host, "only one of EMAIL_URL and EMAIL_HOST to be set")
    settings: dict[str, Any] = {
        "EMAIL_BACKEND": CONSOLE,
        "EMAIL_TIMEOUT": env.integer("EMAIL_TIMEOUT", 15, minimum=1, maximum=40),
        "DEFAULT_FROM_EMAIL": env.text("EMAIL_FROM", "calciwatch@localhost"),
        "EMAIL_SUBJECT_PREFIX": "[CalciWatch] ",
    }
    settings["SERVER_EMAIL"] = settings["DEFAULT_FROM_EMAIL"]
    if url is not None and not url.startswith("console://"):
        settings.update(_from_url(url))
    elif host is not None:
        encryption = env.choice("EMAIL_ENCRYPTION", "starttls", options=("none", "starttls", "tls"))
        settings.update(
            EMAIL_BACKEND=SMTP,
            EMAIL_HOST=host,
            EMAIL_PORT=env.integer("EMAIL_PORT", 465 if encryption == "tls" else 587, minimum=1, maximum=65535),
            EMAIL_HOST_USER=env.text("EMAIL_USER", ""),
            EMAIL_HOST_PASSWORD=env.text("EMAIL_PASSWORD", ""),
            EMAIL_USE_TLS=encryption == "starttls",
            EMAIL_USE_SSL=encryption == "tls",
        )
    return settings


def _from_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if not parts.hostname:
        raise EnvironmentProblem("EMAIL_URL", f"{parts.scheme}://", "a URL with a host name")
    settings: dict[str, Any] = {
        "EMAIL_BACKEND": SMTP,
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }
    senders = parse_qs(parts.query).get("from")
    if senders:
        settings["DEFAULT_FROM_EMAIL"] = settings["SERVER_EMAIL"] = senders[0]
    return settings
