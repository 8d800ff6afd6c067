"""A whole prover's world without Lean or a model: intuitionistic propositional logic.

A formula is an atom (a string) or ("->" | "&" | "|", left, right). A state's key ignores the
names of hypotheses, as Lean's does; "f" is a mere atom, so nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lakatos.data.records import (
    Advanced,
    Expansion,
    Goal,
    Hypothesis,
    Origin,
    Outcome,
    ProofState,
    ProofTree,
    Rejected,
    Step,
)

Formula = str | tuple[str, "Formula", "Formula"]


def implies(a: Formula, b: Formula) -> Formula:
    return ("->", a, b)


def both(a: Formula, b: Formula) -> Formula:
    return ("&", a, b)


def either(a: Formula, b: Formula) -> Formula:
    return ("|", a, b)


NOT_P = implies("p", "f")
THEOREMS = {
    "identity": implies("p", "p"),
    "and_comm": implies(both("p", "q"), both("q", "p")),
    "or_comm": implies(either("p", "q"), either("q", "p")),
    "curry": implies(implies(both("p", "q"), "r"), implies("p", implies("q", "r"))),
    "distrib": implies(both("p", either("q", "r")), either(both("p", "q"), both("p", "r"))),
    "not_not_lem": implies(implies(either("p", NOT_P), "f"), "f"),
}
NON_THEOREMS = {
    "lem": either("p", NOT_P),
    "peirce": implies(implies(implies("p", "q"), "p"), "p"),
    "loop": implies(implies("p", "p"), "p"),
}


def show(formula: Formula) -> str:
    if isinstance(formula, str):
        return formula
    return f"({show(formula[1])} {formula[0]} {show(formula[2])})"


class Toy:
    """Lean's place: applies tactics to states it made, and expands them by every tactic."""

    def __init__(self, theorem: Formula) -> None:
        self._sequents: dict[str, tuple[dict[str, Formula], Formula]] = {}
        self._texts: dict[str, Formula] = {}
        self.root = self._state({}, theorem, None)

    def _state(
        self, hypotheses: dict[str, Formula], target: Formula, origin: Origin | None
    ) -> ProofState:
        shown = tuple(Hypothesis(name, show(f)) for name, f in hypotheses.items())
        for formula in (*hypotheses.values(), target):
            self._texts[show(formula)] = formula
        key = f"{sorted({h.type for h in shown})} ⊢ {show(target)}"
        return ProofState(key, (Goal(show(target), shown),), origin)

    def apply(self, state: ProofState, tactic: str) -> Outcome:
        """Run `assumption`, `intro`, `split`, `left`, `right`, `cases NAME` or `apply NAME`."""
        goal = state.goals[0]
        names = {h.name: self._texts[h.type] for h in goal.hypotheses}
        children = _sequents(names, self._texts[goal.target], tactic)
        if children is None:
            return Rejected(f"{tactic} does not apply")
        return Advanced(
            tuple(self._state(*c, Origin(state, tactic, i)) for i, c in enumerate(children))
        )

    def expand(self, state: ProofState, value: float = 0.5) -> Expansion:
        """Try every tactic that makes sense of itself, all with the same prior."""
        tactics = ["assumption", "intro", "split", "left", "right"]
        for h in state.goals[0].hypotheses:
            tactics += [f"cases {h.name}", f"apply {h.name}"]
        prior = 1 / len(tactics)
        return Expansion(state, tuple(Step(t, prior, self.apply(state, t)) for t in tactics), value)

    def replay(self, tree: ProofTree) -> None:
        """Run a proof from its own root as Lean would; AssertionError if it is none.

        The states are those really reached, so a tactic written for other names is renamed.
        """
        todo = [(tree, self.root)]
        while todo:
            part, state = todo.pop()
            assert part.state.key == state.key
            assert _names(part.state) == _names(state)
            written_for = part.named or part.state
            outcome = self.apply(state, _renamed(part.tactic, written_for, state))
            assert isinstance(outcome, Advanced)
            assert len(outcome.states) == len(part.children)
            assert part.named is None or _names(part.named) != _names(state)
            if part.named is None:
                todo += zip(part.children, outcome.states, strict=True)
            else:  # its children bear the names of the state that it was written for
                reached = self.apply(part.named, part.tactic)
                assert isinstance(reached, Advanced)
                for child, other in zip(part.children, reached.states, strict=True):
                    todo.append((child, other))


