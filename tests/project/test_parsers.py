"""A body that is nested absurdly deeply is the sender's fault and is answered as such."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient


@pytest.mark.django_db
def test_a_hundred_thousand_brackets_are_a_malformed_request(alice: User) -> None:
    client = APIClient()
    client.force_login(alice)
    answer = client.post("/api/v1/lab-results", data="[" * 100_000, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed-request"
    assert "nested" in answer.json()["detail"]
