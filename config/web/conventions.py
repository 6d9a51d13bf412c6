"""What holds for every call of the API, as the OpenAPI document tells it first."""

from __future__ import annotations

from typing import Final

DESCRIPTION: Final = """\
The consent and royalty ledger for generated characters.

**Keys.** Send `Authorization: Bearer ak_test_…` or `ak_live_…`. A key carries scopes and sees what \
its person's organisation may see: another's thing is answered 404, as one that does not exist.

**Values.** JSON in UTF-8 with its `Content-Length`; a body in chunks is 411. Ids have a prefix \
(`chr_…`), times an offset (RFC 3339), money is `{"amount": "12.34", "currency": "USD"}` with a \
decimal string. An unknown field is refused, not passed over.

**Repeats.** With an `Idempotency-Key` a POST has one effect. The same key and body again get the \
same answer, with `Idempotent-Replayed: true`; while the first is being answered, 409 with \
`Retry-After`; with another body, 422. What is shown once, such as a key's secret, is null then.

**Refusals** are problem documents (RFC 9457): `code` is for programs and stays, `detail` is for \
people, and each of `errors` points into the body. 400 cannot be read, 401 has no key in force, 403 \
lacks the scope, 404 is not there or not yours, 409 is in the way of the present state, 412 and 428 \
are about `If-Match`, 413 is too large, 415 of another type, 422 makes no sense, 429 comes too often \
and 503 may come again, both after `Retry-After` seconds.

**Lists** come newest first, a page at a time: `next` is the `cursor` of the following page of the \
same list, null on the last.

**Every answer** has an `X-Request-Id`, yours if you sent a well-formed one, and says with `RateLimit` \
how many requests are left and in how many seconds they are whole again.
"""
