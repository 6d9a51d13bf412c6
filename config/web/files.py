"""Files that a page is sent: held in memory and bounded, before anything of them is read."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler

# All that one form may send, files and fields together.
LARGEST_FORM: Final = 8 * 1024 * 1024


class BoundedUploads(MemoryFileUploadHandler):
    """Keeps files in memory, for a form that is too large is refused by its length."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - the framework's own word
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        if content_length > LARGEST_FORM:
            raise RequestDataTooBig
        self.activated = True
