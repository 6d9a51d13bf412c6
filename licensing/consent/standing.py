"""What stands at the moment of a check: subjects, owners, and each holder's word, in two reads.

The first read is fresh in every check and brings each holder's epoch. A holder's rules and kill
switches are read and compiled once per epoch and process, so a check's cost does not grow with
rules that have not changed, and a change that was committed before the check is never missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from ledger import ids, prepared
from licensing.claims import disputes
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import CompiledRule, Notice, bind, compile_rule
from licensing.consent.engine.deciding import Asked
from licensing.consent.engine.language import Request
from licensing.consent.engine.voices import Switch, Word, asked_about, asked_everywhere, consenting
from licensing.consent.memory import Memory

# Reads the subjects %(subjects)s with their mode, the chain of their properties (nearest first),
# the territories where they are disputed, and one row per owner and ownership step in force on
# %(day)s, with that owner's epoch; and which key signs now. One snapshot, so it is the state at one
# moment. The LIMIT drops nothing: it has the planner expect few subjects before it knows them, so
# that it keeps one plan for all checks.
_SUBJECTS: Final = f"""
SELECT s.id, o.mode,
       ARRAY(WITH RECURSIVE chain AS (
                 SELECT p.id, p.parent_id, 1 AS step FROM catalog_property p
                 WHERE p.id = s.property_id
                 UNION ALL
                 SELECT p.id, p.parent_id, c.step + 1
                 FROM chain c JOIN catalog_property p ON p.id = c.parent_id
                 WHERE c.step < 16)
             SELECT id FROM chain ORDER BY step),
       {disputes.DISPUTED_IN.format(subject="s.id")},
       owner.territory, owner.holder_id, e.value,
       (SELECT kid FROM consent_signingkey WHERE state = 'current')
FROM (SELECT id FROM unnest(%(subjects)s::uuid[]) AS given (id)
      LIMIT cardinality(%(subjects)s::uuid[])) named
JOIN catalog_subject s ON s.id = named.id
JOIN catalog_rightsholder h ON h.id = s.holder_id
JOIN access_organisation o ON o.id = h.organisation_id
LEFT JOIN LATERAL (
    SELECT step.territory, share.holder_id
    FROM (SELECT DISTINCT ON (st.territory) st.id, st.territory
          FROM catalog_ownershipstep st
          WHERE st.subject_id = s.id AND st.effective_on <= %(day)s
          ORDER BY st.territory, st.effective_on DESC) step
    JOIN catalog_ownershipshare share ON share.step_id = step.id
    WHERE s.consenting_holder_id IS NULL
    UNION ALL
    SELECT '', s.consenting_holder_id WHERE s.consenting_holder_id IS NOT NULL
) owner ON true
LEFT JOIN consent_consentepoch e ON e.holder_id = owner.holder_id
"""  # noqa: S608 - of constants

# Reads the epoch of %(holders)s with all their published versions, those that have ended and run on
# after %(since)s, and thrown switches: in one statement, so that what is remembered under an epoch
# is exactly what stood in it.
_WORDS: Final = """
SELECT e.holder_id, e.value,
       ARRAY(SELECT jsonb_build_array(v.id, r.id, COALESCE(r.subject_id, r.property_id),
                                      r.subject_id IS NOT NULL, v.body, v.number,
                                      v.notice_until, v.notice_for, r.answers)
             FROM consent_ruleversion v JOIN consent_consentrule r ON r.id = v.rule_id
             WHERE v.holder_id = e.holder_id
               AND (v.state = 'published' OR v.notice_until > %(since)s)),
       ARRAY(SELECT jsonb_build_array(COALESCE(k.subject_id, k.property_id),
                                      k.subject_id IS NOT NULL, k.platform_id)
             FROM consent_killswitch k
             WHERE k.holder_id = e.holder_id AND k.lifted_at IS NULL)
FROM consent_consentepoch e WHERE e.holder_id = ANY(%(holders)s)
"""

# The same as it stood at an earlier epoch of one holder.
_WORD_AT: Final = """
SELECT %(holder)s::uuid, %(epoch)s::bigint,
       ARRAY(SELECT jsonb_build_array(v.id, r.id, COALESCE(r.subject_id, r.property_id),
                                      r.subject_id IS NOT NULL, v.body, v.number, notice.until,
                                      notice.platforms, r.answers)
             FROM consent_ruleversion v JOIN consent_consentrule r ON r.id = v.rule_id
             LEFT JOIN LATERAL (
                 SELECT v.notice_until AS until, v.notice_for AS platforms
                 WHERE v.ended_epoch <= %(epoch)s) notice ON true
             WHERE v.holder_id = %(holder)s AND v.published_epoch <= %(epoch)s
               AND (v.ended_epoch IS NULL OR v.ended_epoch > %(epoch)s
                    OR v.notice_until IS NOT NULL)),
       ARRAY(SELECT jsonb_build_array(COALESCE(k.subject_id, k.property_id),
                                      k.subject_id IS NOT NULL, k.platform_id)
             FROM consent_killswitch k
             WHERE k.holder_id = %(holder)s AND k.thrown_epoch <= %(epoch)s
               AND (k.lifted_epoch IS NULL OR k.lifted_epoch > %(epoch)s))
