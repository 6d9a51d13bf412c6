"""What a platform shows of what it wants to make, for whoever is asked to approve it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from ledger.wire import Shape, Text

LONGEST_TEXT: Final = 2_000
LONGEST_ADDRESS: Final = 2_000


class Address(Text):
    """An address that a person may open: https, and nobody's name or password in it."""

    default_error_messages = {"bad_address": "Write an address that begins with https://."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.isascii() or any(not " " < character < "\x7f" for character in text):
            self.fail("bad_address")
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            self.fail("bad_address")
        if parts.scheme != "https" or not host or "@" in parts.netloc or "\\" in text:
            self.fail("bad_address")
        return text


class PreviewShape(Shape):
    """What it will be like: in words, at an address, or both. It decides nothing."""

    default_error_messages = {"preview_empty": "A preview has a text, an address, or both."}

    text = Text(max_length=LONGEST_TEXT, required=False)
    url = Address(
        max_length=LONGEST_ADDRESS, required=False, help_text="Of a page or a file, over https."
    )

    def validate(self, attrs: Any) -> Any:
        if not attrs:
            self.fail("preview_empty")
        return attrs


def host_of(address: str) -> str:
    """Whose address it is, for a person to see before opening it."""
    return urlsplit(address).hostname or ""
