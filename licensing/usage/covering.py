"""What a receipt covers: why a generation that cites it is not licensed, or which unit it has.

Pure: no Django model, no clock, no query. What a receipt does not cover happened all the same, so
it is kept as a fact, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licensing.usage.reports import Report


class Receipt(msgspec.Struct, gc=False, kw_only=True):
    """A check as far as its receipt binds, for one platform.

    `seconds` and `resolution` are the most that was asked for, `resolution` of the shorter side;
    they and `purpose` are None where nothing was said. `since` and `until` are when it holds, in
    microseconds of Unix time.
    `generations` is how many it covers, None for any number; `used` how many it has covered yet.
    """

    id: str
    # SHA-256 of what we issued, in hex: equality with it proves the signature. None if refused.
    digest: str | None
    own: bool
    allowed: bool
    subjects: frozenset[str]
    action: str
    territory: str
    purpose: str | None
    seconds: int | None
    resolution: int | None
    since: int
    until: int | None
    generations: int | None
    used: int


def why_not(report: Report, receipt: Receipt) -> str:
    """Why the receipt does not cover the report, apart from how many it covers; empty if it does.
    Purpose and resolution bind only what is said."""
    assert report.cited is not None
    if not receipt.allowed and receipt.own:
        return "denied"
    if receipt.digest != report.cited.digest:
        return "unknown_receipt"
    if not receipt.own:
        return "other_platform"
    if receipt.subjects != report.cast.members:
        return "other_subjects"
    kind, moment = report.kind, report.instant.micros
    if receipt.action != kind.action and not (receipt.action == "remix" and report.parents):
        return "wrong_action"
    if receipt.territory and receipt.territory != kind.territory:
        return "other_territory"
    if kind.purpose and receipt.purpose is not None and kind.purpose != receipt.purpose:
        return "other_purpose"
    if kind.seconds is not None and receipt.seconds is not None and kind.seconds > receipt.seconds:
        return "over_duration"
    if kind.height and receipt.resolution is not None and kind.height > receipt.resolution:
        return "over_resolution"
    if moment < receipt.since:
        return "not_yet_issued"
    if receipt.until is not None and moment > receipt.until:
        return "expired"
    return ""


def verdict(report: Report, receipts: Mapping[str, Receipt]) -> str:
    """The check that stands behind the report, whether it is licensed, which unit it has, and why
    it is not licensed, as columns of COPY. Takes a unit, so reports come in their order."""
    if report.cited is None:
        return "\\N\tf\t\\N\tno_receipt"
    receipt = receipts.get(report.cited.check)
    if receipt is None:
        return "\\N\tf\t\\N\tunknown_receipt"
    reason = why_not(report, receipt)
    if not reason:
        if receipt.generations is None:
            return f"{receipt.id}\tt\t\\N\t"
        if receipt.used < receipt.generations:
            receipt.used += 1
            return f"{receipt.id}\tt\t{receipt.used}\t"
        reason = "over_quota"
    elif reason == "unknown_receipt":
        return "\\N\tf\t\\N\tunknown_receipt"
    return f"{receipt.id}\tf\t\\N\t{reason}"
