"""What a rights holder has, as a tree: properties in properties, and the subjects in each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, Count, F, UUIDField, When, Window
from django.db.models.functions import RowNumber

from ledger.actor import Actor
from licensing.catalog.models import Property, Subject
from licensing.catalog.ownership import in_force
from licensing.catalog.shares import show_percent

# A tree shows so many properties, and so many subjects in each; the rest has pages of its own.
MOST_PROPERTIES: Final = 300
MOST_IN_EACH: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A subject with its picture, and who owns it today where no territory has its own owners."""

    subject: Subject
    # The picture's digest as its address carries it, empty where there is none.
    picture: str
    owners: str


@dataclass(slots=True, kw_only=True)
class Node:
    """A property with what is in it; or, without one, all that is in none of one's own."""

    place: Property | None = None
    picture: str = ""
    nodes: list[Node] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    # How many subjects lie directly in it, of which `leaves` shows the first.
    count: int = 0

    @property
    def more(self) -> int:
        """How many of its subjects are not shown here."""
        return self.count - len(self.leaves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The top properties, what lies in none, and whether there are more properties than shown."""

    nodes: list[Node]
    loose: Node
    cut: bool


def tree_of(*, actor: Actor, today: date) -> Tree:
    """All the actor has, in six queries however much it is."""
    properties = with_picture(Property.objects.visible_to(actor).select_related("holder"))
    found = list(properties.order_by("depth", "name", "pk")[: MOST_PROPERTIES + 1])
    shown, cut = found[:MOST_PROPERTIES], len(found) > MOST_PROPERTIES
    nodes = {each.pk: Node(place=each, picture=picture_of(each)) for each in shown}
    top = [_hang(node, nodes) for node in nodes.values()]
    loose = Node()
    for key, leaves in _leaves(actor, today).items():
        if node := loose if key is None else nodes.get(key):
            node.leaves += leaves
    homes = _at_home(Subject.objects.visible_to(actor), actor).values_list("home")
    for key, count in homes.annotate(Count("pk")).order_by():
        if node := loose if key is None else nodes.get(key):
            node.count += count
    return Tree(nodes=[node for node in top if node is not None], loose=loose, cut=cut)


def leaves_of(subjects: Sequence[Subject], *, today: date) -> list[Leaf]:
    """Subjects, read `with_picture`, with their owners of today, in two queries."""
    steps = in_force([each.pk for each in subjects], "", today)
    found = []
    for each in subjects:
        step = steps.get(each.pk)
        shares = list(step.shares.all()) if step is not None else []
        told = [f"{one.holder.name} {show_percent(one.fraction)}" for one in shares[:3]]
        if len(shares) > 3:
            told.append(f"{len(shares) - 3} more")
        owners = shares[0].holder.name if len(shares) == 1 else ", ".join(told)
        found.append(Leaf(subject=each, picture=picture_of(each), owners=owners))
    return found


def with_picture(rows: Any) -> Any:
    """Subjects or properties with `picture_digest`, but without the picture's bytes."""
    return rows.annotate(picture_digest=F("picture__digest"))


def picture_of(thing: Subject | Property) -> str:
    """The beginning of the digest of its picture, read `with_picture`; empty for none."""
    digest = getattr(thing, "picture_digest", None)
    return bytes(digest).hex()[:16] if digest is not None else ""


def _hang(node: Node, nodes: dict[UUID, Node]) -> Node | None:
    """Puts a node below its parent; gives back one that has none here."""
    assert node.place is not None
    parent = nodes.get(node.place.parent_id) if node.place.parent_id else None
    if parent is None:
        return node
    parent.nodes.append(node)
    return None


def _leaves(actor: Actor, today: date) -> dict[UUID | None, list[Leaf]]:
    """The first subjects of each property by name."""
    rows = _at_home(with_picture(Subject.objects.visible_to(actor)), actor).annotate(
        number=Window(RowNumber(), partition_by="home", order_by=["name", "pk"])
    )
    subjects = list(rows.filter(number__lte=MOST_IN_EACH).order_by("name", "pk"))
    found: dict[UUID | None, list[Leaf]] = defaultdict(list)
    for leaf in leaves_of(subjects, today=today):
        found[leaf.subject.home].append(leaf)  # type: ignore[attr-defined]
    return found


def _at_home(rows: Any, actor: Actor) -> Any:
    """Subjects with the property they are shown in: of one that others registered and one owns a
    share of, the property is not one's own."""
    own = When(property__holder__organisation_id=actor.tenant, then=F("property_id"))
    return rows.annotate(home=Case(own, default=None, output_field=UUIDField()))
