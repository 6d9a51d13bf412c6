"""The front door: where each kind of user goes on."""

from django.urls import path
from django.views.generic import RedirectView, TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="panel/front.html"), name="front"),
    path("favicon.ico", RedirectView.as_view(url="/static/web/mark.svg"), name="favicon"),
]
