"""Events of alerts and notifications: records to read; a notification that failed can be sent again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts.admin.words import event_words
from alerts.lifecycle import EventType
from alerts.models import AlertEvent, Notification, NotificationStatus
from monitoring.admin.base import ReadOnlyAdmin, now
from monitoring.admin.patients import OwnUnitFilter
from monitoring.admin.rights import CLOSE_ALERTS, MANAGERS, READ_ALERTS, may, units_with
from monitoring.admin.showing import show_time


@admin.register(AlertEvent)
class AlertEventAdmin(ReadOnlyAdmin):
    """What happened, in the order in which it was committed; never altered."""

    reading = READ_ALERTS
    list_display: Any = ("seq", "moment", "what", "alert", "actor_name", "reason", "unit_code")
    list_filter: ClassVar[Any] = ("type", OwnUnitFilter)
    search_fields = ("alert__patient__mrn", "actor_name", "reason")
    ordering = ("-seq",)
    fields = ("seq", "moment", "what", "alert", "actor_name", "reason", "before", "after", "evidence", "rule_set")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With alert and unit."""
        return super().get_queryset(request).select_related("alert__patient", "unit", "rule_set")

    @admin.display(description=gettext_lazy("when"), ordering="seq")
    def moment(self, event: AlertEvent) -> str:
        """When, in the unit's time."""
        return show_time(event.at, event.unit)

    @admin.display(description=gettext_lazy("what"))
    def what(self, event: AlertEvent) -> str:
        """What happened."""
        return event_words(EventType(event.type))

    @admin.display(description=gettext_lazy("unit"))
    def unit_code(self, event: AlertEvent) -> str:
        """The unit in short."""
        return event.unit.code


class UnitOfEventFilter(OwnUnitFilter):
    """Rows of events of one of the user's units."""

    path = "event__unit"


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """Who was told what, by which channel; what failed waits here for a person."""

    unit_path = "event__unit"
    reading = CLOSE_ALERTS | MANAGERS
    list_display: Any = ("created", "recipient", "channel", "event", "status", "attempts", "last_error")
    list_filter: ClassVar[Any] = ("status", "channel", UnitOfEventFilter)
    search_fields = ("recipient__username", "last_error")
    actions: Any = ("send_again",)
    fields = ("event", "channel", "recipient", "status", "attempts", "created", "sent", "last_error")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With event, unit and recipient."""
        return super().get_queryset(request).select_related("event__unit", "event__alert", "recipient")

    @admin.display(description=gettext_lazy("created"), ordering="created_at")
    def created(self, notification: Notification) -> str:
        """When it was written, in the unit's time."""
        return show_time(notification.created_at, notification.event.unit)

    @admin.display(description=gettext_lazy("sent"))
    def sent(self, notification: Notification) -> str:
        """When it was sent, in the unit's time."""
        return show_time(notification.sent_at, notification.event.unit)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Who may see them may have them sent again."""
        return may(request, self.reading)

    @admin.action(description=gettext_lazy("Send again (failed ones)"), permissions=["resend"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Notification]) -> None:
        """Put failed rows back into the outbox; the sweep sends them within a minute."""
        failed = Notification.objects.filter(
            pk__in=list(chosen.values_list("pk", flat=True)),
            status=NotificationStatus.FAILED,
            event__unit__in=units_with(request, self.reading),
        )
        count = failed.update(status=NotificationStatus.PENDING, attempts=0, next_attempt_at=now(), last_error="")
        if count:
            self.message_user(request, _("%(n)s will be sent again in a moment.") % {"n": count}, messages.SUCCESS)
        else:
            self.message_user(request, _("None of them has failed, so nothing is sent twice."), messages.INFO)
