"""Problem sets as their users have them: folders and files of Lean, rows of JSON.

The shape is told by the keys of a row: miniF2F as DeepSeek, Goedel, Kimina, llmstep and InternLM
have it, miniCTX, ProofNet, PutnamBench, VERINA, CLEVER, FVAPPS, and any row with a statement.
What is malformed becomes a problem with a flaw: it is named, counted, and given to no Lean.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from ..errors import UsageError, unreadable
from ..evaluation import Problem
from ..source import SourceFile, is_source
from .statements import (
    completed,
    foreign_imports,
    holes_elsewhere,
    statements,
    unfenced,
    with_preamble,
    with_theorem,
    without_reference,
)

NAMES = (
    "name", "full_name", "theoremName", "theorem_name", "problem_name", "problem_id", "task_id",
    "id", "apps_id", "uuid", "data_id",
)  # fmt: skip
STATEMENTS = (
    "formal_statement", "theoremStatement", "lean4_formalization", "lean4_statement",
    "theorem_statement", "formal_theorem", "formal_problem", "statement", "spec", "lean_code",
    "lean4_code", "lean", "code", "theorem",
)  # fmt: skip
HEADERS = (
    "header", "srcContext", "lean4_src_header", "src_header", "lean_header", "preamble", "imports",
    "context",
)  # fmt: skip
INFORMAL = (
    "informal_prefix", "informal_statement", "informal_stmt", "nl_statement", "natural_language",
    "description", "apps_question", "informal", "problem",
)  # fmt: skip
DEFAULT_HEADER = """import Mathlib
import Aesop

set_option maxHeartbeats 400000

open BigOperators Real Nat Topology Rat
"""
"""Of rows that leave their header to a project, as llmstep's: the one of miniF2F."""

CORE_HEADER = """set_option autoImplicit false
notation "ℕ" => Nat
notation "ℤ" => Int
notation "ℚ" => Rat
"""
"""Stands for imports that a bare Lean does not have: numbers by the names Mathlib gives them."""

BARE_HEADER = "set_option relaxedAutoImplicit false\n"
"""Of rows without a header: an unknown name of several letters is an error, no variable."""

NO_THEOREM = "no theorem with a sorry"

