"""Takes in results sent as messages instead of files: stores what is safe, keeps the rest in quarantine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction

from monitoring.ingest.raw import Ignored, NormalisedResult, RawResult, Refusal
from monitoring.models import Import, ImportStatus, LabResult, Unit
from monitoring.selectors.labs import stored_result
from monitoring.services.imports import quarantine, reader_of
from monitoring.services.reception import full_source, receive_results

KIND = "api"


class Outcome(StrEnum):
    """What became of an item."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    NOT_KEPT = "not_kept"


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """The answer to one item: why it waits (`refusal`) or is not kept (`message`), and the result as understood."""

    outcome: Outcome
    refusal: Refusal | None = None
    message: str = ""
    sent: NormalisedResult | None = None


def submit_batch(
    unit: Unit,
    *,
    items: Sequence[RawResult | Refusal],
    source: str,
    content: bytes,
    actor: User | None,
    now: datetime,
) -> tuple[Import, list[ItemAnswer]]:
    """Store a batch of one sender; one answer for each item, in order, and the account that keeps `content` whole.

    No item affects another. Lines of items count from 1 in the order sent. One transaction.
    """
    with transaction.atomic():
        imported = _account(unit, source, content, actor, now)
        imported.save()
        answers = _judge(imported, items, now=now)
        _book(imported, answers, now)
    return imported, answers


def submit_result(
    unit: Unit,
    *,
    item: RawResult | Refusal,
    source: str,
    content: bytes,
    actor: User | None,
    now: datetime,
) -> tuple[ItemAnswer, LabResult | None, Import | None]:
    """Store a single result; give the answer, the result that now stands for it, and the account if it waits.

    A result that is stored needs no account beside it: it carries all that was sent of it. Only one that begins to
    wait in quarantine gets one; a sender that repeats for ever what waits already adds nothing. One transaction.
    """
    with transaction.atomic():
        account = _account(unit, source, content, actor, now)
        (answer,) = _judge(account, [item], now=now)
        if answer.refusal is not None:
            account.save()
            _book(account, [answer], now)
            if account.rows_quarantined:
                return answer, None, account
            account.delete()
            return answer, None, None
        stored = stored_result(unit, full_source(unit, source), answer.sent) if answer.sent else None
    return answer, stored, None


def _account(unit: Unit, source: str, content: bytes, actor: User | None, now: datetime) -> Import:
    return Import(
        unit=unit,
        source=source,
        kind=KIND,
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        status=ImportStatus.FINISHED,
        actor=actor,
        received_at=now,
        finished_at=now,
    )


def _judge(account: Import, items: Sequence[RawResult | Refusal], *, now: datetime) -> list[ItemAnswer]:
    reader = reader_of(account, now=now)
    answers: list[ItemAnswer | None] = [None] * len(items)
    places: list[int] = []
    raws: list[RawResult] = []
    results: list[NormalisedResult] = []
    for place, item in enumerate(items):
        outcome = item if isinstance(item, Refusal) else reader.normaliser.normalise(item)
        if isinstance(outcome, Ignored):
            answers[place] = ItemAnswer(Outcome.NOT_KEPT, message=f"{outcome.what}: {outcome.why}.")
        elif isinstance(outcome, Refusal):
            answers[place] = ItemAnswer(Outcome.QUARANTINED, refusal=outcome, message=outcome.message)
        elif isinstance(item, RawResult):
            places.append(place)
            raws.append(item)
            results.append(outcome)
    received = receive_results(
        account.unit,
        results=results,
        source=account.source,
        now=now,
        imported=account if account.pk else None,
        ids_are_of_samples=reader.mapping.ids_are_of_samples,
    )
    for place, raw, result, answer in zip(places, raws, results, received, strict=True):
        if isinstance(answer, Refusal):
            refusal = replace(answer, raw=raw)
            answers[place] = ItemAnswer(Outcome.QUARANTINED, refusal=refusal, message=refusal.message)
        else:
            answers[place] = ItemAnswer(Outcome(answer.value), sent=result)
    return [answer for answer in answers if answer is not None]


def _book(account: Import, answers: Sequence[ItemAnswer], now: datetime) -> None:
    """Write down what waits, and the counts; a repeat of what waits already is booked as known."""
    refusals = [answer.refusal for answer in answers if answer.refusal is not None]
    kept = quarantine(account, refusals, now=now)
    ends = Counter(answer.outcome for answer in answers)
    account.rows_read = len(answers)
    account.rows_accepted = ends[Outcome.ACCEPTED] + ends[Outcome.CORRECTED]
    account.rows_duplicate = ends[Outcome.DUPLICATE] + len(refusals) - kept
    account.rows_quarantined = kept
    account.rows_not_kept = ends[Outcome.NOT_KEPT]
    account.save()
