"""The theorems of a library as a problem set: rows for `lakatos eval`, splits, figures.

A theorem is a fair problem when it is the first of those alike, nothing closes it at once, and it
is neither deprecated nor there for a tactic's own proofs. Proofs of the library are not to be had,
so the premises of a theorem are the constants of its statement. In the mode `accessible` the
theorems of its own module that stand above it (accessible.py) are in its header, as axioms.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dataset.dataset import NOTHING_EXCLUDED, Excluded
from ..dataset.splits import PARTS, STRATEGIES, Splittable, split
from ..dataset.tables import Columns, Row, new_tables
from ..evaluation import PREMISES
from .accessible import ACCESSIBLE, STRICT, premises_above

ALL, FAIR, LEFT_OUT = "problems", "fair", "left_out"
SPLIT_FIELDS = {"random": "split", "novel_premises": "split_novel_premises"}
NAMES = {"train": "train", "val": "valid", "test": "test"}
"""The parts of a split, by the words of `lakatos eval`."""

COLUMNS: Columns = {
    **dict.fromkeys(("name", *SPLIT_FIELDS.values(), "header", "formal_statement"), "text"),
    "core": "bool",
    **dict.fromkeys(("module", "key", "alike_key", "duplicate_of", "closed_by"), "text"),
    "marks": ["text"],
    "form": "text",
    "constants": ["text"],
    "premises": ["text"],
    "lean": "text",
}
LEFT_OUT_COLUMNS: Columns = dict.fromkeys(("name", "module", "why", "constant"), "text")

WHY = {
    "own": "speaks of a constant of its own module",
    "hidden": "speaks of a constant that the imports of its module do not show",
    "present": "is there already where its module begins",
    "unprintable": "no way of printing it was read as the same statement again",
    "crashed": "ended the worker, or took too long",
    "excluded": "is one of the problems that were to be left out",
}


@dataclass(frozen=True, slots=True)
class PosedModule:
    """What Lean said of a module's theorems: `posed` of lean_env/protocol.py, in its order."""

    name: str
    imports: tuple[str, ...]
    theorems: Sequence[Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True)
class LibrarySet:
    """Modules posed. lean: names the toolchain; failures: (module, why) of those not posed.

    excluded: problems that are not to be among them. premises: what a header has besides imports,
    one of accessible.MODES.
    """

    modules: Sequence[PosedModule] = field(repr=False)
    lean: str
    seed: int = 0
    failures: Sequence[tuple[str, str]] = ()
    excluded: Excluded = NOTHING_EXCLUDED
    premises: str = STRICT

    def rows(self) -> list[Row]:
        """One row for each theorem that could be posed, in the order of the library."""
        first: dict[str, str] = {}
        rows = []
        for module in self.modules:
            above = premises_above(module.theorems)
            for each in module.theorems:
                if "statement" in each and each["key"] not in self.excluded.statements:
                    rows.append(_row(module, each, first, self.lean))
                    self._offer(rows[-1], module, above.get(each["name"], []))
        proofs = [Splittable(row["alike_key"], tuple(row["constants"])) for row in rows]
        for strategy in STRATEGIES:
            for part, numbers in split(proofs, strategy, self.seed).items():
                for number in numbers:
                    rows[number][SPLIT_FIELDS[strategy]] = NAMES[part]
        return rows

    def _offer(self, row: Row, module: PosedModule, above: Sequence[Mapping[str, Any]]) -> None:
        """Put the theorems above one into its row, and into its header where they belong there."""
        row["premises"] = [each["name"] for each in above]
        if self.premises == ACCESSIBLE and above:
            lines = [PREMISES.format(module.name), *(each["premise"] for each in above)]
            row["header"] += "\n" + "\n".join(lines) + "\n"

    def left_out(self) -> Iterator[Row]:
        """One row for each theorem that could not be posed, with the reason."""
        for module in self.modules:
            for each in module.theorems:
                is_excluded = each.get("key") in self.excluded.statements
                if "statement" not in each or is_excluded:
                    yield {
                        "name": each["name"],
                        "module": module.name,
                        "why": "excluded" if is_excluded else each["why"],
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
        "premises": {"mode": library.premises} | _premise_counts(fair),
        "splits": {
            strategy: {
                NAMES[part]: [sum(r[name] == NAMES[part] for r in of) for of in (rows, fair)]
                for part in PARTS
            }
            for strategy, name in SPLIT_FIELDS.items()
        },
        "excluded": library.excluded.name,
        "hash": digest.hexdigest(),
    }


