"""Closed lists of names, and texts that are written in one way only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from rest_framework import serializers

from ledger import ids
from ledger.wire import (
    Text,
)
from licensing.catalog.models import Property, RightsHolder, Subject
from licensing.consent.engine import words
from licensing.consent.engine.language import (
    LABEL,
    LANGUAGE,
    Action,
    Audience,
    ContentCode,
    Purpose,
    spell_language,
)

# The longest list a rule may hold: there are 249 territories.
_LONGEST_LIST: Final = 250
# Closed lists of names as the API's document names them.
ACTIONS: Final = [str(action) for action in Action]
PURPOSES: Final = [str(purpose) for purpose in Purpose]
AUDIENCES: Final = [str(audience) for audience in Audience]
CODES: Final = [str(code) for code in ContentCode]
_PHRASE: Final = re.compile(r"[^\W_]+([ '’&-][^\W_]+){0,7}\Z")


class Named(serializers.ChoiceField):
    """One of a closed list of names."""

    default_error_messages = {"unknown_name": "That is none of the names known here."}

    def __init__(self, names: Iterable[str], **options: Any) -> None:
        super().__init__(choices=[(str(name), str(name)) for name in names], **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("unknown_name")
        return data


class Several(serializers.ListField):
    """A list in which nothing stands twice."""

    default_error_messages = {"twice": "The same stands here twice."}

    def __init__(self, child: serializers.Field[Any, Any, Any, Any], **options: Any) -> None:
        options.setdefault("max_length", _LONGEST_LIST)
        super().__init__(child=child, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        found: list[Any] = super().to_internal_value(data)
        if len(set(found)) != len(found):
            self.fail("twice")
        return found


class _Patterned(Text):
    pattern: re.Pattern[str]
    default_error_messages = {"bad_name": "That is not written as it has to be."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not self.pattern.match(self.spelled(text)):
            self.fail("bad_name")
        return text

    def spelled(self, text: str) -> str:
        """What the pattern is held against."""
        return text


class Label(_Patterned):
    """A platform's own name for a channel or a model: letters, digits and ` ._:/-`."""

    pattern = LABEL


class Language(_Patterned):
    """A BCP 47 tag such as `en` or `pt-BR`."""

    pattern = LANGUAGE

    def to_internal_value(self, data: Any) -> str:
        return spell_language(super().to_internal_value(data))


class Phrase(_Patterned):
    """A word, or up to eight: letters and digits. It is no pattern: it is looked for as it stands."""

    pattern = _PHRASE

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100, **options)

    def spelled(self, text: str) -> str:
        """The letters alone: accents and the vowel signs of some scripts belong to them."""
        return "".join(one for one in text if not unicodedata.category(one).startswith("M"))

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not words.fold(text):
            self.fail("bad_name")
        return text


class AnyReference(Text):
    """The id of a subject, a property or a rights holder."""

    default_error_messages = {"bad_id": "That is no id of a subject, property or rights holder."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        prefix = text.partition("_")[0]
        if prefix not in (Subject.PREFIX, Property.PREFIX, RightsHolder.PREFIX):
            self.fail("bad_id")
        try:
            ids.read(prefix, text)
        except ValueError:
            self.fail("bad_id")
        return text
