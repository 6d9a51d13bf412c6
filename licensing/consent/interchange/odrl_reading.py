"""An ODRL 2.2 policy as rules. What is not known is refused by name, never read as if it were not
there: a policy must not become broader by being read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from licensing.consent.engine.language import Effect
from licensing.consent.interchange.constraints import read_constraints
from licensing.consent.interchange.duties import read_duties
from licensing.consent.interchange.fields import Fields
from licensing.consent.interchange.graphs import Graph, NotUnderstood, read_graph, short
from licensing.consent.interchange.nodes import check, literal, reference, references
from licensing.consent.interchange.parties import read_assignees, read_target
from licensing.consent.interchange.rule_constraints import read_constraint
from licensing.consent.interchange.vocabulary import (
    ACTIONS,
    ANY_ACTION,
    LX,
    ODRL,
    PROFILE,
    RDF_VALUE,
)

Json = dict[str, Any]

# How many rules one policy may hold.
MOST_RULES: Final = 50
_POLICIES: Final = frozenset(ODRL + name for name in ("Policy", "Set", "Offer", "Agreement"))
_PERMISSION: Final = ODRL + "permission"
_PROHIBITION: Final = ODRL + "prohibition"
_CONFLICT: Final = ODRL + "conflict"
_PROFILE: Final = ODRL + "profile"
# What a policy may say for all of its rules.
_SHARED: Final = tuple(ODRL + name for name in ("target", "assigner", "assignee", "action"))
_TARGET, _ASSIGNER, _ASSIGNEE, _ACTION = _SHARED
_NOTICE: Final = LX + "revocationNotice"
_TITLE: Final = "http://purl.org/dc/terms/title"
_ACTION_OF: Final = {iri: str(action) for action, iri in ACTIONS.items()}
# Both mean every action a rule can speak of; ODRL's own means more, of which nothing is read.
_ANY: Final = frozenset({ANY_ACTION, ODRL + "use"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRule:
    """One rule of a policy, in the API's words.

    `target` is the id of a subject, a property, or a holder whose everything is meant; empty if the
    target is none of ours. `place` is where the rule stands in the policy, `origins` where each
    field of its body does: JSON pointers.
    """

    name: str
    target: str
    place: str
    body: Json
    origins: Mapping[str, str]


def read_policy(document: Json) -> tuple[ReadRule, ...]:
    """The rules that a policy in JSON-LD says, however it is spelled.

    Raises NotJsonLd, NotUnderstood. Bodies still have to be checked as any body is.
    """
    graph = read_graph(document)
    policy = _the_policy(graph)
    known = (_PERMISSION, _PROHIBITION, *_SHARED, _CONFLICT, _PROFILE)
    check(graph, policy, known=known, types=_POLICIES)
    for profile in references(graph, policy, _PROFILE):
        if profile != PROFILE:
            graph.refuse(policy, f"The profile {profile} is not known here.", _PROFILE)
    _examine_conflict(graph, policy)
    rules = [
        rule
        for kind in (_PERMISSION, _PROHIBITION)
        for place in references(graph, policy, kind)
        for rule in _read_rule(graph, policy, graph.node(place), denies=kind == _PROHIBITION)
    ]
    if not rules:
        graph.refuse(policy, "The policy says nothing: it has no permission and no prohibition.")
    if len(rules) > MOST_RULES:
        graph.refuse(policy, f"A policy of more than {MOST_RULES} rules is not read.")
    for node in graph.unmet():
        # What is said of nodes that nothing leads to must not be about rights.
        for key in node:
            if key.startswith((ODRL, LX)) or key == "@graph":
                graph.refuse(node, f"{short(key)} is said of what the policy does not name.", key)
    return tuple(rules)


def _the_policy(graph: Graph) -> Json:
    rules = (_PERMISSION, _PROHIBITION, ODRL + "obligation")
    found = [
        reference_
        for reference_, node in graph.nodes.items()
        if not _POLICIES.isdisjoint(node.get("@type", ())) or any(kind in node for kind in rules)
    ]
    if len(found) != 1:
        raise NotUnderstood(f"A document of one policy is read; {len(found)} are here.", pointer="")
    return graph.node(found[0])


def _examine_conflict(graph: Graph, policy: Json) -> None:
    """Here any deny wins. A policy that is void where its rules contradict each other, which is
    what ODRL means if it does not say, may be read only while nothing contradicts."""
    said = references(graph, policy, _CONFLICT) or [ODRL + "invalid"]
    if said == [ODRL + "prohibit"]:
        return
    if said != [ODRL + "invalid"]:
        graph.refuse(
            policy, f"The conflict strategy {short(said[0])} is not known here.", _CONFLICT
        )
    if policy.get(_PERMISSION) and policy.get(_PROHIBITION):
        graph.refuse(
            policy,
            "Permissions and prohibitions are read together only where odrl:prohibit settles "
            "their conflicts.",
            _CONFLICT,
        )


def _read_rule(graph: Graph, policy: Json, rule: Json, *, denies: bool) -> Iterator[ReadRule]:
    """One rule for each of its targets."""
    duty = LX + "statedDuty" if denies else ODRL + "duty"
    kind = ODRL + ("Prohibition" if denies else "Permission")
    known = (*_SHARED, ODRL + "constraint", duty, _NOTICE)
    check(graph, rule, known=known, types=(ODRL + "Rule", kind))
    owner = {key: _who_says(graph, policy, rule, key) for key in _SHARED}
    fields = Fields(graph=graph)
    fields.put("/effect", str(Effect.DENY if denies else Effect.ALLOW), rule)
    _read_actions(graph, owner[_ACTION], fields)
    read_assignees(graph, owner[_ASSIGNEE], _ASSIGNEE, fields)
    for constraint in read_constraints(graph, rule, ODRL + "constraint"):
        read_constraint(constraint, fields)
    if read_duties(graph, rule, duty, fields):
        if denies:
            graph.refuse(rule, "A prohibition obtains no consent.", duty)
        fields.body["effect"] = str(Effect.NEEDS_APPROVAL)
    if _NOTICE in rule:
        days = fields.whole(literal(graph, rule, _NOTICE, str), "P", "D", rule)
        fields.put("/revocation_notice_days", days, rule, _NOTICE)
    # Who grants is who imports: of the assigner nothing is read but that there may be one.
    for assigner in references(graph, owner[_ASSIGNER], _ASSIGNER):
        graph.node(assigner)
    for target in references(graph, owner[_TARGET], _TARGET) or [""]:
        yield ReadRule(
            name=literal(graph, policy, _TITLE, str) if _TITLE in policy else "",
            target=read_target(graph, target),
            place=graph.at(rule),
            body=fields.body,
            origins=fields.origins,
        )


def _who_says(graph: Graph, policy: Json, rule: Json, key: str) -> Json:
    """The node that says `key` for `rule`: itself, or the policy for all of its rules."""
    if key in rule and key in policy:
        graph.refuse(rule, f"{short(key)} is said by the policy, too.", key)
    return policy if key in policy else rule


def _read_actions(graph: Graph, node: Json, fields: Fields) -> None:
    actions = set()
    for place in references(graph, node, _ACTION):
        inner = graph.node(place)
        check(graph, inner, known=(RDF_VALUE,), types=(ODRL + "Action",))
        action = reference(graph, inner, RDF_VALUE) if RDF_VALUE in inner else place
        if action not in _ACTION_OF and action not in _ANY:
            graph.refuse(node, f"The action {short(action)} is not known here.", _ACTION)
        actions.add(action)
    if not actions:
        graph.refuse(node, "A rule of no action is not read.")
    if _ANY.isdisjoint(actions):
        fields.put("/actions", sorted(_ACTION_OF[action] for action in actions), node, _ACTION)
