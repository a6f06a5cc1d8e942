"""The compose file and the image, as far as they can be checked without a container engine."""

import re
from typing import Any

import pytest
import yaml

from project.schedule import QUEUE_NAMES
from tests.services import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "beat")


def test_the_parts_are_there() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "redis"}


@pytest.mark.parametrize("name", OURS)
def test_one_image_serves_all_our_parts_and_none_runs_free(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == SERVICES["web"]["image"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_nothing_starts_before_the_migrations_are_done(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_every_dependency_exists_and_a_healthy_one_has_a_health_check() -> None:
    for service in SERVICES.values():
        for name, wish in service.get("depends_on", {}).items():
            assert name in SERVICES
            if wish["condition"] == "service_healthy":
                assert "test" in SERVICES[name]["healthcheck"]


def test_only_the_web_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"web"}
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


def test_the_worker_reads_every_queue() -> None:
    assert f"--queues={','.join(QUEUE_NAMES)}" in SERVICES["worker"]["command"]


def test_the_worker_may_finish_a_task_before_it_is_cut() -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > 60


def test_secrets_have_no_default_and_every_variable_is_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / ".env.example").read_text()
    variables = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert {"SECRET_KEY", "POSTGRES_PASSWORD"} <= variables
    for name in variables - {"CALCIWATCH_VERSION"}:
        assert re.search(rf"^#?{name}=", example, re.MULTILINE), name
    for secret in ("SECRET_KEY", "POSTGRES_PASSWORD"):
        assert f"${{{secret}:?" in text
        assert f"${{{secret}:-" not in text


def test_volumes_named_exist_and_data_of_the_servers_is_kept() -> None:
    used = {entry.split(":")[0] for service in SERVICES.values() for entry in service["volumes"] if entry[0] != "/"}
    assert used == set(COMPOSE["volumes"]) == {"data", "postgres", "redis"}


def test_the_image_runs_as_somebody_without_rights_and_tells_its_health() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER calciwatch" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert not any(re.match(r"(ENV|ARG) .*(SECRET|PASSWORD)", line) for line in lines)
