"""The page of the ODRL profile: for people as HTML, for programs as JSON-LD, at one address."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from licensing.consent.interchange.profile import PATH, TITLE, profile_document
from licensing.consent.interchange.vocabulary import PROFILE, terms

_LINKED_DATA = "application/ld+json"
# It changes with a new version of the program, and then only grows.
_FRESH_FOR = 3600


@require_safe
@vary_on_headers("Accept")
def profile(request: HttpRequest) -> HttpResponse:
    """The terms with `lx:` before them: what each is to ODRL, what it means, and its domain."""
    wanted = request.get_preferred_type([_LINKED_DATA, "application/json", "text/html"])
    if wanted == "text/html":
        groups = [
            {"kind": kind.value, "domain": domain, "terms": list(found)}
            for (kind, domain), found in groupby(terms(), lambda term: (term.kind, term.domain))
        ]
        context = {"title": TITLE, "profile": PROFILE, "groups": groups}
        response = render(request, "consent/profile.html", context)
    else:
        response = JsonResponse(profile_document(), content_type=wanted or _LINKED_DATA)
        response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = f"public, max-age={_FRESH_FOR}"
    return response


urlpatterns = [path(PATH, profile, name="odrl-profile")]
