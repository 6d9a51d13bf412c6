"""Rules, requests and subjects for property tests: small worlds, so that things often meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from licensing.consent import facts
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import Notice, RuleBook, bind, compile_rule
from licensing.consent.engine.deciding import Asked
from licensing.consent.engine.language import LEVELS, Request
from licensing.consent.engine.voices import asked_everywhere

Json = dict[str, Any]

PLATFORMS = ("plt_a", "plt_b")
TERRITORIES = ("DE", "US", "FR")
ACTIONS = ("generate_video", "generate_image", "train")
PURPOSES = ("personal", "political", "commercial")
MOMENTS = tuple(datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10, 11))
SUBJECTS = ("chr_1", "chr_2")
PROPERTIES = ("prp_1", "prp_2")
HOLDERS = ("hld_1", "hld_2")
EVERYONE = (*SUBJECTS, *PROPERTIES, *HOLDERS, "chr_9")
CODES = ("gore", "weapons")
# Words that are their own skeletons, because a request has the folded ones.
WORDS = ("rival", "duck")


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


def choices(values: tuple[str, ...]) -> st.SearchStrategy[Json]:
    return st.one_of(
        st.fixed_dictionaries({"only": some(values)}),
        st.fixed_dictionaries({"except": some(values)}),
    )


ratings = st.dictionaries(
    st.sampled_from(("violence", "fear")), st.sampled_from(LEVELS), min_size=1, max_size=2
)
windows = st.one_of(
    st.fixed_dictionaries({"from": st.sampled_from(MOMENTS[:2])}),
    st.fixed_dictionaries({"to": st.sampled_from(MOMENTS[1:])}),
    st.just({"from": MOMENTS[0], "to": MOMENTS[2]}),
).map(lambda window: {name: moment.isoformat() for name, moment in window.items()})
prices = st.one_of(
    st.just({"per": "agreement"}),
    st.fixed_dictionaries(
        {
            "per": st.sampled_from(("generation", "second")),
            "amount": st.sampled_from(("0", "0.002", "0.01")),
            "currency": st.sampled_from(("USD", "EUR")),
        }
    ),
)
obligations = st.fixed_dictionaries(
    {},
    optional={
        "watermark": st.just(True),
        "c2pa": st.just(True),
        "attribution": st.sampled_from(("© One", "© Two")),
        "report_within_hours": st.sampled_from((1, 24)),
        "delete_on_revocation": st.just(True),
    },
)
quotas = st.lists(
    st.fixed_dictionaries(
        {
            "count": st.integers(1, 1000),
            "per": st.sampled_from(("total", "hour", "day", "month")),
            "of": st.sampled_from(("platform", "everyone")),
        }
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda quota: (quota["per"], quota["of"]),
)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "actions": some(ACTIONS),
    "platforms": choices(PLATFORMS),
    "audience": some(("self", "everyone")),
    "territories": choices(TERRITORIES),
    "window": windows,
    "purposes": some(PURPOSES),
    "channels": some(("app", "web")),
    "languages": some(("en", "de")),
    "models": some(("x-1", "x-2")),
    "content": ratings,
    "forbidden_codes": some(CODES),
    "forbidden_words": some(WORDS),
    "co_appearance": st.one_of(
        st.fixed_dictionaries({"only_with": st.lists(st.sampled_from(EVERYONE), max_size=3)}),
        st.fixed_dictionaries({"never_with": some(EVERYONE)}),
    ),
    "viewer_age_min": st.sampled_from((13, 18)),
    "depicted_age_min": st.sampled_from((18, 21)),
    "duration_seconds_max": st.sampled_from((5, 10)),
    "resolution_max": st.sampled_from((720, 1080)),
    "remix_depth_max": st.sampled_from((0, 1)),
    "quotas": quotas,
    "obligations": obligations,
    "revocation_notice_days": st.sampled_from((7, 30)),
    "price": prices,
}


@st.composite
def bodies(draw: st.DrawFn) -> Json:
    """A rule that sets at most three fields, or else nothing would ever be covered."""
    effect = draw(st.sampled_from(("allow", "allow", "allow", "deny", "needs_approval")))
    fields = draw(st.lists(st.sampled_from(sorted(OPTIONAL)), max_size=3, unique=True))
    if effect == "deny":
        fields = [field for field in fields if field != "quotas"]
    return {"effect": effect, **{field: draw(OPTIONAL[field]) for field in fields}}


@st.composite
def rules(draw: st.DrawFn, chain: tuple[str, ...]) -> list[Json]:
    """Rules, some with an earlier version that has ended and runs on, and some revoked so."""
    found: list[Json] = []
    for place in range(draw(st.integers(0, 4))):
        scope = draw(st.sampled_from(("", *chain)))
        ended = draw(st.sampled_from((0, 0, 0, 1, 1, 2)))
        for number in range(ended + draw(st.sampled_from((0, 1, 1, 1)))):
            rule: Json = {
                "scope": scope,
                "rule": f"rul_{place}",
                "number": number,
                "body": draw(bodies()),
            }
            if number < ended:
                rule["notice"] = {
                    "number": number,
                    "until": draw(st.sampled_from(MOMENTS[1:])),
                    "platforms": draw(some(PLATFORMS)),
                }
            if rule["body"]["effect"] == "allow" and draw(st.booleans()):
                rule["answers"] = draw(some(tuple(f"rul_{n}" for n in range(4))))
            found.append(rule)
    return found


@st.composite
def worlds(draw: st.DrawFn, *, most: int = 2, owners: int = 0) -> list[Json]:
    """One or two subjects with their owners' rules; every version has a name of its own."""
    found = []
    for number in range(draw(st.integers(1, most))):
        chain = (SUBJECTS[number], *draw(st.sampled_from((PROPERTIES, PROPERTIES[:1], ()))))
        several = st.lists(st.sampled_from(HOLDERS), min_size=owners, max_size=2, unique=True)
        said = {}
        # Most have one owner: the more are asked, the less is ever allowed.
        for holder in draw(several) or HOLDERS[:1]:
            said[holder] = [
                {**rule, "version": f"rlv_{number}{holder[-1]}{rule['rule'][-1]}{rule['number']}"}
                for rule in draw(rules(chain))
            ]
        found.append(
            {
                "id": chain[0],
                "chain": list(chain),
                "owners": said,
                "stopped": draw(st.integers(0, 19)) == 0,
            }
        )
    return found


