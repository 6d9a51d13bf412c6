"""The rights holder's pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
