"""The exam of tests/exam for doors: what takes a Lean text or a proof and says whether it holds.

A door is a function of a case that says whether it was accepted. `LAKATOS_WHOLE_EXAM=1` takes all
cases, else a sample of each kind of trick.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lakatos.data.lean_text import masked
from lakatos.data.records import ProofState, Theorem
from lakatos.lean_env.verification.script import splice

EXAM = Path(__file__).parent / "exam"
NEEDS_ORIGINAL = {"statement_changed", "missing", "kind_changed", "context_changed", "not_a_block"}
"""What cannot be seen in a text alone."""
SLOW = {"deep_reduction", "huge_power", "unbounded_heartbeats"}
"""Their point is that they run out of time."""


@dataclass(frozen=True)
class ExamCase:
    """A text that proves, or claims to prove, the theorems of an original.

    proof: what stands in the place of the hole of `theorem`; None for a whole file. kinds: what
    must be held against it, one of them; none for an honest one. allow: more axioms.
    """

    name: str
    original: str
    submission: str
    theorem: str
    kinds: frozenset
    proof: str | None = None
    allow: tuple = ()
    row: int = 0

    @property
    def is_honest(self):
        return not self.kinds

    @property
    def shows_alone(self):
        """Whether the text alone, without the original, shows what is wrong with it."""
        return bool(self.kinds) and not self.kinds & NEEDS_ORIGINAL


def read_cases():
    """All cases by name."""
    cases = [_folder(each) for each in sorted(EXAM.iterdir()) if each.is_dir()]
    for file in ("environment.jsonl", "honest.jsonl"):
        for line in (EXAM / file).read_text(encoding="utf-8").splitlines():
            cases.append(_line(json.loads(line)))
    return {case.name: case for case in cases}


def chosen_cases():
    """Those to be asked of a door in this run, by name."""
    cases = read_cases()
    if os.environ.get("LAKATOS_WHOLE_EXAM"):
        return cases
    sample = {}
    for case in cases.values():
        if "import" not in case.submission and case.name not in SLOW and not case.allow:
            group = (case.row, case.is_honest and case.proof is None)
            sample.setdefault(group, case)
    return {case.name: case for case in sample.values()}


def exam_faults(cases, judge):
    """A line for each case that a door judges wrongly.

    judge: of a case, the verdict of each theorem by name: None if it is accepted, else the kinds
    of the reasons. An axiom that the door does not allow may be a reason too.
    """
    faults = []
    for case in cases:
        verdicts = judge(case)
        if case.is_honest:
            refused = {name: kinds for name, kinds in verdicts.items() if kinds is not None}
            if (refused or not verdicts) and not case.allow:
                faults.append(f"{case.name}: honest, and refused: {refused}")
        elif (kinds := verdicts.get(case.theorem)) is None:
            faults.append(f"{case.name}: accepted, or not judged: {verdicts}")
        elif not case.allow and not case.kinds & set(kinds):
            faults.append(f"{case.name}: refused for {kinds}, not {sorted(case.kinds)}")
    return faults


def _folder(folder):
    expected = json.loads((folder / "expect.json").read_text(encoding="utf-8"))
    original = (folder / "original.lean").read_text(encoding="utf-8")
    proof = None
    if (folder / "proof.txt").exists():
        proof = (folder / "proof.txt").read_text(encoding="utf-8")
        submission = with_proof(original, expected["theorem"], proof)
    else:
        submission = (folder / "submission.lean").read_text(encoding="utf-8")
    kinds = frozenset(expected["kinds"])
    name, theorem = folder.name, expected["theorem"]
    return ExamCase(name, original, submission, theorem, kinds, proof, (), expected["row"])


def _line(line):
    return ExamCase(
        line["name"],
        line["original"],
        line["submission"],
        line.get("theorem", "challenge"),
        frozenset(line.get("kinds", ())),
        allow=tuple(line.get("allow", ())),
        row=-1 if line.get("kinds") else 0,
    )


def with_proof(original, theorem, proof):
    """The original with a proof in the place of a theorem's hole, in its best layout."""
    words = masked(original)
    holes = [found.start() for found in re.finditer(r"\bsorry\b", words)]
    name, _, number = theorem.partition("#")
    last = re.escape(name.rpartition(".")[2])
    declared = re.search(rf"\b(?:theorem|lemma|def|instance|abbrev)\s+[\w.]*{last}\b", words)
    after = [hole for hole in holes if declared is None or hole > declared.start()]
    if found := re.fullmatch(r"example@(\d+)", theorem):
        start = sum(len(line) + 1 for line in original.split("\n")[: int(found[1]) - 1])
        after = [hole for hole in holes if hole >= start]
    hole = after[int(number or 1) - 1]
    start = len(original[:hole].encode())
    mode = "tactic" if re.search(r"\bby\b[^:]*$", words[:hole]) else "term"
    place = Theorem(theorem, original, "", start, start + 5, 0, 0, mode, ProofState(""))
    return splice(original, place, proof)[0]
