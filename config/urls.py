"""Every address Assent answers at."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.web import health, problems

API = (
    "licensing.access.api",
    "licensing.catalog.api",
    "licensing.claims.api",
    "licensing.consent.api",
    "licensing.simulation.api",
    "licensing.usage.api",
    "licensing.commerce.api",
    "licensing.settlement.api",
    "ledger.journal.api",
    "ledger.statements.api",
    "ledger.payouts.api",
)

urlpatterns = [
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    *(path("api/v1/", include(module)) for module in API),
    path("", include("licensing.consent.wellknown")),
    path("", include("licensing.consent.pages.profile")),
    path("portal/", include("licensing.portal.pages")),
    path("", include("config.panel.pages")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.server_error
