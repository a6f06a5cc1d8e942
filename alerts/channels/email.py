"""Sends one notification by e-mail. Only the unit, the rule and a link: no name, no number, no value."""

from __future__ import annotations

from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from alerts.models import Notification
from monitoring.rules.catalogue import BY_CODE

HEADLINES = {
    "opened": "New alert",
    "reopened": "Alert again",
    "severity_raised": "Alert raised",
    "became_active": "Alert true again",
    "retracted": "Alert withdrawn",
    "cleared": "Alert no longer true",
}


class PermanentFailure(Exception):
    """Sending again will not help; a person has to look."""


def send_alert_email(notification: Notification) -> None:
    """Send `notification` to its recipient. Raises PermanentFailure when there is no address or it is refused."""
    address = notification.recipient.email
    if not address:
        raise PermanentFailure("the recipient has no e-mail address")
    event = notification.event
    alert = event.alert
    rule = BY_CODE[alert.rule]
    headline = HEADLINES.get(event.type, "Alert")
    link = settings.PUBLIC_URL.rstrip("/") + reverse("admin:alerts_alert_change", args=[alert.pk])
    message = EmailMessage(
        subject=f"CalciWatch {alert.unit.code}: {headline.lower()}, {alert.get_severity_display().lower()}",
        body=(
            f"{headline} in {alert.unit.name}: {rule.code} {rule.title} ({alert.get_severity_display().lower()}).\n\n"
            f"Suggested: {rule.action}\n\nOpen it here: {link}\n\n"
            "This message names no patient. CalciWatch supports decisions; it does not make a diagnosis.\n"
            f"Event {event.uuid}\n"
        ),
        to=[address],
        headers={"Message-ID": f"<{event.uuid}.{notification.recipient_id}@calciwatch>"},
    )
    try:
        message.send()
    except SMTPRecipientsRefused as problem:
        # 4xx is "not now" (greylisting, a full mailbox); 5xx is "never" (RFC 5321, 4.2.1).
        if all(code >= 500 for code, _ in problem.recipients.values()):
            raise PermanentFailure("the mail server refuses the address") from problem
        raise
