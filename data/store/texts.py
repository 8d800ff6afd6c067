"""Texts of the store: each stands there once, and is named by a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert, select

from .database import Database
from .schema import TextRow

_KNOWN_TEXTS = 20_000  # ids kept in memory
_IN_CLAUSE = 500


def digest(text: str) -> bytes:
    """The 16 bytes that name a text in the store."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def in_chunks(items: Sequence[Any], size: int = _IN_CLAUSE) -> Iterator[list[Any]]:
    """Lists of at most `size` items, as an SQL `IN` can take."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def text_ids(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Digest to id, for the texts among `digests` that are stored."""
    found: dict[bytes, int] = {}
    for chunk in in_chunks(digests):
        rows = connection.execute(
            select(TextRow.digest, TextRow.id).where(TextRow.digest.in_(chunk))
        )
        found.update((bytes(name), id) for name, id in rows)
    return found


class TextTable:
    """Interns texts: each is written once, and named by its digest until it has an id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[bytes, int] = {}

    def settle(self, texts: Mapping[bytes, str]) -> None:
        """Write those of the texts, by digest, that are not there yet."""
        if len(self._ids) > _KNOWN_TEXTS:
            self._ids.clear()
        if new := {name: text for name, text in texts.items() if name not in self._ids}:
            self._ids.update(self._database.write(lambda connection: _insert(connection, new)))

    def id(self, name: bytes) -> int:
        """The id of a text settled last."""
        return self._ids[name]


def _insert(connection: Connection, texts: Mapping[bytes, str]) -> dict[bytes, int]:
    names = sorted(texts)  # one order for all writers: no deadlock
    ids = text_ids(connection, names)
    missing = [name for name in names if name not in ids]
    if missing:
        rows = [{"digest": name, "body": texts[name]} for name in missing]
        connection.execute(insert(TextRow), rows)
        ids |= text_ids(connection, missing)
    return ids
