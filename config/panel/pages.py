"""The front door: where each kind of user goes on."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
