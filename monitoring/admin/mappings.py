"""How a sender's own codes and units of measure are read: mappings, each checked to mean something here."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from monitoring.admin.base import WardAdmin
from monitoring.admin.patients import OwnUnitFilter
from monitoring.admin.rights import CHANGE_FACTS, READ_FACTS
from monitoring.clinical.analytes import find_meaning
from monitoring.clinical.units import to_ucum
from monitoring.models import CodeMapping, UnitMapping


class MappingAdmin(WardAdmin):
    """How a sender's own words are read. Rows that wait for it can be tried again afterwards."""

    reading = READ_FACTS
    adding = CHANGE_FACTS
    changing = CHANGE_FACTS
    removing = CHANGE_FACTS
    removable = True
    list_select_related: ClassVar[Any] = ("unit",)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Point to the rows that may be waiting for this."""
        self.message_user(request, _("Saved. Rows in quarantine can be tried again now."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:monitoring_quarantineditem_changelist"))


class CodeMappingForm(forms.ModelForm):  # type: ignore[type-arg]
    """A mapping whose target means something here: a typing error would let the rows wait for ever."""

    def clean_target(self) -> str:
        """Refuse what is neither an analyte, a LOINC code nor "not kept"."""
        target: str = self.cleaned_data["target"].strip()
        if find_meaning(target) is None and target.replace("_", " ").casefold() != "not kept":
            raise ValidationError(
                _("“%(target)s” is neither an analyte nor a LOINC code known here.") % {"target": target}
            )
        return target


class UnitMappingForm(forms.ModelForm):  # type: ignore[type-arg]
    """A mapping to a unit of measure that is known here."""

    def clean_ucum(self) -> str:
        """Refuse a unit that no value could be converted from."""
        ucum: str = self.cleaned_data["ucum"].strip()
        if to_ucum(ucum) is None:
            raise ValidationError(_("“%(unit)s” is not a unit of measure known here.") % {"unit": ucum})
        return ucum


@admin.register(CodeMapping)
class CodeMappingAdmin(MappingAdmin):
    """Codes of analytes."""

    form = CodeMappingForm

    list_display = ("code", "target", "source", "unit")
    list_filter: ClassVar[Any] = (OwnUnitFilter,)
    search_fields = ("code", "target", "source")


@admin.register(UnitMapping)
class UnitMappingAdmin(MappingAdmin):
    """Spellings of units of measure."""

    form = UnitMappingForm

    list_display = ("spelling", "ucum", "source", "unit")
    list_filter: ClassVar[Any] = (OwnUnitFilter,)
    search_fields = ("spelling", "ucum", "source")
