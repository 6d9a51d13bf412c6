"""Organisations and their members: who may invite, who may leave, and who is who."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from django.db import IntegrityError, connection, connections, transaction

from ledger.actor import Actor, ScopeMissing, system_actor
from ledger.errors import Invalid, NotFound
from licensing.access import audit, people
from licensing.access.models import AuditRecord, Membership, Organisation, User
from licensing.access.roles import ROLES_OF_KIND, SCOPES_OF_ROLE
from tests.licensing.builders import (
    Household,
    build_actor,
    build_holder,
    build_house,
    build_organisation,
    build_platform,
)

pytestmark = pytest.mark.django_db


def membership_of(actor: Actor) -> Membership:
    return Membership.objects.get(user__username=actor.label)


def invite(household: Household, now: datetime, **given: str) -> Membership:
    options = {"username": "grace", "role": "editor", **given}
    return people.invite(
        actor=household.actor, now=now, organisation=household.organisation, **options
    )


class TestOrganisations:
    def test_the_house_and_the_system_make_them_in_their_mode(self, now: datetime) -> None:
        for actor in (build_house().actor, system_actor(mode="live")):
            made = people.create_organisation(actor=actor, now=now, kind="holder", name=" Fox  ")
            assert (made.mode, made.kind, made.name) == (actor.mode, "holder", "Fox")
            assert AuditRecord.objects.get(thing=made.shown_id).verb == "organisation.create"

    def test_others_do_not(self, now: datetime) -> None:
        for household in (build_holder(), build_platform(), build_house(role="auditor")):
            with pytest.raises(ScopeMissing):
                people.create_organisation(
                    actor=household.actor, now=now, kind="holder", name="Fox"
                )

    def test_one_of_a_name_and_kind(self, now: datetime) -> None:
        system = system_actor(mode="test")
        people.create_organisation(actor=system, now=now, kind="holder", name="Fox")
        people.create_organisation(actor=system, now=now, kind="platform", name="Fox")
        with pytest.raises(people.OrganisationExists):
            people.create_organisation(actor=system, now=now, kind="holder", name="Fox")

    @pytest.mark.parametrize(("kind", "name"), [("guild", "Fox"), ("holder", " "), ("holder", "\x01"), ("holder", "x" * 201)])  # fmt: skip
    def test_a_kind_that_is_known_and_a_name_that_is_plain(
        self, now: datetime, kind: str, name: str
    ) -> None:
        with pytest.raises(Invalid):
            people.create_organisation(
                actor=system_actor(mode="test"), now=now, kind=kind, name=name
            )


class TestInviting:
    def test_a_new_person_cannot_sign_in_until_a_password_is_set(self, now: datetime) -> None:
        member = invite(build_holder(), now)
        assert (member.user.username, member.role, member.ended_at) == ("grace", "editor", None)
        assert not member.user.has_usable_password()
        assert invite(build_holder(), now, username="ada", password="s3cret!x").user.check_password(
            "s3cret!x"
        )
        record = AuditRecord.objects.get(thing=member.shown_id)
        assert record.verb == "membership.begin"
        assert "s3cret" not in str(list(AuditRecord.objects.values()))

    @pytest.mark.parametrize("kind", ["holder", "platform", "house"])
    def test_a_role_belongs_to_the_organisations_kind(self, now: datetime, kind: str) -> None:
        organisation = build_organisation(kind)
        for role in SCOPES_OF_ROLE:
            if role in ROLES_OF_KIND[kind]:
                continue
            with pytest.raises(people.RoleOfAnotherKind):
                people.invite(
                    actor=system_actor(mode="test"), now=now, organisation=organisation,
                    username="grace", role=role,
                )  # fmt: skip
            user, _ = User.objects.get_or_create(username="x")
            with (
                pytest.raises(IntegrityError, match="membership_role_of_kind"),
                transaction.atomic(),
            ):
                Membership.objects.create(
                    organisation=organisation, user=user, role=role, created_at=now
                )

    def test_a_stranger_is_not_drawn_in_by_their_name(self, now: datetime) -> None:
        """Else anybody could make a person's sign-in ambiguous."""
        ann, bob = build_holder(), build_holder()
        invite(ann, now)
        with pytest.raises(people.UsernameTaken):
            invite(bob, now)
        with pytest.raises(people.AlreadyMember):
            invite(ann, now)
        house = build_house(role="approver")
        added = people.invite(
            actor=house.actor,
            now=now,
            organisation=bob.organisation,
            username="grace",
            role="owner",
        )
        assert added.organisation == bob.organisation

    def test_who_left_may_come_back(self, now: datetime) -> None:
        ann = build_holder()
        first = invite(ann, now)
        people.end_membership(actor=ann.actor, now=now, membership=first)
        again = invite(ann, now, role="owner")
        assert again.pk != first.pk
        assert again.user == first.user

    def test_only_into_ones_own_organisation(self, now: datetime) -> None:
        ann, bob = build_holder(), build_holder()
        for organisation in (bob.organisation, build_organisation("holder", mode="live")):
            with pytest.raises(NotFound):
                people.invite(
                    actor=ann.actor, now=now, organisation=organisation, username="eve",
                    role="owner",
                )  # fmt: skip
        with pytest.raises(ScopeMissing):
            people.invite(
                actor=build_actor(ann.organisation, "editor"), now=now,
                organisation=ann.organisation, username="eve", role="owner",
            )  # fmt: skip
        assert not User.objects.filter(username="eve").exists()

    @pytest.mark.parametrize("username", ["", "a", "-x", "a b", "\u0430da", "x" * 151])
    def test_a_username_is_plain_ascii(self, now: datetime, username: str) -> None:
        with pytest.raises(people.BadUsername):
            invite(build_holder(), now, username=username)


