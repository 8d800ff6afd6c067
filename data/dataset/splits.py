"""Who is trained on and who is tested: splits of proofs into train, val and test.

Deterministic: a draw depends on the seed and the statement, not on the order of the files. No
leakage: proofs of one statement, however named, are never on two sides.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

HELD_OUT_SHARE = 0.05
"""Of all proofs, for each of val and test."""

MOST_HELD_OUT = 2000
"""For each of val and test, as in LeanDojo's benchmark."""

STRATEGIES = ("random", "novel_premises")
PARTS = ("train", "val", "test")

Split = Mapping[str, Sequence[int]]
"""For each of PARTS the numbers of its proofs, ascending."""


@dataclass(frozen=True, slots=True)
class Splittable:
    """What a split must know of a proof. key: of its statement."""

    key: str
    premises: tuple[str, ...] = ()


def split(proofs: Sequence[Splittable], strategy: str, seed: int) -> Split:
    """Each proof's number in one part.

    random: any. novel_premises: each proof of val and test cites a premise that none of train
    does (Yang et al. 2023, section 4); there may then be fewer of them.
    """
    size = min(MOST_HELD_OUT, round(len(proofs) * HELD_OUT_SHARE))
    groups = _groups(proofs, seed)
    pick = _novel if strategy == "novel_premises" else _any
    held_out = pick(groups, proofs, 2 * size)
    val: list[int] = []
    test: list[int] = []
    for group in held_out:
        (val if len(val) <= len(test) else test).extend(group)
    rest = set(val) | set(test)
    train = [number for number in range(len(proofs)) if number not in rest]
    return {"train": train, "val": sorted(val), "test": sorted(test)}


def _groups(proofs: Sequence[Splittable], seed: int) -> list[list[int]]:
    """The proofs of each statement, in the order of the draw."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, proof in enumerate(proofs):
        groups[proof.key or f"number {number}"].append(number)
    return [groups[key] for key in sorted(groups, key=lambda key: _draw(seed, key))]


def _draw(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def _any(groups: list[list[int]], proofs: Sequence[Splittable], size: int) -> list[list[int]]:
    return _up_to(groups, size)


def _up_to(groups: Iterable[list[int]], size: int) -> list[list[int]]:
    """The first groups that together fit."""
    taken: list[list[int]] = []
    count = 0
    for group in groups:
        if count + len(group) <= size:
            taken.append(group)
            count += len(group)
    return taken


def _novel(groups: list[list[int]], proofs: Sequence[Splittable], size: int) -> list[list[int]]:
    """Groups of which each proof cites a premise that no proof outside of them does.

    Premises with the fewest proofs come first; all of a premise's proofs go, or none.
    """
    users: dict[str, list[int]] = defaultdict(list)
    for at, group in enumerate(groups):
        for premise in sorted({p for number in group for p in proofs[number].premises}):
            users[premise].append(at)
    first = {premise: min(at) for premise, at in users.items()}
    by_rarity = sorted(users, key=lambda p: (len(users[p]), first[p], p))
    taken: set[int] = set()
    count = 0
    for premise in by_rarity:
        more = [at for at in users[premise] if at not in taken]
        everyone = {number for at in users[premise] for number in groups[at]}
        citing = {number for number in everyone if premise in proofs[number].premises}
        added = sum(len(groups[at]) for at in more)
        if not more or citing != everyone or count + added > size:
            continue
        taken.update(more)
        count += added
    return [groups[at] for at in sorted(taken)]