_SPLITS = {"valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
_SPLITS |= {"train": "train", "training": "train"}
_KNOWN = re.compile(
    r"(amc|aime|imo|putnam|usamo|mathd_algebra|mathd_numbertheory|algebra|numbertheory|induction"
    r"|exercise|verina_basic|verina_advanced)(?![a-z])",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"([A-Za-z]+(?:_[A-Za-z]+)*?)_?\d")


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """Problems in their order. notes: files without a theorem, sorries that are no theorems."""

    name: str
    problems: tuple[Problem, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def flaws(self) -> list[str]:
        """One line for each malformed row or file: where, and what is wrong."""
        return [f"{p.path}: {p.flaw}" for p in self.problems if p.flaw]


def read_problems(name: str, data: Path) -> ProblemSet:
    """Read a folder, a Lean file, or a file of JSON rows. name: what the set is called.

    Raises UsageError when there is no such thing, or nothing in it can be read.
    """
    notes: list[str] = []
    problems = list(_distinct(_read(data, notes)))
    sound = [problem for problem in problems if not problem.flaw]
    if not sound and problems:
        more = f" ({len(problems)} more like it)" if len(problems) > 1 else ""
        raise UsageError(f"{problems[0].path}: {problems[0].flaw}{more}")
    if not sound:
        others = [note for note in notes if not note.endswith(NO_THEOREM)]
        raise UsageError("; ".join([f"{data}: {NO_THEOREM}", *others]))
    return ProblemSet(name, tuple(problems), tuple(notes))


def source_of(name: str) -> str:
    """Where a problem comes from, by its name: amc, aime, imo, mathd_algebra, ...; or `other`."""
    if known := _KNOWN.match(name):
        return known.group(1).lower()
    if re.match(r"(amc|aime|imo)", name, re.IGNORECASE):
        return re.sub(r"(amc|aime|imo).*", r"\1", name, flags=re.IGNORECASE | re.DOTALL).lower()
    numbered = _NUMBERED.match(name)
    return numbered.group(1).lower() if numbered else "other"


def with_header(
    problems: Iterable[Problem], header: str, *, only_foreign: bool = False
) -> tuple[Problem, ...]:
    """The problems with that text in the place of imports, opens and options.

    only_foreign: where something is imported that does not come with Lean, or there is no header;
    `lemma`, a word of Mathlib's, becomes `theorem` there.
    """
    if not only_foreign:
        return tuple(_under(p, header) for p in problems)
    return tuple(
        replace(_under(p, header), statement=with_theorem(p.statement))
        if foreign_imports(p.header) or p.header.startswith(BARE_HEADER)
        else p
        for p in problems
    )


def _under(problem: Problem, header: str) -> Problem:
    return (
        problem if problem.flaw else replace(problem, header=with_preamble(problem.header, header))
    )


def _read(data: Path, notes: list[str]) -> Iterator[Problem]:
    if not data.exists():
        raise UsageError(f"{data}: no such file or folder")
    if not data.is_dir():
        yield from _file(data, data.name, notes)
        return
    found = sorted(p for p in data.rglob("*") if p.suffix in (".lean", ".jsonl") and p.is_file())
    for place in found:
        inside = place.relative_to(data)
        if is_source(inside):
            yield from _file(place, inside.as_posix(), notes)


def _file(place: Path, path: str, notes: list[str]) -> Iterator[Problem]:
    """The problems of one file. path: how it is named."""
    try:
        text = SourceFile(path, place.read_bytes()).text
    except OSError as error:
        raise unreadable(place, error) from None
    except UsageError as error:
        what = str(error).removeprefix(f"{path}: ")
        yield Problem(path, "other", _split_of(path), "", "", path=path, flaw=what)
        return
    if place.suffix == ".lean":
        yield from _lean(text, path, notes)
    elif place.suffix in (".json", ".jsonl", ".ndjson"):
        yield from _rows(text, path)
    else:
        raise UsageError(f"{place}: neither a folder, nor .lean, .jsonl or .json")


def _lean(text: str, path: str, notes: list[str]) -> Iterator[Problem]:
    text = without_reference(text)
    found = statements(text)
    if not found:
        notes.append(f"{path}: {NO_THEOREM}")
    if left := holes_elsewhere(text):
        notes.append(f"{path}: sorries outside theorems, not counted: {left}")
    stem = PurePath(path).stem
    for number, statement in enumerate(found, 1):
        name = statement.name or (stem if len(found) == 1 else f"{stem}/{number}")
        for hole in range(statement.holes):
            yield Problem(
                name=f"{name}#{hole + 1}" if hole else name,
                source=source_of(name),
                split=_split_of(path),
                header=statement.header,
                statement=statement.text,
                informal=statement.document,
                path=path,
                hole=hole,
            )


def _split_of(path: str) -> str:
    words = (PurePath(part).stem.lower() for part in reversed(PurePath(path).parts))
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def _rows(text: str, path: str) -> Iterator[Problem]:
    for number, row in _json(text, path):
        where = f"{path}:{number}"
        if isinstance(row, str):
            yield Problem(where, "other", _split_of(path), "", "", path=where, flaw=row)
        else:
            yield from _row(row, where)


def _json(text: str, path: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Line or number of each row, and the row, or what is wrong with it."""
    if text.lstrip().startswith("["):
        try:
            rows = list(enumerate(json.loads(text), 1))
        except ValueError as error:
            raise UsageError(f"{path}: no JSON: {error}") from None
    else:
        lines = enumerate(text.split("\n"), 1)
        rows = [(number, _parsed(line)) for number, line in lines if line.strip()]
    for number, row in rows:
        is_row = isinstance(row, Mapping | str)
        yield number, row if is_row else "no object, but " + json.dumps(row)[:40]


def _parsed(line: str) -> Any:
    try:
        row = json.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    return json.dumps(row)[:40] + " is no object" if isinstance(row, str) else row


def _row(row: Mapping[str, Any], where: str) -> Iterator[Problem]:
    """One row; most have one theorem, some several."""
    name = _text(row, NAMES) or where
    split = _text(row, ("split",)).lower()
    facts: dict[str, Any] = {"split": _SPLITS.get(split, split) or _split_of(where), "path": where}
    facts["is_core"] = row["core"] if isinstance(row.get("core"), bool) else None
    informal = _text(row, INFORMAL)
    header, text, flaw = _lean_of(row)
    found = statements(text) if not flaw else []
    if not flaw and not found:
        flaw = "its statement has no theorem with a sorry"
    if flaw:
        yield Problem(name, source_of(name), header="", statement="", flaw=flaw, **facts)
    for statement in found:
        called = name if len(found) == 1 else f"{name}/{statement.name or found.index(statement)}"
        for hole in range(statement.holes):
            yield Problem(
                name=f"{called}#{hole + 1}" if hole else called,
                source=source_of(name),
                header=header + statement.header,
                statement=statement.text,
                informal=informal or statement.document,
                hole=hole,
                **facts,
            )


def _lean_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Header and statement of a row, and what is wrong with it if there is something."""
    key = next((k for k in STATEMENTS if isinstance(row.get(k), str) and row[k].strip()), None)
    if key is None:
        given = ", ".join(list(row)[:6]) or "nothing"
        return "", "", f"no statement in it (it has: {given})"
    text = completed(without_reference(unfenced(row[key])))
    header = _text(row, HEADERS)
    if re.search(r"^import\b", text, re.MULTILINE):
        header = ""  # the statement has its own
    elif not header and "full_name" in row and "file_path" in row:
        header = DEFAULT_HEADER
    elif not header:
        header, text = BARE_HEADER, with_theorem(text)
    return header.rstrip() + "\n\n" * bool(header.strip()), text, ""


def _text(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The first of these that the row has, as text."""
    values = (row.get(key) for key in keys)
    texts = (str(v) for v in values if isinstance(v, str | int) and not isinstance(v, bool))
    return next((value for value in texts if value.strip()), "")


def _distinct(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems with `~2`, `~3`, ... added to names that were there before."""
    seen: Counter[str] = Counter()
    for problem in problems:
        seen[problem.name] += 1
        again = seen[problem.name]
        yield problem if again == 1 else replace(problem, name=f"{problem.name}~{again}")
