"""The API's window on bundles: handed out, or waited for."""

from __future__ import annotations

import threading
import time
from typing import Final

from django.conf import settings
from django.db import connection
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.errors import Refused
from ledger.windows import Window
from ledger.wire import Instant, Shape
from licensing.catalog.models import Platform
from licensing.consent import bundles
from licensing.consent.windows import examples
from licensing.consent.windows.checks import platform_of

# Well within what a server process is given to finish when it is stopped.
LONGEST_WAIT: Final = 15
# How often somebody who waits looks whether anything has changed, in seconds.
_PAUSE: Final = 0.25
_RETRY_AFTER: Final = 5
# Each who waits keeps one of a server process's few threads, so that only a few may.
_chairs: Final = threading.BoundedSemaphore(settings.BUNDLE_WAITERS)


class TooManyWaiting(Refused):
    """As many wait for a change as this server has room for. Go on with the bundle you have."""

    code = "too_many_waiting"


class WaitShape(Shape):
    """For how long to wait for a change."""

    wait = serializers.IntegerField(min_value=0, max_value=LONGEST_WAIT, default=0)


class BundleShape(Shape):
    """A bundle: a compact JWS to be verified with the public keys and decided by offline."""

    bundle = serializers.CharField(source="compact")
    version = serializers.CharField(help_text="Another one whenever the content is another.")
    issued_at = Instant()
    expires_at = Instant()


class CurrentBundleWindow(Window):
    """The bundle of the platform that asks."""

    scopes = {"GET": "consent:check"}

    @extend_schema(
        operation_id="consent_bundles_current",
        summary="Everything you may do, as a signed bundle",
        description="All subjects of your mode that nobody disputes, their owners, every rule in "
        "force that concerns you, and the stops. The offline engine decides by it for a quarter of an hour. With "
        "If-None-Match you get 304 while what you have is the same and has long enough to live; "
        "with `wait` only after that many seconds, or at once when something changes. When too "
        "many wait already: 503.",
        parameters=[
            OpenApiParameter(
                "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you have."
            ),
            OpenApiParameter("wait", int, description="Seconds, 0 to 15."),
        ],
        responses=BundleShape,
        examples=examples.shown(examples.BUNDLE),
    )
    def get(self, request: Request) -> Response:
        platform = platform_of(self.actor)
        wait: int = self.read_query(WaitShape)["wait"]
        seen = request.headers.get("If-None-Match", "")
        stamp = bundles.stamp()
        content = self._content(platform)
        if wait and self._fresh(seen, content):
            if not _chairs.acquire(blocking=False):
                raise TooManyWaiting(retry_after=_RETRY_AFTER)
            try:
                content = self._wait(platform, seen, stamp, content, until=time.monotonic() + wait)
            finally:
                _chairs.release()
        if self._fresh(seen, content):
            return _headed(Response(status=304), seen)
        bundle = bundles.issue(content, now=self.now)
        return _headed(self.show(BundleShape, bundle), bundle.etag)

    def _content(self, platform: Platform) -> bundles.Content:
        return bundles.content_of(platform=platform, mode=self.actor.mode, now=self.now)

    def _fresh(self, seen: str, content: bundles.Content) -> bool:
        return bundles.is_fresh(seen, content, now=self.now)

    def _wait(
        self,
        platform: Platform,
        seen: str,
        stamp: bundles.Stamp,
        content: bundles.Content,
        *,
        until: float,
    ) -> bundles.Content:
        """What there is once it is no longer what was seen, or the time is up."""
        while self._fresh(seen, content) and (left := until - time.monotonic()) > 0:
            # Nothing of the database is held by somebody who only waits.
            if not connection.in_atomic_block:
                connection.close()
            time.sleep(min(_PAUSE, left))
            latest = bundles.stamp()
            if latest != stamp:
                stamp, content = latest, self._content(platform)
        return content


def _headed(response: Response, etag: str) -> Response:
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response
