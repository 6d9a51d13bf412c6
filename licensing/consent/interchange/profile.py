"""The profile as a document: its context, and each of its terms as linked data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from licensing.consent.interchange.contexts import PROFILE_CONTEXT
from licensing.consent.interchange.vocabulary import ODRL, PROFILE, XSD, Kind, Term, terms

Json = dict[str, Any]

TITLE: Final = "Consent for generated characters: a profile of ODRL 2.2"
# Where an installation serves it, after its own address.
PATH: Final = "ns/lx"
_CLASS_OF: Final[Mapping[Kind, str]] = {
    Kind.ACTION: "odrl:Action",
    Kind.DUTY: "odrl:Action",
    Kind.LEFT_OPERAND: "odrl:LeftOperand",
    Kind.VALUE: "odrl:RightOperand",
    Kind.UNIT: "skos:Concept",
    Kind.PROPERTY: "rdf:Property",
    Kind.COLLECTION: "skos:Concept",
}


def profile_document() -> Json:
    """The profile in JSON-LD. Named as a context it gives a policy the profile's terms."""
    context = {
        "odrl": ODRL,
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "dct": "http://purl.org/dc/terms/",
        "xsd": XSD,
        **PROFILE_CONTEXT,
    }
    head = {"@id": PROFILE, "@type": "skos:ConceptScheme", "dct:title": TITLE}
    return {"@context": context, "@graph": [head, *map(_described, terms())]}


def _described(term: Term) -> Json:
    written: Json = {
        "@id": f"lx:{term.name}",
        "@type": _CLASS_OF[term.kind],
        "rdfs:label": term.name.rpartition("/")[2],
        "skos:definition": term.definition,
        "skos:scopeNote": f"{term.domain}.",
        "skos:inScheme": {"@id": PROFILE},
    }
    if term.within:
        written["odrl:includedIn"] = {"@id": f"odrl:{term.within}"}
    return written
