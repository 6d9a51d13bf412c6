"""One line of a report: read strictly, judged alone, and written in the one canonical form.

Pure: no Django model, no clock, no query. `Reader.read` is the hottest function of the house, so
it takes the short way for what honest lines look like, and a slow exact one for all others.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from licensing.catalog.territories import TERRITORIES
from licensing.consent.engine.language import Purpose
from licensing.usage.examining import DEPTH, LineRefused, examine, refuse_undecoded
from licensing.usage.reports import Cast, Cited, Instant, Kind, Report

LINE_BYTES: Final = 64 * 1024
METADATA_BYTES: Final = 16 * 1024
METADATA_KEYS: Final = 50
MOST_SUBJECTS: Final = 32
MOST_PARENTS: Final = 16
# Seconds, and the weight of one subject.
LONGEST: Final = 1_000_000
HEAVIEST: Final = 1_000_000
# How far a platform's clock may run ahead of ours.
AHEAD: Final = timedelta(minutes=5)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Seconds = Annotated[int, Meta(ge=1, le=LONGEST)]
Weight = Annotated[int, Meta(ge=1, le=HEAVIEST)]
Known = TypeVar("Known")


class Appearance(Struct, forbid_unknown_fields=True, gc=False):
    """A subject that appears, by its shown id."""

    id: str
    weight: Weight | UnsetType = UNSET


class Line(Struct, forbid_unknown_fields=True, gc=False):
    """A line as it is written. What is not set stays so: encoding it gives every key it had."""

    external_id: Name
    occurred_at: str
    medium: Literal["image", "video", "voice", "text", "3d"]
    subjects: Annotated[list[Appearance], Meta(min_length=1, max_length=MOST_SUBJECTS)]
    seconds: Seconds | UnsetType | None = UNSET
    territory: str | UnsetType | None = UNSET
    receipt: Annotated[str, Meta(max_length=16 * 1024)] | UnsetType | None = UNSET
    parents: Annotated[list[Name], Meta(max_length=MOST_PARENTS)] | UnsetType | None = UNSET
    model: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET
    purpose: str | UnsetType | None = UNSET
    resolution: str | UnsetType | None = UNSET
    metadata: Annotated[dict[str, Any], Meta(max_length=METADATA_KEYS)] | UnsetType | None = UNSET


class Claims(Struct):
    """The one claim of a receipt that is needed to find it."""

    jti: str


_decode_line = msgspec.json.Decoder(Line).decode
_encode_line = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decode_claims = msgspec.json.Decoder(Claims).decode

_PURPOSES: Final = frozenset(Purpose)
_TIMED: Final = frozenset({"video", "voice"})
_PROMPTS: Final = frozenset({"prompt", "negative_prompt"})
_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
    r"(?:(Z)|(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))\Z",
    re.ASCII,
)
_RESOLUTION = re.compile(r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}\Z", re.ASCII)
# An id's 26 characters of Crockford's alphabet, of which the first holds but three bits.
_SHOWN = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}\Z", re.ASCII)
_TO_BASE_32 = bytes.maketrans(b"jkmnpqrstvwxyz", b"ijklmnopqrstuv")
_BASE64URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
# How a line without a receipt is written.
_UNCITED: Final = "\\N\t\\N"
# How much of each kind is remembered: some megabytes in all.
ROOM: Final = 4_000


class Reader:
    """Reads lines as of one moment.

    `first_id` is the id of the first generation; that of the next line that is taken is one more.
    `digest` has seen the content digest of each line that was taken, in their order.

    What many lines say alike is read once and remembered, within bounds: who appears, when, of
    what kind, under which receipt; `room` is for how many of each.
    """

    def __init__(self, *, now: datetime, first_id: int, room: int = ROOM) -> None:
        self._room = room
        self._latest = now.astimezone(UTC) + AHEAD
        self._next_id = first_id
        self._subjects: dict[str, str] = {}
        self._alone: dict[str, Cast] = {}
        self._instants: dict[str, Instant] = {}
        self._kinds: dict[tuple[Any, ...], Kind] = {}
        self._receipts: dict[str, Cited] = {}
        self.taken = 0
        self.digest = hashlib.sha256()

    def read(self, number: int, raw: bytes) -> Report:
        """Line `number`. Raises LineRefused."""
        try:
            line = _decode_line(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            refuse_undecoded(raw, error)
        # Without a backslash, texts stand in the line as they are, so that the line and what was
        # read from it have equally many colons, unless a key stood twice and one was dropped; a
        # receipt has none but its key's, and is most of the line. And only metadata can nest.
        plain = b"\\" not in raw
        receipt, line.receipt = line.receipt, UNSET
        colons = _encode_line(line).count(b":") + (receipt is not UNSET)
        if (
            not plain
            or raw.count(b":") != colons
            or (line.metadata and raw.count(b"{") + raw.count(b"[") > DEPTH)
        ):
            examine(raw)
        given = line.subjects
        if len(given) == 1 and (given[0].weight is UNSET or given[0].weight == 1):
            cast = self._alone.get(given[0].id) or self._subject_alone(given[0].id)
        else:
            cast = self._appearances(given)
        external_id = name = line.external_id
        if not (name.isascii() and name.isprintable()) or " " in name:
            raise LineRefused("/external_id", "invalid", "Visible ASCII characters only.")
        if not plain:
            name = name.translate(_ESCAPES)
        instant = self._instants.get(line.occurred_at) or self._instant(line.occurred_at)
        said = (
            line.medium, line.seconds, line.territory, line.purpose, line.resolution, line.model
        )  # fmt: skip
        kind = self._kinds.get(said) or self._kind(said, line)
        cited = None
        if receipt is not UNSET and receipt is not None:
            cited = self._receipts.get(receipt) or self._receipt(receipt)
        parents = self._parents(line.parents, external_id) if line.parents else "\\N"
        metadata = _metadata(line.metadata, plain=plain) if line.metadata else "{}"
        # The parts are told apart by tabs, which no part can hold.
        head = f"{name}\t{instant.text}\t{kind.text}"
        digest = hashlib.sha256(
            f"{head}\t{cited.text if cited else _UNCITED}\t{cast.ordered}\t{parents}\t{metadata}".encode()
        )
        self.digest.update(digest.digest())
        content = digest.hexdigest()
        row_id = self._next_id
        self._next_id = row_id + 1
        self.taken += 1
        return Report(
            number, row_id, external_id, kind, instant, cast, cited, line.parents or (), content,
            f"{row_id:032x}\t{head}\t{metadata}\t\\\\x{content}",
        )  # fmt: skip

    def _instant(self, said: str) -> Instant:
        found = _TIME.match(said)
        if found is None:
            raise LineRefused(
                "/occurred_at",
                "invalid_time",
                "Write a time as RFC 3339 with an offset, such as 2026-10-01T12:00:00Z.",
            )
        text = said
        try:
            moment = datetime.fromisoformat(text)
            if found[1] is None:
                moment = moment.astimezone(UTC)
                text = moment.isoformat().replace("+00:00", "Z")
        except (ValueError, OverflowError):
            raise LineRefused(
                "/occurred_at", "invalid_time", "There is no such time in the calendar."
            ) from None
        if moment > self._latest:
            raise LineRefused(
                "/occurred_at", "in_the_future", "That is more than five minutes ahead."
            )
        if moment < EARLIEST:
            raise LineRefused("/occurred_at", "invalid_time", "Nothing was generated before 2000.")
        return self._remember(self._instants, said, Instant((moment - _EPOCH) // _MICRO, text))

    def _kind(self, said: tuple[Any, ...], line: Line) -> Kind:
        """Everything a line says that many others say alike."""
        model = "" if line.model is UNSET or line.model is None else line.model
        seconds, (territory, purpose, resolution) = _seconds(line), _checked(line)
        shown = "\\N" if seconds is None else str(seconds)
        kind = Kind(
            action=f"generate_{line.medium}",
            seconds=seconds,
            territory=territory,
            purpose=purpose,
            height=min(map(int, resolution.split("x"))) if resolution else 0,
            text="\t".join(
                (line.medium, shown, territory, purpose, resolution, model.translate(_ESCAPES))
            ),
        )
        return self._remember(self._kinds, said, kind)

    def _receipt(self, compact: str) -> Cited:
        return self._remember(self._receipts, compact, _receipt(compact))

    def _subject_alone(self, shown: str) -> Cast:
        return self._remember(self._alone, shown, _cast([(self._subject(shown, 0), 1)]))

    def _appearances(self, given: list[Appearance]) -> Cast:
        found = [
            (self._subjects.get(one.id) or self._subject(one.id, place), _weight(one))
            for place, one in enumerate(given)
        ]
        cast = _cast(found)
        if len(cast.members) != len(found):
            raise LineRefused("/subjects", "duplicate_subject", "A subject stands there twice.")
        return cast

    def _subject(self, shown: str, place: int) -> str:
        prefix, _, tail = shown.partition("_")
        if prefix != "chr" or not _SHOWN.match(tail):
            raise LineRefused(
                f"/subjects/{place}/id", "unknown_subject", "There is no such subject."
            )
        return self._remember(self._subjects, shown, f"{_number(tail):032x}")

    def _remember(self, known: dict[Any, Known], said: Any, what: Known) -> Known:
        """`what` is what `said` comes to. Forgets all before there is no more room."""
        if len(known) >= self._room:
            known.clear()
        known[said] = what
        return what

    def _parents(self, parents: list[str], own: str) -> str:
        if own in parents:
            place = parents.index(own)
            raise LineRefused(f"/parents/{place}", "lineage_cycle", "It is its own parent.")
        if len(set(parents)) != len(parents):
            raise LineRefused("/parents", "duplicate_parent", "A parent stands there twice.")
        for place, name in enumerate(parents):
            if not (name.isascii() and name.isprintable()) or " " in name:
                raise LineRefused(f"/parents/{place}", "invalid", "Visible ASCII characters only.")
        array = ",".join(
            '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in parents
        )
        return "{" + array.replace("\\", "\\\\") + "}"


def _number(tail: str) -> int:
    """The 128 bits behind an id's 26 characters, which `_SHOWN` has matched."""
    return int(tail.encode().translate(_TO_BASE_32), 32)