@st.composite
def shared_worlds(draw: st.DrawFn, *, most: int = 2) -> list[Json]:
    """Worlds of subjects that are owned by others elsewhere, some of whom said stop."""
    world = draw(worlds(most=most, owners=2))
    there = st.lists(st.sampled_from(HOLDERS), unique=True, max_size=2)
    for subject in world:
        owned_in = draw(st.dictionaries(st.sampled_from(TERRITORIES), there, max_size=2))
        subject["owned_in"] = {"": draw(there), **owned_in}
        if draw(st.integers(0, 9)) == 0:
            subject["switched"] = [draw(st.sampled_from(HOLDERS))]
    return world


requests: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "action": st.sampled_from(ACTIONS),
        "platform": st.sampled_from(PLATFORMS),
        "at": st.sampled_from(MOMENTS),
    },
    optional={
        "territory": st.sampled_from(TERRITORIES),
        "purpose": st.sampled_from(PURPOSES),
        "audience": st.sampled_from(("self", "everyone")),
        "channel": st.sampled_from(("app", "web")),
        "language": st.sampled_from(("en", "de")),
        "model": st.sampled_from(("x-1", "x-2")),
        "content": st.fixed_dictionaries(
            {},
            optional={
                "violence": st.sampled_from(LEVELS),
                "fear": st.sampled_from(LEVELS),
                "codes": st.lists(st.sampled_from(CODES), unique=True),
            },
        ),
        "words": st.lists(st.sampled_from(WORDS), unique=True),
        "co_subjects": st.lists(
            st.lists(st.sampled_from(EVERYONE), min_size=1, max_size=2, unique=True), max_size=2
        ),
        "viewer_age": st.sampled_from((12, 13, 18)),
        "depicted_age": st.sampled_from((17, 18, 30)),
        "duration_seconds": st.sampled_from((4, 5, 11)),
        "resolution": st.sampled_from((720, 2160)),
        "remix_depth": st.sampled_from((0, 1, 2)),
    },
)


def as_request(said: Json) -> Request:
    """What the engine reads."""
    read = facts.read_request({**said, "at": said["at"].isoformat()})
    return replace(read, unsearched=frozenset(said.get("unsearched", ())))


def as_asked(world: list[Json], territory: str | None = None) -> list[Asked]:
    """What the engine reads; of subjects owned by territory, as it is asked in this one."""
    return [as_subject(subject, territory) for subject in world]


def as_subject(subject: Json, territory: str | None) -> Asked:
    """What the engine reads."""
    books = {holder: as_book(rules) for holder, rules in subject["owners"].items()}

    def ask(holders: tuple[str, ...], *, disputed: bool = False) -> Asked:
        stopped = subject["stopped"] or not set(subject.get("switched", ())).isdisjoint(holders)
        return Asked(
            subject=subject["id"],
            chain=tuple(subject["chain"]),
            consents=tuple((holder, books[holder]) for holder in holders),
            holds=("disputed",) * disputed + ("kill_switch",) * stopped,
        )

    if "owned_in" not in subject:
        return ask(tuple(books))
    return asked_everywhere(subject["owned_in"], territory, ask)


def as_book(rules: list[Json]) -> RuleBook:
    """What the engine reads."""
    return bind(
        compile_rule(
            version=rule["version"],
            rule=rule["rule"],
            scope=rule["scope"],
            body=read_body(rule["body"]),
            notice=as_notice(rule),
            answers=rule.get("answers", ()),
        )
        for rule in rules
    )


def as_notice(rule: Json) -> Notice | None:
    """What the engine reads."""
    if "notice" not in rule:
        return None
    said = rule["notice"]
    platforms = frozenset(said["platforms"])
    return Notice(number=said["number"], until=said["until"], platforms=platforms)


def versions_of(world: list[Json]) -> list[str]:
    """Every rule version there is."""
    return [
        rule["version"]
        for subject in world
        for rules in subject["owners"].values()
        for rule in rules
    ]


def spent_of(world: list[Json]) -> st.SearchStrategy[dict[str, datetime | None]]:
    """Some of the versions, whose quota has no room until a moment, or for ever."""
    versions = versions_of(world)
    if not versions:
        return st.just({})
    return st.dictionaries(st.sampled_from(versions), st.sampled_from((*MOMENTS, None)))
