"""Pictures: made anew from whatever is sent, refused where they could do harm, shown to few."""

from __future__ import annotations

import contextlib
import hashlib
import random
import struct
import zlib
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from config.web.files import LARGEST_FORM
from licensing.access.models import AuditRecord, User
from licensing.catalog.imaging import (
    LARGEST_SENT,
    MOST_PIXELS,
    BadPicture,
    PictureTooLarge,
    draw,
)
from licensing.catalog.models import Picture
from tests.licensing.builders import (
    Household,
    build_actor,
    build_holder,
    build_property,
    build_subject,
)
from tests.licensing.portal.visiting import fill, text, visit


def painted(
    kind: str = "PNG", size: tuple[int, int] = (800, 400), mode: str = "RGB", **options: object
) -> bytes:
    out = BytesIO()
    Image.new(mode, size, "teal" if mode.startswith("RGB") else 1).save(out, kind, **options)
    return out.getvalue()


def drawn(sent: bytes) -> Image.Image:
    made = draw(sent, side=512, largest=200 * 1024)
    assert len(made.data) <= 200 * 1024
    picture = Image.open(BytesIO(made.data))
    assert picture.format == "WEBP"
    assert picture.size == (made.width, made.height)
    return picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_small_one(kind: str) -> None:
    assert drawn(painted(kind)).size == (512, 256)
    assert drawn(painted(kind, (3, 2))).size == (3, 2)


@pytest.mark.parametrize("mode", ["RGBA", "L", "LA", "P", "1", "I;16"])
def test_every_kind_of_pixel_is_understood(mode: str) -> None:
    drawn(painted("PNG", mode=mode))


def test_a_sideways_photograph_stands_upright_and_says_nothing_else() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "taken at home"
    picture = drawn(painted("JPEG", exif=exif))
    assert picture.size == (256, 512)
    assert not picture.getexif()
    assert b"at home" not in draw(painted("JPEG", exif=exif), side=512, largest=10**6).data


def test_noise_is_made_small_too() -> None:
    noise = Image.frombytes("RGB", (1000, 1000), random.Random(7).randbytes(3_000_000))
    out = BytesIO()
    noise.save(out, "JPEG", quality=90)
    drawn(out.getvalue())


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(5001, 5000), (10_000, 9_500), (60_000, 60_000)])
def test_a_bomb_is_counted_before_it_is_opened(size: tuple[int, int]) -> None:
    assert size[0] * size[1] > MOST_PIXELS
    with pytest.raises((PictureTooLarge, BadPicture)):
        drawn(bomb(*size))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        painted("GIF"),
        painted("BMP"),
        painted("TIFF"),
        painted("PNG")[:60],
        painted("JPEG")[:-200],
        bomb(0, 5),
        bomb(400, 400),
    ],
)
def test_what_is_no_whole_picture_is_refused(sent: bytes) -> None:
    with pytest.raises(BadPicture):
        drawn(sent)


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(PictureTooLarge):
        drawn(b"\x89PNG\r\n\x1a\n" + bytes(LARGEST_SENT))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP"]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_damaged_file_is_refused_or_drawn_but_never_an_error(
    kind: str, changes: list[tuple[int, int]]
) -> None:
    sent = bytearray(painted(kind, (40, 30)))
    for place, value in changes:
        sent[place % len(sent)] = value
    with contextlib.suppress(BadPicture, PictureTooLarge):
        drawn(bytes(sent))


