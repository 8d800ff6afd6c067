"""The exam (tests/exam) as one list, for every door that a submission may come in by."""

import json
from dataclasses import dataclass
from pathlib import Path

EXAM = Path(__file__).parent / "exam"


@dataclass(frozen=True)
class ExamCase:
    """A submission. proof: for the hole `theorem`; submission: a whole file; one of them is None.

    kinds: of which one must be among the reasons; none: it is honest. allow: further axioms.
    """

    name: str
    theorem: str
    original: str
    submission: str | None
    proof: str | None
    kinds: frozenset[str]
    allow: tuple[str, ...] = ()

    @property
    def is_honest(self):
        return not self.kinds


def exam_cases():
    """All of them: tricks, attacks on the environment, honest proofs."""
    return [*_tricks(), *_lines("environment.jsonl"), *_lines("honest.jsonl")]


def _tricks():
    for folder in sorted(each for each in EXAM.iterdir() if each.is_dir()):
        files = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}
        wanted = json.loads(files["expect.json"])
        yield ExamCase(
            folder.name, wanted["theorem"], files["original.lean"], files.get("submission.lean"),
            files.get("proof.txt"), frozenset(wanted["kinds"]),
        )  # fmt: skip


def _lines(name):
    for line in map(json.loads, (EXAM / name).read_text(encoding="utf-8").splitlines()):
        yield ExamCase(
            line["name"], line.get("theorem", "challenge"), line["original"], line["submission"],
            None, frozenset(line.get("kinds", ())), tuple(line.get("allow", ())),
        )  # fmt: skip


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
