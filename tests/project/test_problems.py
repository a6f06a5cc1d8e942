"""How the API refuses: RFC 9457 problems that say where, what and what instead."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404
from django.test import Client, override_settings
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from monitoring.errors import Conflict, DomainError, InvalidValue, NotFound
from project.problems import PROBLEM_TYPES
from project.urls import handler404, handler500
from project.urls import urlpatterns as real_urlpatterns


class ResultSerializer(serializers.Serializer[Any]):
    """A result, for these tests."""

    analyte = serializers.CharField()
    value = serializers.DecimalField(max_digits=8, decimal_places=3)


class BatchSerializer(serializers.Serializer[Any]):
    """A batch of results, for these tests."""

    results = ResultSerializer(many=True, allow_empty=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse too many as a whole."""
        if len(attrs["results"]) > 2:
            raise serializers.ValidationError("at most 2 results at once")
        return attrs


RAISED: list[Exception] = []


class RefusingView(APIView):
    """Raises what the test wants, or validates a batch."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    throttle_classes = ()

    def get(self, request: Request) -> Response:
        """Raise it."""
        raise RAISED[-1]

    put = get

    def post(self, request: Request) -> Response:
        """Validate a batch."""
        BatchSerializer(data=request.data).is_valid(raise_exception=True)
        return Response({})


urlpatterns = [path("api/v1/refusing/", RefusingView.as_view()), *real_urlpatterns]
__all__ = ["handler404", "handler500", "urlpatterns"]

pytestmark = pytest.mark.urls(__name__)


def answer_to(failure: Exception) -> Any:
    """Give the answer when a view raises this."""
    RAISED.append(failure)
    return APIClient().get("/api/v1/refusing/")


@pytest.mark.parametrize(
    ("sentence", "failure", "status", "code"),
    [
        ("nobody is known", exceptions.NotAuthenticated(), 401, "not-authenticated"),
        ("the role does not cover it", exceptions.PermissionDenied(), 403, "permission-denied"),
        ("Django's own refusal looks the same", PermissionDenied(), 403, "permission-denied"),
        ("it does not exist, or not for this caller", Http404(), 404, "not-found"),
        ("the domain's not-found looks the same", NotFound("not-found", "No such patient."), 404, "not-found"),
        ("the body is not JSON", exceptions.ParseError(), 400, "malformed-request"),
        ("the content is of another kind", exceptions.UnsupportedMediaType("text/x"), 415, "unsupported-media-type"),
        ("the body is too large", RequestDataTooBig(), 413, "too-large"),
        ("the state does not allow it", Conflict("illegal-transition", "It is resolved."), 409, "illegal-transition"),
        ("the model refuses", ModelValidationError({"mrn": ["taken"]}), 400, "validation-error"),
    ],
)  # fmt: skip
def test_every_refusal_is_a_problem_with_a_stable_type(
    sentence: str, failure: Exception, status: int, code: str
) -> None:
    answer = answer_to(failure)
    body = answer.json()
    # Without authenticators DRF answers 403 instead of 401 to the first of them.
    assert answer.status_code in {status, 403 if status == 401 else status}, sentence
    assert answer["Content-Type"] == "application/problem+json"
    assert body["type"] in {f"/problems/{code}", "/problems/permission-denied" if status == 401 else ""}
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == "/api/v1/refusing/"


def test_a_throttled_caller_is_told_how_long_to_wait_rounded_up() -> None:
    answer = answer_to(exceptions.Throttled(wait=12.2))
    assert answer.status_code == 429
    assert answer["Retry-After"] == "13"
    assert answer.json()["type"] == "/problems/too-many-requests"


def test_a_refusal_of_the_domain_names_place_value_and_what_was_expected() -> None:
    answer = answer_to(
        InvalidValue("unit-unknown", "The unit is not known.", place="unit", value="mgdl", expected="mg/dL")
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "place": "unit",
            "value": "mgdl",
            "expected": "mg/dL",
            "message": "The unit is not known.",
            "code": "unit-unknown",
        }
    ]


def test_what_the_domain_raises_with_a_long_value_is_cut_and_not_echoed_whole() -> None:
    body = answer_to(DomainError("x-y", "No.", place="file", value="x" * 100_000)).json()
    assert len(body["errors"][0]["value"]) < 300


@pytest.mark.parametrize(
    ("sentence", "sent", "place", "value", "expected"),
    [
        (
            "the wrong value of the second result is named by its number",
            {"results": [{"analyte": "P", "value": "5.6"}, {"analyte": "P", "value": "high"}]},
            "results[1].value",
            "high",
            "A valid number is required.",
        ),
        (
            "a field that is not there is called missing",
            {"results": [{"analyte": "P"}]},
            "results[0].value",
            None,
            "a value; the field is missing",
        ),
        ("an empty list is refused", {"results": []}, "results.non_field_errors", None, "at least one entry"),
        (
            "a list where an object belongs",
            {"results": {"analyte": "P"}},
            "results.non_field_errors",
            None,
            "a list",
        ),
        (
            "a refusal of the whole has no place",
            {"results": [{"analyte": "P", "value": "1"}] * 3},
            "",
            None,
            "at most 2 results at once",
        ),
    ],
)
def test_field_errors_name_place_value_and_what_was_expected(
    sentence: str, sent: Any, place: str, value: Any, expected: str
) -> None:
    answer = APIClient().post("/api/v1/refusing/", sent, format="json")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["place"] == place.removesuffix(".non_field_errors"), sentence
    assert error["value"] == value
    assert error["expected"] == expected
    assert answer.json()["type"] == "/problems/validation-error"


def test_what_identifies_a_patient_is_not_repeated_in_the_answer() -> None:
    failure = exceptions.ValidationError({"rows": [{"mrn": ["too long"], "value": ["not a number"]}]})
    RAISED.append(failure)
    sent = {"rows": [{"mrn": "Okonjo-77", "value": "high"}]}
    answer = APIClient().put("/api/v1/refusing/", sent, format="json")
    found = {error["place"]: error["value"] for error in answer.json()["errors"]}
    assert found == {"rows[0].mrn": None, "rows[0].value": "high"}


def test_all_wrong_fields_are_told_at_once() -> None:
    answer = APIClient().post("/api/v1/refusing/", {"results": [{}, {}]}, format="json")
    assert [error["place"] for error in answer.json()["errors"]] == [
        "results[0].analyte",
        "results[0].value",
        "results[1].analyte",
        "results[1].value",
    ]


def test_a_body_that_is_not_json_is_a_problem_not_a_stack_trace() -> None:
    answer = APIClient().post("/api/v1/refusing/", "{oops", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed-request"


def test_a_failure_of_ours_is_a_problem_that_tells_nothing_of_its_inside() -> None:
    RAISED.append(RuntimeError("mrn=77 in table x"))
    answer = Client(raise_request_exception=False).get("/api/v1/refusing/")
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal-error"
    assert b"77" not in answer.content


def test_an_unknown_address_is_a_problem_for_machines_and_a_page_for_people() -> None:
    machine = Client().get("/api/v1/nowhere/")
    assert (machine.status_code, machine["Content-Type"]) == (404, "application/problem+json")
    person = Client().get("/nowhere")
    assert (person.status_code, person["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("code", sorted(PROBLEM_TYPES))
def test_each_type_leads_to_a_page_that_explains_it(code: str) -> None:
    page = Client().get(f"/problems/{code}")
    assert page.status_code == 200
    assert PROBLEM_TYPES[code].title in page.content.decode().replace("&#x27;", "'")


def test_a_type_of_the_domain_has_a_page_too_and_the_index_lists_all() -> None:
    assert Client().get("/problems/illegal-transition").status_code == 200
    index = Client().get("/problems/").content.decode()
    assert all(code in index for code in PROBLEM_TYPES)
    assert Client().get("/problems/<script>").status_code == 404


@override_settings(DEBUG=False)
def test_the_api_documentation_asks_no_other_server_for_anything() -> None:
    page = Client().get("/api/docs/").content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert "<style" not in page
    assert page.count("<script") == page.count("<script src=")


def test_the_description_of_the_api_is_openapi_3_1() -> None:
    answer = Client().get("/api/schema/", headers={"accept": "application/json"})
    assert answer.json()["openapi"].startswith("3.1")
