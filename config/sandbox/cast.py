"""Who plays in the sandbox: the house's people, platforms, holders and their characters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signs in and has a key."""

    username: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSubject:
    """A character, likeness, voice, pet or mark; `owners` are parts by holder, if not all its own."""

    name: str
    kind: str = "character"
    property: str | None = None
    owners: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxHolder:
    """A rights holder: properties as (name, parent), subjects, and whom it lets do what."""

    name: str
    person: Person
    properties: tuple[tuple[str, str | None], ...] = ()
    subjects: tuple[SandboxSubject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPlatform:
    """A platform and its engineer."""

    name: str
    person: Person


HOUSE = "Assent House"
FINANCE = (
    Person(username="petra", role="preparer"),
    Person(username="anton", role="approver"),
)
# Takes back what the other two have settled.
SECOND_APPROVER = Person(username="bruno", role="approver")
AUDITOR = Person(username="audra", role="auditor")

PLATFORMS = (
    SandboxPlatform(name="Reelwright", person=Person(username="remy", role="engineer")),
    SandboxPlatform(name="Pixelloom", person=Person(username="lin", role="engineer")),
)

NIMBUS = "Nimbus Studios"
MARA = "Mara Quill"
OTTER = "Otter & Finch"

# Holders stand in the order in which they must exist: co-owners before what they own a part of.
HOLDERS = (
    SandboxHolder(
        name=MARA,
        person=Person(username="mara", role="owner"),
        subjects=(
            SandboxSubject(name="Mara Quill", kind="likeness"),
            SandboxSubject(name="Mara Quill's voice", kind="voice"),
        ),
    ),
    SandboxHolder(
        name=OTTER,
        person=Person(username="otto", role="owner"),
        properties=(("Pocket Zoo", None),),
        subjects=(
            SandboxSubject(name="Biscuit the Otter", kind="pet", property="Pocket Zoo"),
            SandboxSubject(name="Sir Pinch", property="Pocket Zoo"),
        ),
    ),
    SandboxHolder(
        name=NIMBUS,
        person=Person(username="nadia", role="owner"),
        properties=(("Tin Harbor", None), ("Tin Harbor: Deep Water", "Tin Harbor")),
        subjects=(
            SandboxSubject(name="Captain Marlow", property="Tin Harbor"),
            SandboxSubject(name="The Lamplighter", property="Tin Harbor: Deep Water"),
            SandboxSubject(
                name="Ferrow and Finch",
                property="Tin Harbor",
                owners=((NIMBUS, "2/3"), (OTTER, "1/3")),
            ),
            SandboxSubject(name="Tin Harbor crest", kind="mark", property="Tin Harbor"),
        ),
    ),
)