def file(sent: bytes, name: str = "fox.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, sent, content_type="text/html")


@pytest.fixture
def studio() -> Household:
    return build_holder("Lantern Studio")


@pytest.mark.django_db
def test_a_picture_is_sent_shown_replaced_and_taken_away(studio: Household) -> None:
    assert studio.holder is not None
    fox = build_subject(studio.holder, "Fox", property=build_property(studio.holder, "Saga"))
    client = visit(studio.actor)
    path = f"/portal/catalogue/pictures/{fox.shown_id}"
    text(client, path, 404)
    fill(client, path, {"picture": file(painted())})
    answer = client.get(path)
    assert answer["Content-Type"] == "image/webp"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=300"
    assert answer["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert Image.open(BytesIO(answer.content)).size == (512, 256)
    again = client.get(path, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for page in ("/portal/catalogue", f"/portal/catalogue/subjects/{fox.shown_id}"):
        assert f'src="{path}?' in text(client, page)

    fill(client, path, {"picture": file(painted(size=(10, 20)))})
    assert client.get(path)["ETag"] != answer["ETag"]
    assert Picture.objects.count() == 1
    fill(client, path, {"remove": "yes"})
    text(client, path, 404)
    told = AuditRecord.objects.filter(thing=fox.shown_id).order_by("id")
    assert [each.verb for each in told] == ["picture.set", "picture.set", "picture.remove"]


@pytest.mark.django_db
def test_a_property_has_a_picture_too(studio: Household) -> None:
    assert studio.holder is not None
    saga = build_property(studio.holder, "Saga")
    client = visit(studio.actor)
    path = f"/portal/catalogue/pictures/{saga.shown_id}"
    fill(client, path, {"picture": file(painted("JPEG"))})
    assert client.get(path).status_code == 200
    assert f'src="{path}?' in text(client, "/portal/catalogue")
    assert f'src="{path}?' in text(client, f"/portal/catalogue/properties/{saga.shown_id}")


@pytest.mark.django_db
def test_a_bad_file_changes_nothing(studio: Household) -> None:
    assert studio.holder is not None
    fox = build_subject(studio.holder, "Fox")
    client = visit(studio.actor)
    path = f"/portal/catalogue/pictures/{fox.shown_id}"
    page = f"/portal/catalogue/subjects/{fox.shown_id}"
    for said, words in (
        ({"picture": file(b"<html>")}, "A picture is a PNG, JPEG or WebP file"),
        ({"picture": file(bytes(LARGEST_SENT + 1))}, "A picture has at most 5 MB"),
        ({"picture": file(bomb(5001, 5000))}, "A picture has at most 5 MB"),
        ({}, "Choose a file first"),
    ):
        fill(client, path, said)
        assert words in text(client, page)
    answer = fill(client, path, {"picture": file(bytes(LARGEST_FORM))}, 413)
    assert "too large" in answer.content.decode()
    assert not Picture.objects.exists()


@pytest.mark.django_db
def test_a_picture_is_shown_to_whoever_sees_the_subject(studio: Household) -> None:
    assert studio.holder is not None
    owner = build_holder("Owners")
    other = build_holder("Other House")
    assert owner.holder is not None
    fox = build_subject(studio.holder, "Fox", owners={studio.holder: 1, owner.holder: 1})
    path = f"/portal/catalogue/pictures/{fox.shown_id}"
    fill(visit(build_actor(studio.organisation, "editor")), path, {"picture": file(painted())})
    assert visit(owner.actor).get(path).status_code == 200
    text(visit(other.actor), path, 404)
    fill(visit(owner.actor), path, {"picture": file(painted())}, 403)


@pytest.mark.django_db
def test_the_database_keeps_nothing_large_or_false(studio: Household) -> None:
    assert studio.holder is not None
    fox, saga = build_subject(studio.holder), build_property(studio.holder)
    data = painted("WEBP")

    def keep(**changed: object) -> None:
        said = {
            "subject": fox,
            "data": data,
            "digest": hashlib.sha256(data).digest(),
            "width": 5,
            "height": 5,
            "sent_by": "x",
            "sent_at": fox.created_at,
        }
        with transaction.atomic():
            Picture.objects.create(**{**said, **changed})

    large = bytes(200 * 1024 + 1)
    for changed in (
        {"data": large, "digest": hashlib.sha256(large).digest()},
        {"digest": bytes(32)},
        {"width": 513},
        {"height": 0},
        {"property": saga},
        {"subject": None},
    ):
        with pytest.raises(IntegrityError):
            keep(**changed)
    keep()


@pytest.mark.django_db
def test_the_admin_shows_it_to_whoever_may_see_what_it_is_of() -> None:
    household = build_holder("Lantern Studio")
    assert household.holder is not None
    fox, owl = (build_subject(household.holder, name) for name in ("Fox", "Owl"))
    sent = SimpleUploadedFile("fox.png", painted())
    fill(visit(household.actor), f"/portal/catalogue/pictures/{fox.shown_id}", {"picture": sent})
    kept = Picture.objects.get()

    root = User.objects.create(username="root", is_staff=True, is_superuser=True)
    client = visit(root.username)
    address = f"/admin/catalog/subject/{fox.pk}/picture"
    page = text(client, "/admin/catalog/subject/")
    assert f'<img class="portrait small" src="{address}?{kept.etag()[:16]}"' in page
    assert page.count('<svg class="portrait small') == 1
    assert f'<img class="portrait large" src="{address}' in text(
        client, f"/admin/catalog/subject/{fox.pk}/change/"
    )
    assert client.get(address).content == bytes(kept.data)
    assert client.get(address, headers={"If-None-Match": f'"{kept.etag()}"'}).status_code == 304
    assert client.get(f"/admin/catalog/subject/{owl.pk}/picture").status_code == 404
    staff = User.objects.create(username="clerk", is_staff=True)
    assert visit(staff.username).get(address).status_code == 403
    assert visit(household.actor).get(address).status_code in (302, 403, 404)
