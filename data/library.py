"""The theorems of a library as a problem set: rows for `lakatos eval`, splits, figures.

A theorem is a fair problem when it is the first of those alike, nothing closes it at once, and it
is neither deprecated nor there for a tactic's own proofs. Proofs of the library are not to be had,
so the premises of a theorem are the constants of its statement.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import UsageError
from .splits import PARTS, STRATEGIES, Splittable, split

Row = dict[str, Any]

ALL, FAIR, LEFT_OUT = "problems.jsonl", "fair.jsonl", "left_out.jsonl"
SPLIT_FIELDS = {"random": "split", "novel_premises": "split_novel_premises"}
NAMES = {"train": "train", "val": "valid", "test": "test"}
"""The parts of a split, by the words of `lakatos eval`."""

WHY = {
    "own": "speaks of a constant of its own module",
    "hidden": "speaks of a constant that the imports of its module do not show",
    "present": "is there already where its module begins",
    "unprintable": "no way of printing it was read as the same statement again",
    "crashed": "ended the worker, or took too long",
}


@dataclass(frozen=True, slots=True)
class PosedModule:
    """What Lean said of a module's theorems: `posed` of lean_env/protocol.py, in its order."""

    name: str
    imports: tuple[str, ...]
    theorems: Sequence[Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True)
class LibrarySet:
    """Modules posed. lean: names the toolchain; failures: (module, why) of those not posed."""

    modules: Sequence[PosedModule] = field(repr=False)
    lean: str
    seed: int = 0
    failures: Sequence[tuple[str, str]] = ()

    def rows(self) -> list[Row]:
        """One row for each theorem that could be posed, in the order of the library."""
        first: dict[str, str] = {}
        rows = []
        for module in self.modules:
            for each in module.theorems:
                if "statement" in each:
                    rows.append(_row(module, each, first, self.lean))
        proofs = [Splittable(row["alike_key"], tuple(row["constants"])) for row in rows]
        for strategy in STRATEGIES:
            for part, numbers in split(proofs, strategy, self.seed).items():
                for number in numbers:
                    rows[number][SPLIT_FIELDS[strategy]] = NAMES[part]
        return rows

    def left_out(self) -> Iterator[Row]:
        """One row for each theorem that could not be posed, with the reason."""
        for module in self.modules:
            for each in module.theorems:
                if "statement" not in each:
                    yield {
                        "name": each["name"],
                        "module": module.name,
                        "why": each["why"],
                        "constant": each.get("constant"),
                    }


def header(imports: Sequence[str]) -> str:
    """What a file begins with that imports these modules and nothing else."""
    return "\n".join(["prelude", *(f"import {name}" for name in imports)]) + "\n"


def _row(module: PosedModule, posed: Mapping[str, Any], first: dict[str, str], lean: str) -> Row:
    """A problem. first: the first theorem of each key, which this one is added to."""
    original = first.setdefault(posed["alike"], posed["name"])
    return {
        "name": posed["name"],
        **dict.fromkeys(SPLIT_FIELDS.values(), ""),
        "header": header(module.imports),
        "formal_statement": posed["statement"],
        "core": True,
        "module": module.name,
        "key": posed["key"],
        "alike_key": posed["alike"],
        "duplicate_of": None if original == posed["name"] else original,
        "closed_by": posed["closed"],
        "marks": list(posed["marks"]),
        "form": posed["form"],
        "constants": list(posed["constants"]),
        "lean": lean,
    }


def is_fair(row: Row) -> bool:
    """Whether a row makes a problem: no duplicate, not closed at once, without a mark."""
    return not (row["duplicate_of"] or row["closed_by"] or row["marks"])


