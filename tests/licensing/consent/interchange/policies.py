"""Policies for stories about reading them: valid by default, and spelled in other ways."""

from __future__ import annotations

import copy
import json
from typing import Any

from pyld import jsonld

from licensing.consent.engine.bodies import canonical
from licensing.consent.interchange.contexts import KNOWN
from licensing.consent.interchange.odrl_writing import write_policy
from licensing.consent.interchange.wordings import Wording

Json = dict[str, Any]

CONTEXT = ["http://www.w3.org/ns/odrl.jsonld", {"lx": "urn:assent:lx:", "assent": "urn:assent:"}]
ASKS = {"action": "obtainConsent"}


def written(body: Json, **said: str) -> Json:
    """The policy that is written for a body, as it arrives elsewhere."""
    found: Json = json.loads(json.dumps(write_policy(wording(body, **said))))
    return found


def wording(body: Json, **said: str) -> Wording:
    """A body as the version of a rule over one character."""
    ids = {"version": "rlv_1", "rule": "rul_1", "holder": "hld_1", "scope": "chr_1", "name": ""}
    return Wording(body=canonical(body), **{**ids, **said})


def permission(**said: Any) -> Json:
    """A policy of one permission, to generate videos of one character."""
    rule = {"target": "assent:chr_1", "action": "lx:generateVideo", **said}
    return {"@context": CONTEXT, "@type": "Set", "uid": "ex:p", "permission": [rule]}


def constraint(operand: str, operator: str, value: Any, **said: Any) -> Json:
    """One constraint."""
    return {"leftOperand": operand, "operator": operator, "rightOperand": value, **said}


def load(address: str, options: Any) -> Json:
    """The contexts that are known, for spelling a policy otherwise."""
    return {"contextUrl": None, "documentUrl": address, "document": KNOWN[address]}


OPTIONS = {"documentLoader": load}


def expanded(policy: Json) -> Json:
    """Without any context: every term in full."""
    return {"@graph": jsonld.expand(copy.deepcopy(policy), OPTIONS)}


def flattened(policy: Json) -> Json:
    """As a list of nodes that name each other."""
    return {"@graph": jsonld.flatten(copy.deepcopy(policy), None, OPTIONS)}


def renamed(policy: Json) -> Json:
    """With other names for everything, and `@vocab` for the rest."""
    context = {
        "@vocab": "http://www.w3.org/ns/odrl/2/",
        "mine": "urn:assent:lx:",
        "grants": "permission",
        "refuses": "prohibition",
        "soweit": {"@id": "constraint", "@container": "@set"},
        "links": {"@id": "leftOperand", "@type": "@vocab"},
        "art": "@type",
    }
    found: Json = jsonld.compact(copy.deepcopy(policy), context, OPTIONS)
    return found


SPELLINGS = (expanded, flattened, renamed)
