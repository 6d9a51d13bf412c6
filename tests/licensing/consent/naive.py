"""The decision once more, written as naively as it can be: from the words of the specification,
over a rule's JSON form, with nothing of the engine's. It is what the engine is compared with."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from licensing.consent.engine.language import LEVELS

Json = dict[str, Any]
YES, NO, UNSAID = "yes", "no", "unsaid"


def fields_hold(  # noqa: PLR0912 - one branch a field, as the specification lists them
    body: Json, request: Json, company: list[set[str]]
) -> list[str]:
    """For each thing a rule sets: whether it holds, does not, or cannot be known."""
    answers = []
    for field, fact in (
        ("actions", "action"),
        ("audience", "audience"),
        ("purposes", "purpose"),
        ("channels", "channel"),
        ("languages", "language"),
        ("models", "model"),
    ):
        if body.get(field):
            answers.append(said(request.get(fact), lambda v, f=field: v in body[f]))
    for field, fact in (("platforms", "platform"), ("territories", "territory")):
        if body.get(field):
            choice = body[field]
            if "only" in choice:
                answers.append(said(request.get(fact), lambda v, c=choice: v in c["only"]))
            else:
                answers.append(said(request.get(fact), lambda v, c=choice: v not in c["except"]))
    window = body.get("window") or {}
    at = request["at"]
    if "from" in window:
        answers.append(YES if datetime.fromisoformat(window["from"]) <= at else NO)
    if "to" in window:
        answers.append(YES if at < datetime.fromisoformat(window["to"]) else NO)
    content = request.get("content") or {}
    for axis, ceiling in (body.get("content") or {}).items():
        answers.append(
            said(content.get(axis), lambda v, c=ceiling: LEVELS.index(v) <= LEVELS.index(c))
        )
    if body.get("forbidden_codes"):
        forbidden = set(body["forbidden_codes"])
        answers.append(said(content.get("codes"), lambda v: not set(v) & forbidden))
    if body.get("forbidden_words"):
        forbidden_words = set(body["forbidden_words"])
        found = said(request.get("words"), lambda v: not set(v) & forbidden_words)
        unsearched = forbidden_words & set(request.get("unsearched", ()))
        answers.append(UNSAID if found == YES and unsearched else found)
    together = body.get("co_appearance") or {}
    everyone = request.get("co_subjects") is not None
    if "only_with" in together:
        welcome = set(together["only_with"])
        stranger = any(not other & welcome for other in company)
        answers.append(NO if stranger else YES if everyone else UNSAID)
    if together.get("never_with"):
        unwelcome = set(together["never_with"])
        clash = any(other & unwelcome for other in company)
        answers.append(NO if clash else YES if everyone else UNSAID)
    for field, fact in (("viewer_age_min", "viewer_age"), ("depicted_age_min", "depicted_age")):
        if body.get(field) is not None:
            answers.append(said(request.get(fact), lambda v, f=field: v >= body[f]))
    for field, fact in (
        ("duration_seconds_max", "duration_seconds"),
        ("resolution_max", "resolution"),
        ("remix_depth_max", "remix_depth"),
    ):
        if body.get(field) is not None:
            answers.append(said(request.get(fact), lambda v, f=field: v <= body[f]))
    return answers


def said(value: Any, holds: Any) -> str:
    if value is None:
        return UNSAID
    return YES if holds(value) else NO


def covers(body: Json, request: Json, company: list[set[str]]) -> bool:
    answers = fields_hold(body, request, company)
    if body["effect"] == "allow":
        return all(answer == YES for answer in answers)
    return all(answer != NO for answer in answers)


def decide(request: Json, subjects: list[Json], spent: set[str] | None = None) -> Json:
    """`subjects`: [{"id", "chain", "owners": {holder: [{"version", "scope", "body"}]}, "stopped"}]

    `spent`: the versions whose quota has no room. Such an allow does not count; if of all those who
    want to be asked none has room, the answer is no.
    """
    spent = spent or set()
    verdicts = []
    owed: list[tuple[Json, list[Json]]] = []
    deciding: dict[str, set[str]] = {"deny": set(), "needs_approval": set(), "allow": set()}
    for subject in subjects:
        company = [names(other) for other in subjects if other is not subject]
        company += [set(other) for other in request.get("co_subjects") or []]
        words = []
        if subject["stopped"] or not subject["owners"]:
            words.append("deny")
        for rules in subject["owners"].values():
            here = [
                rule
                for rule in rules
                if rule["scope"] in ("", *subject["chain"])
                and speaks(rule, request)
                and covers(rule["body"], request, company)
            ]
            here = without_what_gives_way(here, spent)
            word = "deny"
            for effect in ("deny", "needs_approval", "allow"):
                asked = {rule["rule"] for rule in here if rule["body"]["effect"] == effect}
                those = [rule for rule in here if rule["body"]["effect"] == effect]
                if effect != "deny":
                    full = [rule for rule in those if rule["version"] in spent]
                    if effect == "needs_approval" and those and full == those:
                        deciding["deny"] |= {rule["version"] for rule in full}
                        break
                    those = [rule for rule in those if rule not in full]
                if effect == "needs_approval" and those:
                    answers = [
                        rule
                        for rule in here
                        if rule["body"]["effect"] == "allow" and rule["version"] not in spent
                    ]
                    helping = [rule for rule in answers if asked & set(rule.get("answers", ()))]
                    if all(any(one in rule["answers"] for rule in helping) for one in asked):
                        word = "allow"
                        owed.append((subject, those + helping))
                        deciding["allow"] |= {rule["version"] for rule in those + helping}
                        break
                if those:
                    word = effect
                    owed.append((subject, those))
                    deciding[effect] |= {rule["version"] for rule in those}
                    break
            words.append(word)
        verdicts.append(worst(words))
    outcome = worst(verdicts)
    answer: Json = {"outcome": outcome, "verdicts": verdicts, "deciding": deciding[outcome]}
    if outcome != "deny":
        answer["obligations"] = obligations(owed)
        answer["prices"] = prices(owed)
    return answer


def speaks(rule: Json, request: Json) -> bool:
    """What is in force; and what has ended with a notice, to those it was given for, in its time."""
    notice = rule.get("notice")
    return notice is None or (
        rule["body"]["effect"] != "deny"
        and request["platform"] in notice["platforms"]
        and request["at"] < notice["until"]
    )


def without_what_gives_way(here: list[Json], spent: set[str]) -> list[Json]:
    """Of several versions of a rule the first that still allows; no question that has ended, if
    there is anything else but a deny."""
    kept = list(here)
    names = {rule["rule"] for rule in here}
    first = {}
    for name in names:
        going_on = [
            rule
            for rule in here
            if rule["rule"] == name
            and "notice" in rule
            and rule["body"]["effect"] == "allow"
            and rule["version"] not in spent
        ]
        if going_on:
            first[name] = min(going_on, key=lambda rule: rule["notice"]["number"])
    asked_by = {
        rule["rule"]
        for rule in here
        if rule["body"]["effect"] == "needs_approval" and "notice" not in rule
    }
    if not asked_by - set(first):
        for rule in here:
            name = rule["rule"]
            if rule["body"]["effect"] != "deny" and name in first and rule is not first[name]:
                kept.remove(rule)
    old_questions = [
        rule for rule in kept if rule["body"]["effect"] == "needs_approval" and "notice" in rule
    ]
    rest = [rule for rule in kept if rule not in old_questions]
    return rest if {rule["body"]["effect"] for rule in rest} - {"deny"} else kept


def worst(words: list[str]) -> str:
    for word in ("deny", "needs_approval"):
        if word in words:
            return word
    return "allow" if words else "deny"


def names(subject: Json) -> set[str]:
    return {*subject["chain"], *subject["owners"]}


def obligations(owed: list[tuple[Json, list[Json]]]) -> Json:
    everything = [rule["body"].get("obligations") or {} for _, rules in owed for rule in rules]
    found: Json = {}
    for name in ("watermark", "c2pa", "delete_on_revocation"):
        if any(one.get(name) for one in everything):
            found[name] = True
    texts = {one["attribution"] for one in everything if "attribution" in one}
    if texts:
        found["attribution"] = sorted(texts)
    hours = [one["report_within_hours"] for one in everything if "report_within_hours" in one]
    if hours:
        found["report_within_hours"] = min(hours)
    return found


def prices(owed: list[tuple[Json, list[Json]]]) -> dict[tuple[str, str], Fraction]:
    sums: dict[tuple[str, str], Fraction] = {}
    for subject, rules in owed:
        for place in (*subject["chain"], ""):
            here = [
                r["body"]["price"] for r in rules if r["scope"] == place and "price" in r["body"]
            ]
            if here:
                dearest = max(
                    here,
                    key=lambda p: (Fraction(p.get("amount", "0")), p.get("currency", ""), p["per"]),
                )
                if dearest["per"] != "agreement":
                    key = (dearest["currency"], dearest["per"])
                    sums[key] = sums.get(key, Fraction(0)) + Fraction(dearest["amount"])
                break
    return sums
