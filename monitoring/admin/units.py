"""Units, memberships, API keys and rule sets: who may see what, and by which limits it is judged."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.admin.base import MomentInput, ReadOnlyAdmin, WardAdmin, now
from monitoring.admin.patients import OwnUnitFilter
from monitoring.admin.rights import EVERYBODY, MANAGERS, may, person_of, units_with
from monitoring.admin.showing import NOTHING
from monitoring.errors import DomainError
from monitoring.models import ApiKey, Membership, Patient, RuleSet, Scope, Unit
from monitoring.services.access import create_api_key
from monitoring.services.facts import raise_facts_version

# Columns of a unit that the rules read: a change makes every patient of the unit due.
_JUDGED_BY = frozenset(
    {"pth_upper_limit", "mineral_interval_days", "pth_interval_days", "alp_interval_days", "dose_interval_days"}
)


@admin.register(Unit)
class UnitAdmin(WardAdmin):
    """Dialysis units; members see their own, superusers keep them."""

    unit_path = ""
    list_display = ("code", "name", "time_zone", "display_units", "pth_upper_limit")
    search_fields = ("code", "name")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("code", "name", "time_zone", "display_units")}),
        (_("What the rules read"), {"fields": ("pth_upper_limit", *sorted(_JUDGED_BY - {"pth_upper_limit"}))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The user's own units."""
        return units_with(request, EVERYBODY).order_by("code")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save; when the rules read what changed, every patient of the unit is judged anew."""
        with transaction.atomic():
            obj.save()
            if change and not _JUDGED_BY.isdisjoint(form.changed_data):
                raise_facts_version(Patient.objects.filter(unit=obj).values_list("pk", flat=True))


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person by user name: a list to choose from would show the staff of other units."""

    username = forms.CharField(label=gettext_lazy("User name"), max_length=150, strip=True)

    class Meta:
        model = Membership
        fields = ("unit", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["username"]

    def clean(self) -> dict[str, Any] | None:
        """Find the person, and refuse a second role in the same unit."""
        cleaned = super().clean() or {}
        name = cleaned.get("username")
        if name:
            user = get_user_model().objects.filter(username=name, is_active=True).first()
            if user is None:
                self.add_error("username", ValidationError(_("There is no active user with this name.")))
            elif Membership.objects.filter(user=user, unit=cleaned.get("unit")).exists():
                self.add_error("username", ValidationError(_("This person has a role in this unit already.")))
            else:
                self.instance.user = user
        return cleaned


@admin.register(Membership)
class MembershipAdmin(WardAdmin):
    """Who works in which unit, as what."""

    reading = MANAGERS
    adding = MANAGERS
    changing = MANAGERS
    removing = MANAGERS
    removable = True
    form = MembershipForm
    list_display = ("user", "full_name", "role", "unit", "created_at")
    list_filter: ClassVar[Any] = ("role", OwnUnitFilter)
    list_select_related: ClassVar[Any] = ("user", "unit")
    search_fields = ("user__username", "user__last_name")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The person is named when adding and cannot be exchanged afterwards."""
        return ["user", "unit", "role"] if obj else ["username", "unit", "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A membership keeps its person and unit; only the role changes."""
        return ("user", "unit") if obj else ()

    @admin.display(description=gettext_lazy("name"))
    def full_name(self, membership: Membership) -> str:
        """The person's name."""
        user: User = membership.user
        return user.get_full_name() or NOTHING


class KeyForm(forms.Form):
    """What a new key may do, where, and for how long."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("What the key is for."))
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    units = forms.ModelMultipleChoiceField(
        Unit.objects.none(), label=gettext_lazy("In"), widget=forms.CheckboxSelectMultiple
    )
    expires_at = forms.DateTimeField(label=gettext_lazy("Expires"), required=False, widget=MomentInput)

    def __init__(self, *args: Any, units: QuerySet[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["units"].queryset = units  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyAdmin(WardAdmin):
    """Keys of other systems. The secret is shown once, when the key is made."""

    unit_path = ""
    reading = MANAGERS
    adding = MANAGERS
    changeable = False
    list_display: Any = ("name", "prefix", "may_do", "in_units", "expires_at", "last_used_at", "revoked_at")
    fields = ("name", "prefix", "may_do", "in_units", "expires_at", "last_used_at", "revoked_at", "created_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Keys that reach the manager's own units only: one that reaches further is not his to see."""
        rows = ApiKey.objects.prefetch_related("units").select_related("created_by").order_by("revoked_at", "name")
        if person_of(request).is_superuser:
            return rows
        mine = units_with(request, self.reading)
        foreign = Unit.objects.exclude(pk__in=mine.values("pk"))
        return rows.filter(units__in=mine).exclude(units__in=foreign).distinct()

    @admin.display(description=gettext_lazy("may"))
    def may_do(self, key: ApiKey) -> str:
        """The scopes in words."""
        return ", ".join(str(Scope(scope).label) for scope in key.scopes if scope in Scope.values)

    @admin.display(description=gettext_lazy("in"))
    def in_units(self, key: ApiKey) -> str:
        """The units in short."""
        return ", ".join(unit.code for unit in key.units.all())

    def get_urls(self) -> list[URLPattern]:
        """With the end of a key."""
        revoke = path(
            "<int:object_id>/revoke/", self.admin_site.admin_view(self.revoke_view), name="monitoring_apikey_revoke"
        )
        return [revoke, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a key and show its secret in the answer itself: it is kept nowhere, not in the session either."""
        units = units_with(request, self.adding)
        if not units:
            raise Http404
        form = KeyForm(request.POST or None, units=units)
        if request.method == "POST" and form.is_valid():
            try:
                made = create_api_key(**form.cleaned_data, created_by=person_of(request))
            except DomainError as refused:
                form.add_error(None, refused.message)
            else:
                # Pages of the admin are never cached as it is; this one must not even be if that should change.
                shown = self.page(
                    request,
                    "monitoring/key_secret.html",
                    {
                        "title": _("The key “%(name)s”") % {"name": made.key.name},
                        "secret": made.secret,
                        "key": made.key,
                    },
                )
                shown["Cache-Control"] = "no-store"
                return shown
        return self.page(request, "monitoring/key_add.html", {"title": _("Make an API key"), "form": form})

    def revoke_view(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """Ask, then end the key for good."""
        key: ApiKey | None = self.get_object(request, str(object_id))
        if key is None or not may(request, self.adding):
            raise Http404
        back = HttpResponseRedirect(reverse("admin:monitoring_apikey_changelist"))
        if key.revoked_at is not None:
            return back
        if request.method == "POST":
            ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now())
            self.message_user(
                request,
                _("The key “%(name)s” is revoked: it opens nothing any more.") % {"name": key.name},
                messages.SUCCESS,
            )
            return back
        return self.page(
            request, "monitoring/key_revoke.html", {"title": _("Revoke “%(name)s”?") % {"name": key.name}, "key": key}
        )


@admin.register(RuleSet)
class RuleSetAdmin(ReadOnlyAdmin):
    """Versions of the limits; read here, drafted and approved elsewhere."""

    unit_path = ""
    list_display = ("version", "status", "note", "author", "approver", "activated_at")
    list_select_related: ClassVar[Any] = ("author", "approver")
    fields = ("version", "status", "overrides", "note", "author", "approver", "created_at", "activated_at")
