"""The API's windows on consent rules and kill switches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.errors import Invalid, NotFound
from ledger.windows import IF_MATCH, Window, named, paged
from ledger.wire import Id
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent import blast, rules, switches
from licensing.consent.models import ConsentRule, KillSwitch, RuleVersion
from licensing.consent.windows import examples
from licensing.consent.windows.shapes import (
    EndedShape,
    NewRuleShape,
    NewSwitchShape,
    PublicationShape,
    RevocationShape,
    RuleEditShape,
    RuleShape,
    SwitchShape,
    ThrownShape,
    VersionShape,
)

# By what rules and kill switches are narrowed in a list: whose they are, and what they are over.
_OVER: Final[Mapping[str, Id]] = {
    "holder": Id(RightsHolder.PREFIX),
    "property": Id(Property.PREFIX),
    "subject": Id(Subject.PREFIX),
}


class WhichHolder(Invalid):
    """Your organisation acts for several holders, or for none: say which."""

    code = "which_holder"


class ConsentRulesWindow(Window):
    """Consent rules."""

    scopes = {"GET": "consent:read", "POST": "consent:write"}

    @extend_schema(
        operation_id="consent_rules_list",
        summary="Consent rules",
        description="Your holders' rules, newest first, each with its latest version and the one "
        "in force.",
        parameters=[OpenApiParameter(name, str) for name in _OVER],
        responses=paged(RuleShape),
        examples=examples.listed(examples.RULE),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            ConsentRule.objects.visible_to(self.actor).with_versions(),
            RuleShape,
            filters=_OVER,
        )

    @extend_schema(
        operation_id="consent_rules_create",
        summary="Draft a consent rule",
        description="Over one subject, one property with everything below it, or all that the "
        "holder has. It says nothing until it is published.",
        request=NewRuleShape,
        responses={201: RuleShape},
        examples=[examples.sent("A rule", examples.NEW_RULE), *examples.shown(examples.RULE)],
    )
    def post(self, request: Request) -> Response:
        said = self.read(NewRuleShape)
        examine_platforms(self, said["body"])
        rule = rules.create_rule(
            actor=self.actor,
            now=self.now,
            holder=named_holder(self, said),
            scope=named_scope(self, said),
            name=said.get("name", ""),
            body=said["body"],
        )
        return _shown(self, rule, status=201)


class ConsentRuleWindow(Window):
    """One consent rule."""

    scopes = {"GET": "consent:read", "PATCH": "consent:write"}

    @extend_schema(
        operation_id="consent_rules_get",
        summary="One consent rule",
        description="Its latest version and the one in force. The answer's ETag is what an edit "
        "has to send back.",
        responses=RuleShape,
        examples=examples.shown(examples.RULE),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return _shown(self, find_rule(self, id))

    @extend_schema(
        operation_id="consent_rules_edit",
        summary="Edit a consent rule's draft",
        description="Changes the draft, or begins the next version if there is none. What is "
        "published does not change. Without If-Match 428, with one that is stale 412.",
        parameters=[IF_MATCH],
        request=RuleEditShape,
        responses=RuleShape,
        examples=[examples.sent("Milder", examples.EDIT), *examples.shown(examples.RULE)],
    )
    def patch(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rule = find_rule(self, id)
        said = self.read(RuleEditShape)
        if "body" in said:
            examine_platforms(self, said["body"])
        rules.edit_draft(
            actor=self.actor,
            now=self.now,
            rule=rule,
            seen=self.seen(),
            body=said.get("body"),
            name=said.get("name"),
        )
        return _shown(self, find_rule(self, id))


class RuleVersionsWindow(Window):
    """A rule's history."""

    scopes = {"GET": "consent:read"}

    @extend_schema(
        operation_id="consent_rules_versions_list",
        summary="A consent rule's versions",
        description="What was in force when: every version there has been, newest first.",
        responses=paged(VersionShape),
        examples=examples.listed(examples.VERSION),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rule = find_rule(self, id)
        rows = RuleVersion.objects.visible_to(self.actor).filter(rule=rule)
        return self.page(rows, VersionShape)


class PublishWindow(Window):
    """A rule's publication."""

    scopes = {"POST": "consent:publish"}

    @extend_schema(
        operation_id="consent_rules_publish",
        summary="Publish a consent rule",
        description="Puts the draft in force and supersedes what was. Every check that starts "
        "after this answer uses it; where the superseded version promised a notice, it goes on "
        "for those who relied on the rule. The answer tells what has ended and its blast radius. "
        "Without If-Match 428, with one that is stale 412.",
        parameters=[IF_MATCH],
        request=None,
        responses=PublicationShape,
        examples=examples.shown(examples.PUBLICATION),
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rule, now = find_rule(self, id), self.now
        version = rules.publish(actor=self.actor, now=now, rule=rule, seen=self.seen())
        response = _shown(self, find_rule(self, id))
        response.data["superseded"] = _ended(rules.superseded_by(version), now=now)
        return response


class RevokeWindow(Window):
    """A rule's revocation."""

    scopes = {"POST": "consent:publish"}

    @extend_schema(
        operation_id="consent_rules_revoke",
        summary="Revoke a consent rule",
        description="Ends the version in force. No check that starts after this answer uses it; "
        "if it promised a notice, it goes on until then for those who relied on the rule, and for "
        "nobody else. The answer tells until when and for whom, and the blast radius: what had "
        "been allowed under it. Without If-Match 428, with one that is stale 412.",
        parameters=[IF_MATCH],
        request=None,
        responses=RevocationShape,
        examples=examples.shown(examples.REVOCATION),
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rule, now = find_rule(self, id), self.now
        version = rules.revoke(actor=self.actor, now=now, rule=rule, seen=self.seen())
        answer = {
            "rule": find_rule(self, id),
            "notice": version.notice,
            "blast_radius": blast.of_version(version, now=now),
        }
        return self.show(RevocationShape, answer)


class KillSwitchesWindow(Window):
    """Kill switches."""

    scopes = {"GET": "consent:read", "POST": "consent:publish"}

    @extend_schema(
        operation_id="kill_switches_list",
        summary="Kill switches",
        description="Those thrown and those lifted again, newest first.",
        parameters=[OpenApiParameter(name, str) for name in _OVER],
        responses=paged(SwitchShape),
        examples=examples.listed(examples.SWITCH),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            KillSwitch.objects.visible_to(self.actor),
            SwitchShape,
            filters=_OVER,
        )

    @extend_schema(
        operation_id="kill_switches_throw",
        summary="Throw a kill switch",
        description="Stops a subject, a property or all that the holder has, whatever the rules "
        "say: everywhere, or on one platform. No check that starts after this answer is allowed.",
        request=NewSwitchShape,
        responses={201: ThrownShape},
        examples=[examples.sent("One", examples.NEW_SWITCH), *examples.shown(examples.THROWN)],
    )
    def post(self, request: Request) -> Response:
        said, now = self.read(NewSwitchShape), self.now
        switch = switches.throw(
            actor=self.actor,
            now=now,
            holder=named_holder(self, said),
            scope=named_scope(self, said),
            platform=named(Platform.objects.visible_to(self.actor), said.get("platform")),
        )
        answer = {
            "switch": switch,
            "blast_radius": blast.stopped_by(switch, now=now),
        }
        return self.created(ThrownShape, answer)


class LiftWindow(Window):
    """A kill switch's end."""

    scopes = {"POST": "consent:publish"}

    @extend_schema(
        operation_id="kill_switches_lift",
        summary="Lift a kill switch",
        description="From then on the rules speak again.",
        request=None,
        responses=SwitchShape,
        examples=examples.shown(examples.SWITCH),
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        switch = self.find(KillSwitch.objects.visible_to(self.actor), KillSwitch.PREFIX, id)
        return self.show(SwitchShape, switches.lift(actor=self.actor, now=self.now, switch=switch))


def find_rule(window: Window, text: str) -> ConsentRule:
    """The rule with this id, with its holder and versions. Raises NotFound."""
    rows = ConsentRule.objects.visible_to(window.actor).select_related("holder").with_versions()
    return window.find(rows, ConsentRule.PREFIX, text)


def _ended(version: RuleVersion | None, *, now: datetime) -> Any:
    """What a publication has put an end to, if anything."""
    if version is None:
        return None
    blast_radius = blast.of_version(version, now=now)
    return EndedShape({"version": version, "blast_radius": blast_radius}).data


def _shown(window: Window, rule: ConsentRule, *, status: int = 200) -> Response:
    response = window.show(RuleShape, rule, status=status)
    response["ETag"] = rules.etag_of(rule.latest())
    return response


def named_holder(window: Window, said: Mapping[str, Any]) -> RightsHolder:
    """The holder a body names, or the only one there is. Raises NotFound, WhichHolder."""
    rows = RightsHolder.objects.visible_to(window.actor)
    if "holder" in said:
        return named(rows, said["holder"])  # type: ignore[no-any-return]
    own = list(rows.filter(organisation_id=window.actor.tenant)[:2])
    if len(own) != 1:
        raise WhichHolder(pointer="/holder")
    return own[0]


def named_scope(window: Window, said: Mapping[str, Any]) -> rules.Scope:
    """The subject or property a body names, or neither. Raises NotFound."""
    return rules.Scope(
        property=named(Property.objects.visible_to(window.actor), said.get("property")),
        subject=named(Subject.objects.visible_to(window.actor), said.get("subject")),
    )


def examine_platforms(window: Window, body: Mapping[str, Any]) -> None:
    """Every platform a body names is there. Raises NotFound."""
    platforms = [name for names in (body.get("platforms") or {}).values() for name in names]
    if not platforms:
        return
    wanted = {Id(Platform.PREFIX).to_internal_value(name) for name in platforms}
    if Platform.objects.visible_to(window.actor).filter(pk__in=wanted).count() < len(wanted):
        raise NotFound
