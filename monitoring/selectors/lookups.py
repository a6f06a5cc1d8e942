"""The lookup `among`: a list of integers as one parameter instead of a thousand."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, Lookup
from django.db.models.sql.compiler import SQLCompiler


class Among(Lookup):
    """`filter(id__among=ids)`: as `id__in`, but PostgreSQL gets one array, and nobody parses ten thousand marks."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """Databases without arrays: the numbers themselves, which are integers and need no quoting."""
        left, parameters = self.process_lhs(compiler, connection)
        numbers = self._numbers()
        if not numbers:
            return "1 = 0", []
        return f"{left} IN ({', '.join(map(str, numbers))})", list(parameters)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """One array parameter."""
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", [*parameters, self._numbers()]

    def _numbers(self) -> list[int]:
        """The integers of the list; anything else is refused here."""
        return [int(item) for item in self.rhs]


def register_lookups() -> None:
    """Make `among` known to all fields; called once, when the apps are ready."""
    Field.register_lookup(Among)
    ForeignKey.register_lookup(Among)
