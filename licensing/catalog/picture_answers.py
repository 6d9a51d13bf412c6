"""A picture as an answer over HTTP: asked for again after a while, and not sent twice."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from licensing.catalog.models import Picture

# A browser asks again after so many seconds, and is told that it has the picture already.
FRESH: Final = 300


def answer_with(request: HttpRequest, picture: Picture) -> HttpResponse:
    """The picture, or word that the browser has it."""
    etag = f'"{picture.etag()}"'
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        answer = HttpResponse(bytes(picture.data), content_type="image/webp")
    answer["ETag"] = etag
    answer["Cache-Control"] = f"private, max-age={FRESH}"
    return answer
