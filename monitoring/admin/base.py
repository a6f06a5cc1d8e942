"""What every screen of the ward has in common: rows of one's own units only, refusals in words, times of the unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst

from monitoring.admin.rights import EVERYBODY, NOBODY, Roles, may, units_with
from monitoring.admin.showing import zone_of
from monitoring.errors import DomainError
from monitoring.models import Unit

if TYPE_CHECKING:
    PlainAdmin = admin.ModelAdmin[Any]
else:
    PlainAdmin = admin.ModelAdmin


class DayInput(forms.DateInput):
    """The browser's own calendar: needs no script of ours and works by keyboard."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%Y-%m-%d")


class MomentInput(forms.DateTimeInput):
    """The browser's own calendar and clock."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%Y-%m-%dT%H:%M")


class MomentField(forms.DateTimeField):
    """A moment to the minute. What was stored with seconds and is shown without has not been changed by showing it."""

    widget = MomentInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether it differs by a minute or more."""
        try:
            value = self.to_python(data)
        except ValidationError:
            return True
        if not initial or not value:
            return bool(initial) != bool(value)
        return bool(_to_minute(initial) != _to_minute(value))


def _to_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def keep_seconds(row: Any, form: Any) -> None:
    """Put back the stored moments that the form showed without seconds and nobody changed."""
    for name, field in form.fields.items():
        if isinstance(field, MomentField) and name not in form.changed_data and form.initial.get(name):
            setattr(row, name, form.initial[name])


def render_in(unit: Unit | None, make: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Call a view and render its page with the times of `unit`."""
    with timezone.override(zone_of(unit) if unit else None):
        response = make()
        if isinstance(response, TemplateResponse):
            response.render()
    return response


class WardAdmin(PlainAdmin):
    """A table of the ward. Sub-classes say by which path a row belongs to a unit, and which roles may do what.

    `unit_path` "" is for tables that belong to no unit: whoever may read sees all rows.
    """

    unit_path: str = "unit"
    reading: Roles = EVERYBODY
    adding: Roles = NOBODY
    changing: Roles = NOBODY
    removing: Roles = NOBODY
    # What nobody may do, not even a superuser: facts are superseded, events are never altered.
    addable = True
    changeable = True
    removable = False

    list_per_page = 50
    show_full_result_count = False
    save_on_top = False
    formfield_overrides = {
        models.DateField: {"widget": DayInput},
        models.TextField: {"widget": forms.Textarea(attrs={"rows": 3})},
        models.DateTimeField: {"form_class": MomentField, "widget": MomentInput},
    }

    def unit_id_of(self, row: Any) -> int | None:
        """The primary key of the unit that a row belongs to."""
        if not self.unit_path:
            return None
        *path, last = self.unit_path.split("__")
        for name in path:
            row = getattr(row, name)
        unit_id: int | None = getattr(row, f"{last}_id")
        return unit_id

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the units in which the user may read."""
        rows = super().get_queryset(request)
        if not self.unit_path:
            return rows if may(request, self.reading) else rows.none()
        return rows.filter(**{f"{self.unit_path}__in": units_with(request, self.reading)})

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the table appears at all."""
        return may(request, self.reading)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may see this row, or the list."""
        return may(request, self.reading, self._unit_of(obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user may add a row in some unit."""
        return self.addable and may(request, self.adding)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change this row."""
        return self.changeable and may(request, self.changing, self._unit_of(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may delete this row; facts and records never."""
        return self.removable and may(request, self.removing, self._unit_of(obj))

    def _unit_of(self, obj: Any) -> int | None:
        return self.unit_id_of(obj) if obj is not None and obj.pk is not None else None

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Offer only units in which the user may add."""
        if db_field.remote_field.model is Unit:
            kwargs["queryset"] = units_with(request, self.adding)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the small buttons beside a choice: there is one place for each thing."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        widget = getattr(field, "widget", None)
        for name in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if hasattr(widget, name):
                setattr(widget, name, False)
        return field

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list under its own name."""
        named = {"title": capfirst(str(self.opts.verbose_name_plural))}
        return super().changelist_view(request, named | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show or save; what the domain refuses comes back as a calm sentence, and nothing was written."""
        try:
            return render_in(
                self.unit_of_form(request, object_id),
                lambda: super(WardAdmin, self).changeform_view(
                    request, object_id, form_url, {"show_save_and_add_another": False} | (extra_context or {})
                ),
            )
        except DomainError as refused:
            self.message_user(request, refused.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def unit_of_form(self, request: HttpRequest, object_id: str | None) -> Unit | None:
        """The unit whose times a form uses, when there is only one to think of."""
        row = self.get_object(request, object_id) if object_id else None
        unit_id = self.unit_id_of(row) if row is not None else None
        return Unit.objects.filter(pk=unit_id).first() if unit_id is not None else None

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        """A page of our own in the frame of the site."""
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context}
        )


class ReadOnlyAdmin(WardAdmin):
    """A record that people read and nobody writes here."""

    addable = False
    changeable = False


def now() -> datetime:
    """The clock of the screens, read once per request at the edge."""
    return timezone.now()
