"""The nouns every room shares: theorems, states, tactics, outcomes, proofs, verdicts.

Immutable values with no I/O. A state is equal to another when their keys are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One local hypothesis as Lean prints it; `✝` in the name marks it inaccessible."""

    name: str
    type: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """One metavariable to assign, seen by a person: tag, hypotheses in order, target."""

    target: str
    hypotheses: tuple[Hypothesis, ...] = ()
    tag: str = ""

    @property
    def pretty(self) -> str:
        """The text Lean's `ppGoal` shows: equal neighbouring types share a line."""
        lines = [f"case {self.tag}"] if self.tag else []
        names: list[str] = []
        for i, h in enumerate(self.hypotheses):
            names.append(h.name)
            after = self.hypotheses[i + 1] if i + 1 < len(self.hypotheses) else None
            if h.value is None and after and after.value is None and after.type == h.type:
                continue
            value = "" if h.value is None else f" := {h.value}"
            lines.append(f"{' '.join(names)} : {h.type}{value}")
            names = []
        lines.append(f"⊢ {self.target}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ProofState:
    """Goals that share metavariables and must be proved together (an OR node).

    key: canonical hash from Lean, blind to hypothesis names; the only field compared.
    origin: how it was reached; None for the root state of a theorem. Following origins to
        the root gives the recipe that rebuilds the state in any worker.
    size: nodes of its expressions, unshared; 0 when unknown.
    root: names the theorem (file digest and hole) whose root the recipe starts from.
    """

    key: str
    goals: tuple[Goal, ...] = field(default=(), compare=False)
    origin: Origin | None = field(default=None, compare=False, repr=False)
    size: int = field(default=0, compare=False)
    root: str = field(default="", compare=False)

    @property
    def pretty(self) -> str:
        """All goals as Lean prints them, a blank line between two; `no goals` if none."""
        return "\n\n".join(g.pretty for g in self.goals) or "no goals"

    def __reduce__(self) -> tuple[Callable[..., ProofState], tuple[Any, ...]]:
        """How to pickle it: its way from the root as one flat list, however long."""
        made = self.recipe
        states = [*(o.parent for o in made), self]
        steps = [None, *((o.tactic, o.index, o.positions, o.hole, o.together) for o in made)]
        rows = zip(states, steps, strict=True)
        return _state_on, ([(s.key, s.goals, s.size, s.root, step) for s, step in rows],)

    @property
    def recipe(self) -> tuple[Origin, ...]:
        """The steps from the root to this state, first step first."""
        steps: list[Origin] = []
        origin = self.origin
        while origin is not None:
            steps.append(origin)
            origin = origin.parent.origin
        return tuple(reversed(steps))


@dataclass(frozen=True, slots=True)
class DraftHole:
    """A `sorry` in the text of a tactic: its bytes [start, stop); mode: `tactic` or `term`."""

    start: int
    stop: int
    mode: str = "tactic"


@dataclass(frozen=True, slots=True)
class Origin:
    """The step that made a state: `tactic` at `parent`, of whose states it is number `index`.

    positions: where the state's goals stand in Lean's goal list after the tactic, 0-based.
    hole: the `sorry` of the tactic that it stands for. together: all other goals are one state.
    """

    parent: ProofState
    tactic: str
    index: int
    positions: tuple[int, ...] = (0,)
    hole: DraftHole | None = None
    together: bool = False


def _state_on(path: Sequence[tuple[Any, ...]]) -> ProofState:
    """The last state of a path that `ProofState.__reduce__` wrote down."""
    state: ProofState | None = None
    for key, goals, size, root, step in path:
        state = ProofState(key, goals, None if state is None else Origin(state, *step), size, root)
    assert state is not None
    return state


class Rejection(StrEnum):
    """Why Lean did not take a tactic."""

    PARSE = "parse"  # not a tactic sequence up to its last character
    ELABORATION = "elaboration"  # Lean's elaborator reports an error
    HEARTBEATS = "heartbeats"  # the deterministic time limit inside Lean
    RECURSION = "recursion"  # maximum recursion depth
    SORRY = "sorry"  # it leaves a sorry in the term
    FORBIDDEN = "forbidden"  # a syntax the verifier never takes (native_decide, run_tac, ...)
    CANCELLED = "cancelled"  # nobody wants the answer any more
    CRASH = "crash"  # it ended two workers; the message names the cause
    FALSE = "false"  # the goal is false at the values that the message names
    POSTPONED = "postponed"  # it ran out of a first, small limit, and may get a larger one later
    REPLACED = "replaced"  # it searched; what it found was tried, and is the next step


@dataclass(frozen=True, slots=True)
class Message:
    """What Lean says of a file or a tactic.

    start, stop: byte offsets; line, end_line from 1; column, end_column in characters from 0.
    """

    severity: str  # error | warning | info
    text: str
    line: int
    column: int
    start: int = 0
    stop: int | None = None
    end_line: int | None = None
    end_column: int | None = None


@dataclass(frozen=True, slots=True)
class Advanced:
    """The tactic ran. Each state is independent of the others; none means proved.

    messages: what it said, traces too. suggestion: what a tactic that searches found, which was
    taken in its place.
    """

    states: tuple[ProofState, ...]
    messages: tuple[Message, ...] = field(default=(), compare=False, repr=False)
    suggestion: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """The tactic failed in Lean; `message` is Lean's own text.

    messages: the same with places in the tactic, and what else it said.
    """

    message: str
    kind: Rejection = Rejection.ELABORATION
    messages: tuple[Message, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The wall limit, in seconds, passed before Lean answered."""

    wall_s: float


Outcome = Advanced | Rejected | TimedOut


@dataclass(frozen=True, slots=True)
class Step:
    """One tried tactic. prior: P(tactic | state) in (0, 1]; elapsed_ms: wall time in Lean."""

    tactic: str
    prior: float
    outcome: Outcome
    elapsed_ms: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Expansion:
    """All steps tried from one state. value: P(provable), the critic's; tokens: a model's."""

    state: ProofState
    steps: tuple[Step, ...]
    value: float
    tokens: int = 0


class Status(StrEnum):
    """Of a node in a proof graph. PROVED and FAILED are final."""

    OPEN = "open"
    PROVED = "proved"
    FAILED = "failed"  # every tactic proposed is dead in this search; not: unprovable


@dataclass(frozen=True, slots=True)
class ProofTree:
    """A proof: `tactic` at `state`, then one proof for each state it leaves, in order.

    state: as reached on this path. named: the state whose hypothesis names the tactic was
        written for; another one than `state` when a transposition merged the two.
    """

    state: ProofState
    tactic: str
    children: tuple[ProofTree, ...] = ()
    named: ProofState | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A constant that a command of the file added; type as Lean prints it, or ""."""

    name: str
    kind: str  # theorem | definition | axiom | opaque | inductive | constructor | recursor
    type: str = ""


@dataclass(frozen=True, slots=True)
class Premise:
    """A declaration that a proof may use.

    module: where it stands; "" for the file itself. conclusion: the constants of its type behind
    all binders; others: those of the rest. text: its binders and type as Lean prints them, or "".
    """

    name: str
    kind: str
    module: str = ""
    conclusion: tuple[str, ...] = field(default=(), repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Theorem:
    """One `sorry` of a Lean file, the thing to prove.

    source: the whole file. start, stop: byte offsets of the `sorry` in its UTF-8 form.
    name: the declaration, with `#2`, `#3`... for its further holes; `example@LINE` for examples.
    declaration: the constant it belongs to; None for an example.
    mode: `tactic` or `term`, what may stand in the place of the `sorry`.
    state: its root proof state. is_prop: False where the sorry stands for data.
    context: declarations of the file above it, first to last. imports: of its file.
    command_start, command_stop: byte offsets of the command that holds it; stop 0 if unknown.
    negates: the name of the theorem whose negation this is; None for a theorem of a file.
    others: further root states, where Lean elaborates the same `sorry` several times
        (`t <;> sorry`); what replaces it must close them all.
    is_stated: False where the statement itself has a `sorry`, this one or another.
    """

    name: str
    source: str = field(repr=False)
    path: str
    start: int
    stop: int
    line: int
    column: int
    mode: str
    state: ProofState
    declaration: str | None = None
    is_prop: bool = True
    context: tuple[Declaration, ...] = field(default=(), repr=False)
    imports: tuple[str, ...] = ()
    command_start: int = 0
    others: tuple[ProofState, ...] = field(default=(), repr=False)
    command_stop: int = 0
    negates: str | None = None
    is_stated: bool = True


class RefusalKind(StrEnum):
    """What the verifier holds against a proof."""

    NOT_A_BLOCK = "not_a_block"  # the text is not one tactic block (or term) and nothing else
    FORBIDDEN_SYNTAX = "forbidden_syntax"
    DOES_NOT_COMPILE = "does_not_compile"
    MISSING = "missing"  # the theorem is not in the submission
    STATEMENT_CHANGED = "statement_changed"
    KIND_CHANGED = "kind_changed"  # a theorem became an axiom, an opaque, ...
    CONTEXT_CHANGED = "context_changed"  # a definition of the original is another one now
    SORRY = "sorry"
    AXIOM = "axiom"
    METAVARIABLES = "metavariables"
    KERNEL = "kernel"  # the kernel does not accept a constant
    UNSAFE = "unsafe"  # unsafe or partial constants below it
    LIMIT = "limit"  # time or memory ran out during the check


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, with Lean's or our own text."""

    kind: RefusalKind
    text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The verifier takes the proof; axioms: all it rests on, sorted."""

    axioms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The verifier does not take the proof; at least one reason."""

    reasons: tuple[Refusal, ...]


Verdict = Accepted | Refused


class StopReason(StrEnum):
    """Why an attempt ended."""

    PROVED = "proved"
    DISPROVED = "disproved"
    DEAD_END = "dead_end"  # every reachable tactic failed
    EXPANSIONS = "expansions"  # that budget is spent, as in the next four
    STEPS = "steps"
    LEAN_TIME = "lean_time"
    TOKENS = "tokens"
    WALL_TIME = "wall_time"
    INTERRUPTED = "interrupted"
    NOT_A_PROPOSITION = "not_a_proposition"
    OPEN_STATEMENT = "open_statement"  # the statement has a sorry: nothing is said to be proved
    REFUSED = "refused"  # found, and refused by the verifier
    FAULT = "fault"  # the environment failed under it
    MODEL_FAILED = "model_failed"  # the model did not answer, or with nothing


Visits = Mapping[tuple[str, str], int]
"""How many descents of a tree search took a tactic, by the key of its state and its text."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one theorem and what came of it.

    proof: text that replaces the `sorry`; when DISPROVED, the proof of the negation.
    visits: empty for a search without descents.
    """

    theorem: Theorem
    stop: StopReason
    proof: str | None = None
    verdict: Verdict | None = None
    expansions: int = 0
    steps: int = 0
    wall_s: float = 0.0
    detail: str = ""
    visits: Visits = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_proved(self) -> bool:
        """True only when the verifier accepted the proof."""
        return isinstance(self.verdict, Accepted) and self.stop is StopReason.PROVED

    @property
    def is_alarm(self) -> bool:
        """Whether the search said PROVED and the verifier refused for what should never happen."""
        if self.stop is not StopReason.REFUSED or not isinstance(self.verdict, Refused):
            return False
        return any(reason.kind in _ALARMING for reason in self.verdict.reasons)


_ALARMING = {
    RefusalKind.STATEMENT_CHANGED,
    RefusalKind.KIND_CHANGED,
    RefusalKind.CONTEXT_CHANGED,
    RefusalKind.METAVARIABLES,
    RefusalKind.KERNEL,
    RefusalKind.UNSAFE,
}
