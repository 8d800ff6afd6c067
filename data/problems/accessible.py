"""Which theorems stand above another in its own module, as far as the compiled module shows it.

A compiled module of Lean's library keeps neither proofs nor places, but the entries of each
attribute in the order of the text. So of two theorems with one attribute the order is known, and
what stands above cannot rest on what stands below. Taken for granted: a theorem is given its
attributes where it stands; where two attributes tell two orders, neither is believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STRICT, ACCESSIBLE = "strict", "accessible"
MODES = (STRICT, ACCESSIBLE)


def premises_above(theorems: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """For each theorem of a module those that can be shown to stand above it, in an order of text.

    theorems: `posed` of lean_env/protocol.py. A premise has a `premise`, the command that states
    it, and states something else than the theorem.
    """
    tagged = [each for each in theorems if each.get("order")]
    places = {each["name"]: dict(_first(each["order"])) for each in tagged}
    lists: dict[str, list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
    for each in tagged:
        for name, place in places[each["name"]].items():
            lists[name].append((place, each))
    for entries in lists.values():
        entries.sort(key=lambda entry: entry[0])
    return {each["name"]: _above(each, places, lists) for each in tagged if each.get("key")}


def _first(order: Iterable[tuple[str, int]]) -> Iterable[tuple[str, int]]:
    """The first place in each list: the last of equal keys counts, so the others come first."""
    return sorted(((name, place) for name, place in order), key=lambda it: -it[1])


def _above(
    theorem: Mapping[str, Any],
    places: Mapping[str, Mapping[str, int]],
    lists: Mapping[str, Sequence[tuple[int, Mapping[str, Any]]]],
) -> list[Mapping[str, Any]]:
    own = places[theorem["name"]]
    found: dict[str, Mapping[str, Any]] = {}
    for name, place in own.items():
        for other_place, other in lists[name]:
            if other_place >= place:
                break
            if not other.get("premise") or other["alike"] == theorem["alike"]:
                continue
            theirs = places[other["name"]]
            if all(theirs[each] < own[each] for each in theirs.keys() & own.keys()):
                found.setdefault(other["name"], other)
    return list(found.values())
