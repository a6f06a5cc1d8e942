"""The page on which people act on alerts, one or many: asks for plan, time or outcome, then calls the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alerts.admin.words import action_words, state_words, title_of
from alerts.lifecycle import PEOPLES_OUTCOMES, TRANSITIONS, Action, Workflow, longest_quiet
from alerts.models import OUTCOME_CHOICES, Alert
from alerts.services.transitions import change_alert
from monitoring.admin.base import MomentInput, now
from monitoring.admin.rights import CLOSE_ALERTS, TEND_ALERTS, Roles, may, person_of
from monitoring.admin.showing import severity_chip, show_time
from monitoring.errors import DomainError
from monitoring.rules.types import Severity

MOST_AT_ONCE = 200

ROLES_OF_ACTION: dict[Action, Roles] = {
    Action.ACKNOWLEDGE: TEND_ALERTS,
    Action.SNOOZE: TEND_ALERTS,
    Action.NOTE: TEND_ALERTS,
    Action.RESOLVE: CLOSE_ALERTS,
    Action.ASSIGN: CLOSE_ALERTS,
}


def allowed_actions(request: HttpRequest, alert: Alert) -> list[Action]:
    """What this user may do to this alert in its present state."""
    return [
        action
        for action in Action
        if (Workflow(alert.workflow), action) in TRANSITIONS and may(request, ROLES_OF_ACTION[action], alert.unit_id)
    ]


class ActForm(forms.Form):
    """What an action needs to know; fields that it does not need are not there."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}), max_length=2000
    )
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        choices=[(value, label) for value, label in OUTCOME_CHOICES if value in {o.value for o in PEOPLES_OUTCOMES}],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Please say how it ended.")},
    )
    until = forms.DateTimeField(label=gettext_lazy("Until"), required=False, widget=MomentInput)
    assignee = forms.ModelChoiceField(
        User.objects.none(), label=gettext_lazy("To"), required=False, empty_label=gettext_lazy("nobody")
    )

    def __init__(self, *args: Any, action: Action, alerts: list[Alert], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = action_words(action)
        self.fields["reason"].label = words["question"]
        self.fields["reason"].error_messages["required"] = _("Please say it in a few words.")
        if action is not Action.RESOLVE:
            del self.fields["outcome"]
        if action not in (Action.ACKNOWLEDGE, Action.SNOOZE):
            del self.fields["until"]
        else:
            worst = max((Severity(alert.severity) for alert in alerts), default=Severity.INFO)
            latest = timezone.localtime(now() + longest_quiet(action, worst))
            self.fields["until"].help_text = _("At the latest %(t)s. Leave it empty for the longest time allowed.") % {
                "t": f"{latest:%-d %b %Y, %H:%M}"
            }
        if action is Action.ASSIGN:
            self.fields["reason"].required = False
            units = {alert.unit_id for alert in alerts}
            members = User.objects.filter(is_active=True, memberships__unit__in=units).distinct().order_by("username")
            self.fields["assignee"].queryset = members  # type: ignore[attr-defined]
        else:
            del self.fields["assignee"]


def act_on_alerts(
    request: HttpRequest, *, action: Action, alerts: list[Alert], context: dict[str, Any], back: str
) -> HttpResponseBase:
    """Ask on GET (or without an answer yet), act on POST with "apply".

    The version of each alert as it was shown travels in the form; an alert that somebody has changed since is left as
    it is, and that is said. `alerts` are those the user may act on; `context` is the frame of the site.
    """
    if not alerts:
        messages.info(request, _("There is nothing here that you could change in this way."))
        return HttpResponseRedirect(back)
    applying = request.method == "POST" and "apply" in request.POST
    form = ActForm(request.POST if applying else None, action=action, alerts=alerts)
    if applying and form.is_valid():
        _apply(request, action, alerts, form.cleaned_data)
        return HttpResponseRedirect(back)
    words = action_words(action)
    posted = request.POST if applying else {}
    return TemplateResponse(
        request,
        "alerts/act.html",
        {
            **context,
            "title": words["button"],
            "words": words,
            "action": action.value,
            "form": form,
            "back": back,
            "rows": [
                {
                    "alert": alert,
                    # What was shown first counts, also when the form comes back with an error.
                    "version": posted.get(f"version_{alert.pk}", alert.version),
                    "chip": severity_chip(alert.severity),
                    "title": title_of(alert),
                    "state": state_words(alert),
                    "since": show_time(alert.since, alert.unit),
                }
                for alert in alerts
            ],
        },
    )


def _apply(request: HttpRequest, action: Action, alerts: Iterable[Alert], said: dict[str, Any]) -> None:
    done, refusals = 0, []
    for alert in alerts:
        shown = request.POST.get(f"version_{alert.pk}", "")
        try:
            change_alert(
                alert,
                action=action,
                now=now(),
                actor=person_of(request),
                reason=said["reason"],
                until=said.get("until"),
                outcome=said.get("outcome", ""),
                assignee=said.get("assignee"),
                expected_version=int(shown) if shown.isdecimal() else None,
            )
        except DomainError as refused:
            refusals.append(f"{alert.patient.family_name}, {title_of(alert)}: {_in_words(refused)}")
        else:
            done += 1
    if done:
        messages.success(request, ngettext("%(n)d alert is changed.", "%(n)d alerts are changed.", done) % {"n": done})
    for refusal in refusals:
        messages.error(request, refusal)


def _in_words(refused: DomainError) -> str:
    if refused.code == "alert-changed":
        return _("somebody has changed this alert since you looked at it. Look again, then decide.")
    if refused.code == "until-too-far":
        return _("it cannot be quiet for so long. Choose an earlier time.")
    return refused.message


def address_of_action(alert: Alert, action: Action) -> str:
    """Where to act on one alert."""
    return reverse("admin:alerts_alert_act", args=[alert.pk, action.value])
