"""The front door: where each kind of user goes on."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="panel/front.html"), name="front"),
]