def count(library: LibrarySet, rows: Sequence[Row]) -> dict[str, Any]:
    """What there is, counted; hash: of all statements and headers, in order."""
    digest = hashlib.sha256(library.lean.encode())
    for row in rows:
        digest.update(f"\0{row['name']}\0{row['header']}\0{row['formal_statement']}".encode())
    fair = [row for row in rows if is_fair(row)]
    left_out = Counter(row["why"] for row in library.left_out())
    return {
        "lean": library.lean,
        "seed": library.seed,
        "modules": len(library.modules),
        "modules_failed": len(library.failures),
        "theorems": len(rows) + left_out.total(),
        "posed": len(rows),
        "left_out": dict(left_out.most_common()),
        "forms": dict(Counter(row["form"] for row in rows).most_common()),
        "without_tactics": sum(row["formal_statement"].endswith(":= sorry") for row in rows),
        "duplicates": sum(row["duplicate_of"] is not None for row in rows),
        "closed_at_once": dict(Counter(r["closed_by"] for r in rows if r["closed_by"])),
        "marks": dict(Counter(mark for row in rows for mark in row["marks"])),
        "fair": len(fair),
        "splits": {
            strategy: {
                NAMES[part]: [sum(r[name] == NAMES[part] for r in of) for of in (rows, fair)]
                for part in PARTS
            }
            for strategy, name in SPLIT_FIELDS.items()
        },
        "hash": digest.hexdigest(),
    }


def write(library: LibrarySet, out: Path) -> dict[str, Any]:
    """Write all problems, the fair ones, those left out, and README.md; the figures.

    Raises UsageError when the disk takes nothing.
    """
    rows = library.rows()
    found = count(library, rows)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write_rows(out / ALL, rows)
        _write_rows(out / FAIR, [row for row in rows if is_fair(row)])
        _write_rows(out / LEFT_OUT, list(library.left_out()))
        (out / "README.md").write_text(card(library, found), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({error.strerror})") from error
    return found


def _write_rows(place: Path, rows: Sequence[Row]) -> None:
    part = place.with_name(f".{place.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    part.replace(place)


def figure_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures in words."""

    def counts(of: Mapping[str, int]) -> str:
        return ", ".join(f"{n:,} {name}" for name, n in of.items()) or "none"

    told = [
        ("modules", f"{found['modules']:,}, {found['modules_failed']:,} more failed"),
        ("theorems", f"{found['theorems']:,}, of them posed {found['posed']:,}"),
        ("left out", counts(found["left_out"])),
        ("printed", counts(found["forms"])),
        ("before any tactic", f"{found['without_tactics']:,}: their holes are terms"),
        ("duplicates", f"{found['duplicates']:,}"),
        ("closed at once", counts(found["closed_at_once"])),
        ("marked", counts(found["marks"])),
        ("fair problems", f"{found['fair']:,}"),
    ]
    for strategy, parts in found["splits"].items():
        sizes = ", ".join(f"{part} {n:,} ({fair:,} fair)" for part, (n, fair) in parts.items())
        told.append((f"split {strategy}", sizes))
    return [*told, ("hash", found["hash"])]


def card(library: LibrarySet, found: Mapping[str, Any]) -> str:
    """The text of README.md."""
    rows = "\n".join(f"| {name} | {said} |" for name, said in figure_rows(found))
    reasons = "\n".join(f"- `{why}`: {text}" for why, text in WHY.items())
    parts = [
        "# Theorems of Lean's own library as problems",
        f"Made by `lakatos extract core` with {library.lean}, seed {library.seed}. Source: the "
        "library of Lean 4, Apache-2.0.",
        f"Each is stated where its module begins: `header` imports what its module imports and "
        f"nothing else. `{ALL}` has all that could be posed, `{FAIR}` those that are neither "
        "duplicates, nor closed at once by one tactic, nor deprecated or internal. Try them with "
        f"`lakatos eval core --data {FAIR} --split test`.",
        "Theorems alike up to names, order of hypotheses and sides of `=` and `↔` are never in two "
        "parts of a split. In `split_novel_premises` every problem of valid and test speaks of a "
        "constant that no problem of train speaks of.",
        f"| | |\n|---|---|\n{rows}",
        f"Left out is what:\n\n{reasons}",
    ]
    if library.failures:
        told = "\n".join(f"- `{name}`: {why}" for name, why in library.failures)
        parts.append(f"Modules that failed:\n\n{told}")
    return "\n\n".join(parts) + "\n"
