"""A JSON-LD document as a graph of nodes, whatever way it is spelled; and where each node stands.

Nothing is fetched: a context is known here, stands in the document, or is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from pyld import jsonld
from pyld.context_resolver import ContextResolver

from ledger.errors import Invalid
from licensing.consent.interchange.contexts import KNOWN
from licensing.consent.interchange.vocabulary import LX

Json = dict[str, Any]

# A scoped context is worked through at every use, every context again where it is named, and each
# value of a set is compared with all others: without these a small document could keep a server
# busy. The longest list of a rule has 250 values, and a rule of nothing but such lists fits.
MOST_CONTEXTS: Final = 16
MOST_VALUES: Final = 5_000
LONGEST_LIST: Final = 300
# Tells each node of the document where it stands; no context of anybody's defines it.
_MARK: Final = LX + "standsAt"


class NotUnderstood(Invalid):
    """The policy says something that is not known here, and is not read as if it did not."""

    code = "not_understood"


class NotJsonLd(Invalid):
    """This is not a JSON-LD document that can be read without fetching anything."""

    code = "not_json_ld"


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a document by id, and where they stand in it as JSON pointers.

    `met` are the ids of the nodes that were asked for.
    """

    nodes: Mapping[str, Json]
    document: Any
    pointers: Mapping[str, str]
    met: set[str] = field(default_factory=set)

    def node(self, reference: str) -> Json:
        """The node of this id; one of which nothing is said is empty."""
        self.met.add(reference)
        return self.nodes.get(reference) or {"@id": reference}

    def unmet(self) -> Iterator[Json]:
        """The nodes that nobody has asked for."""
        return (node for reference, node in self.nodes.items() if reference not in self.met)

    def at(self, node: Mapping[str, Any], property_iri: str = "") -> str:
        """Where `node`, or its property, stands in the document, as near as can be said."""
        pointer = self.pointers.get(node["@id"], "")
        if not property_iri:
            return pointer
        source = _look_up(self.document, pointer)
        if isinstance(source, dict):
            for key in source:
                if _local(property_iri) == _local(key):
                    return f"{pointer}/{escape(key)}"
        return pointer

    def refuse(self, node: Mapping[str, Any], what: str, property_iri: str = "") -> NoReturn:
        """Raises NotUnderstood, naming `what` and the place."""
        raise NotUnderstood(what, pointer=self.at(node, property_iri))


def read_graph(document: Json) -> Graph:
    """The graph that `document` describes. Raises NotJsonLd, NotUnderstood."""
    _examine(document)
    dropped: list[str] = []
    nodes = _flatten(document, dropped.append)
    if dropped:
        # Without a meaning it would be passed over in silence, and a misspelt limit with it.
        key = dropped[0] or "a key"
        where = next((at for at, found in _objects(document) if key in found), "")
        raise NotUnderstood(f"{key!r} has no meaning here.", pointer=f"{where}/{escape(key)}")
    return Graph(nodes=nodes, document=document, pointers=_pointers(document))


def short(iri: str) -> str:
    """An IRI as people write it."""
    for prefix, whole in (("lx:", LX), ("odrl:", "http://www.w3.org/ns/odrl/2/")):
        if iri.startswith(whole):
            return prefix + iri.removeprefix(whole)
    return iri


def escape(key: str) -> str:
    """A key as a step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _flatten(document: Json, drop: Callable[[str], None]) -> dict[str, Json]:
    processor = jsonld.JsonLdProcessor(on_property_dropped=drop)
    options = {
        "documentLoader": _load,
        # The library's own memory of contexts is shared between threads and not made for it.
        "contextResolver": ContextResolver({}, _load),
    }
    try:
        expanded = processor.expand(document, options)
        _examine_sets(expanded)
        flat = processor.flatten(expanded, None, options)
    except (NotJsonLd, NotUnderstood):
        raise
    except RecursionError:
        raise NotJsonLd from None
    except Exception as error:
        # The library meets a strange document with whatever Python raises.
        raise NotJsonLd(_reason(error)) from None
    return {node["@id"]: node for node in flat}


def _load(address: str, options: Any) -> Json:
    if address not in KNOWN:
        raise NotJsonLd(f"The context {address[:200]!r} is not known here, and nothing is fetched.")
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": address,
        "document": KNOWN[address],
    }


def _reason(error: BaseException) -> str | None:
    """The innermost reason, which is the only one that says what is wrong."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, NotJsonLd):
        return error.detail
    code = getattr(error, "code", None)
    return f"The document is not JSON-LD: {code}." if code else None


