"""The API's windows on this topic."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
