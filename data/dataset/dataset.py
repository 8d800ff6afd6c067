"""A dataset of traced files: what is in it, its rows, its figures.

Files are read one after the other, as often as a writer needs; only figures and keys are held.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..traced import (
    Constant,
    TracedDeclaration,
    TracedFile,
    TracedGoal,
    TracedStep,
    keys_of,
    proof_tree,
    state_text,
)
from .splits import Split, Splittable, split

Row = dict[str, Any]
Proof = tuple[TracedFile, TracedDeclaration]

LEAN_SOURCES = ".lake/packages/lean4/src/lean"
"""Where a Lake project has Lean's own files, as LeanDojo names them."""

OWN_MODULES = ("Init", "Std", "Lean", "Lake")


@dataclass(frozen=True)
class DatasetOrigin:
    """Where the files come from. licenses: file name to text."""

    name: str
    url: str = ""
    commit: str = ""
    licenses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Excluded:
    """Keys of problems that no proof may speak of: of statements, and of states of one goal."""

    name: str = ""
    statements: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()

    def holds(self, declaration: TracedDeclaration) -> bool:
        """Whether a declaration is one of the problems, or meets one on its way."""
        return declaration.key in self.statements or self.meets(keys_of(declaration))

    def meets(self, keys: Iterable[str]) -> bool:
        """Whether one of these states is what a problem begins with."""
        return any(key in self.states for key in keys)


NOTHING_EXCLUDED = Excluded()


@dataclass(frozen=True)
class Dataset:
    """Traced files to be written. read: the files, from the first, at each call.

    failures: (path, why) of files that gave nothing, or not all.
    """

    origin: DatasetOrigin
    lean: str
    read: Callable[[], Iterator[TracedFile]]
    failures: Sequence[tuple[str, str]] = ()
    excluded: Excluded = NOTHING_EXCLUDED
    seed: int = 0

    def files(self) -> Iterator[tuple[TracedFile, list[TracedDeclaration]]]:
        """Each file with its declarations, without what is excluded."""
        for file in self.read():
            yield file, [each for each in file.declarations if not self.excluded.holds(each)]

    def proofs(self) -> Iterator[Proof]:
        """Every theorem and example that is proved, in the order of the files."""
        for file, declarations in self.files():
            for declaration in declarations:
                if declaration.is_proof:
                    yield file, declaration

    def split(self, strategy: str) -> Split:
        """The numbers of `proofs` in each part."""
        chosen = [Splittable(each.key, each.premises) for _, each in self.proofs()]
        return split(chosen, strategy, self.seed)


def path_of(constant: Constant, own_path: str, paths: Mapping[str, str]) -> str:
    """The file that a constant is defined in; paths: of the modules that were traced."""
    if not constant.module:
        return own_path
    path = constant.module.replace(".", "/") + ".lean"
    if constant.module.split(".")[0] in OWN_MODULES:
        return f"{LEAN_SOURCES}/{path}"
    return paths.get(constant.module, path)


def goal_row(goal: TracedGoal) -> Row:
    """A goal, structured."""
    hypotheses = [{"name": h.name, "type": h.type, "value": h.value} for h in goal.goal.hypotheses]
    return {
        "goal": goal.number,
        "key": goal.key,
        "tag": goal.goal.tag,
        "target": goal.goal.target,
        "hypotheses": hypotheses,
    }


def premise_row(file: TracedFile, constant: Constant) -> Row:
    """A premise as LeanDojo writes it, with null places where Lean knows none."""
    start, end = constant.place or (None, None)
    return {
        "full_name": constant.name,
        "def_path": path_of(constant, file.path, {}),
        "def_pos": start and list(start),
        "def_end_pos": end and list(end),
    }


def step_row(file: TracedFile, step: TracedStep, index: int, steps: Sequence[TracedStep]) -> Row:
    """One tactic, all that is known of it."""
    text, annotated = file.annotated(step)
    cited = [
        premise_row(file, cited.constant)
        | {
            "start": list(file.place(cited.start)),
            "end": list(file.place(cited.stop)),
            "text": file.text(cited.start, cited.stop),
        }
        for cited in step.citations
    ]
    return {
        "index": index,
        "parent": step.parent,
        "children": [number for number, each in enumerate(steps) if each.parent == index],
        "tactic": step.tactic,
        "annotated_tactic": [text, [premise_row(file, each) for each in annotated]],
        "start": list(file.place(step.start)),
        "end": list(file.place(step.stop)),
        "state_before": state_text(step.before),
        "state_after": state_text(step.after),
        "goals_before": [goal_row(goal) for goal in step.before],
        "goals_after": [goal_row(goal) for goal in step.after],
        "closed": list(step.closed),
        "opened": list(step.opened),
        "premises": cited,
        "used_constants": [each.name for each in step.used],
    }


