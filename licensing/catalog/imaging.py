"""Makes a small, plain picture out of whatever bytes somebody sends. Pure."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from ledger.errors import Invalid

FORMATS: Final = ("PNG", "JPEG", "WEBP")
LARGEST_SENT: Final = 5 * 1024 * 1024
# A telephone's photograph has 12 million pixels; decoding this many takes about 100 MB.
MOST_PIXELS: Final = 25_000_000
_QUALITIES: Final = (84, 70, 50, 30)
_BROKEN: Final = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    OverflowError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)


class BadPicture(Invalid):
    """A picture is a PNG, JPEG or WebP file that can be read."""

    code = "bad_picture"


class PictureTooLarge(Invalid):
    """A picture has at most 5 MB and 25 million pixels."""

    code = "picture_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture as it is kept: a WebP of at most `side` pixels each way."""

    data: bytes
    width: int
    height: int


def draw(sent: bytes, *, side: int, largest: int) -> Drawn:
    """The picture in `sent`, upright, at most `side` pixels each way and `largest` bytes.

    Nothing of the file itself is kept: neither its metadata nor what else may be hidden in it. Its
    pixels are counted before any is decoded. Raises BadPicture, PictureTooLarge.
    """
    if len(sent) > LARGEST_SENT:
        raise PictureTooLarge(pointer="/picture")
    try:
        with Image.open(BytesIO(sent), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise PictureTooLarge(pointer="/picture")
            # Lets a JPEG be decoded at a fraction of its size.
            opened.draft("RGB", (side * 2, side * 2))
            upright = ImageOps.exif_transpose(opened)
            plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
            plain.thumbnail((side, side))
            return _encode(plain, largest)
    except _BROKEN:
        raise BadPicture(pointer="/picture") from None


def _encode(picture: Image.Image, largest: int) -> Drawn:
    for quality in _QUALITIES:
        out = BytesIO()
        picture.save(out, "WEBP", quality=quality, method=4, exif=b"", icc_profile=b"", xmp=b"")
        if out.tell() <= largest:
            return Drawn(data=out.getvalue(), width=picture.width, height=picture.height)
    raise BadPicture("This picture cannot be made small enough.", pointer="/picture")
