"""Rules drafted, edited, published and revoked. What has been published never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import Invalid, Refused, Stale
from licensing.access import audit
from licensing.catalog.models import Property, RightsHolder, Subject
from licensing.consent import epochs, reliance
from licensing.consent.engine.bodies import canonical, content_hash, read_body
from licensing.consent.engine.language import Effect
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.states import VERSION_MOVES, VersionState

# How many rules a holder may have that are drafted or in force.
MOST_RULES: Final = 1000
# How many characters a rule's name may have.
LONGEST_NAME: Final = 200


class TooManyRules(Invalid):
    """A holder has at most 1,000 rules that are drafted or in force."""

    code = "too_many_rules"


class Retroactive(Invalid):
    """A rule cannot begin before it is published: what was decided stays decided."""

    code = "retroactive"


class WindowEmpty(Invalid):
    """The window's end must come after its beginning."""

    code = "window_empty"


class NotTheirs(Invalid):
    """A holder's rule is over what that holder has."""

    code = "not_theirs"


class NoDraft(Refused):
    """There is no draft to publish."""

    code = "no_draft"


class NotInForce(Refused):
    """No version of this rule is in force."""

    code = "not_in_force"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a rule is over: one subject, one property, or neither, which is all the holder has."""

    property: Property | None = None
    subject: Subject | None = None


ALL: Final = Scope()


def create_rule(
    *,
    actor: Actor,
    now: datetime,
    holder: RightsHolder,
    body: Mapping[str, Any],
    scope: Scope = ALL,
    name: str = "",
    answers: Iterable[UUID] = (),
) -> ConsentRule:
    """Drafts a new rule. It says nothing until it is published.

    `body` is a rule's JSON form (see `bodies`). `answers` are the holder's needs-approval rules
    whose question it answers for good where it allows. Raises NotTheirs, Retroactive, WindowEmpty,
    TooManyRules.
    """
    with transaction.atomic():
        epochs.lock(holder)
        examine_scope(holder, scope)
        examine_window(body, now=now)
        live = RuleVersion.objects.filter(holder=holder, state__in=("draft", "published"))
        if live.values("rule").distinct().count() >= MOST_RULES:
            raise TooManyRules
        rule = ConsentRule.objects.create(
            holder=holder,
            property=scope.property,
            subject=scope.subject,
            name=name,
            answers=sorted(answers),
            created_at=now,
        )
        _draft(actor=actor, now=now, rule=rule, number=1, body=body)
        _record(actor, now, "consent_rule.create", rule)
        return rule


def edit_draft(
    *,
    actor: Actor,
    now: datetime,
    rule: ConsentRule,
    seen: str,
    body: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> RuleVersion:
    """Changes the draft, or begins the next one from what is published.

    `seen` is the ETag the editor has read. Raises Stale, Retroactive, WindowEmpty.
    """
    with transaction.atomic():
        version = _locked_latest(rule, seen=seen)
        if body is not None:
            examine_window(body, now=now)
        if name is not None and name != rule.name:
            rule.name = name
            rule.save(update_fields=["name"])
        if version.state == VersionState.DRAFT:
            version.body = canonical(body) if body is not None else version.body
            version.revision += 1
            version.drafted_by = actor.label
            version.save(update_fields=["body", "revision", "drafted_by"])
        else:
            version = _draft(
                actor=actor,
                now=now,
                rule=rule,
                number=version.number + 1,
                body=body if body is not None else version.body,
            )
        _record(actor, now, "consent_rule.edit", rule, version)
        return version


def publish(
    *, actor: Actor, now: datetime, rule: ConsentRule, seen: str | None = None
) -> RuleVersion:
    """Puts the draft in force and supersedes what was, from the moment this commits. If that
    promised a notice, it runs on for those who relied on the rule.

    Raises NoDraft, Stale (if `seen`, an ETag, is not the draft's), Retroactive, WindowEmpty.
    """
    with transaction.atomic():
        epoch = epochs.turn(rule.holder)
        draft = _locked_latest(rule, seen=seen)
        if draft.state != VersionState.DRAFT:
            raise NoDraft
        examine_window(draft.body, now=now)
        last = RuleVersion.objects.filter(rule=rule, state=VersionState.PUBLISHED).first()
        if last is not None:
            _end(last, VersionState.SUPERSEDED, actor=actor, now=now, epoch=epoch)
        draft.state = VersionState.PUBLISHED
        draft.published_at, draft.published_epoch = now, epoch
        draft.published_by = actor.label
        draft.content_hash = content_hash(draft.body)
        draft.save()
        _record(actor, now, "consent_rule.publish", rule, draft)
        return draft


def revoke(
    *, actor: Actor, now: datetime, rule: ConsentRule, seen: str | None = None
) -> RuleVersion:
    """Ends the version in force. No check that starts after this has committed uses it; if it
    promised a notice, none but those of the platforms that relied on the rule, until that is over.

    Raises NotInForce, Stale (if `seen`, an ETag, is not the latest version's).
    """
    with transaction.atomic():
        epoch = epochs.turn(rule.holder)
        _locked_latest(rule, seen=seen)
        version = (
            RuleVersion.objects.select_for_update()
            .filter(rule=rule, state=VersionState.PUBLISHED)
            .first()
        )
        if version is None:
            raise NotInForce
        _end(version, VersionState.REVOKED, actor=actor, now=now, epoch=epoch)
        _record(actor, now, "consent_rule.revoke", rule, version)
        return version


def superseded_by(version: RuleVersion) -> RuleVersion | None:
    """The version that the publication of `version` has put an end to, if there was one."""
    rows = RuleVersion.objects.filter(rule=version.rule_id)
    return rows.filter(ended_epoch=version.published_epoch).first()


def etag_of(version: RuleVersion) -> str:
    """The ETag of a rule whose latest version is `version`."""
    return f'"{version.number}.{version.revision}.{version.state}"'


def examine_window(body: Mapping[str, Any], *, now: datetime) -> None:
    """Raises WindowEmpty or Retroactive."""
    read = read_body(body)
    start, end = read.window_from, read.window_to
    if end is not None and start is not None and end <= start:
        raise WindowEmpty(pointer="/body/window/to")
    if start is not None and start < now:
        raise Retroactive(pointer="/body/window/from")
    if end is not None and end <= now:
        raise Retroactive("A rule cannot end before it is published.", pointer="/body/window/to")


def examine_scope(holder: RightsHolder, scope: Scope) -> None:
    """Raises NotTheirs unless the holder has what `scope` names."""
    if scope.property is not None and scope.property.holder_id != holder.pk:
        raise NotTheirs(pointer="/property")
    if scope.subject is not None and not (
        scope.subject.holder_id == holder.pk
        or scope.subject.ownership_steps.filter(shares__holder=holder).exists()
    ):
        raise NotTheirs(pointer="/subject")


def _end(
    version: RuleVersion, state: VersionState, *, actor: Actor, now: datetime, epoch: int
) -> None:
    assert state in VERSION_MOVES[version.state]
    assert version.published_at is not None
    version.state = state
    # Servers' clocks differ by a little, which must not keep anyone from ending a rule.
    version.ended_at = max(now, version.published_at)
    version.ended_epoch, version.ended_by = epoch, actor.label
    body = read_body(version.body)
    if body.revocation_notice is not None and body.effect is not Effect.DENY:
        # The rule is locked: whoever begins to rely on it has done so by now, or comes too late.
        version.notice_for = reliance.of(version.rule_id)
    if version.notice_for:
        notice = timedelta(days=body.revocation_notice or 0)
        version.notice_until = version.ended_at + notice
    version.save()


def _locked_latest(rule: ConsentRule, *, seen: str | None) -> RuleVersion:
    """The latest version, locked; with `seen` it must still be what was read."""
    ConsentRule.objects.select_for_update().get(pk=rule.pk)
    version = RuleVersion.objects.filter(rule=rule).order_by("-number")[0]
    if seen is not None and seen != etag_of(version):
        raise Stale
    return version


def _draft(
    *, actor: Actor, now: datetime, rule: ConsentRule, number: int, body: Mapping[str, Any]
) -> RuleVersion:
    return RuleVersion.objects.create(
        rule=rule,
        holder=rule.holder,
        number=number,
        body=canonical(body),
        drafted_by=actor.label,
        drafted_at=now,
    )


def _record(
    actor: Actor,
    now: datetime,
    verb: str,
    rule: ConsentRule,
    version: RuleVersion | None = None,
) -> None:
    audit.record(
        actor=actor,
        now=now,
        verb=verb,
        thing=rule.shown_id,
        organisation_id=rule.holder.organisation_id,
        detail={} if version is None else {"version": version.shown_id, "number": version.number},
    )
