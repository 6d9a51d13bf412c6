"""The body of an upload: bounded, unpacked, cut into lines. Never more of it in memory than a piece."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol, cast

from ledger.errors import Malformed
from licensing.usage.lines import LINE_BYTES

PIECE: Final = 256 * 1024
MOST_LINES: Final = 1_000_000
_GZIP: Final = 16 + zlib.MAX_WBITS
_BLANK: Final = b" \t\r"
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"{\x00", b"\x00{")


class Readable(Protocol):
    """What a body can be read from."""

    def read(self, size: int = -1, /) -> bytes: ...


class UploadTooLarge(Malformed):
    """The upload has more bytes or more lines than are taken at once."""

    code = "too_large"


class CutShort(Malformed):
    """The body is shorter than its Content-Length."""

    code = "cut_short"


class NotGzip(Malformed):
    """The body says it is gzip, but it cannot be unpacked, or ends too early."""

    code = "not_gzip"


class NotNdjson(Malformed):
    """The body is not NDJSON in UTF-8: one JSON object a line."""

    code = "not_ndjson"


def spooled(stream: Readable, *, length: int, most_bytes: int) -> BinaryIO:
    """The whole body, on disk once it is longer than a piece: a slow sender must not hold a
    transaction open. Raises UploadTooLarge, or CutShort if fewer than `length` bytes came."""
    if isinstance(stream, tempfile.SpooledTemporaryFile):
        # Somebody had to read all of it before us.
        return cast("BinaryIO", stream)
    spool = tempfile.SpooledTemporaryFile(max_size=PIECE)  # noqa: SIM115 - outlives this function
    total = 0
    try:
        while piece := stream.read(PIECE):
            total += len(piece)
            if total > most_bytes:
                raise UploadTooLarge
            spool.write(piece)
        if total < length:
            raise CutShort
    except BaseException as error:
        spool.close()
        if isinstance(error, OSError):
            raise CutShort from None
        raise
    spool.seek(0)
    return cast("BinaryIO", spool)


def pieces(stream: Readable, *, packed: bool, most_bytes: int) -> Iterator[bytes]:
    """The body's bytes, unpacked if it is gzip: never more than `most_bytes` of them."""
    total = 0
    for piece in _unpacked(stream) if packed else iter(lambda: stream.read(PIECE), b""):
        total += len(piece)
        if total > most_bytes:
            raise UploadTooLarge
        yield piece


def _unpacked(stream: Readable) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP)
    begun = False
    while packed := stream.read(PIECE):
        while packed:
            begun = True
            try:
                piece = member.decompress(packed, PIECE)
            except zlib.error:
                raise NotGzip from None
            if piece:
                yield piece
            packed = member.unconsumed_tail
            if member.eof:
                # Several gzip files, one after the other, are a gzip file too.
                packed = member.unused_data
                member = zlib.decompressobj(_GZIP)
                begun = bool(packed)
    if begun:
        raise NotGzip


def numbered_lines(found: Iterator[bytes], *, most_lines: int) -> Iterator[tuple[int, bytes]]:
    """Each line that is not blank, with its number from 1; of a line longer than allowed, only the
    beginning, which is still too long. Lines end with LF or CRLF and nothing else does."""
    number = taken = 0
    rest = b""
    first = True
    for piece in found:
        if first:
            _refuse_other_formats(piece)
            first = not piece.strip()
        *whole, tail = piece.split(b"\n")
        if whole:
            whole[0] = rest + whole[0]
            rest = tail
        elif len(rest) <= LINE_BYTES:
            rest += tail
        for line in whole:
            number += 1
            if line and (stripped := line.strip(_BLANK)):
                taken += 1
                if taken > most_lines:
                    raise UploadTooLarge(f"An upload has at most {most_lines:,} lines.")
                yield number, stripped
    if stripped := rest.strip(_BLANK):
        if taken == most_lines:
            raise UploadTooLarge(f"An upload has at most {most_lines:,} lines.")
        taken += 1
        yield number + 1, stripped
    if not taken:
        raise NotNdjson("The body is empty.")


def _refuse_other_formats(beginning: bytes) -> None:
    if beginning.startswith(_MARKS):
        raise NotNdjson("The body must be UTF-8 without a byte order mark.")
    if beginning.lstrip()[:1] == b"[":
        raise NotNdjson("The body is a JSON array; send one object a line instead.")