def _examine(document: Json) -> None:
    """Bounds what the library is given to work through."""
    contexts = values = 0
    waiting: list[tuple[Any, bool]] = [(document, False)]
    while waiting:
        value, inside = waiting.pop()
        values += 1
        if isinstance(value, list):
            if len(value) > LONGEST_LIST:
                raise NotJsonLd(f"A list of more than {LONGEST_LIST} values is not read.")
            waiting += [(each, inside) for each in value]
        elif isinstance(value, dict):
            for key, each in value.items():
                if key == "@context":
                    if inside:
                        raise NotJsonLd("A context within a context is not read.")
                    contexts += len(each) if isinstance(each, list) else 1
                elif key == "@import":
                    raise NotJsonLd("A context that imports another is not read.")
                waiting.append((each, inside or key == "@context"))
    if contexts > MOST_CONTEXTS or values > MOST_VALUES:
        raise NotJsonLd("The document is too large, or names too many contexts.")


def _examine_sets(expanded: Any) -> None:
    """Bounds the sets that nodes of one id are merged into, which nothing else does."""
    sizes: Counter[tuple[str, str]] = Counter()
    waiting = [expanded]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            if "@id" in value:
                for key, each in value.items():
                    sizes[value["@id"], key] += len(each) if isinstance(each, list) else 1
    if any(size > LONGEST_LIST for size in sizes.values()):
        raise NotJsonLd(f"A set of more than {LONGEST_LIST} values is not read.")


def _pointers(document: Json) -> dict[str, str]:
    """Where the nodes stand: the same document read again with a mark in each object.

    Marks are literals, which make no nodes, so nodes have the same ids as without. Where a mark
    spoils a document there are no pointers, which is worth less than reading it as it is.
    """
    try:
        nodes = _flatten(_marked(document, ""), lambda _: None)
    except NotJsonLd:
        return {}
    found = {}
    for reference, node in nodes.items():
        marks = [one.get("@value") for one in node.get(_MARK, ()) if isinstance(one, dict)]
        if marks and isinstance(marks[0], str):
            # A node that is described in several places is where most is said of it.
            found[reference] = max(
                (mark for mark in marks if isinstance(mark, str)),
                key=lambda mark: len(_look_up(document, mark) or ()),
            )
    return found


_UNMARKED: Final = frozenset({"@value", "@list", "@set"})


def _marked(value: Any, pointer: str, *, node: bool = True) -> Any:
    if isinstance(value, list):
        return [_marked(each, f"{pointer}/{n}") for n, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    marked = {
        key: each
        if key == "@context"
        else _marked(each, f"{pointer}/{escape(key)}", node=key != "@reverse")
        for key, each in value.items()
    }
    if node and _UNMARKED.isdisjoint(value):
        marked[_MARK] = pointer
    return marked


def _objects(document: Any) -> Iterator[tuple[str, Json]]:
    """Every object outside the contexts, with its pointer."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, dict):
            yield pointer, value
            steps: Sequence[tuple[Any, Any]] = [(k, v) for k, v in value.items() if k != "@context"]
        elif isinstance(value, list):
            steps = list(enumerate(value))
        else:
            continue
        waiting += [(f"{pointer}/{escape(str(step))}", inner) for step, inner in steps]


def _look_up(document: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        if isinstance(document, list):
            document = document[int(step)]
        else:
            document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


def _local(iri: str) -> str:
    """What comes last in a key or an IRI."""
    return iri.replace("#", ":").replace("/", ":").rsplit(":", 1)[-1]
