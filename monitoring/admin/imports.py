"""Imports of laboratory files: sent in here, accounted for row by row; what waits can be tried again or dismissed."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.exceptions import OperationalError

from monitoring.admin.base import ReadOnlyAdmin, WardAdmin, now
from monitoring.admin.patients import OwnUnitFilter
from monitoring.admin.rights import ADD_FACTS, READ_FACTS, may, person_of, units_with
from monitoring.admin.showing import show_time
from monitoring.errors import DomainError
from monitoring.models import Import, ImportStatus, QuarantinedItem, QuarantineStatus, Unit
from monitoring.selectors_imports import waiting_by_reason
from monitoring.services.import_report import write_report
from monitoring.services.imports import MAX_FILE_BYTES, process_import, receive_file
from monitoring.services.quarantine import Replay, dismiss_items, replay_quarantine
from monitoring.tasks import process_import_task

# A file this small is read while the person waits (about a second); a larger one by a worker.
AT_ONCE_BYTES = 256 * 1024
ROWS_SHOWN = 200


class UploadForm(forms.Form):
    """A file, whose it is, and how its columns are named."""

    unit = forms.ModelChoiceField(Unit.objects.none(), label=gettext_lazy("Unit"), empty_label=None)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "CSV, one result a row: patient number, analyte or LOINC code, value, unit, time taken."
        ),
        allow_empty_file=True,
    )
    source = forms.CharField(
        label=gettext_lazy("Source"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("The sender, such as the laboratory's name. Leave empty to take it from the mapping."),
    )
    like = forms.ModelChoiceField(
        Import.objects.none(),
        label=gettext_lazy("Columns as in"),
        required=False,
        empty_label=gettext_lazy("(the usual column names, or the mapping below)"),
        help_text=gettext_lazy("Read it by the mapping of an earlier file of the same sender."),
    )
    mapping = forms.CharField(
        label=gettext_lazy("Mapping (JSON)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "class": "code"}),
        help_text=gettext_lazy("Only when the file has other column names, dates or codes."),
    )

    def __init__(self, *args: Any, units: QuerySet[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]
        mapped = Import.objects.filter(unit__in=units).exclude(mapping={}).defer("content").order_by("-received_at")
        self.fields["like"].queryset = mapped  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        """Refuse a file that is too large before it is read."""
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_BYTES:
            raise ValidationError(
                _("The file is larger than %(mb)s MB; send it in parts.") % {"mb": MAX_FILE_BYTES // 1024**2}
            )
        return file

    def clean_mapping(self) -> dict[str, Any] | None:
        """The mapping as an object, or None for none."""
        text = self.cleaned_data["mapping"].strip()
        if not text:
            return None
        try:
            document = json.loads(text)
        except ValueError as problem:
            raise ValidationError(_("This is not JSON: %(problem)s") % {"problem": problem}) from problem
        if not isinstance(document, dict):
            raise ValidationError(_("A mapping is an object in braces."))
        return document


@admin.register(Import)
class ImportAdmin(WardAdmin):
    """Files that came in, and what became of their rows."""

    reading = READ_FACTS
    adding = ADD_FACTS
    changeable = False
    list_display: Any = (
        "shown_name", "unit_code", "source", "status", "rows_read", "rows_accepted", "rows_duplicate",
        "rows_quarantined", "rows_not_kept", "received",
    )  # fmt: skip
    list_filter: ClassVar[Any] = ("status", OwnUnitFilter)
    search_fields = ("filename", "source")
    ordering = ("-received_at", "-pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the files themselves."""
        return super().get_queryset(request).select_related("unit", "actor").defer("content")

    @admin.display(description=gettext_lazy("file"), ordering="filename")
    def shown_name(self, imported: Import) -> str:
        """The file's name."""
        return imported.filename or imported.kind

    @admin.display(description=gettext_lazy("unit"))
    def unit_code(self, imported: Import) -> str:
        """The unit in short."""
        return imported.unit.code

    @admin.display(description=gettext_lazy("received"), ordering="received_at")
    def received(self, imported: Import) -> str:
        """When it came, in the unit's time."""
        return show_time(imported.received_at, imported.unit)

    def get_urls(self) -> list[URLPattern]:
        """With the report and another try."""
        view = self.admin_site.admin_view
        return [
            path("<int:object_id>/report.csv", view(self.report_view), name="monitoring_import_report"),
            path("<int:object_id>/replay/", view(self.replay_view), name="monitoring_import_replay"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send in a file."""
        units = units_with(request, self.adding)
        if not units:
            return HttpResponseRedirect(reverse("admin:monitoring_import_changelist"))
        form = UploadForm(request.POST or None, request.FILES or None, units=units)
        if request.method == "POST" and form.is_valid():
            try:
                imported = self._receive(request, form.cleaned_data)
            except DomainError as refused:
                form.add_error(None, refused.message)
            else:
                return HttpResponseRedirect(reverse("admin:monitoring_import_change", args=[imported.pk]))
        return self.page(
            request, "monitoring/import_upload.html", {"title": _("Send in a file of results"), "form": form}
        )

    def _receive(self, request: HttpRequest, sent: dict[str, Any]) -> Import:
        file, like = sent["file"], sent["like"]
        mapping = sent["mapping"] if sent["mapping"] is not None else like.mapping if like else None
        imported = receive_file(
            sent["unit"],
            stream=file,
            filename=file.name,
            source=sent["source"] or (like.source if like else ""),
            mapping=mapping,
            actor=person_of(request),
            now=now(),
        )
        if imported.status == ImportStatus.REFUSED:
            return imported
        if file.size <= AT_ONCE_BYTES:
            return process_import(imported.pk)
        transaction.on_commit(lambda: self._hand_over(request, imported.pk))
        return imported

    def _hand_over(self, request: HttpRequest, import_id: int) -> None:
        try:
            process_import_task.delay(import_id)
        except OperationalError:
            # The beat finds what stands still, so nothing is lost.
            self.message_user(request, _("The file is kept. It is read as soon as a worker is free."), messages.WARNING)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One import: the account of its rows, and those that wait."""
        imported = self._find(request, object_id)
        items = imported.quarantined.order_by("line", "pk")
        waiting = items.filter(status=QuarantineStatus.WAITING).count()
        context = {
            "title": imported.filename or imported.kind,
            "imported": imported,
            "received": show_time(imported.received_at, imported.unit),
            "finished": show_time(imported.finished_at, imported.unit),
            "items": [(item, reason_words(item.reason)) for item in items[:ROWS_SHOWN]],
            "more": max(0, items.count() - ROWS_SHOWN),
            "waiting": waiting,
            "may_replay": may(request, self.adding, imported.unit_id),
        }
        return self.page(request, "monitoring/import_page.html", context)

    def report_view(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """The report of every row as CSV."""
        imported = self._find(request, str(object_id))
        response = StreamingHttpResponse(write_report(imported), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="import-{imported.pk}-report.csv"'
        return response

    def replay_view(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """Try the rows of one import again."""
        imported = self._find(request, str(object_id))
        back = HttpResponseRedirect(reverse("admin:monitoring_import_change", args=[imported.pk]))
        if request.method != "POST" or not may(request, self.adding, imported.unit_id):
            return back
        waiting = imported.quarantined.filter(status=QuarantineStatus.WAITING)
        done = replay_quarantine(
            imported.unit, now=now(), actor=person_of(request), items=list(waiting.values_list("uuid", flat=True))
        )
        tell_replay(self, request, done)
        return back

    def _find(self, request: HttpRequest, object_id: str) -> Import:
        imported: Import | None = self.get_object(request, object_id)
        if imported is None:
            raise Http404
        return imported


def tell_replay(screen: WardAdmin, request: HttpRequest, done: Replay) -> None:
    """Say what came of trying rows again."""
    screen.message_user(
        request,
        _("%(stored)s rows are stored now, %(not_kept)s are not kept by this service, %(waiting)s wait on.")
        % {"stored": done.stored, "not_kept": done.not_kept, "waiting": done.waiting},
        messages.SUCCESS if done.stored or not done.waiting else messages.INFO,
    )


class WaitingFilter(admin.SimpleListFilter):
    """What waits, unless something else is asked for."""

    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Waiting is the default; the others and all."""
        return [("replayed", _("Replayed")), ("dismissed", _("Dismissed")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        """Name the default for what it is."""
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name]):
                choice["display"] = _("Waiting")
            yield choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows in this state."""
        wanted = self.value() or QuarantineStatus.WAITING.value
        return queryset if wanted == "all" else queryset.filter(status=wanted)


def reason_words(reason: str) -> str:
    """A reason in words: its code without the underscores."""
    return reason.replace("_", " ")


class ReasonFilter(admin.SimpleListFilter):
    """Rows that wait for one reason."""

    title = gettext_lazy("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The reasons for which something waits, the commonest first."""
        return [(reason, reason_words(reason)) for reason in waiting_by_reason(units_with(request, READ_FACTS))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with this reason."""
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(QuarantinedItem)
class QuarantinedItemAdmin(ReadOnlyAdmin):
    """Rows that could not be stored safely. They can be tried again once a mapping or a patient is there."""

    reading = READ_FACTS
    list_display: Any = ("why", "value", "message", "mrn", "line", "column", "shown_import", "status")
    list_filter: ClassVar[Any] = (WaitingFilter, ReasonFilter, OwnUnitFilter)
    search_fields = ("mrn", "value", "message", "imported__filename")
    ordering = ("created_at", "imported", "line", "pk")
    actions: Any = ("replay", "dismiss")
    fields = (
        "why", "message", "column", "value", "line", "mrn", "raw", "imported", "status", "created_at", "closed_at",
        "closed_by",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the import, without its file."""
        rows = super().get_queryset(request).select_related("unit", "imported", "closed_by")
        return rows.defer("imported__content", "imported__mapping")

    @admin.display(description=gettext_lazy("reason"), ordering="reason")
    def why(self, item: QuarantinedItem) -> str:
        """The reason in words."""
        return reason_words(item.reason)

    @admin.display(description=gettext_lazy("import"))
    def shown_import(self, item: QuarantinedItem) -> str:
        """The file it came in."""
        return item.imported.filename or item.imported.source

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may add results may try them again, and may dismiss what is not one."""
        return may(request, ADD_FACTS)

    @admin.action(description=gettext_lazy("Try again"), permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[QuarantinedItem]) -> None:
        """Read the chosen rows again, by the mappings and patients known now."""
        total = Replay()
        for unit, uuids in _by_unit(request, chosen).items():
            done = replay_quarantine(unit, now=now(), actor=person_of(request), items=uuids)
            total = Replay(total.stored + done.stored, total.not_kept + done.not_kept, total.waiting + done.waiting)
        tell_replay(self, request, total)

    @admin.action(description=gettext_lazy("Dismiss: looked at, not wanted"), permissions=["replay"])
    def dismiss(self, request: HttpRequest, chosen: QuerySet[QuarantinedItem]) -> None:
        """Close the chosen rows that wait."""
        closed = sum(
            dismiss_items(unit, items=uuids, actor=person_of(request), now=now())
            for unit, uuids in _by_unit(request, chosen).items()
        )
        self.message_user(request, _("%(n)s rows are dismissed.") % {"n": closed}, messages.SUCCESS)


def _by_unit(request: HttpRequest, chosen: QuerySet[QuarantinedItem]) -> dict[Unit, list[UUID]]:
    """The chosen rows by unit, of those units in which the user may add results."""
    allowed = {unit.pk: unit for unit in units_with(request, ADD_FACTS)}
    out: dict[Unit, list[UUID]] = defaultdict(list)
    for unit_id, uuid in chosen.filter(unit_id__in=list(allowed)).values_list("unit_id", "uuid"):
        out[allowed[unit_id]].append(uuid)
    return out
