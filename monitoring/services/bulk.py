"""Inserts many rows of one model: COPY on PostgreSQL, bulk_create elsewhere and for a handful."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import JSONField, Model

AnyModel = TypeVar("AnyModel", bound=Model)

# Below this many rows one INSERT is as fast and keeps the statement readable in logs.
FEW = 100


def insert_rows(model: type[AnyModel], rows: Sequence[AnyModel]) -> Sequence[AnyModel]:
    """Insert unsaved `rows` in order and set their primary keys; one round trip for the keys and one for the rows.

    Values must already be of the types of their columns (no `pre_save` is run). Constraints hold as ever: any
    violation refuses all rows. Runs in the caller's transaction.
    """
    if len(rows) < FEW or connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows, batch_size=500)
        return rows
    fields = list(model._meta.concrete_fields)
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [model._meta.db_table, model._meta.pk.column, len(rows)],
        )
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = key
    texts: dict[int, str] = {}

    def as_json(value: Any) -> str:
        # Rows that share one list (as assessments with the same lines do) are written out once.
        text = texts.get(id(value))
        if text is None:
            text = texts[id(value)] = json.dumps(value, cls=DjangoJSONEncoder)
        return text

    readers: list[tuple[str, Callable[[Any], Any] | None]] = [
        (field.attname, as_json if isinstance(field, JSONField) else None) for field in fields
    ]
    connection.ensure_connection()
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            values = row.__dict__
            copy.write_row([values[name] if write is None else write(values[name]) for name, write in readers])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias
    return rows
