"""The settings as a whole, read by a fresh process under different environments."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services import ROOT

KEY = "k" * 40
PRINT_SETTINGS = """
import json, sys
from django.conf import settings
names = sys.argv[1:]
json.dump({name: getattr(settings, name) for name in names}, sys.stdout, default=str)
"""


def read_settings(data: Path, *names: str, **variables: str) -> Any:
    """Give the named settings as a process with only these variables sees them."""
    answer = run(data, *names, **variables)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def run(data: Path, *names: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "CALCIWATCH_DATA": str(data),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", PRINT_SETTINGS, *names],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_with_nothing_set_everything_lives_in_the_data_folder(tmp_path: Path) -> None:
    found = read_settings(
        tmp_path, "DEBUG", "EMBEDDED", "DATABASES", "BROKER_URL", "ALLOWED_HOSTS", "SECRET_KEY", "EMAIL_BACKEND"
    )
    assert found["DEBUG"] is False
    assert found["EMBEDDED"] is True
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "calciwatch.sqlite3")
    assert found["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["BROKER_URL"] == f"unix://{tmp_path}/run/broker.sock"
    assert set(found["ALLOWED_HOSTS"]) == {"localhost", "127.0.0.1", "[::1]"}
    assert found["EMAIL_BACKEND"].endswith("console.EmailBackend")
    assert len(found["SECRET_KEY"]) >= 50


def test_the_secret_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = read_settings(tmp_path, "SECRET_KEY")["SECRET_KEY"]
    assert read_settings(tmp_path, "SECRET_KEY")["SECRET_KEY"] == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_on_a_server_a_missing_secret_key_stops_the_start(tmp_path: Path) -> None:
    answer = run(tmp_path, "DEBUG", DATABASE_URL="postgresql://cw@db/calciwatch")
    assert answer.returncode != 0
    assert "SECRET_KEY is not set; expected a random text that stays the same." in answer.stderr
    assert not (tmp_path / "secret_key").exists()


def test_on_a_server_https_is_demanded_unless_it_is_switched_off(tmp_path: Path) -> None:
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")
    server = {"DATABASE_URL": "postgresql://cw@db/calciwatch", "SECRET_KEY": KEY}
    assert all(read_settings(tmp_path, *names, **server).values())
    assert not any(read_settings(tmp_path, *names, **server, CALCIWATCH_HTTPS="no").values())


def test_postgres_url_is_taken_apart(tmp_path: Path) -> None:
    found = read_settings(
        tmp_path,
        "DATABASES",
        DATABASE_URL="postgresql://cw:p%40ss@db.example:5433/calciwatch?sslmode=require",
        SECRET_KEY=KEY,
    )["DATABASES"]["default"]
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        *("cw", "p@ss", "db.example", "5433"),
        "calciwatch",
    )
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["OPTIONS"]["pool"]["max_size"] == 10


def test_the_pool_can_be_switched_off(tmp_path: Path) -> None:
    found = read_settings(
        tmp_path,
        "DATABASES",
        DATABASE_URL="postgresql://cw@db/x",
        SECRET_KEY=KEY,
        CALCIWATCH_POOL="0",
    )
    assert "pool" not in found["DATABASES"]["default"]["OPTIONS"]


def test_a_unix_socket_of_redis_works_for_celery_and_for_clients(tmp_path: Path) -> None:
    found = read_settings(tmp_path, "CELERY_BROKER_URL", "BROKER_URL", REDIS_URL="unix:///run/redis.sock")
    assert found == {
        "CELERY_BROKER_URL": "redis+socket:///run/redis.sock",
        "BROKER_URL": "unix:///run/redis.sock",
    }


@pytest.mark.parametrize(
    ("sentence", "variables", "expected"),
    [
        (
            "an SMTP URL with STARTTLS",
            {"EMAIL_URL": "smtp+tls://cw:p%40ss@mail.example:2525"},
            {
                "EMAIL_HOST": "mail.example",
                "EMAIL_PORT": 2525,
                "EMAIL_HOST_PASSWORD": "p@ss",
                "EMAIL_USE_TLS": True,
                "EMAIL_USE_SSL": False,
            },
        ),
        (
            "a host alone means STARTTLS on 587, never plain text by accident",
            {"EMAIL_HOST": "mail.example"},
            {"EMAIL_HOST": "mail.example", "EMAIL_PORT": 587, "EMAIL_USE_TLS": True, "EMAIL_USE_SSL": False},
        ),
    ],
)
def test_mail(sentence: str, variables: dict[str, str], expected: dict[str, Any], tmp_path: Path) -> None:
    assert read_settings(tmp_path, *expected, **variables) == expected, sentence


@pytest.mark.parametrize(
    ("sentence", "variables", "url"),
    [
        ("on this machine, with its port", {"CALCIWATCH_PORT": "8001"}, "http://localhost:8001"),
        (
            "on a server, the first of its names",
            {"CALCIWATCH_HOSTS": "cw.example,x.example", "CALCIWATCH_HTTPS": "true"},
            "https://cw.example",
        ),
        ("stated, exactly that", {"CALCIWATCH_URL": "https://ward.example/cw"}, "https://ward.example/cw"),
    ],
)
def test_links_in_messages_lead_to(sentence: str, variables: dict[str, str], url: str, tmp_path: Path) -> None:
    assert read_settings(tmp_path, "PUBLIC_URL", **variables)["PUBLIC_URL"] == url, sentence


def test_the_content_security_policy_lets_nothing_inline_and_nothing_foreign_in(tmp_path: Path) -> None:
    policy = read_settings(tmp_path, "CONTENT_SECURITY_POLICY")["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert policy["script-src"] == ["'self'"]
    assert policy["style-src"] == ["'self'"]
    assert policy["img-src"] == ["'self'", "data:"]
    assert "unsafe" not in json.dumps(policy)


def test_tasks_are_acknowledged_late_and_end_before_the_broker_hands_them_out_again(tmp_path: Path) -> None:
    found = read_settings(
        tmp_path,
        "CELERY_TASK_ACKS_LATE",
        "CELERY_TASK_REJECT_ON_WORKER_LOST",
        "CELERY_TASK_TIME_LIMIT",
        "CELERY_BROKER_TRANSPORT_OPTIONS",
        "CELERY_TASK_IGNORE_RESULT",
        "CELERY_ACCEPT_CONTENT",
    )
    assert found["CELERY_TASK_ACKS_LATE"]
    assert found["CELERY_TASK_REJECT_ON_WORKER_LOST"]
    assert found["CELERY_TASK_IGNORE_RESULT"]
    assert found["CELERY_ACCEPT_CONTENT"] == ["json"]
    assert found["CELERY_TASK_TIME_LIMIT"] < found["CELERY_BROKER_TRANSPORT_OPTIONS"]["visibility_timeout"]


@pytest.mark.parametrize(
    "name", ["CALCIWATCH_DATA", "CALCIWATCH_PORT", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "EMAIL_URL"]
)
def test_the_example_environment_explains_the_variables_that_matter(name: str) -> None:
    assert name in (ROOT / ".env.example").read_text()
