"""A decision in words: why, and what would have had to be otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from licensing.consent.engine import wording
from licensing.consent.engine.language import LEVELS, Change
from licensing.consent.engine.sentences import NO_NAMES
from licensing.consent.engine.wording import Names, listing

# What became of a request, for a heading.
OUTCOMES: Final = {"allow": "Allowed", "deny": "Denied", "needs_approval": "You are asked first"}
# What a rule does, with the rule as the subject of the sentence.
_DOES: Final = {
    "allowed": "allows it",
    "denied": "denies it",
    "approval_needed": "wants you to be asked first",
    "quota_spent": "has no room left in its quota",
}
# What stands without any rule.
_STANDS: Final = {
    "no_rule": "No rule allows it, and where no rule allows there is no consent",
    "no_owner": "Nobody owns it there, so nobody can consent",
    "kill_switch": "A kill switch is thrown",
    "disputed": "Its ownership is disputed",
}
FACTS: Final = {
    "action": "action",
    "platform": "platform",
    "territory": "territory",
    "purpose": "purpose",
    "audience": "audience",
    "channel": "channel",
    "language": "language",
    "model": "model",
    "at": "moment",
    "violence": "level of violence",
    "sexual": "level of sexual content",
    "fear": "level of fear",
    "drugs": "level of drugs",
    "profanity": "level of profanity",
    "codes": "things shown",
    "words": "words of the prompt",
    "co_subjects": "company",
    "viewer_age": "viewer’s age",
    "depicted_age": "age it is shown at",
    "duration": "length",
    "resolution": "resolution",
    "remix_depth": "depth of remixing",
}


def does(code: str, fact: str = "") -> str:
    """What a rule does or wants, to be read after its name: `does not cover the territory`."""
    if code in _DOES:
        return _DOES[code]
    if fact and code == f"{fact}_not_covered":
        return f"does not cover the {FACTS.get(fact, fact)}"
    if fact and code == f"{fact}_unknown":
        return f"has to be told the {FACTS.get(fact, fact)}"
    return code.replace("_", " ")


def stands(code: str) -> str:
    """A reason that is nobody's rule, as a sentence without its full stop."""
    return _STANDS.get(code, code.replace("_", " ").capitalize())


def would_allow(changes: Sequence[Change], names: Names = NO_NAMES) -> str:
    """`Allowed if the territory were not Germany and violence were at most mild.`"""
    return f"Allowed if {listing([_if(change, names) for change in changes])}."


def _if(change: Change, names: Names) -> str:
    fact, relation = change.fact, change.relation
    values = tuple(map(str, change.values))
    if fact in wording.AXES:
        return _level(wording.AXES[fact], relation, values)
    if fact in _NUMBERS:
        return _number(fact, relation, change.values)
    if fact == "co_subjects":
        if relation == "none" or not values:
            return "nobody else appeared"
        return f"{wording.named(values, names)} did not appear"
    if fact == "codes":
        if not values:
            return "what it shows were said"
        return f"it did not show {listing([wording.CODES.get(v, v) for v in values], 'or')}"
    if fact == "words":
        if not values:
            return "the prompt were told"
        quoted = [f"“{names.get(f'word:{value}', value)}”" for value in values]
        return f"the prompt did not say {listing(quoted, 'or')}"
    if fact == "at":
        return f"it were asked from {wording.moment(values[0])} on"
    if fact == "action":
        return f"it were about {listing([wording.ACTIONS.get(v, v) for v in values], 'or')}"
    thing = f"the {FACTS.get(fact, fact)}"
    if not values:
        return f"{thing} were told"
    shown = listing(sorted(_CALLED.get(fact, str)(value) for value in values), "or")
    return f"{thing} were {'not ' if relation == 'none_of' else ''}{shown}"


def _level(axis: str, relation: str, values: tuple[str, ...]) -> str:
    if values == LEVELS[-1:] and relation == "at_most":
        return f"the level of {axis} were told"
    if values == LEVELS[:1]:
        return f"there were no {axis}"
    if relation == "at_most":
        return f"{axis} were at most {values[0]}"
    return f"{axis} were {listing(values, 'or')}"


def _number(fact: str, relation: str, values: Sequence[str | int]) -> str:
    before, write, after = _NUMBERS[fact]
    numbers = [int(value) for value in values]
    if fact == "remix_depth" and relation == "at_most" and numbers == [0]:
        return "it were no remix"
    if relation == "between":
        said = f"between {write(numbers[0])} and {write(numbers[1])}"
    else:
        least = {"at_most": "at most", "at_least": "at least"}[relation]
        said = f"{least} {write(numbers[0])}"
    return f"{before} {said} {after}".rstrip()


_NUMBERS: Final[dict[str, tuple[str, Callable[[int], str], str]]] = {
    "viewer_age": ("the viewer were", lambda age: wording.counted(age, "year"), "old"),
    "depicted_age": ("it were shown", lambda age: wording.counted(age, "year"), "old"),
    "duration": ("it were", wording.seconds, "long"),
    "resolution": (
        "it had",
        lambda pixels: wording.counted(pixels, "pixel"),
        "on its shorter side",
    ),
    "remix_depth": ("it were remixed", lambda depth: wording.counted(depth, "time"), ""),
}
_CALLED: Final[dict[str, Callable[[str], str]]] = {
    "territory": lambda code: wording.places([code]),
    "purpose": lambda name: wording.PURPOSES.get(name, name),
    "audience": lambda name: wording.AUDIENCES.get(name, name),
    "language": wording.language,
}
