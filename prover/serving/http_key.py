"""Whether a client has the server's key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping


def key_fault(headers: Mapping[str, str], key: str | None) -> str | None:
    """What is wrong with the key that a request sends; None: nothing, or none is wanted."""
    if key is None:
        return None
    given = headers.get("authorization") or headers.get("x-auth-token", "")
    token = given.removeprefix("Bearer ").strip()
    if hmac.compare_digest(token.encode(), key.encode()):
        return None
    return "Invalid API key" if token else "Missing API key"
