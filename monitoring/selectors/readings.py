"""Reads believed readings of many patients straight into arrays, one analyte at a time, without a Python row.

PostgreSQL packs each column of an analyte into one binary array in index order (index `lab_result_believed`), which
NumPy reads in place; other databases give rows. Both give the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import psycopg
from django.db import connection

from monitoring.rules.features import ANALYTE_ORDER, COMPARATORS, TIMINGS
from monitoring.rules.types import DAY, NEVER, NO_TIME, Readings

# PostgreSQL counts microseconds from 2000-01-01 UTC.
_POSTGRES_EPOCH = 946_684_800
# An array of one dimension without nulls: five header words, then length and value of each element.
_ARRAY_HEADER = 20
_COLUMNS = (">i8", ">f8", ">i8", ">i8", ">i2")

_MARKS = (
    "(CASE comparator "
    + " ".join(f"WHEN '{mark}' THEN {i}" for i, mark in enumerate(COMPARATORS))
    + " END * 4 + CASE timing "
    + " ".join(f"WHEN '{timing}' THEN {i}" for i, timing in enumerate(TIMINGS))
    + " END)"
)
# The same words as the index's own condition, so that the planner can use it.
_BELIEVED = "retired_at IS NULL AND NOT (status = 'withdrawn')"


def read_readings(patient_ids: Sequence[int], windows: Mapping[str, int | None], as_of: int) -> Readings:
    """Believed readings of `patient_ids` (sorted), per analyte code within the days before `as_of` (None: all).

    `as_of` is in seconds; later readings are included, since they say when the patient is due. All rows count as
    received: the caller judges by what is known now. Analytes in one round trip each.
    """
    parts = [part for analyte, days in windows.items() if (part := _read_analyte(patient_ids, analyte, days, as_of))]
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        small = np.empty(0, dtype=np.int16)
        return Readings(empty, small, np.empty(0), small, small, empty, empty, empty, empty)
    patient, analyte, value, taken, ids, marks = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Readings(
        patient=patient,
        analyte=analyte,
        value=value,
        comparator=(marks // 4).astype(np.int16),
        timing=(marks % 4).astype(np.int16),
        taken_at=taken,
        received_at=np.broadcast_to(np.int64(NO_TIME), len(patient)),
        retired_at=np.broadcast_to(np.int64(NEVER), len(patient)),
        id=ids,
    )


def _read_analyte(patient_ids: Sequence[int], analyte: str, days: int | None, as_of: int) -> tuple[Any, ...] | None:
    postgres = connection.vendor == "postgresql"
    where, parameters = _which(patient_ids, postgres=postgres)
    where, parameters = f"analyte = %s AND {where} AND {_BELIEVED}", [analyte, *parameters]
    if days is not None:
        since = as_of - days * DAY
        where += " AND taken_at >= to_timestamp(%s)" if postgres else " AND taken_at >= datetime(%s, 'unixepoch')"
        parameters.append(since)
    columns = _postgres_columns(where, parameters) if postgres else _plain_columns(where, parameters)
    if columns is None:
        return None
    patient, value, taken, ids, marks = columns
    if len(patient) and not _is_all(patient_ids):
        keep = np.isin(patient, np.asarray(patient_ids, dtype=np.int64))
        if not keep.all():
            patient, value, taken, ids, marks = (column[keep] for column in (patient, value, taken, ids, marks))
    code = np.full(len(patient), ANALYTE_ORDER.index(analyte), dtype=np.int16)
    return patient, code, value, taken, ids, marks


def _is_all(patient_ids: Sequence[int]) -> bool:
    return patient_ids[-1] - patient_ids[0] + 1 == len(patient_ids)


def _which(patient_ids: Sequence[int], *, postgres: bool) -> tuple[str, list[Any]]:
    """A range when the keys lie close together (others are dropped afterwards), else the keys themselves."""
    span = patient_ids[-1] - patient_ids[0] + 1
    if span <= 2 * len(patient_ids):
        return "patient_id BETWEEN %s AND %s", [patient_ids[0], patient_ids[-1]]
    if postgres:
        return "patient_id = ANY(%s)", [list(patient_ids)]
    marks = ", ".join(str(int(patient)) for patient in patient_ids)
    return f"patient_id IN ({marks})", []


def _postgres_columns(where: str, parameters: list[Any]) -> tuple[Any, ...] | None:
    sql = (
        "SELECT array_agg(patient_id), array_agg(value), array_agg(taken_at), array_agg(id), "  # noqa: S608 (own text)
        f"array_agg({_MARKS}::int2) FROM monitoring_labresult WHERE {where}"
    )
    connection.ensure_connection()
    # Django's own cursors bind on the client and can only give text; this one shares the connection and transaction.
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, parameters, binary=True)
        result = cursor.pgresult
        raw = [] if result is None else [result.get_value(0, i) or b"" for i in range(len(_COLUMNS))]
    if not raw or not raw[0]:
        return None
    arrays = []
    for data, kind in zip(raw, _COLUMNS, strict=True):
        element = np.dtype([("length", ">i4"), ("value", kind)])
        packed = np.frombuffer(data, dtype=element, offset=_ARRAY_HEADER)["value"]
        arrays.append(packed.astype(np.dtype(kind).newbyteorder("=")))
    patient, value, taken, ids, marks = arrays
    return patient, value, taken // 1_000_000 + _POSTGRES_EPOCH, ids, marks


def _plain_columns(where: str, parameters: list[Any]) -> tuple[Any, ...] | None:
    sql = (
        "SELECT patient_id, value, CAST(strftime('%%s', taken_at) AS INTEGER), id, "  # noqa: S608 (own text)
        f"{_MARKS} FROM monitoring_labresult WHERE {where}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    if not rows:
        return None
    patient, value, taken, ids, marks = zip(*rows, strict=True)
    return (
        np.array(patient, dtype=np.int64),
        np.array(value, dtype=np.float64),
        np.array(taken, dtype=np.int64),
        np.array(ids, dtype=np.int64),
        np.array(marks, dtype=np.int16),
    )
