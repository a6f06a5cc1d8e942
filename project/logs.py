"""Structured logs that carry ids only: what would identify a patient or open a door is redacted."""

import logging
import logging.config
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED: Final = "[redacted]"

# Keys that hold, in any log call of ours or of a library, what would identify a patient or open a door.
# fmt: off
IDENTIFYING_KEYS: Final = frozenset({
    "mrn", "medical_record_number", "patient", "patient_name", "given_name", "given_names", "family_name",
    "first_name", "last_name", "full_name", "birth_date", "birthdate", "date_of_birth", "dob", "address",
    "phone", "email", "value", "value_text", "payload", "raw", "raw_message", "body", "password", "secret", "token",
    "api_key", "apikey", "authorization", "cookie", "session_key",
})
# fmt: on

# key=value or "key": "value" inside a sentence, as libraries write them.
IDENTIFYING_TEXT: Final = re.compile(
    r"""(?ix) (?P<key> ['"]? \b (?: mrn | given_names? | family_name | first_name | last_name | birth_?date |
        date_of_birth | dob | password | secret | token | api_key | authorization ) \b ['"]? \s* [:=] \s* )
        (?P<value> "[^"]*" | '[^']*' | [^\s,;&)}\]]+ )"""
)

# PID and NK1 segments of HL7 v2 are all identity.
IDENTIFYING_SEGMENT: Final = re.compile(r"(?m)\b(?P<segment>PID|NK1|IN1|GT1)\|[^\r\n]*")


def redact_text(text: str) -> str:
    """Give the text with identifying values replaced."""
    text = IDENTIFYING_TEXT.sub(lambda match: f"{match['key']}{REDACTED}", text)
    return IDENTIFYING_SEGMENT.sub(lambda match: f"{match['segment']}|{REDACTED}", text)


def redact(value: Any, *, key: str = "") -> Any:
    """Give the value with everything under an identifying key replaced, however deep it lies."""
    if key.lower() in IDENTIFYING_KEYS and value is not None:
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {name: redact(item, key=str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return value


def redact_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Redact a whole log event; it runs before anything is written, for our logs and for libraries' logs."""
    return {name: redact(value, key=name) for name, value in event.items()}


def name_the_record(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep the record of a library's log call out of what is written."""
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def configure(*, log_format: str, level: str) -> None:
    """Send every log line, of structlog and of the standard library, to standard error as text or JSON."""
    renderer: list[Processor]
    if log_format == "json":
        renderer = [structlog.processors.dict_tracebacks, redact_event, structlog.processors.JSONRenderer()]
    else:
        renderer = [
            structlog.processors.format_exc_info,
            redact_event,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [*_shared(), structlog.stdlib.ExtraAdder()],
                    "processors": [name_the_record, *renderer],
                }
            },
            "handlers": {
                "console": {
                    "class": "logging.StreamHandler",
                    "formatter": "line",
                    "stream": "ext://sys.stderr",
                }
            },
            "root": {"handlers": ["console"], "level": level},
            "loggers": {
                # The request log of django_structlog says the same once, with the request id.
                "django.server": {"level": "WARNING"},
                "django.request": {"level": "ERROR"},
                "kombu": {"level": "WARNING"},
                "axes": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
            },
        }
    )
