"""The API's windows through which rules leave in other formats, and come in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import ids
from ledger.errors import Invalid, NotFound
from ledger.windows import Window
from ledger.wire import Id, Shape, Text, flatten
from licensing.catalog.models import Property, RightsHolder, Subject
from licensing.consent import exports, importing, rules
from licensing.consent.interchange.documents import Format
from licensing.consent.interchange.graphs import NotJsonLd, NotUnderstood
from licensing.consent.interchange.odrl_reading import ReadRule, read_policy
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.windows import examples
from licensing.consent.windows.rules import (
    examine_platforms,
    find_rule,
    named_holder,
    named_scope,
)
from licensing.consent.windows.shapes import Named, RuleBodyShape, RuleShape

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}\Z", re.ASCII)
_ADDRESS: Final = re.compile(r"(/|https?://)[\x21-\x7e]*\Z")


class WhichTarget(Invalid):
    """The policy is about nothing that is here: say a holder, a property or a subject."""

    code = "which_target"


class _Patterned(Text):
    default_error_messages = {"bad_name": "That is not written as it has to be."}

    def __init__(self, pattern: re.Pattern[str], **options: Any) -> None:
        super().__init__(max_length=2000, required=False, **options)
        self.pattern = pattern

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not self.pattern.match(text):
            self.fail("bad_name")
        return text


class ExportQueryShape(Shape):
    """In which format, of which version, and where what it is about is published."""

    format = Named(Format, default=str(Format.ODRL))
    version = _Patterned(_NUMBER)
    url = _Patterned(_ADDRESS)


class ExportShape(Shape):
    """A version of a rule in another format."""

    rule = Id(ConsentRule.PREFIX)
    version = Id(RuleVersion.PREFIX)
    number = serializers.IntegerField()
    format = serializers.ChoiceField(choices=[str(name) for name in Format])
    media_type = serializers.CharField()
    document = serializers.JSONField(help_text="JSON, or of a format that is none its text.")
    not_expressed = serializers.ListField(
        child=serializers.CharField(),
        help_text="JSON pointers into the version's body, to what the format has no word for. "
        "The document never grants more than the rule.",
    )


@extend_schema_field(OpenApiTypes.OBJECT)
class _PolicyField(serializers.Field[Any, Any, Any, Any]):
    """A document in JSON-LD."""

    default_error_messages = {"not_an_object": "A policy is a JSON object."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_an_object")
        return data


class PolicyShape(Shape):
    """An ODRL policy to be read, and where its rules are to hold if not over its own target."""

    default_error_messages = {"one_scope": "A rule is over a subject or a property, not both."}

    policy = _PolicyField(help_text="ODRL 2.2 in JSON-LD, in any spelling. Nothing is fetched.")
    holder = Id(RightsHolder.PREFIX, "holder", required=False)
    property = Id(Property.PREFIX, "property", required=False)
    subject = Id(Subject.PREFIX, "subject", required=False)
    name = Text(
        max_length=rules.LONGEST_NAME,
        required=False,
        help_text="Of each rule; else the policy's title.",
    )

    def validate(self, attrs: Any) -> Any:
        if "property" in attrs and "subject" in attrs:
            self.fail("one_scope")
        return attrs


class ImportedShape(Shape):
    """The rules of a policy, as drafts."""

    rules = RuleShape(many=True)


class ExportWindow(Window):
    """A rule in another format."""

    scopes = {"GET": "consent:read"}

    @extend_schema(
        operation_id="consent_rules_export",
        summary="A consent rule in another format",
        description="ODRL 2.2 in JSON-LD says every field, with the profile at /ns/lx. RSL 1.0 and "
        "a CAWG training and data mining assertion say a part: what they leave out is named, and "
        "where a limit would get lost they grant nothing.",
        parameters=[
            OpenApiParameter("format", str, enum=[str(name) for name in Format], default="odrl"),
            OpenApiParameter(
                "version", int, description="The version's number; the one in force if not said."
            ),
            OpenApiParameter(
                "url", str, description="Where it is published: a path or address for RSL."
            ),
        ],
        responses=ExportShape,
        examples=examples.shown(*examples.EXPORTS),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rule = find_rule(self, id)
        said = self.read_query(ExportQueryShape)
        version = self._version(rule, said.get("version"))
        document = exports.document_of(
            rule, version, Format(said["format"]), address=said.get("url", "")
        )
        answer = {
            "rule": rule,
            "version": version,
            "number": version.number,
            "format": str(document.format),
            "media_type": document.media_type,
            "document": document.content,
            "not_expressed": document.not_expressed,
        }
        return self.show(ExportShape, answer)

    def _version(self, rule: ConsentRule, number: str | None) -> RuleVersion:
        if number is not None:
            versions = RuleVersion.objects.visible_to(self.actor).filter(rule=rule)
            version = versions.filter(number=int(number)).first()
        else:
            version = rule.in_force()
        if version is None:
            raise rules.NotInForce if number is None else NotFound
        return version


class ImportWindow(Window):
    """A policy that becomes rules."""

    scopes = {"POST": "consent:write"}

    @extend_schema(
        operation_id="consent_rules_import",
        summary="Draft consent rules from an ODRL policy",
        description="One draft for each permission and prohibition, over the policy's target or "
        "what the body names, all or none. A policy that says anything that is not known here is "
        "refused, with a pointer to it: it is never read as broader than it is.",
        request=PolicyShape,
        responses={201: ImportedShape},
        examples=[
            examples.sent("A policy", {"policy": examples.POLICY}),
            *examples.shown({"rules": [examples.RULE]}),
        ],
    )
    def post(self, request: Request) -> Response:
        said = self.read(PolicyShape)
        imports = [self._import(said, rule) for rule in _read(said["policy"])]
        made = importing.import_rules(actor=self.actor, now=self.now, imports=imports)
        found = ConsentRule.objects.visible_to(self.actor).with_versions()
        shown = {rule.pk: rule for rule in found.filter(pk__in=[rule.pk for rule in made])}
        return self.created(ImportedShape, {"rules": [shown[rule.pk] for rule in made]})

    def _import(self, said: Mapping[str, Any], rule: ReadRule) -> importing.Import:
        try:
            body = RuleBodyShape().run_validation(rule.body)
        except serializers.ValidationError as refusal:
            raise importing.refused(tuple(flatten(refusal.detail)), rule.origins) from refusal
        examine_platforms(self, body)
        holder, scope = self._place(said, rule)
        return importing.Import(
            holder=holder,
            scope=scope,
            name=said.get("name", rule.name[: rules.LONGEST_NAME]),
            body=body,
            origins=rule.origins,
        )

    def _place(self, said: Mapping[str, Any], rule: ReadRule) -> tuple[RightsHolder, rules.Scope]:
        """Where the body says, else the policy's target, which must be here."""
        if not {"holder", "property", "subject"}.isdisjoint(said):
            return named_holder(self, said), named_scope(self, said)
        try:
            return self._target(rule)
        except (ObjectDoesNotExist, ValueError):
            raise WhichTarget(pointer=f"/policy{rule.place}") from None

    def _target(self, rule: ReadRule) -> tuple[RightsHolder, rules.Scope]:
        """What the policy is about. Raises ValueError or DoesNotExist if that is not here."""
        holders = RightsHolder.objects.visible_to(self.actor)
        prefix = rule.target.partition("_")[0]
        if prefix == Subject.PREFIX:
            subjects = Subject.objects.visible_to(self.actor)
            subject = subjects.get(pk=ids.read(prefix, rule.target))
            holder = holders.filter(pk=subject.holder_id).first() or named_holder(self, {})
            return holder, rules.Scope(subject=subject)
        if prefix == Property.PREFIX:
            properties = Property.objects.visible_to(self.actor)
            above = properties.get(pk=ids.read(prefix, rule.target))
            return holders.get(pk=above.holder_id), rules.Scope(property=above)
        return holders.get(pk=ids.read(RightsHolder.PREFIX, rule.target)), rules.ALL


def _read(policy: dict[str, Any]) -> tuple[ReadRule, ...]:
    """The rules of a policy; its refusals point into the body that holds it."""
    try:
        return read_policy(policy)
    except (NotUnderstood, NotJsonLd) as refusal:
        pointer = refusal.faults[0].pointer if refusal.faults else ""
        raise type(refusal)(refusal.detail, pointer=f"/policy{pointer}") from None
