"""The public keys that anyone may verify receipts with."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from licensing.consent import keys

# Shorter than any sensible time between two rotations: the next key is published ahead of its use.
_FRESH_FOR = 300


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """The JSON Web Key Set (RFC 7517): the next key, the current, and those that signed before."""
    now = timezone.now()
    found = keys.published(now=now)
    if not found:
        keys.current(now=now)
        found = keys.published(now=now)
    response = JsonResponse({"keys": found}, content_type="application/jwk-set+json")
    response["Cache-Control"] = f"public, max-age={_FRESH_FOR}"
    response["Access-Control-Allow-Origin"] = "*"
    return response


urlpatterns = [path(".well-known/jwks.json", jwks, name="jwks")]
