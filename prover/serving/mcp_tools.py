"""The tools of the MCP server that ask Lean and the judge: check, try, verify, search.

The docstrings are what agents read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from ...data.errors import UsageError
from ...data.records import Premise, Rejected, Step, TimedOut
from ...lean_env.queries.premises import Symbols
from ..retrieval.by_name import by_name
from .kept_states import NamedState
from .lean_start import LeanStart, ServedLean
from .mcp_calls import AnyContext, PathArgument, TextArgument, client_of, read_lean
from .mcp_results import (
    MOST_MESSAGES,
    CheckAnswer,
    FoundDeclaration,
    HolePlace,
    HolesAnswer,
    Judgement,
    OpenHole,
    OpenState,
    SearchAnswer,
    TriedAnswer,
    TriedTactic,
    VerifyAnswer,
    lean_messages,
    short,
)

StateArgument = Annotated[
    str, Field(description="The name of a state, as `holes` and `try_tactics` give it.")
]
Seconds = Annotated[float, Field(gt=0, le=600)]
TacticList = Annotated[list[str], Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=1, le=100)]

NO_FILE = "example : True := by sorry\n"
"""What is searched from, where no state is named: what every Lean file may use."""


class LeanTools:
    """The tools. start: the Lean. check_s: seconds for one text."""

    def __init__(self, start: LeanStart, check_s: float = 300.0) -> None:
        self._start = start
        self._check_s = check_s

    async def check(
        self, context: AnyContext, path: PathArgument = None, text: TextArgument = None
    ) -> CheckAnswer:
        """Check a Lean file or text: errors, warnings, holes (`sorry`).

        A text without errors goes to the judge too: what rests on an axiom that is not allowed,
        or does not pass the kernel once more, is an error.
        """
        lean, file = await self._start.lean(), read_lean(path, text)
        async with lean.place(client_of(context)):
            checked = await lean.checker.check(file.text, self._check_s)
        if checked.error:
            raise UsageError(checked.error)
        messages = lean_messages(checked.messages)
        ok = all(each.severity != "error" for each in messages)
        following = [] if ok else ["repair: new proofs for the broken ones"]
        if checked.holes:
            following += ["holes: the goals, with states for try_tactics", "prove: search proofs"]
        return CheckAnswer(
            ok=ok,
            holes=[
                HolePlace(theorem=hole.theorem, line=hole.start[0], column=hole.start[1])
                for hole in checked.holes
            ],
            messages=messages,
            left_out=max(0, len(checked.messages) - MOST_MESSAGES),
            next=following,
        )

    async def holes(self, path: PathArgument = None, text: TextArgument = None) -> HolesAnswer:
        """List the holes (`sorry`) of a Lean file or text, each with its goals.

        Each proof state has a name, from which `try_tactics` goes on.
        """
        lean, file = await self._start.lean(), read_lean(path, text)
        opened = await lean.kept.open(file.text)
        found = [
            OpenHole(
                theorem=theorem.name,
                line=theorem.line,
                column=theorem.column,
                states=[OpenState.of(each) for each in lean.kept.roots(opened, theorem)],
            )
            for theorem in opened.theorems
        ]
        following = ["try_tactics: several tactics at a state", "search: declarations for a state"]
        return HolesAnswer(
            holes=found, next=following if found else ["check: errors, if there are any"]
        )

    async def try_tactics(
        self,
        state: StateArgument,
        tactics: TacticList,
        goal: Annotated[int, Field(ge=0, description="which goal of the state, from 0")] = 0,
        timeout_s: Seconds = 10,
        allow_sorry: Annotated[
            bool, Field(description="tactics may have `sorry`s; each becomes a state")
        ] = False,
    ) -> TriedAnswer:
        """Try tactics at a proof state, each for itself; the file is not changed.

        Says of each whether Lean takes it, and the states that it leaves, to go on from. A tactic
        may have several lines. `exact?`, `library?` (theorems of the library and of the file above,
        in several ways) and their like answer with what they found.
        """
        lean = await self._start.lean()
        named = lean.kept.get(state)
        steps = await lean.parts.pool.apply(
            named.record, tactics, goal=goal, allow_sorry=allow_sorry, timeout_s=timeout_s
        )
        results = [_tried(lean, named, step) for step in steps]
        return TriedAnswer(results=results, next=_after(results))

    async def verify_proof(
        self,
        context: AnyContext,
        state: StateArgument,
        proof: Annotated[str, Field(description="tactics, or a term where the sorry is a term")],
    ) -> VerifyAnswer:
        """Judge one proof in the place of a hole: the verdict that counts.

        The judge is a process of its own; other holes of the file stay open.
        """
        lean = await self._start.lean()
        theorem = lean.kept.get(state).theorem
        async with lean.place(client_of(context)):
            verified = await lean.parts.verifier.verify(theorem, proof)
        return _verdicts([Judgement.of(theorem.name, verified.verdict)])

    async def verify(
        self,
        context: AnyContext,
        original_path: PathArgument = None,
        original_text: TextArgument = None,
        path: PathArgument = None,
        text: TextArgument = None,
    ) -> VerifyAnswer:
        """Judge whether a Lean file proves the theorems of the original, and nothing weaker.

        The original has the same statements, with `sorry` for proofs. Accepted are proofs of the
        same statements that pass the kernel and rest on allowed axioms only.
        """
        lean = await self._start.lean()
        original, submission = read_lean(original_path, original_text), read_lean(path, text)
        async with lean.place(client_of(context)):
            found = await lean.checker.verdicts(original.text, submission.text)
        if not found:
            raise UsageError("the original has no theorem to prove")
        return _verdicts([Judgement.of(name, verdict) for name, verdict in found])

    async def search(
        self,
        query: Annotated[str, Field(description="may be empty with a state")] = "",
        by: Annotated[
            Literal["words", "name", "type"],
            Field(
                description="words: names and parts of names, such as `Nat add comm`. name: a part "
                "of a name. type: a closed proposition, such as `∀ n m : Nat, n + m = m + n`."
            ),
        ] = "words",
        state: Annotated[
            str | None, Field(description="a state: what its file offers above it counts too")
        ] = None,
        k: Count = 10,
    ) -> SearchAnswer:
        """Search the declarations that a proof may use: by words, by name, by type, for a goal.

        With a state and no query: those that suit its goals best.
        """
        lean = await self._start.lean()
        if state is None:
            if not query.strip():
                raise UsageError("give a query, or a state")
            file = await lean.kept.open(NO_FILE)
            named = lean.kept.roots(file, file.theorems[0])[0]
        else:
            named = lean.kept.get(state)
        found = await _found(lean, named, query.strip(), by, k)
        texts = await lean.parts.premises.texts(named.theorem, found)
        following = "try_tactics: `library?`, `exact NAME ..`" if found else "search: other words"
        return SearchAnswer(
            found=[
                FoundDeclaration(name=p.name, kind=p.kind, type=short(text, 500), module=p.module)
                for p, text in zip(found, texts, strict=True)
            ],
            next=[following],
        )


async def _found(lean: ServedLean, named: NamedState, query: str, by: str, k: int) -> list[Premise]:
    theorem = named.theorem
    if not query:
        symbols = await lean.parts.premises.symbols(named.record)
    elif by == "name":
        library = await lean.parts.premises.library(theorem)
        own = await lean.parts.premises.own(theorem)
        return await asyncio.to_thread(by_name, [*own, *library], query, k)
    elif by == "type":
        state = await lean.parts.pool.statement(named.file, query)
        symbols = await lean.parts.premises.symbols(state)
    else:
        symbols = Symbols(targets=tuple(query.split()))
    return await lean.lexical.lookup(theorem, symbols, k)


def _tried(lean: ServedLean, named: NamedState, step: Step) -> TriedTactic:
    left = lean.kept.after(named, step)
    outcome = step.outcome
    error = None
    if isinstance(outcome, TimedOut):
        error = f"no answer within {outcome.wall_s:g} s"
    elif isinstance(outcome, Rejected):
        error = outcome.message
    closes = error is None and not left
    said = () if isinstance(outcome, TimedOut) else outcome.messages
    return TriedTactic(
        tactic=step.tactic,
        ok=error is None,
        closes=closes,
        states=[OpenState.of(each) for each in left],
        error=None if error is None else short(error),
        messages=[short(m.text) for m in said if m.severity != "error"][:MOST_MESSAGES],
        proof=named.whole_proof if closes else None,
    )


def _after(results: Sequence[TriedTactic]) -> list[str]:
    if any(each.proof is not None for each in results):
        return ["verify_proof: have the judge check `proof`, then put it in the place of the sorry"]
    if any(each.closes for each in results):
        return ["try_tactics: at the other states of the hole"]
    if any(each.ok for each in results):
        return ["try_tactics: at a state that a tactic left"]
    return ["search: declarations for this state", "prove: have proofs searched"]


def _verdicts(verdicts: Sequence[Judgement]) -> VerifyAnswer:
    accepted = all(each.accepted for each in verdicts)
    following = [] if accepted else ["holes and try_tactics, or prove, for what is refused"]
    return VerifyAnswer(accepted=accepted, verdicts=list(verdicts), next=following)