class TestLeaving:
    def test_once_and_with_a_record(self, now: datetime) -> None:
        ann = build_holder()
        member = invite(ann, now)
        people.end_membership(actor=ann.actor, now=now, membership=member)
        assert AuditRecord.objects.filter(thing=member.shown_id, verb="membership.end").exists()
        with pytest.raises(people.MembershipEnded):
            people.end_membership(actor=ann.actor, now=now, membership=member)

    @pytest.mark.parametrize(
        ("household", "role"),
        [(build_holder, "owner"), (build_platform, "engineer")],
    )
    def test_the_last_who_can_invite_stays(self, now: datetime, household: type, role: str) -> None:
        home: Household = household()
        with pytest.raises(people.LastOwner):
            people.end_membership(actor=home.actor, now=now, membership=membership_of(home.actor))
        second = build_actor(home.organisation, role)
        people.end_membership(actor=second, now=now, membership=membership_of(home.actor))

    def test_an_owner_who_is_switched_off_does_not_count(self, now: datetime) -> None:
        ann = build_holder()
        second = build_actor(ann.organisation, "owner")
        User.objects.filter(username=second.label).update(is_active=False)
        with pytest.raises(people.LastOwner):
            people.end_membership(actor=ann.actor, now=now, membership=membership_of(ann.actor))

    def test_the_database_keeps_the_last_owner_too(self, now: datetime) -> None:
        ann = build_holder()
        with pytest.raises(IntegrityError, match="last_owner"):
            end_past_python(ann, now)

    def test_a_strangers_membership_is_not_found(self, now: datetime) -> None:
        ann, bob = build_holder(), build_holder()
        with pytest.raises(NotFound):
            people.end_membership(actor=ann.actor, now=now, membership=membership_of(bob.actor))


@transaction.atomic
def end_past_python(household: Household, now: datetime) -> None:
    Membership.objects.filter(organisation=household.organisation).update(ended_at=now)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class TestWhoIsWho:
    def test_a_signed_in_person_is_their_one_membership(self, now: datetime) -> None:
        ann = build_holder()
        user = User.objects.get(username=ann.actor.label)
        assert people.actor_for(user=user) == ann.actor
        assert people.actor_for(user=user, request_id="r-1") is not None

    def test_of_several_one_is_chosen(self, now: datetime) -> None:
        ann, live = build_holder(), build_organisation("holder", mode="live")
        user = User.objects.get(username=ann.actor.label)
        Membership.objects.create(organisation=live, user=user, role="editor", created_at=now)
        assert people.actor_for(user=user) is None
        chosen = people.actor_for(user=user, mode="live")
        assert chosen is not None
        assert (chosen.organisation_id, chosen.role, chosen.mode) == (live.pk, "editor", "live")
        by_organisation = people.actor_for(user=user, organisation=ann.organisation)
        assert by_organisation == ann.actor

    def test_nobody_is_anybody_elsewhere_or_switched_off(self, now: datetime) -> None:
        ann, bob = build_holder(), build_holder()
        user = User.objects.get(username=ann.actor.label)
        assert people.actor_for(user=user, organisation=bob.organisation) is None
        user.is_active = False
        assert people.actor_for(user=user) is None


class TestTheTrail:
    def test_a_record_belongs_to_a_transaction(self, now: datetime) -> None:
        ann = build_holder()
        record = audit.record(actor=ann.actor, now=now, verb="x", thing="y")
        assert record.organisation_id == ann.organisation.pk

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE access_auditrecord SET verb = 'nothing'", "DELETE FROM access_auditrecord",
         "TRUNCATE access_auditrecord"],
    )  # fmt: skip
    def test_it_is_only_ever_added_to(self, now: datetime, statement: str) -> None:
        audit.record(actor=build_holder().actor, now=now, verb="x", thing="y")
        with pytest.raises(IntegrityError, match="append_only"):
            run(statement)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgenabled FROM pg_trigger WHERE tgname = 'access_auditrecord_append_only'"
            )
            assert cursor.fetchone() == ("A",)


@transaction.atomic
def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_a_record_outside_a_transaction_is_a_mistake(now: datetime) -> None:
    with pytest.raises(RuntimeError):
        audit.record(actor=system_actor(mode="test"), now=now, verb="x", thing="y")


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_end_each_other_leave_one(now: datetime) -> None:
    ann = build_holder()
    second = build_actor(ann.organisation, "owner")
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def end(actor: Actor, other: Actor) -> None:
        try:
            start.wait()
            people.end_membership(actor=actor, now=now, membership=membership_of(other))
            outcomes.append("ended")
        except people.LastOwner:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=end, args=pair)
        for pair in ((ann.actor, second), (second, ann.actor))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ended", "refused"]
    assert Organisation.objects.count() == 1
