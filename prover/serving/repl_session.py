"""What leanprover-community/repl does, on our Lean: environments and proof states by number.

An environment is the text that leads to it: a command on one is elaborated behind that text, of
which the worker elaborates nothing twice while it is one of the last it had. A proof state is the
`sorry` it starts from and the tactics since. What Lean takes is judged (docs/repl.md).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from ...data.errors import UsageError, WorkerDied
from ...data.records import Accepted, Advanced, Message, Rejected, Step, TimedOut
from ...data.source import read_source
from ...lean_env.opened_file import OpenedFile
from ..lean_parts import LeanParts
from .repl_json import NO_INFOTREE, Json, ReplRequest, goals_text, message_json, parse_request
from .repl_json import place as shown_place
from .repl_state import (
    ReplEnvironment,
    ReplState,
    message_in_text,
    own_messages,
    read_pickle,
    without_open_end,
    write_pickle,
)
from .repl_tactics import TacticPlace, places_of
from .snippets import position, refusals

OPEN, HAS_SORRY, COMPLETED = (
    "Incomplete: open goals remain",
    "Incomplete: contains sorry",
    "Completed",
)
IN_A_DRAFT = "Incomplete: fills a sorry of a tactic, and is judged when it stands in its place"


@dataclass(frozen=True)
class ReplLimits:
    """What one request may take.

    command_s: seconds for a command or file, its judge included. tactic_s: for a tactic.
    heartbeats: Lean's own limit for a tactic, in thousands.
    """

    command_s: float = 300.0
    tactic_s: float = 60.0
    heartbeats: int = 200_000


Handle = ReplState | TacticPlace


@dataclass
class ReplSession:
    """Answers requests, one at a time. judge: whether what Lean takes goes to the judge too."""

    lean: LeanParts
    judge: bool = True
    limits: ReplLimits = field(default_factory=ReplLimits)

    def __post_init__(self) -> None:
        self._environments: list[ReplEnvironment] = []
        self._states: list[Handle] = []
        self._numbers = itertools.count(1)
        self._answers: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "command": self._command,
            "file": self._file,
            "tactic": self._tactic,
            "pickle_environment": self._pickle_environment,
            "unpickle_environment": self._unpickle_environment,
            "pickle_state": self._pickle_state,
            "unpickle_state": self._unpickle_state,
        }

    async def answer(self, text: str) -> Json:
        """The answer to one request; `{"message": ...}` says what is wrong with it.

        That a text ends two workers is wrong with it too. Raises EnvironmentFault.
        """
        try:
            request: ReplRequest = parse_request(text)
            return await self._answers[request.kind](request.fields)
        except TimeoutError:
            return {"message": f"Lean timed out in {self.limits.command_s:g} seconds"}
        except (UsageError, WorkerDied) as error:
            return {"message": str(error)}

    # Commands

    async def _file(self, asked: Json) -> Json:
        return await self._command({**asked, "cmd": read_source(asked["path"]).text})

    async def _command(self, asked: Json) -> Json:
        if asked["infotree"] is not None:
            raise UsageError(NO_INFOTREE)
        before = None if asked["env"] is None else self._environment(asked["env"])
        async with asyncio.timeout(self.limits.command_s):
            return await self._run(ReplEnvironment(before, asked["cmd"]), asked)

    async def _run(self, made: ReplEnvironment, asked: Json) -> Json:
        text = made.whole
        above = text[: len(text) - len(made.text)]
        since, lines = len(above.encode()), above.count("\n")
        opened = await self._open(text)
        if opened.stopped is not None and opened.stopped < since:
            raise UsageError("Lean does not come to this command: the environment ends before it")
        said = own_messages(opened, made, since)
        refused: list[Message] = []
        if self.judge and not any(each.severity == "error" for each in said):
            refused = await refusals(self.lean, opened, since)
        self._environments.append(without_open_end(replace(made, said=tuple(said)), opened, since))
        answer: Json = {"env": len(self._environments) - 1, "messages": []}
        answer["messages"] += [message_in_text(each, since, lines) for each in said]
        answer["messages"] += [message_json(each) for each in refused]
        answer["sorries"] = self._sorries(opened, since, lines)
        if asked["allTactics"] or asked["rootGoals"]:
            places = await places_of(self.lean.pool, text, since)
            roots = [each for each in places if each.is_root and asked["rootGoals"]]
            answer["sorries"] += [self._root_goal(each, lines) for each in roots]
            steps = [each for each in places if not each.is_root and asked["allTactics"]]
            answer["tactics"] = [self._tactic_json(each, lines) for each in steps]
        if not opened.theorems:
            self.lean.pool.close_file(opened)
        return {name: value for name, value in answer.items() if value != []}

    async def _open(self, text: str) -> OpenedFile:
        return await self.lean.pool.open(f"repl{next(self._numbers)}.lean", text)

    def _environment(self, number: int) -> ReplEnvironment:
        if not 0 <= number < len(self._environments):
            raise UsageError("Unknown environment.")
        return self._environments[number]

    def _sorries(self, opened: OpenedFile, since: int, lines: int) -> list[Json]:
        raw = opened.source.encode()
        found = []
        for theorem in opened.theorems:
            if theorem.start < since:
                continue
            line, column = position(raw, theorem.stop)
            for root, state in enumerate((theorem.state, *theorem.others)):
                found.append(
                    {
                        "pos": shown_place(theorem.line - lines, theorem.column),
                        "endPos": shown_place(line - lines, column),
                        "goal": goals_text(state.goals),
                        "proofState": self._keep(ReplState(theorem, root, state=state)),
                    }
                )
        return found

    def _root_goal(self, found: TacticPlace, lines: int) -> Json:
        at = shown_place(found.line - lines, found.column)
        return {"pos": at, "endPos": at, "goal": found.goals, "proofState": self._keep(found)}

    def _tactic_json(self, found: TacticPlace, lines: int) -> Json:
        return {
            "pos": shown_place(found.line - lines, found.column),
            "endPos": shown_place(found.end_line - lines, found.end_column),
            "goals": found.goals,
            "tactic": found.tactic,
            "proofState": self._keep(found),
            "usedConstants": list(found.used),
        }

    # Tactics

    async def _tactic(self, asked: Json) -> Json:
        before = await self._state(asked["proofState"], "Unknown proof state.")
        if before.state is None:
            raise UsageError("Lean error:\nno goals to be proved")
        step, outcome = await self._apply(before, asked["tactic"])
        after = before.after(step.tactic, outcome)
        sorries = [
            {
                "goal": goals_text(each.goals),
                "proofState": self._keep(replace(after, state=each, in_draft=True)),
            }
            for each in outcome.states
            if each.origin and each.origin.hole
        ]
        answer = await self._state_json(after)
        if outcome.messages:
            answer["messages"] = [message_json(each) for each in outcome.messages]
        return answer | ({"sorries": sorries} if sorries else {})

    async def _apply(self, before: ReplState, tactic: str) -> tuple[Step, Advanced]:
        assert before.state is not None
        limits = self.limits
        step = await self.lean.pool.apply_together(
            before.state, tactic, timeout_s=limits.tactic_s, heartbeats=limits.heartbeats
        )
        outcome = step.outcome
        if isinstance(outcome, TimedOut):
            raise UsageError(f"Lean error:\nno answer within {outcome.wall_s:g} s")
        if isinstance(outcome, Rejected):
            raise UsageError(f"Lean error:\n{outcome.message}")
        return step, outcome

    async def _state(self, number: int, unknown: str) -> ReplState:
        if not 0 <= number < len(self._states):
            raise UsageError(unknown)
        found = self._states[number]
        if isinstance(found, TacticPlace):
            opened = await self._open(found.holed)
            theorem = next((each for each in opened.theorems if each.start == found.start), None)
            if theorem is None:
                raise UsageError("Lean error:\nthe tactic cannot be replaced where it stands")
            self._states[number] = found = ReplState(theorem, 0, state=theorem.state)
        return found

    def _keep(self, state: Handle) -> int:
        self._states.append(state)
        return len(self._states) - 1

    async def _state_json(self, state: ReplState) -> Json:
        number = self._keep(state)
        status = await self._status(state)
        return {"proofState": number, "goals": state.goals, "proofStatus": status}

    async def _status(self, state: ReplState) -> str:
        """Whether the proof is complete; only the judge says that it is."""
        if state.state is not None:
            return OPEN
        if state.in_draft:
            return IN_A_DRAFT
        if state.has_sorry:
            return HAS_SORRY
        if not self.judge:
            return COMPLETED
        script = "\n".join(state.tactics)
        verdict = (await self.lean.verifier.verify(state.theorem, script)).verdict
        if isinstance(verdict, Accepted):
            return COMPLETED
        return "Error: " + "; ".join(f"{each.kind.value}: {each.text}" for each in verdict.reasons)

    # Pickles: texts that lead there again

    async def _pickle_environment(self, asked: Json) -> Json:
        environment = self._environment(asked["env"])
        texts = [each.text for each in environment.line]
        write_pickle(asked["pickleTo"], {"environment": texts})
        return {"env": asked["env"]}

    async def _unpickle_environment(self, asked: Json) -> Json:
        made: ReplEnvironment | None = None
        for text in read_pickle(asked["unpickleEnvFrom"], "environment"):
            made = ReplEnvironment(made, str(text))
        if made is None:
            raise UsageError(f"{asked['unpickleEnvFrom']}: no environment of `lakatos repl`")
        opened = await self._open(made.whole)
        self._environments.append(replace(made, said=opened.messages))
        self.lean.pool.close_file(opened)
        return {"env": len(self._environments) - 1}

    async def _pickle_state(self, asked: Json) -> Json:
        state = await self._state(asked["proofState"], "Unknown proof State.")
        origin = state.state.origin if state.state else None
        hole = origin.index if origin and origin.hole else None
        if state.in_draft and hole is None:
            raise UsageError("a state below a sorry of a tactic cannot be pickled")
        theorem = state.theorem
        kept = {
            "source": theorem.source,
            "start": theorem.start,
            "root": state.root,
            "tactics": state.tactics,
            "hole": hole,
        }
        write_pickle(asked["pickleTo"], {"state": kept})
        return await self._state_json(state)

    async def _unpickle_state(self, asked: Json) -> Json:
        if asked["env"] is not None:
            self._environment(asked["env"])
        path = asked["unpickleProofStateFrom"]
        kept = read_pickle(path, "state")
        try:
            opened = await self._open(str(kept["source"]))
            theorem = next(each for each in opened.theorems if each.start == kept["start"])
            root = int(kept["root"])
            state = ReplState(theorem, root, state=(theorem.state, *theorem.others)[root])
            outcome = None
            for tactic in kept["tactics"]:
                step, outcome = await self._apply(state, str(tactic))
                state = state.after(step.tactic, outcome)
            if kept["hole"] is not None and outcome is not None:
                state = replace(state, state=outcome.states[int(kept["hole"])], in_draft=True)
        except (KeyError, TypeError, ValueError, IndexError, AssertionError, StopIteration):
            raise UsageError(f"{path}: no proof state of `lakatos repl`") from None
        return await self._state_json(state)