def _premise_counts(rows: Sequence[Row]) -> dict[str, int]:
    """Of how many problems theorems above are known, and how many in the middle and at most."""
    sizes = sorted(len(row["premises"]) for row in rows if row["premises"])
    middle = sizes[len(sizes) // 2] if sizes else 0
    return {"problems": len(sizes), "median": middle, "most": max(sizes, default=0)}


def write(library: LibrarySet, out: Path, formats: Iterable[str] = ("jsonl",)) -> dict[str, Any]:
    """Write all problems, the fair ones, those left out, and README.md; the figures.

    Raises UsageError when the disk takes nothing.
    """
    rows = library.rows()
    found = count(library, rows)
    with new_tables(out, formats) as tables:
        problems, fair = tables.open(ALL, COLUMNS), tables.open(FAIR, COLUMNS)
        for row in rows:
            problems(row)
            if is_fair(row):
                fair(row)
        left_out = tables.open(LEFT_OUT, LEFT_OUT_COLUMNS)
        for row in library.left_out():
            left_out(row)
        tables.describe(card(library, found))
    return found


_IN_HEADER = {
    STRICT: "nothing else.",
    ACCESSIBLE: "states, as axioms that a proof may use, the theorems of the module that can be "
    "shown to stand above it: `premises`. Which those are is known of theorems with one attribute "
    "only (`simp`, `grind`, `ext`), for a compiled module keeps the order of these alone.",
}


def figure_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures in words."""

    def counts(of: Mapping[str, int]) -> str:
        return ", ".join(f"{n:,} {name}" for name, n in of.items()) or "none"

    rows = [
        ("modules", f"{found['modules']:,}, {found['modules_failed']:,} more failed"),
        ("theorems", f"{found['theorems']:,}, of them posed {found['posed']:,}"),
        ("left out", counts(found["left_out"])),
        ("printed", counts(found["forms"])),
        ("before any tactic", f"{found['without_tactics']:,}: their holes are terms"),
        ("duplicates", f"{found['duplicates']:,}"),
        ("closed at once", counts(found["closed_at_once"])),
        ("marked", counts(found["marks"])),
        ("fair problems", f"{found['fair']:,}"),
        ("premises", _premises_in_words(found["premises"])),
    ]
    for strategy, parts in found["splits"].items():
        sizes = ", ".join(f"{part} {n:,} ({fair:,} fair)" for part, (n, fair) in parts.items())
        rows.append((f"split {strategy}", sizes))
    if found["excluded"]:
        rows.append(("without", found["excluded"]))
    return [*rows, ("hash", found["hash"])]


def _premises_in_words(found: Mapping[str, Any]) -> str:
    known = f"theorems above are known of {found['problems']:,} fair problems"
    sizes = f"{found['median']:,} in the middle, {found['most']:,} at most"
    return f"{found['mode']}; {known}, {sizes}"


def card(library: LibrarySet, found: Mapping[str, Any]) -> str:
    """The text of README.md."""
    rows = "\n".join(f"| {name} | {said} |" for name, said in figure_rows(found))
    reasons = "\n".join(f"- `{why}`: {text}" for why, text in WHY.items())
    parts = [
        "# Theorems of Lean's own library as problems",
        f"Made by `lakatos extract core` with {library.lean}, seed {library.seed}. Source: the "
        "library of Lean 4, Apache-2.0.",
        "Each is stated where its module begins: `header` imports what its module imports and "
        f"{_IN_HEADER[library.premises]} `{ALL}` has all that could be posed, `{FAIR}` those that "
        "are neither duplicates, nor closed at once by one tactic, nor deprecated or internal. "
        f"Try them with `lakatos eval core --data jsonl/{FAIR}.jsonl --split test`.",
        "Theorems alike up to names, order of hypotheses and sides of `=` and `↔` are never in two "
        "parts of a split. In `split_novel_premises` every problem of valid and test speaks of a "
        "constant that no problem of train speaks of.",
        f"| | |\n|---|---|\n{rows}",
        f"Left out is what:\n\n{reasons}",
    ]
    if library.failures:
        failures = "\n".join(f"- `{name}`: {why}" for name, why in library.failures)
        parts.append(f"Modules that failed:\n\n{failures}")
    return "\n\n".join(parts) + "\n"
