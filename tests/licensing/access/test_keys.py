"""API keys: in force until they are revoked, expire, or their person leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger.actor import Actor, ScopeMissing, system_actor
from ledger.errors import NotFound
from licensing.access import keys, people
from licensing.access.models import ApiKey, AuditRecord, Membership, Organisation, User
from licensing.access.roles import SCOPES_OF_ROLE
from tests.licensing.builders import build_actor, build_holder, build_house, build_organisation

pytestmark = pytest.mark.django_db


def issue(actor: Actor, now: datetime, **given: object) -> keys.IssuedKey:
    options: dict[str, object] = {
        "organisation": Organisation.objects.get(pk=actor.tenant),
        "user": User.objects.get(username=actor.label.split()[0]),
        "name": "server",
        "scopes": ["catalog:read"],
        **given,
    }
    return keys.issue(actor=actor, now=now, **options)  # type: ignore[arg-type]


def enter(secret: str, now: datetime) -> Actor | None:
    return keys.authenticate(authorization=f"Bearer {secret}", now=now, request_id="req_1")


def test_a_key_is_its_person_with_the_scopes_it_was_given(now: datetime) -> None:
    holder = build_holder()
    issued = issue(holder.actor, now, scopes=["catalog:read", "consent:publish"])

    actor = enter(issued.secret, now)

    assert actor is not None
    assert actor.kind == "key"
    assert actor.key_id == issued.key.pk
    assert actor.person_id == holder.actor.person_id
    assert actor.organisation_id == holder.organisation.pk
    assert (actor.organisation_kind, actor.role, actor.mode) == ("holder", "owner", "test")
    assert actor.scopes == {"catalog:read", "consent:publish"}
    assert holder.holder is not None
    assert actor.parties == {holder.holder.party_ref}
    assert actor.request_id == "req_1"


@pytest.mark.parametrize("mode", ["test", "live"])
def test_a_secret_names_its_mode_has_192_random_bits_and_is_kept_as_a_hash(
    now: datetime, mode: str
) -> None:
    holder = build_holder(mode=mode)  # type: ignore[arg-type]
    issued = issue(holder.actor, now)

    prefix, random = issued.secret[:8], issued.secret[8:]
    assert prefix == f"ak_{mode}_"
    assert len(random) * 6 == 192
    assert issued.key.hint == issued.secret[:12]
    kept = str(ApiKey.objects.filter(pk=issued.key.pk).values().get())
    assert random not in kept
    assert all(random not in str(row) for row in AuditRecord.objects.values())


def test_authenticating_is_one_query_and_a_note_of_use_once_a_minute(now: datetime) -> None:
    issued = issue(build_holder().actor, now)
    assert enter(issued.secret, now) is not None

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert enter(issued.secret, now + timedelta(seconds=59)) is not None
    assert len(queries) == 1
    issued.key.refresh_from_db()
    assert issued.key.last_used_at == now

    assert enter(issued.secret, now + timedelta(seconds=60)) is not None
    issued.key.refresh_from_db()
    assert issued.key.last_used_at == now + timedelta(seconds=60)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "bearer {}", "Basic {}", "{}", "Bearer  {}", "Bearer {}\n",
     "Bearer {}x", "Bearer ak_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
)  # fmt: skip
def test_anything_else_in_the_header_is_nobody(now: datetime, header: str) -> None:
    issued = issue(build_holder().actor, now)
    assert keys.authenticate(authorization=header.format(issued.secret), now=now) is None


def test_a_revoked_key_is_refused_at_the_next_request_and_revoking_twice_is_one_change(
    now: datetime,
) -> None:
    holder = build_holder()
    issued = issue(holder.actor, now)
    keys.revoke(actor=holder.actor, now=now, key=issued.key)
    again = keys.revoke(actor=holder.actor, now=now + timedelta(hours=1), key=issued.key)

    assert enter(issued.secret, now) is None
    assert again.revoked_at == now
    assert AuditRecord.objects.filter(verb="key.revoke").count() == 1


def test_an_expired_key_is_refused_from_its_moment_on(now: datetime) -> None:
    issued = issue(build_holder().actor, now, expires_at=now + timedelta(hours=1))
    assert enter(issued.secret, now + timedelta(minutes=59)) is not None
    assert enter(issued.secret, now + timedelta(hours=1)) is None


def test_the_key_of_an_inactive_person_is_refused(now: datetime) -> None:
    holder = build_holder()
    issued = issue(holder.actor, now)
    User.objects.filter(username=holder.actor.label).update(is_active=False)
    assert enter(issued.secret, now) is None


def test_the_key_of_a_person_who_left_is_refused_even_if_they_are_elsewhere(now: datetime) -> None:
    house = build_house(role="approver")
    auditor = build_actor(house.organisation, "auditor")
    issued = issue(auditor, now)
    assert auditor.person_id is not None
    Membership.objects.create(
        organisation=build_organisation("house"),
        user_id=auditor.person_id,
        role="auditor",
        created_at=now,
    )
    membership = Membership.objects.get(
        user__username=auditor.label, organisation=house.organisation
    )
    people.end_membership(actor=house.actor, now=now, membership=membership)
    assert enter(issued.secret, now) is None


def test_a_key_loses_what_its_persons_role_loses(now: datetime) -> None:
    holder = build_holder()
    build_actor(holder.organisation, "owner")
    issued = issue(holder.actor, now, scopes=["catalog:read", "consent:publish"])
    Membership.objects.filter(user__username=holder.actor.label).update(role="editor")
    actor = enter(issued.secret, now)
    assert actor is not None
    assert actor.scopes == {"catalog:read"}
    assert actor.role == "editor"


def test_a_key_carries_only_scopes_of_its_persons_role(now: datetime) -> None:
    holder = build_holder()
    with pytest.raises(keys.ScopeBeyondRole):
        issue(holder.actor, now, scopes=["payouts:approve"])
    with pytest.raises(keys.UnknownScope):
        issue(holder.actor, now, scopes=["everything"])
    with pytest.raises(keys.ScopeTwice):
        issue(holder.actor, now, scopes=["catalog:read", "catalog:read"])
    assert not ApiKey.objects.exists()


def test_a_key_hands_on_no_more_than_it_carries(now: datetime) -> None:
    holder = build_holder()
    small = enter(issue(holder.actor, now, scopes=["keys:write", "catalog:read"]).secret, now)
    large = issue(holder.actor, now, scopes=sorted(SCOPES_OF_ROLE["owner"]))
    assert small is not None

    assert issue(small, now, scopes=["catalog:read"]).key.scopes == ["catalog:read"]
    with pytest.raises(ScopeMissing):
        issue(small, now, scopes=["consent:publish"])
    with pytest.raises(ScopeMissing):
        keys.rotate(actor=small, now=now, key=large.key)


def test_nobody_gets_a_secret_in_another_persons_name(now: datetime) -> None:
    """Else a preparer could make the approver's key and approve what they prepared."""
    house = build_house()
    approver = build_actor(house.organisation, "approver")
    with pytest.raises(keys.NotYourKey):
        issue(house.actor, now, user=User.objects.get(username=approver.label))
    theirs = issue(approver, now)
    with pytest.raises(keys.NotYourKey):
        keys.rotate(actor=house.actor, now=now, key=theirs.key)
    with pytest.raises(NotFound):
        issue(build_holder().actor, now, organisation=house.organisation)


