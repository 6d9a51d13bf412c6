"""The rule editor's fields: grouped into clauses, each with what it says now and what sets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from licensing.catalog.territories import CONTINENTS, NAMES, REGIONS, TERRITORIES
from licensing.consent.engine import wording
from licensing.consent.engine.language import LEVELS
from licensing.consent.engine.sentences import Sentence, clauses, is_set
from licensing.consent.pages.rule_forms import Fields, one


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of several that may be chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One field of the form: a text, or options to choose from, and what is wrong with it."""

    name: str
    label: str = ""
    value: str = ""
    unit: str = ""
    hint: str = ""
    options: tuple[Option, ...] = ()
    wrong: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One field of the rule. `kind` names the template that shows its controls."""

    field: str
    title: str
    kind: str
    says: Sentence
    set: bool
    open: bool
    hint: str = ""
    wrong: Sequence[str] = ()
    controls: Mapping[str, Any]

    @property
    def template(self) -> str:
        """The template that shows its controls."""
        return f"consent/clauses/{self.kind}.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Clauses about one question."""

    title: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What may be named besides closed lists: pairs of an id and a name.

    `found` are those looked for by each of the two fields of company.
    """

    platforms: Sequence[tuple[str, str]]
    company: Sequence[tuple[str, str]]
    found: Mapping[str, Sequence[tuple[str, str]]]


# Title, kind and hint of each clause, by the question it belongs to.
_LAYOUT: Final[Mapping[str, Mapping[str, tuple[str, str, str]]]] = {
    "What may be made": {
        "actions": ("Actions", "choices", "Tick none for every action there is, also training."),
    },
    "Where and when": {
        "platforms": ("Platforms", "platforms", ""),
        "territories": ("Territories", "territories", ""),
        "window": (
            "Time",
            "window",
            "Times are in UTC. Left empty, it begins when you publish it and ends when you revoke it.",
        ),
    },
    "For what, and for whom": {
        "purposes": ("Purposes", "choices", "Tick none for every purpose."),
        "audience": (
            "Who asks",
            "choices",
            "As the character or person stands to whoever asks. Tick none for anyone.",
        ),
        "viewer_age_min": ("Viewers", "number", "The platform has to tell how old the viewer is."),
        "channels": ("Channels", "lines", "The platform’s own names, with commas between."),
        "languages": ("Languages", "lines", "Such as en, de or pt-BR, with commas between."),
        "models": ("Models", "lines", "The platform’s own names, with commas between."),
    },
    "What it may show": {
        "content": ("How strong", "levels", "The strongest that is covered, of each kind."),
        "forbidden_codes": ("Not to be shown", "choices", ""),
        "forbidden_words": (
            "Not to be said",
            "words",
            "One word or phrase on each line. Found however it is spelled: capitals, accents and"
            " look-alike letters do not hide it.",
        ),
        "co_appearance": ("Company", "company", ""),
        "depicted_age_min": ("Depicted age", "number", "How old it looks in the picture."),
    },
    "How much": {
        "duration_seconds_max": ("Length", "number", ""),
        "resolution_max": ("Resolution", "number", "Of the shorter side: 1080 for full HD."),
        "remix_depth_max": (
            "Remixes",
            "number",
            "How many times something may have been remixed; 0 for none at all.",
        ),
        "quotas": (
            "Quotas",
            "quotas",
            "Empty is without end. Hours, days and months are the calendar’s, in UTC.",
        ),
    },
    "In return": {
        "price": ("Price", "price", ""),
        "obligations": ("Obligations", "obligations", ""),
        "revocation_notice_days": (
            "Notice",
            "number",
            "How long platforms that have used the rule may go on after you supersede or revoke it. A kill"
            " switch has no notice.",
        ),
    },
}
# What each clause is called, for whoever names one.
TITLES: Final[Mapping[str, str]] = {
    "over": "What it is about",
    "name": "Name",
    "effect": "What it shall do",
    **{name: told[0] for layout in _LAYOUT.values() for name, told in layout.items()},
}
# What each part of a clause is called that has a field of its own.
PARTS: Final[Mapping[str, str]] = {
    "window.from": "beginning",
    "window.to": "end",
    **{f"content.{axis}": word for axis, word in wording.AXES.items()},
    "co_appearance.only_with": "only together with",
    "co_appearance.never_with": "never together with",
    **{
        f"quotas.{per}.{of}": f"{interval} {whose}"
        for per, interval in wording.INTERVALS.items()
        for of, whose in wording.QUOTA_OF.items()
    },
    "price.amount": "amount",
    "price.currency": "currency",
    "obligations.attribution": "credit",
    "obligations.report_within_hours": "time to report",
}
_UNITS: Final = {
    "viewer_age_min": ("At least", "years old"),
    "depicted_age_min": ("At least", "years old"),
    "duration_seconds_max": ("At most", "seconds"),
    "resolution_max": ("At most", "pixels"),
    "remix_depth_max": ("At most", "times"),
    "revocation_notice_days": ("", "days"),
}
_CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "actions": wording.ACTIONS,
    "purposes": wording.PURPOSES,
    "audience": wording.AUDIENCES,
    "forbidden_codes": wording.CODES,
}
_CURRENCIES: Final = ("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "KRW", "BRL", "INR")


def effects(fields: Fields) -> tuple[Option, ...]:
    """The three things a rule can do."""
    words = {"allow": "Allow", "needs_approval": "Ask me first", "deny": "Deny"}
    return _options(words.items(), [one(fields, "effect")])


def groups(
    fields: Fields,
    *,
    body: Mapping[str, Any],
    names: wording.Names,
    wrong: Mapping[str, Sequence[str]],
    offer: Offer,
    opened: str = "",
) -> list[Group]:
    """All clauses of the editor; those with a fault, and `opened`, stand open."""
    said = clauses(body, names)
    maker = _Maker(fields=fields, wrong=wrong, offer=offer)
    found = []
    for title, layout in _LAYOUT.items():
        made = []
        for name, (heading, kind, hint) in layout.items():
            faulty = any(place.partition(".")[0] == name for place in wrong)
            made.append(
                Clause(
                    field=name,
                    title=heading,
                    kind=kind,
                    says=said[name],
                    set=is_set(body, name),
                    open=faulty or name == opened,
                    hint=hint,
                    wrong=wrong.get(name, ()),
                    controls=maker.controls(name, kind),
                )
            )
        found.append(Group(title=title, clauses=tuple(made)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    fields: Fields
    wrong: Mapping[str, Sequence[str]]
    offer: Offer

    def controls(self, name: str, kind: str) -> dict[str, Any]:
        """What a clause's template shows."""
        if kind in ("lines", "words"):
            return {"text": self.text(name)}
        if kind == "number":
            label, unit = _UNITS[name]
            return {"number": self.text(name, label=label, unit=unit)}
        if kind == "choices":
            return {"choices": self.chosen(name, _CHOICES[name].items())}
        made: dict[str, Any] = getattr(self, f"_{kind}")()
        return made

    def text(self, name: str, *, label: str = "", unit: str = "") -> Control:
        """A field that is typed."""
        value, wrong = one(self.fields, name), self.wrong.get(name, ())
        return Control(name=name, label=label, value=value, unit=unit, wrong=wrong)

    def chosen(self, name: str, offered: Iterable[tuple[str, str]], *, label: str = "") -> Control:
        """A field of options."""
        options = _options(offered, self.fields.get(name, ()))
        return Control(name=name, label=label, options=options, wrong=self.wrong.get(name, ()))

    def _platforms(self) -> dict[str, Any]:
        ways = {"": "Any platform", "only": "Only these", "except": "Any platform except these"}
        return {
            "way": self.chosen("platforms.way", ways.items(), label="Which"),
            "choices": self.chosen("platforms", self.offer.platforms),
        }

    def _territories(self) -> dict[str, Any]:
        ways = {"": "Worldwide", "only": "Only in these", "except": "Worldwide except in these"}
        elsewhere = TERRITORIES.difference(*CONTINENTS.values())
        continents = {**CONTINENTS, "Elsewhere": elsewhere}
        return {
            "way": self.chosen("territories.way", ways.items(), label="Where"),
            "regions": tuple(REGIONS),
            "continents": [
                self.chosen("territories", sorted(_named(codes), key=_by_name), label=name)
                for name, codes in continents.items()
            ],
        }

    def _window(self) -> dict[str, Any]:
        return {
            "ends": [
                self.text("window.from", label="From"),
                self.text("window.to", label="Up to, but without"),
            ]
        }

    def _levels(self) -> dict[str, Any]:
        steps = [("", "any"), *((level, level) for level in LEVELS)]
        return {
            "axes": [
                self.chosen(f"content.{axis}", steps, label=word.capitalize())
                for axis, word in wording.AXES.items()
            ]
        }

    def _company(self) -> dict[str, Any]:
        ways = {"": "Anyone may appear beside it", "only": "Only those ticked here may"}
        return {
            "way": self.chosen("co_appearance.way", ways.items(), label="Who may appear beside it"),
            "lists": [self._others("only_with"), self._others("never_with")],
        }

    def _others(self, name: str) -> dict[str, Any]:
        called = dict(self.offer.company)
        found = dict(self.offer.found.get(name, ()))
        offered = {**called, **found}
        chosen = {
            one: offered.get(one, one) for one in self.fields.get(f"co_appearance.{name}", ())
        }
        labels = {"only_with": "Only together with", "never_with": "Never together with"}
        return {
            "field": name,
            "choices": self.chosen(
                f"co_appearance.{name}", {**offered, **chosen}.items(), label=labels[name]
            ),
            "find": self.text(f"find.{name}"),
        }

    def _quotas(self) -> dict[str, Any]:
        return {
            "columns": tuple(wording.QUOTA_OF.values()),
            "rows": [
                (
                    interval,
                    [
                        self.text(f"quotas.{per}.{of}", label=f"{interval}, {whose}")
                        for of, whose in wording.QUOTA_OF.items()
                    ],
                )
                for per, interval in wording.INTERVALS.items()
            ],
        }

    def _price(self) -> dict[str, Any]:
        ways = {
            "": "No price",
            "generation": "For each generation",
            "second": "For each second",
            "agreement": "By agreement",
        }
        return {
            "way": self.chosen("price.per", ways.items(), label="What for"),
            "amount": self.text("price.amount", label="Amount"),
            "currency": self.text("price.currency", label="Currency"),
            "currencies": _CURRENCIES,
        }

    def _obligations(self) -> dict[str, Any]:
        flags = {
            "watermark": "Add a watermark",
            "c2pa": "Embed a C2PA content credential",
            "delete_on_revocation": "Delete it when the rule is revoked",
        }
        return {
            "flags": [
                self.chosen(f"obligations.{name}", [("on", label)]) for name, label in flags.items()
            ],
            "attribution": self.text("obligations.attribution", label="Credit to be shown"),
            "hours": self.text(
                "obligations.report_within_hours", label="Report it within", unit="hours"
            ),
        }


def _options(offered: Iterable[tuple[str, str]], chosen: Sequence[str]) -> tuple[Option, ...]:
    picked = set(chosen)
    return tuple(Option(value=v, label=label, chosen=v in picked) for v, label in offered)


def _named(codes: Iterable[str]) -> list[tuple[str, str]]:
    return [(code, NAMES[code]) for code in codes]


def _by_name(pair: tuple[str, str]) -> str:
    return pair[1].casefold()