"""

# What a process remembers was read at some moment and is asked for those that follow. Servers'
# clocks differ by a little, so what ended just before that moment is remembered too.
_MARGIN: Final = timedelta(days=1)
# Holders and compiled versions a process remembers; the oldest give way.
_HOLDERS: Final = 2048
_VERSIONS: Final = 50_000

shown: Final = lru_cache(maxsize=100_000)(ids.show)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSubject:
    """A subject as it stands: its mode, its chain of ids, its owners by territory, and where it is
    disputed."""

    id: UUID
    mode: str
    chain: tuple[str, ...]
    # Holder ids by territory; '' is everywhere else, and everywhere where one consents for all.
    owners: Mapping[str, tuple[UUID, ...]]
    # Territories with an open claim; '' is everywhere.
    disputed: tuple[str, ...] = ()

    def consenting(self, territory: str | None) -> tuple[UUID, ...]:
        """Those whose consent is needed there; not knowing where, those of every territory."""
        return consenting(self.owners, territory)


@dataclass(slots=True, kw_only=True)
class Standing:
    """The answer of the two reads."""

    subjects: dict[UUID, StandingSubject] = field(default_factory=dict)
    epochs: dict[UUID, int] = field(default_factory=dict)
    words: dict[UUID, Word] = field(default_factory=dict)
    kid: str | None = None

    def asked(self, subject: StandingSubject, request: Request) -> Asked:
        """One of the subjects as the platform of `request` asks about it, here and elsewhere."""

        def ask(holders: tuple[UUID, ...], *, disputed: bool) -> Asked:
            words = [self.words[holder] for holder in holders]
            return asked_about(subject.chain, words, request.platform, disputed=disputed)

        return asked_everywhere(subject.owners, request.territory, ask, disputed=subject.disputed)


def stand(*, subjects: Iterable[UUID], now: datetime) -> Standing:
    """Reads `subjects` and the words of all their owners. An unknown subject is simply absent."""
    standing = Standing()
    owners: dict[UUID, dict[str, list[UUID]]] = {}
    rows = prepared.rows(_SUBJECTS, {"subjects": list(set(subjects)), "day": now.date()})
    for subject, mode, properties, disputed, territory, holder, epoch, kid in rows:
        standing.kid = kid
        if subject not in standing.subjects:
            owners[subject] = {}
            standing.subjects[subject] = StandingSubject(
                id=subject,
                mode=mode,
                chain=(shown("chr", subject), *(shown("prp", one) for one in properties)),
                owners=owners[subject],  # type: ignore[arg-type]
                disputed=tuple(disputed),
            )
        if holder is not None:
            owners[subject].setdefault(territory, []).append(holder)
            standing.epochs[holder] = epoch or 0
    _remember(standing, now)
    return standing


def _remember(standing: Standing, now: datetime) -> None:
    """Fills in the holders' words: from memory where the epoch is the same, else read anew."""
    unknown = []
    for holder, epoch in standing.epochs.items():
        word = _silent(holder) if epoch == 0 else _memory.get(holder)
        if word is not None and word.epoch == epoch:
            standing.words[holder] = word
        else:
            unknown.append(holder)
    if not unknown:
        return
    for row in prepared.rows(_WORDS, {"holders": unknown, "since": now - _MARGIN}):
        word = _word(row)
        _memory.put(row[0], word)
        standing.words[row[0]] = word


def word_at(*, holder: UUID, epoch: int) -> Word:
    """What a holder said in an earlier epoch, for replaying a decision."""
    if epoch == 0:
        return _silent(holder)
    return _word(prepared.rows(_WORD_AT, {"holder": holder, "epoch": epoch})[0])


def _silent(holder: UUID) -> Word:
    """The word of a holder who has never said anything."""
    return Word(holder=shown("hld", holder), epoch=0, book=_EMPTY)


_EMPTY: Final = bind(())


def _word(row: tuple[Any, ...]) -> Word:
    holder, epoch, versions, switches = row
    return Word(
        holder=shown("hld", holder),
        epoch=epoch,
        book=bind(_compiled(json.loads(version)) for version in versions),
        switches=tuple(
            Switch(
                scope=_scope(scope, is_subject=is_subject),
                platform=shown("plt", UUID(platform)) if platform else "",
            )
            for scope, is_subject, platform in map(json.loads, switches)
        ),
    )


def _scope(scope: str | None, *, is_subject: bool) -> str:
    return shown("chr" if is_subject else "prp", UUID(scope)) if scope else ""


def _compiled(row: Sequence[Any]) -> CompiledRule:
    """A version as it was read. It never changes from its publication to its end, nor after that,
    so it is compiled once per process in each."""
    version, rule, scope, is_subject, body, number, until, platforms, answers = row
    key = (version, until)
    compiled = _rules.get(key)
    if compiled is None:
        compiled = compile_rule(
            version=shown("rlv", UUID(version)),
            rule=shown("rul", UUID(rule)),
            scope=_scope(scope, is_subject=is_subject),
            body=read_body(body),
            notice=_notice(number, until, platforms or ()),
            answers=(shown("rul", UUID(answered)) for answered in answers),
        )
        _rules.put(key, compiled)
    return compiled


def _notice(number: int, until: str | None, platforms: Sequence[str]) -> Notice | None:
    if until is None:
        return None
    named = frozenset(shown("plt", UUID(platform)) for platform in platforms)
    return Notice(number=number, until=datetime.fromisoformat(until), platforms=named)


_memory: Memory[UUID, Word] = Memory(_HOLDERS)
_rules: Memory[tuple[str, str | None], CompiledRule] = Memory(_VERSIONS)