def _weight(one: Appearance) -> int:
    return 1 if isinstance(one.weight, UnsetType) else one.weight


def _cast(found: list[tuple[str, int]]) -> Cast:
    ordered = sorted(found)
    weights = "\\N"
    if any(weight != 1 for _, weight in found):
        weights = f"{{{','.join(str(weight) for _, weight in ordered)}}}"
    return Cast(
        appearances=tuple((subject, str(weight)) for subject, weight in found),
        members=frozenset(subject for subject, _ in found),
        ordered=f"{{{','.join(subject for subject, _ in ordered)}}}\t{weights}",
    )


def _seconds(line: Line) -> int | None:
    if isinstance(line.seconds, int):
        return line.seconds
    if line.medium in _TIMED:
        raise LineRefused("/seconds", "required", "A video and a voice have a length.")
    return None


def _checked(line: Line) -> tuple[str, str, str]:
    """Territory, purpose and resolution: each from a closed language, or empty."""
    territory, purpose, resolution = line.territory, line.purpose, line.resolution
    if territory is UNSET or territory is None:
        territory = ""
    elif territory not in TERRITORIES:
        raise LineRefused(
            "/territory", "unknown_territory", "That is not an ISO 3166-1 alpha-2 code."
        )
    if purpose is UNSET or purpose is None:
        purpose = ""
    elif purpose not in _PURPOSES:
        raise LineRefused("/purpose", "unknown_purpose", "There is no such purpose.")
    if resolution is UNSET or resolution is None:
        resolution = ""
    elif not _RESOLUTION.match(resolution):
        raise LineRefused("/resolution", "invalid", "Write a resolution as 1920x1080.")
    return territory, purpose, resolution