def test_the_system_makes_keys_for_anybody_who_is_a_member(now: datetime) -> None:
    holder = build_holder()
    system = system_actor(mode="test")
    user = User.objects.get(username=holder.actor.label)
    issued = keys.issue(
        actor=system, organisation=holder.organisation, user=user, name="x",
        scopes=["consent:publish"], now=now,
    )  # fmt: skip
    assert enter(issued.secret, now) is not None
    with pytest.raises(NotFound):
        keys.issue(
            actor=system, organisation=build_organisation(), user=user, name="x",
            scopes=["consent:publish"], now=now,
        )  # fmt: skip


def test_a_colleagues_key_is_revoked_by_who_leads_and_not_by_others(now: datetime) -> None:
    house = build_house()
    approver = build_actor(house.organisation, "approver")
    theirs = issue(approver, now)
    own = issue(house.actor, now)
    with pytest.raises(ScopeMissing):
        keys.revoke(actor=house.actor, now=now, key=theirs.key)
    keys.revoke(actor=approver, now=now, key=own.key)
    assert enter(own.secret, now) is None
    with pytest.raises(NotFound):
        keys.revoke(actor=build_holder().actor, now=now, key=theirs.key)
    assert enter(theirs.secret, now) is not None


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x07b"])
def test_a_keys_name_is_plain(now: datetime, name: str) -> None:
    with pytest.raises(keys.BadKeyName):
        issue(build_holder().actor, now, name=name)


def test_a_key_expires_in_the_future(now: datetime) -> None:
    actor = build_holder().actor
    for moment in (now, now - timedelta(days=1), now + timedelta(days=3661)):
        with pytest.raises(keys.BadExpiry):
            issue(actor, now, expires_at=moment)


