"""The public keys that anyone may verify receipts with."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
