"""What the tools of the MCP server answer: short, typed, each with what may be done next."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, Field

from ...data.records import Message, Refused, Verdict
from .kept_states import NamedState

LONGEST = 2_000
"""Characters of one text."""

MOST_MESSAGES = 30
"""Messages of one answer."""

_RANK = {"error": 0, "warning": 1}


def short(text: str, most: int = LONGEST) -> str:
    """The text, or its beginning and how much is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters)"


class Answer(BaseModel):
    """What every tool answers."""

    next: list[str] = Field(default=[], description="What may be done next.")


class LeanMessage(BaseModel):
    """What Lean or the judge says of a text."""

    severity: str = Field(description="error, warning or info")
    line: int = Field(description="from 1")
    column: int = Field(description="in characters, from 0")
    text: str


def lean_messages(messages: Iterable[Message]) -> list[LeanMessage]:
    """The first messages, errors before others."""
    ordered = sorted(messages, key=lambda each: (_RANK.get(each.severity, 2), each.start))
    return [
        LeanMessage(severity=m.severity, line=m.line, column=m.column, text=short(m.text))
        for m in ordered[:MOST_MESSAGES]
    ]


class HolePlace(BaseModel):
    """A `sorry`."""

    theorem: str = Field(description="its declaration, with #2, #3 for further holes of it")
    line: int
    column: int


class CheckAnswer(Answer):
    """What Lean and the judge say of a text."""

    ok: bool = Field(description="no error, and the judge refuses nothing; holes may be left")
    holes: list[HolePlace]
    messages: list[LeanMessage]
    left_out: int = Field(0, description="messages beyond these")


class OpenState(BaseModel):
    """A proof state."""

    state: str = Field(description="its name, for other tools")
    goals: list[str]

    @classmethod
    def of(cls, kept: NamedState) -> OpenState:
        """As a client sees it."""
        goals = [short(goal.pretty) for goal in kept.record.goals]
        return cls(state=kept.name, goals=goals)


class OpenHole(HolePlace):
    """A `sorry`, and what is to be proved there."""

    states: list[OpenState] = Field(description="more than one where Lean elaborates it repeatedly")


class HolesAnswer(Answer):
    """The holes of a text."""

    holes: list[OpenHole]


class TriedTactic(BaseModel):
    """What came of a tactic."""

    tactic: str = Field(description="for one that searches, such as exact?, what it found")
    ok: bool = Field(description="whether Lean took it")
    closes: bool = Field(description="whether it leaves no goal of the state")
    states: list[OpenState] = Field([], description="what it leaves")
    error: str | None = None
    messages: list[str] = Field([], description="what it said beside an error")
    proof: str | None = Field(
        None, description="the proof of the whole hole, when nothing of it is left; not judged yet"
    )


class TriedAnswer(Answer):
    """One result for each tactic, in order."""

    results: list[TriedTactic]


class Reason(BaseModel):
    """Why the judge refuses."""

    kind: str
    text: str


class Judgement(BaseModel):
    """The judge's verdict on a theorem."""

    theorem: str
    accepted: bool
    axioms: list[str] = Field(default=[], description="what an accepted proof rests on")
    reasons: list[Reason] = Field(default=[])

    @classmethod
    def of(cls, theorem: str, verdict: Verdict) -> Judgement:
        """As a client sees it."""
        if isinstance(verdict, Refused):
            reasons = [Reason(kind=r.kind.value, text=short(r.text)) for r in verdict.reasons]
            return cls(theorem=theorem, accepted=False, reasons=reasons)
        return cls(theorem=theorem, accepted=True, axioms=list(verdict.axioms))


class VerifyAnswer(Answer):
    """The judge's verdicts."""

    accepted: bool = Field(description="whether all are accepted")
    verdicts: list[Judgement]


class TriedTheorem(HolePlace):
    """What came of a search."""

    proved: bool = Field(description="a proof was found, and the judge accepts it")
    disproved: bool = Field(False, description="a proof of its negation was found and accepted")
    stop: str = Field(description="why the search ended")
    proof: str | None = Field(
        None, description="what takes the place of the sorry; if disproved, of the negation"
    )
    detail: str = ""
    wall_s: float
    attempt: int | None = Field(None, description="its number, for show_attempt")


class ProveAnswer(Answer):
    """One result for each theorem that was tried."""

    theorems: list[TriedTheorem]


class RepairedProof(BaseModel):
    """What came of a broken proof."""

    theorem: str
    line: int = Field(description="where its broken proof begins")
    column: int
    repaired: bool = Field(description="a new proof was found, and the judge accepts it")
    value: str | None = Field(None, description="what takes the place of the broken proof")
    errors: list[str] = Field(description="what Lean found wrong")
    detail: str = ""
    attempt: int | None = Field(None, description="its number, for show_attempt")


class RepairAnswer(Answer):
    """One result for each broken proof."""

    repairs: list[RepairedProof]
    text: str | None = Field(None, description="the text with every accepted repair in place")
    errors: list[LeanMessage] = Field([], description="errors that stand in no proof")


class FoundDeclaration(BaseModel):
    """A declaration that a proof may use."""

    name: str
    kind: str
    type: str = Field(description="its binders and type")
    module: str = Field(description="where it stands; empty for the file itself")


class SearchAnswer(Answer):
    """Declarations, best first."""

    found: list[FoundDeclaration]


class StoredTry(BaseModel):
    """An attempt in the database."""

    attempt: int
    theorem: str
    place: str
    result: str
    started: str
    wall_s: float


class AttemptsAnswer(Answer):
    """Attempts, newest first."""

    attempts: list[StoredTry]


class AttemptAnswer(Answer):
    """One attempt: its numbers, its proof, what was tried."""

    attempt: int
    facts: dict[str, str]
    proof: str | None
    tried: list[str] = Field(description="a tree of tactics and the states they leave")
