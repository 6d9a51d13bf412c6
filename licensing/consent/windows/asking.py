"""A consent check on the wire: what a platform may ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rest_framework import serializers

from ledger.errors import Invalid
from ledger.wire import Id, Integer, Shape, Text
from licensing.catalog.models import Subject
from licensing.catalog.shapes import Territory
from licensing.consent.decisions import Asking
from licensing.consent.engine.language import (
    LEVEL,
    LEVELS,
    MOST_GENERATIONS,
    Action,
    Audience,
    ContentCode,
    Purpose,
    Request,
)
from licensing.consent.windows.previews import PreviewShape
from licensing.consent.windows.shapes import Label, Language, Named, Several

MOST_SUBJECTS: Final = 20
MOST_PARENTS: Final = 16
MOST_CHECKS: Final = 500
LONGEST_PROMPT: Final = 64 * 1024
_NO_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)


class TooLarge(Invalid):
    """A prompt has at most 64 KB."""

    code = "too_large"


class Prompt(Text):
    """The text a generation is made from: searched for forbidden words, and then forgotten."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if len(text.encode()) > LONGEST_PROMPT:
            raise TooLarge(pointer="/prompt")
        return text


class ContentShape(Shape):
    """How the content is rated, and what it shows. A rating that is not said is unknown."""

    violence = Named(LEVELS, required=False)
    sexual = Named(LEVELS, required=False)
    fear = Named(LEVELS, required=False)
    drugs = Named(LEVELS, required=False)
    profanity = Named(LEVELS, required=False)
    codes = Several(
        Named(ContentCode), required=False, help_text="Everything it shows; empty if nothing."
    )


class ViewerShape(Shape):
    """Who will see it."""

    age = Integer(min_value=0, max_value=150)


class AskingShape(Shape):
    """What a platform wants to do. What is left out is unknown, and never helps an allow."""

    default_error_messages = {
        "subject_twice": "A subject stands here twice.",
        "contradiction": "The parents and the remix depth contradict each other.",
    }

    subjects = serializers.ListField(
        child=Id(Subject.PREFIX, "subject"), min_length=1, max_length=MOST_SUBJECTS
    )
    action = Named(Action)
    generations = Integer(
        min_value=1,
        max_value=MOST_GENERATIONS,
        default=1,
        help_text="How many you are going to make; the receipt covers so many.",
    )
    territory = Territory(required=False)
    purpose = Named(Purpose, required=False)
    audience = Named(Audience, required=False)
    channel = Label(required=False)
    language = Language(required=False)
    model = Label(required=False)
    content = ContentShape(required=False)
    prompt = Prompt(required=False, allow_blank=True, trim_whitespace=False)
    duration_seconds = Integer(min_value=0, max_value=86_400, required=False)
    resolution = Integer(
        min_value=1, max_value=65_536, required=False, help_text="Pixels of the shorter side."
    )
    remix_depth = Integer(min_value=0, max_value=64, required=False)
    parents = Several(
        Text(max_length=128),
        required=False,
        max_length=MOST_PARENTS,
        help_text="Your ids of the generations it remixes; empty if it is no remix.",
    )
    co_subjects = serializers.ListField(
        child=Id(Subject.PREFIX, "subject"),
        required=False,
        max_length=MOST_SUBJECTS,
        help_text="Everyone else who appears; empty if nobody.",
    )
    user = ViewerShape(required=False)
    depicted_age = Integer(min_value=0, max_value=150, required=False)
    preview = PreviewShape(
        required=False,
        help_text="Shown to the holders if they are to approve it, and otherwise forgotten.",
    )

    def validate(self, attrs: Any) -> Any:
        seen: set[Any] = set()
        for name in ("subjects", "co_subjects"):
            for position, subject in enumerate(attrs.get(name, ())):
                if subject in seen:
                    self._refuse("subject_twice", name, position)
                seen.add(subject)
        parents, depth = attrs.get("parents"), attrs.get("remix_depth")
        if parents is not None and depth is not None and bool(parents) != bool(depth):
            self.fail("contradiction")
        return attrs

    def _refuse(self, code: str, name: str, position: int) -> None:
        """Refuses what stands at this position of a list."""
        fault = serializers.ErrorDetail(str(self.error_messages[code]), code)
        raise serializers.ValidationError({name: {str(position): fault}})


class _Checks(serializers.ListSerializer[Any]):
    """Checks, of which one too long is pointed at where it stands."""

    def to_internal_value(self, data: Any) -> Any:
        self._given = data
        return super().to_internal_value(data)

    def run_child_validation(self, data: Any) -> Any:
        try:
            return super().run_child_validation(data)
        except TooLarge as refusal:
            place = next(place for place, each in enumerate(self._given) if each is data)
            raise TooLarge(pointer=f"/checks/{place}/prompt") from refusal


class BatchShape(Shape):
    """Up to 500 checks, answered one by one in their order."""

    checks: Any = _Checks(child=AskingShape(), min_length=1, max_length=MOST_CHECKS)


def read_asking(said: Mapping[str, Any]) -> Asking:
    """What an `AskingShape` has read, as the verb takes it."""
    content = said.get("content") or {}
    depth = said.get("remix_depth")
    if depth is None and said.get("parents") == []:
        depth = 0
    codes = content.get("codes")
    co_subjects = said.get("co_subjects")
    request = Request(
        action=said["action"],
        platform="",
        at=_NO_TIME,
        territory=said.get("territory"),
        purpose=said.get("purpose"),
        audience=said.get("audience"),
        channel=said.get("channel"),
        language=said.get("language"),
        model=said.get("model"),
        ratings={axis: LEVEL[level] for axis, level in content.items() if axis != "codes"},
        codes=None if codes is None else frozenset(codes),
        viewer_age=said["user"]["age"] if "user" in said else None,
        depicted_age=said.get("depicted_age"),
        duration=said.get("duration_seconds"),
        resolution=said.get("resolution"),
        remix_depth=depth,
    )
    return Asking(
        subjects=tuple(said["subjects"]),
        request=request,
        generations=said["generations"],
        co_subjects=None if co_subjects is None else tuple(co_subjects),
        prompt=said.get("prompt"),
        preview=said.get("preview"),
    )
