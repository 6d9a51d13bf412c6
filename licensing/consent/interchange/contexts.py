"""The JSON-LD contexts that a policy may name: ODRL's by its address, and the profile's.

ODRL's is written here from the vocabulary's term list, so that reading a policy fetches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from licensing.consent.interchange.vocabulary import LX, ODRL, THINGS, XSD

Json = dict[str, Any]

ADDRESS: Final = "http://www.w3.org/ns/odrl.jsonld"

# Terms that are written with their bare name.
_NAMES: Final = """
    Policy Rule Agreement Assertion Offer Privacy Request Set Ticket ConflictTerm UndefinedTerm
    perm prohibit invalid ignore support Asset AssetCollection Party PartyCollection PartyScope
    AssetScope Group Individual All AllConnections All2ndConnections AllGroups Action Permission
    Prohibition Duty Constraint LogicalConstraint Operator RightOperand LeftOperand
    use grantUse aggregate annotate anonymize archive concurrentUse derive digitize display
    distribute execute extract give index install modify move play present print read reproduce
    sell stream textToSpeech transfer transform translate commercialize
    acceptTracking attribute compensate delete ensureExclusivity include inform nextPolicy
    obtainConsent reviewPolicy uninstall watermark
    absolutePosition absoluteSpatialPosition absoluteTemporalPosition absoluteSize count dateTime
    delayPeriod deliveryChannel device elapsedTime event fileFormat industry language media
    meteredTime payAmount percentage product purpose recipient relativePosition
    relativeSpatialPosition relativeTemporalPosition relativeSize resolution spatial
    spatialCoordinates system systemDevice timeInterval unitOfCount version virtualLocation
    eq gt gteq lt lteq neq isA hasPart isPartOf isAllOf isAnyOf isNoneOf policyUsage
"""
# Properties whose value is a thing, and those whose value is a term.
_OF_THINGS: Final = """
    profile inheritFrom relation target output assignee assigner attributedParty compensatedParty
    compensatingParty consentingParty contractingParty contractedParty consentedParty informedParty
    informingParty trackedParty trackingParty hasPolicy source partOf permission prohibition
    obligation duty consequence failure remedy constraint refinement includedIn implies or xone and
    andSequence unit
"""
_OF_TERMS: Final = "conflict undefined scope function action operator leftOperand"
_OF_VALUES: Final = "rightOperand status"


def _odrl() -> Json:
    context: Json = {
        "odrl": ODRL,
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "owl": "http://www.w3.org/2002/07/owl#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "dct": "http://purl.org/dc/terms/",
        "dc": "http://purl.org/dc/terms/",
        "xsd": XSD,
        "type": "@type",
        "dataType": {"@id": "odrl:dataType", "@type": "@id"},
        "rightOperandReference": {"@id": "odrl:rightOperandReference", "@type": "@id"},
        "inheritAllowed": {"@id": "odrl:inheritAllowed", "@type": "xsd:boolean"},
    }
    context |= {name: f"odrl:{name}" for name in f"{_NAMES} {_OF_VALUES}".split()}
    context |= {name: {"@id": f"odrl:{name}", "@type": "@id"} for name in _OF_THINGS.split()}
    context |= {name: {"@id": f"odrl:{name}", "@type": "@vocab"} for name in _OF_TERMS.split()}
    return context | {"uid": "@id"}


# What a policy of ours brings along: with it and ODRL's own context it is understood anywhere.
PROFILE_CONTEXT: Final[Mapping[str, Any]] = {
    "lx": LX,
    "assent": THINGS,
    "revocationNotice": {"@id": "lx:revocationNotice", "@type": "xsd:duration"},
    "statedDuty": {"@id": "lx:statedDuty", "@type": "@id"},
}
KNOWN: Final[Mapping[str, Json]] = {
    address: {"@context": _odrl()} for address in (ADDRESS, ADDRESS.replace("http:", "https:"))
}
