"""The toy logic behind the interfaces of pool, policy, verifier and recorder."""

import asyncio
import random
import re
from collections import Counter
from dataclasses import dataclass, replace

from lakatos.data.records import (
    Accepted,
    Refusal,
    RefusalKind,
    Refused,
    Rejected,
    Step,
    Theorem,
)
from lakatos.lean_env.opened_file import OpenedFile
from lakatos.prover.agent.counterexample import SEARCH
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.policy.base import PolicyOutput, Proposal

from .toy import NON_THEOREMS, THEOREMS, Toy, both, either, implies

SORRY = Refused((Refusal(RefusalKind.SORRY, "rests on sorry"),))
BROKEN = Refused((Refusal(RefusalKind.DOES_NOT_COMPILE, "line 1"),))
NAMES = [*THEOREMS, *NON_THEOREMS]
ALL = {**THEOREMS, **NON_THEOREMS, "two_ways": implies(both("p", "q"), either("p", "q"))}
ALL["wrong"] = "f"  # its negation, f -> f, is provable
SOURCE = "".join(f"{name} := sorry\n" for name in ALL)


class ToyPool:
    """Toy theorems behind the pool's interface; answers come late by a seeded dice."""

    workers = 2

    def __init__(self, seed=0):
        self.toys = {name: Toy(f) for name, f in ALL.items()}
        self.dice = random.Random(seed)
        self.applied = Counter()
        self.cancelled = Counter()
        self.forgotten = []
        self.fault = None
        self.blocked = None  # a theorem whose tactics are never answered

    def theorem(self, name, **changes):
        start = f"\n{SOURCE}".index(f"\n{name} := sorry") + len(f"{name} := ")
        state = self.toys[name].root
        theorem = Theorem(name, SOURCE, "toy", start, start + 5, 1, 0, "term", state, name)
        span = {"command_start": start - len(f"{name} := "), "command_stop": start + 5}
        return replace(theorem, **span | changes)

    async def open(self, path, source):
        """A file with the negation of one theorem right after it, as the agent makes them."""
        text = re.search(
            r"(?m)^(\w+) := sorry\n\ntheorem _root_.(\w+) : (.*) := by\n  sorry", source
        )
        assert text[3] == f"Not (type_of% @_root_.{text[1]})"
        toy = self.toys[f"¬ {text[1]}"] = Toy(implies(ALL[text[1]], "f"))
        sorry = source.index("sorry", text.start(3))
        start = source.index("theorem _root_")
        place = (path, sorry, sorry + 5, 1, 0, "tactic", toy.root, text[2])
        posed = Theorem(text[2], source, *place, command_start=start, command_stop=sorry + 5)
        return OpenedFile(path, source, (), (), (self.theorem(text[1]), posed))

    async def apply(self, state, tactics, **limits):
        if list(tactics) == [SEARCH]:  # asked once before a search, and no part of it
            return [Step(SEARCH, 1.0, Rejected("no values were found"))]
        root = state.recipe[0].parent if state.recipe else state
        name = next(n for n, toy in self.toys.items() if toy.root == root)
        for step in state.recipe:  # a state of another pool is rebuilt, as Lean's are
            self.toys[name].apply(step.parent, step.tactic)
        self.applied[name] += len(tactics)
        if self.fault and name == self.fault[0]:
            raise self.fault[1]
        if name == self.blocked:
            await asyncio.get_running_loop().create_future()
        try:
            for _ in range(self.dice.randrange(8)):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled[name] += 1
            raise
        return [Step(t, 1.0, self.toys[name].apply(state, t)) for t in tactics]

    async def forget(self, theorem):
        self.forgotten.append(theorem.name)


class ToyPolicy:
    name = "toy"

    async def propose(self, queries):
        return [self.answer(q.state) for q in queries]

    def answer(self, state):
        names = [h.name for h in state.goals[0].hypotheses]
        tactics = ["assumption", "intro", "split", "left", "right"]
        tactics += [f"{word} {name}" for name in names for word in ("cases", "apply")]
        return PolicyOutput(tuple(Proposal(t, 1 / (i + 1)) for i, t in enumerate(tactics)))


@dataclass
class Verified:
    verdict: object
    source: str


class Judge:
    """Accepts everything, except as told: name -> function of the file giving a verdict."""

    def __init__(self, **verdicts):
        self.verdicts = verdicts
        self.asked = []
        self.left_s = []

    async def verify(self, theorem, proof, left_s=None):
        self.asked.append(theorem.name)
        self.left_s.append(left_s)
        raw = theorem.source.encode()
        source = (raw[: theorem.start] + f"by {proof!r}".encode() + raw[theorem.stop :]).decode()
        verdict = self.verdicts.get(theorem.name, lambda source: Accepted())(source)
        return Verified(verdict, source if verdict == Accepted() else theorem.source)


class Log:
    def __init__(self):
        self.calls = []
        self.identity_finished = asyncio.Event()

    def start_attempt(self, theorem):
        self.calls.append(("start", theorem.name))

    def expansions(self, theorem, expansions):
        self.calls.append(("expansions", theorem.name, expansions))

    def finish_attempt(self, attempt):
        self.calls.append(("finish", attempt.theorem.name, attempt.stop))
        if attempt.theorem.name == "identity":
            self.identity_finished.set()

    def of(self, name):
        return [call for call in self.calls if call[1] == name]


def prove(names, *, pool=None, judge=None, log=None, clock=lambda: 0.0, **config):
    pool = pool or ToyPool()
    prover = Prover(pool, judge or Judge(), ToyPolicy(), ProverConfig(**config), log, clock=clock)
    attempts = asyncio.run(prover.prove([pool.theorem(n) for n in names]))
    return dict(zip(names, attempts, strict=True))