def _names(state: ProofState) -> list[str]:
    return [h.name for h in state.goals[0].hypotheses]


def _renamed(tactic: str, source: ProofState, target: ProofState) -> str:
    """Say `cases h` of one state in the names of an equal state: the same type is meant."""
    word, _, name = tactic.partition(" ")
    if not name:
        return tactic
    types = {h.name: h.type for h in source.goals[0].hypotheses}
    return f"{word} {next(h.name for h in target.goals[0].hypotheses if h.type == types[name])}"


def _sequents(
    hypotheses: dict[str, Formula], target: Formula, tactic: str
) -> list[tuple[dict[str, Formula], Formula]] | None:
    word, _, name = tactic.partition(" ")
    found = hypotheses.get(name)
    rest = {n: f for n, f in hypotheses.items() if n != name}
    fresh = [f"h{i}" for i in range(len(hypotheses) + 2) if f"h{i}" not in rest]
    match word, found or target:
        case "assumption", _ if target in hypotheses.values():
            return []
        case "intro", ("->", a, b):
            return [({**hypotheses, fresh[0]: a}, b)]
        case "split", ("&", a, b):
            return [(hypotheses, a), (hypotheses, b)]
        case "left", ("|", a, _):
            return [(hypotheses, a)]
        case "right", ("|", _, b):
            return [(hypotheses, b)]
        case "cases", ("&", a, b):
            return [({**rest, fresh[0]: a, fresh[1]: b}, target)]
        case "cases", ("|", a, b):
            return [({**rest, fresh[0]: a}, target), ({**rest, fresh[0]: b}, target)]
        case "apply", ("->", a, b) if b == target:
            return [(hypotheses, a)]
    return None


class World:
    """A random AND/OR world: states "0", "1", ...; edge i of state s is the tactic "s.i...".

    edges: for each state its edges, a tuple of children or None for a rejected tactic.
    """

    def __init__(self, edges: Sequence[Sequence[tuple[int, ...] | None]]) -> None:
        self.edges = edges
        self.root = ProofState("0")

    def tactic(self, state: int, i: int) -> str:
        """Give a name whose length differs between edges, so that the text counts."""
        return f"{state}.{i}{'!' * ((state * 7 + i * 3) % 5)}"

    def outcome(self, state: ProofState, i: int) -> Outcome:
        children = self.edges[int(state.key)][i]
        if children is None:
            return Rejected("no")
        tactic = self.tactic(int(state.key), i)
        return Advanced(
            tuple(ProofState(str(c), (), Origin(state, tactic, j)) for j, c in enumerate(children))
        )

    def expand(self, state: ProofState) -> Expansion:
        """Try every edge; priors and value differ by state, and fall by edge."""
        index, n = int(state.key), len(self.edges[int(state.key)])
        steps = tuple(
            Step(self.tactic(index, i), 1 / (2 + i + index % 3), self.outcome(state, i))
            for i in range(n)
        )
        return Expansion(state, steps, (index * 5 % 7) / 7)

    def smallest(self) -> dict[int, tuple[int, int]]:
        """Give (steps, text) of the smallest proof of each provable state, by plain iteration."""
        best: dict[int, tuple[int, int]] = {}
        changed = True
        while changed:
            changed = False
            for state, edges in enumerate(self.edges):
                for i, children in enumerate(edges):
                    if children is None or any(c not in best for c in children):
                        continue
                    steps = 1 + sum(best[c][0] for c in children)
                    text = len(self.tactic(state, i)) + sum(best[c][1] for c in children)
                    if state not in best or (steps, text) < best[state]:
                        best[state], changed = (steps, text), True
        return best

    def replay(self, tree: ProofTree) -> tuple[int, int]:
        """Check a proof against the world, origins included; give its steps and text length."""
        assert tree.state is self.root
        todo, steps, text = [tree], 0, 0
        while todo:
            part = todo.pop()
            state, i = part.tactic.rstrip("!").split(".")
            assert part.state.key == state
            assert part.named is None
            children = self.edges[int(state)][int(i)]
            assert children is not None
            assert [c.state.key for c in part.children] == [str(c) for c in children]
            for j, child in enumerate(part.children):
                assert child.state.origin is not None
                assert (child.state.origin.tactic, child.state.origin.index) == (part.tactic, j)
            steps, text = steps + 1, text + len(part.tactic)
            todo += part.children
        return steps, text
