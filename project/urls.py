"""The addresses of the whole service."""

import importlib.util

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from project import health, problems

# Worked out at the first request: the manifest of static files does not exist while they are being collected.
static_address = lazy(static, str)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    # Browsers ask for this whatever the page says.
    path("favicon.ico", RedirectView.as_view(url=static_address("project/icon.svg"))),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("problems/", problems.problem_index, name="problems"),
    path("problems/<slug:code>", problems.problem_page, name="problem"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(
            url_name="api-schema", template_name="project/api_docs.html", title="CalciWatch API"
        ),
        name="api-docs",
    ),
]
urlpatterns += [
    path("api/v1/", include(module))
    for module in ("monitoring.api.urls", "alerts.api.urls")
    if importlib.util.find_spec(module)
]

handler404 = problems.not_found
handler500 = problems.server_error