def _metadata(metadata: dict[str, Any], *, plain: bool) -> str:
    if not _PROMPTS.isdisjoint(name.lower() for name in metadata):
        raise LineRefused(
            "/metadata", "prompt_not_kept", "Prompts are personal data and are not kept."
        )
    encoded = _encode_sorted(metadata)
    if len(encoded) > METADATA_BYTES:
        raise LineRefused("/metadata", "metadata_too_large", "Metadata has at most 16 KB.")
    return encoded.decode() if plain else encoded.decode().translate(_ESCAPES)


def _receipt(compact: str) -> Cited:
    """Which check a compact JWS claims to be of, and the SHA-256 that only ours would have."""
    raw = compact.encode()
    if raw.translate(None, _BASE64URL) == b"..":
        payload = raw.split(b".")[1].translate(_TO_BASE64)
        try:
            claims = _decode_claims(binascii.a2b_base64(payload + b"=" * (-len(payload) % 4)))
        except (msgspec.MsgspecError, binascii.Error, UnicodeDecodeError, RecursionError):
            pass
        else:
            digest = hashlib.sha256(raw).hexdigest()
            prefix, _, tail = claims.jti.partition("_")
            if prefix == "chk" and _SHOWN.match(tail):
                check = f"{_number(tail):032x}"
                return Cited(check, digest, f"{check}\t\\\\x{digest}")
            return Cited("", digest, f"\\N\t\\\\x{digest}")
    raise LineRefused("/receipt", "receipt_malformed", "That is not a compact JWS.")