def proof_row(origin: DatasetOrigin, file: TracedFile, declaration: TracedDeclaration) -> Row:
    """A theorem or example, without its steps."""
    return {
        "url": origin.url,
        "commit": origin.commit,
        "file_path": file.path,
        "full_name": declaration.name,
        "kind": declaration.kind,
        "start": list(file.place(declaration.start)),
        "end": list(file.place(declaration.stop)),
        "theorem_statement": file.statement(declaration),
        "type": declaration.type,
        "key": declaration.key,
        "docstring": declaration.doc,
        "namespace": declaration.namespace,
        "opens": list(declaration.opens),
        "imports": list(file.imports),
        "mode": "tactic" if declaration.steps else "term",
        "proof": file.proof(declaration),
        "premises": list(declaration.premises),
        "statement_constants": [each.name for each in declaration.needs],
        "used_constants": [each.name for each in declaration.used],
        "lean": file.lean,
    }


def tree_rows(declaration: TracedDeclaration) -> list[Row]:
    """The AND-tree of a proof as a flat list."""
    return [
        {"goal": each.goal, "step": each.step, "children": list(each.children)}
        for each in proof_tree(declaration.steps)
    ]


def whole_row(origin: DatasetOrigin, file: TracedFile, declaration: TracedDeclaration) -> Row:
    """A theorem or example with its steps and its AND-tree."""
    steps = declaration.steps
    traced = [step_row(file, step, index, steps) for index, step in enumerate(steps)]
    tree = {"traced_tactics": traced, "proof_tree": tree_rows(declaration)}
    return proof_row(origin, file, declaration) | tree


def declaration_row(file: TracedFile, declaration: TracedDeclaration) -> Row:
    """A declaration of any kind, and the constants it depends on."""
    return {
        "file_path": file.path,
        "full_name": declaration.name,
        "kind": declaration.kind,
        "start": list(file.place(declaration.start)),
        "end": list(file.place(declaration.stop)),
        "type": declaration.type,
        "key": declaration.key,
        "docstring": declaration.doc,
        "code": file.text(declaration.head, declaration.stop),
        "is_private": declaration.is_private,
        "has_sorry": declaration.has_sorry,
        "statement_constants": [each.name for each in declaration.needs],
        "used_constants": [each.name for each in declaration.used],
    }


@dataclass
class Figures:
    """What a dataset holds, counted. hash: of the sources, in order, and the Lean."""

    files: int = 0
    lines: int = 0
    excluded: int = 0
    unproved: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    tactics: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    longest: int = 0
    states: int = 0
    citations: int = 0
    premises: int = 0
    hash: str = ""


def count(dataset: Dataset) -> Figures:
    """Read everything once and count it."""
    figures = Figures()
    digest = hashlib.sha256(dataset.lean.encode())
    states: set[int] = set()
    premises: set[str] = set()
    for file in dataset.read():
        figures.files += 1
        figures.lines += file.source.count("\n")
        digest.update(f"\0{file.path}\0{file.source}".encode())
        for each in file.declarations:
            figures.kinds[each.kind] += 1
            figures.unproved += each.has_sorry
            if dataset.excluded.holds(each):
                figures.excluded += 1
            elif each.is_proof:
                _count_proof(figures, each, states, premises)
    figures.states, figures.premises = len(states), len(premises)
    figures.hash = digest.hexdigest()
    return figures


def _count_proof(
    figures: Figures, proof: TracedDeclaration, states: set[int], premises: set[str]
) -> None:
    figures.modes["tactic" if proof.steps else "term"] += 1
    figures.steps += len(proof.steps)
    figures.longest = max(figures.longest, len(proof.steps))
    premises.update(proof.premises)
    for step in proof.steps:
        figures.tactics[(step.tactic.lstrip("( ").split() or [""])[0]] += 1
        figures.citations += len(step.citations)
        states.add(hash(tuple(goal.key for goal in step.before)))
