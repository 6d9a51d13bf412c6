"""`Idempotency-Key`: a POST repeated has one effect and gets the same answer.

The answer is written in the transaction of the effect, so that there is never one without the
other. Only successes are kept: a refused request leaves nothing behind and may be mended and sent
again under its key. What was answered is for the person who asked, as long as they may ask.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable
from typing import BinaryIO, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.urls import resolve
from django.utils import timezone

from config.web.models import IdempotentAnswer
from config.web.problems import problem_response, refuse
from config.web.requests import API_PREFIX
from ledger.actor import Actor
from ledger.errors import DomainError, Malformed
from ledger.windows import require_scope

Handler = Callable[[HttpRequest], HttpResponse]
_PRINTABLE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?\Z")
_CHUNK = 256 * 1024
KEPT_DAYS = 30


class TooLong(Malformed):
    """The body is too large."""

    code = "too_large"


class CutShort(Malformed):
    """The body is shorter than its Content-Length."""

    code = "cut_short"


class IdempotencyMiddleware:
    """Runs a keyed POST in one transaction together with the record of its answer."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        actor = getattr(request, "actor", None)
        api_post = request.method == "POST" and request.path.startswith(API_PREFIX)
        if key is None or actor is None or not api_post:
            return self.get_response(request)
        if not _PRINTABLE.match(key):
            return problem_response(
                request,
                status=400,
                code="bad_idempotency_key",
                detail="An Idempotency-Key has 1 to 255 printable ASCII characters.",
            )
        try:
            return self._once(request, actor, key, _fingerprint(request, actor))
        except (DomainError, DatabaseError, RequestDataTooBig, UnreadablePostError) as error:
            return refuse(request, error)
        finally:
            if isinstance(request._stream, tempfile.SpooledTemporaryFile):
                request._stream.close()

    def _once(
        self, request: HttpRequest, actor: Actor, key: str, fingerprint: bytes
    ) -> HttpResponse:
        with transaction.atomic():
            if not _lock(actor, key):
                return problem_response(
                    request,
                    status=409,
                    code="idempotency_key_in_flight",
                    detail="A request with this key is being answered.",
                    headers={"Retry-After": "1"},
                )
            kept = IdempotentAnswer.objects.filter(organisation_id=actor.tenant, key=key).first()
            if kept is not None:
                # The window is not asked again, so what it asks for is looked at here.
                window = getattr(resolve(request.path_info).func, "cls", None)
                require_scope(actor, window, "POST")
                return _replay(request, kept, fingerprint)
            response = self.get_response(request)
            if response.status_code >= 400:
                transaction.set_rollback(True)
                return response
            IdempotentAnswer.objects.create(
                organisation_id=actor.tenant,
                key=key,
                fingerprint=fingerprint,
                status=response.status_code,
                content_type=response.get("Content-Type", "application/json"),
                location=response.get("Location", ""),
                body=_kept(response),
                created_at=timezone.now(),
            )
        return response


def _kept(response: HttpResponse) -> bytes:
    """The body as it is kept for a replay. What a window shows once (`shown_once` names the fields)
    is not written down: a replay has null there."""
    names: tuple[str, ...] = getattr(response, "shown_once", ())
    if not names:
        return response.content
    body = json.loads(response.content)
    return json.dumps({**body, **dict.fromkeys(names)}).encode()


def _lock(actor: Actor, key: str) -> bool:
    """Takes the key for this transaction; false if another request holds it."""
    name = f"{actor.organisation_id}:{key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        row = cursor.fetchone()
    return bool(row and row[0])


def _replay(request: HttpRequest, kept: IdempotentAnswer, fingerprint: bytes) -> HttpResponse:
    if bytes(kept.fingerprint) != fingerprint:
        return problem_response(
            request,
            status=422,
            code="idempotency_key_reused",
            detail="This Idempotency-Key was used with another request, or by somebody else.",
        )
    response = HttpResponse(bytes(kept.body), status=kept.status, content_type=kept.content_type)
    response["Idempotent-Replayed"] = "true"
    if kept.location:
        response["Location"] = kept.location
    return response


def _fingerprint(request: HttpRequest, actor: Actor) -> bytes:
    """SHA-256 over person, method, path, query and body. A stream is spooled to disk on the way."""
    asked = f"{actor.person_id} {request.method} {request.get_full_path()}\n"
    digest = hashlib.sha256(asked.encode())
    if request.content_type == "application/x-ndjson":
        spool = spooled(request)
        while chunk := spool.read(_CHUNK):
            digest.update(chunk)
        spool.seek(0)
        request._stream = spool
    else:
        digest.update(request.body)
    return digest.digest()


def spooled(request: HttpRequest) -> BinaryIO:
    """The request's body in a temporary file, bounded. Raises TooLong or CutShort."""
    spool = tempfile.SpooledTemporaryFile(max_size=_CHUNK)  # noqa: SIM115 - lives as the stream
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    total = 0
    try:
        while chunk := request.read(_CHUNK):
            total += len(chunk)
            if total > settings.BATCH_MAX_BYTES:
                raise TooLong
            spool.write(chunk)
        if total < length:
            raise CutShort
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return cast("BinaryIO", spool)
