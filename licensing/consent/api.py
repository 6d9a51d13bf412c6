"""The API's windows on consent."""

from __future__ import annotations

from django.urls import path

from licensing.consent.windows import bundles, checks, interchange, rules

urlpatterns = [
    path("consent-bundles/current", bundles.CurrentBundleWindow.as_view()),
    path("consent-checks", checks.ConsentChecksWindow.as_view()),
    path("consent-checks/batch", checks.ConsentCheckBatchWindow.as_view()),
    path("consent-checks/<str:id>", checks.ConsentCheckWindow.as_view()),
    path("approvals", checks.ApprovalsWindow.as_view()),
    path("approvals/<str:id>/approve", checks.ApproveWindow.as_view()),
    path("approvals/<str:id>/refuse", checks.RefuseWindow.as_view()),
    path("consent-rules", rules.ConsentRulesWindow.as_view()),
    path("consent-rules/import", interchange.ImportWindow.as_view()),
    path("consent-rules/<str:id>", rules.ConsentRuleWindow.as_view()),
    path("consent-rules/<str:id>/versions", rules.RuleVersionsWindow.as_view()),
    path("consent-rules/<str:id>/export", interchange.ExportWindow.as_view()),
    path("consent-rules/<str:id>/publish", rules.PublishWindow.as_view()),
    path("consent-rules/<str:id>/revoke", rules.RevokeWindow.as_view()),
    path("kill-switches", rules.KillSwitchesWindow.as_view()),
    path("kill-switches/<str:id>/lift", rules.LiftWindow.as_view()),
]