def test_the_number_of_keys_has_a_limit(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = build_holder().actor
    monkeypatch.setattr(keys, "LIVE_KEYS_OF_A_PERSON", 2)
    issue(actor, now)
    issue(actor, now, expires_at=now + timedelta(days=1))
    with pytest.raises(keys.TooManyKeys):
        issue(actor, now)
    issue(actor, now + timedelta(days=1))


class TestRotation:
    """Old and new work side by side until the time that was said."""

    def test_the_old_key_goes_on_for_as_long_as_was_said(self, now: datetime) -> None:
        holder = build_holder()
        old = issue(holder.actor, now)
        until = now + timedelta(hours=3)
        new = keys.rotate(actor=holder.actor, now=now, key=old.key, old_key_until=until)

        assert new.secret != old.secret
        assert (new.key.name, new.key.scopes, new.key.replaces_id) == (
            old.key.name, old.key.scopes, old.key.pk,
        )  # fmt: skip
        for moment, old_works in ((now, True), (until, False)):
            assert (enter(old.secret, moment) is not None) is old_works
            assert enter(new.secret, moment) is not None

    def test_at_most_seven_days(self, now: datetime) -> None:
        holder = build_holder()
        old = issue(holder.actor, now)
        late = now + timedelta(days=7, seconds=1)
        with pytest.raises(keys.BadOverlap):
            keys.rotate(actor=holder.actor, now=now, key=old.key, old_key_until=late)
        keys.rotate(actor=holder.actor, now=now, key=old.key, old_key_until=now + timedelta(days=7))

    def test_now_or_earlier_ends_the_old_key_at_once(self, now: datetime) -> None:
        holder = build_holder()
        old = issue(holder.actor, now)
        keys.rotate(actor=holder.actor, now=now, key=old.key, old_key_until=now)
        assert enter(old.secret, now) is None

    def test_an_overlap_never_lengthens_the_old_keys_life(self, now: datetime) -> None:
        holder = build_holder()
        old = issue(holder.actor, now, expires_at=now + timedelta(hours=1))
        new = keys.rotate(
            actor=holder.actor, now=now, key=old.key, old_key_until=now + timedelta(days=2)
        )
        assert enter(old.secret, now + timedelta(hours=1)) is None
        assert new.key.expires_at == now + timedelta(hours=1)

    def test_at_most_two_of_a_lineage_work_at_a_time(self, now: datetime) -> None:
        holder = build_holder()
        first = issue(holder.actor, now)
        second = keys.rotate(actor=holder.actor, now=now, key=first.key)
        with pytest.raises(keys.RotationUnderWay):
            keys.rotate(actor=holder.actor, now=now, key=first.key)
        with pytest.raises(keys.RotationUnderWay):
            keys.rotate(actor=holder.actor, now=now, key=second.key)
        keys.revoke(actor=holder.actor, now=now, key=first.key)
        third = keys.rotate(actor=holder.actor, now=now, key=second.key)
        assert enter(third.secret, now) is not None

    def test_a_dead_key_is_not_rotated(self, now: datetime) -> None:
        holder = build_holder()
        old = issue(holder.actor, now)
        keys.revoke(actor=holder.actor, now=now, key=old.key)
        with pytest.raises(keys.KeyNotInForce):
            keys.rotate(actor=holder.actor, now=now, key=old.key)

    def test_a_scope_the_role_has_lost_is_not_handed_on(self, now: datetime) -> None:
        holder = build_holder()
        build_actor(holder.organisation, "owner")
        old = issue(holder.actor, now, scopes=["catalog:read", "consent:publish"])
        Membership.objects.filter(user__username=holder.actor.label).update(role="editor")
        editor = replace(
            holder.actor, role="editor", scopes=SCOPES_OF_ROLE["editor"] | {"keys:write"}
        )
        new = keys.rotate(actor=editor, now=now, key=old.key)
        assert new.key.scopes == ["catalog:read"]


def test_every_change_leaves_a_record_in_its_own_transaction(now: datetime) -> None:
    holder = build_holder()
    old = issue(holder.actor, now)
    new = keys.rotate(actor=holder.actor, now=now, key=old.key)
    keys.revoke(actor=holder.actor, now=now, key=new.key)
    assert list(AuditRecord.objects.order_by("id").values_list("verb", "thing")) == [
        ("key.issue", old.key.shown_id),
        ("key.rotate", new.key.shown_id),
        ("key.revoke", new.key.shown_id),
    ]


def test_the_database_keeps_no_digest_that_is_not_a_sha_256(now: datetime) -> None:
    holder = build_holder()
    with pytest.raises(IntegrityError, match="api_key_digest_is_sha256"), transaction.atomic():
        ApiKey.objects.create(
            organisation=holder.organisation, user=User.objects.get(username=holder.actor.label), name="x",
            hint="x", digest=b"plain secret", scopes=["catalog:read"], created_at=now,
        )  # fmt: skip
