"""What `lakatos doctor` says of the database of results."""

from __future__ import annotations

from ...data.errors import LakatosError, unreachable
from ...lean_env.doctor import Finding


def check_database(place: str | None) -> Finding:
    """Say whether the database can be used. place: a file or a URL; None: the default."""
    from ...data.store.store import Store

    try:
        with Store.open(place) as store:
            store.check_writable()
            last = store.attempts(limit=1)
            return Finding("database", f"{store.name}, {last[0].id if last else 0} attempts")
    except (LakatosError, OSError) as error:
        told = unreachable(error) or error
        if not isinstance(told, LakatosError):
            raise
        return Finding("database", str(told), "choose another file with --db or LAKATOS_DB")
