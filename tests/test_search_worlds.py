"""Random cyclic AND/OR worlds against brute force: status, proof, replay, size, timing."""

import random
from dataclasses import replace
from itertools import product

import pytest
from lakatos.data.records import Advanced, Expansion, ProofState, Rejected, Rejection, Status, Step
from lakatos.search.best_first import BestFirst
from lakatos.search.driver import RECIPES, whole_proof
from lakatos.search.mcts import MCTS, TreeRecipe, Widening
from lakatos.search.rmax import RMax

from .toy import World

RUNS = 1400
SEARCHES = {
    "alpha 0": lambda root: BestFirst(root, alpha=0.0),
    "alpha 1": lambda root: BestFirst(root, alpha=1.0),
    "best-first": RECIPES["best-first"],
    "perspectives": RECIPES["perspectives"],
    "mcts": RECIPES["mcts"],
    "htps": RECIPES["htps"],
    "alphaproof": RECIPES["alphaproof"],
}


def world(draw):
    """Two to twenty states with up to four tactics; only the later half can be closed at once."""
    n = draw.randint(2, 20)
    closing, failing = draw.choice((0.1, 0.2, 0.3)), draw.choice((0.05, 0.2, 0.4))

    def tactic(state):
        luck = draw.random()
        if state >= n // 2 and luck < closing:
            return ()
        if luck > 1 - failing:
            return None
        return tuple(draw.choices(range(n), k=draw.choice((1, 1, 2, 2, 3))))

    return World([[tactic(state) for _ in range(draw.randint(1, 4))] for state in range(n)])


def explore(search, world, draw, every_step):
    """Search to the end, telling answers in any order; give the states told, in order."""
    told, flying = [], []
    while search.status is Status.OPEN:
        states = search.ask(draw.randint(1, 4))
        assert len({s.key for s in states} | {s.key for s in flying}) == len(states) + len(flying)
        flying += states
        if not flying:
            break
        draw.shuffle(flying)
        kept = draw.randrange(len(flying))
        search.tell([world.expand(s) for s in flying[kept:]])
        told += [int(s.key) for s in flying[kept:]]
        del flying[kept:]
        if every_step:
            search.check_invariants()
    search.check_invariants()
    return told


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.slow
def test_agrees_with_the_least_fixpoint(name):
    proved = 0
    for seed in range(RUNS):
        draw = random.Random(f"{name} {seed}")
        w = world(draw)
        search = SEARCHES[name](w.root)
        told = explore(search, w, draw, every_step=seed % 10 == 0)
        assert len(set(told)) == len(told)
        assert (search.status is Status.PROVED) == (0 in w.smallest())
        if search.status is Status.PROVED:
            proved += 1
            known = World([e if i in told else () for i, e in enumerate(w.edges)])
            assert w.replay(search.proof()) == known.smallest()[0]
    assert RUNS / 5 < proved < RUNS * 4 / 5


class Costly:
    """A world whose tactics are postponed up to three times, each by a limit of its own."""

    def __init__(self, world, draw):
        self.world, self.edges, self.root = world, world.edges, world.root
        self.left = {
            world.tactic(s, i): draw.choice((0, 0, 1, 2, 3))
            for s, edges in enumerate(world.edges)
            for i in range(len(edges))
        }
        self.over = set()

    def expand(self, state):
        whole = self.world.expand(state)
        steps = [self._step(step) for step in whole.steps if step.tactic not in self.over]
        return replace(whole, steps=tuple(steps))

    def _step(self, step):
        self.left[step.tactic] -= 1
        if self.left[step.tactic] < 0:
            self.over.add(step.tactic)
            return step
        return replace(step, outcome=Rejected("limit", Rejection.POSTPONED))


@pytest.mark.parametrize("name", SEARCHES)
def test_what_is_postponed_is_tried_again_until_all_is_tried(name):
    proved = again = 0
    for seed in range(RUNS // 7):
        draw = random.Random(f"{name} {seed}")
        w = world(draw)
        costly = Costly(w, draw)
        search = SEARCHES[name](w.root)
        told = explore(search, costly, draw, every_step=seed % 10 == 0)
        again += len(told) > len(set(told))
        proved += search.status is Status.PROVED
        assert (search.status is Status.PROVED) == (0 in w.smallest())
        if search.status is Status.PROVED:
            assert w.replay(search.proof()) >= w.smallest()[0]
        else:
            assert search.ask(1) == []
    assert RUNS / 35 < proved < RUNS * 4 / 35
    assert again > RUNS / 14


def test_a_state_is_come_back_to_where_that_is_worth_most_and_in_any_case_at_last():
    late = Rejected("limit", Rejection.POSTPONED)
    world = World([[(1,), (2,), (3,)], *[[(i + 3,)] for i in range(1, 40)]])
    for name, prior in product(SEARCHES, (0.5, 1e-9)):
        search = SEARCHES[name](world.root)
        steps = (*world.expand(world.root).steps, Step("late", prior, late))
        search.ask(1)
        search.tell([Expansion(world.root, steps, 0.5)])
        asked = []
        while "0" not in asked:
            (state,) = search.ask(1)
            asked.append(state.key)
            search.tell([world.expand(state)] if state.key != "0" else [])
        assert len(asked) == (1 if prior == 0.5 else 8), name


def sampled(world, state, draw, length=6):
    """A whole proof from a state by random tactics, the first goal first, up to an error."""
    goals, expansions = [state], []
    while goals and len(expansions) < length:
        goal = goals.pop(0)
        whole = world.expand(goal)
        steps = tuple(draw.sample(whole.steps, 1)) if whole.steps else ()
        expansions.append(Expansion(goal, steps, 0.5))
        if not steps or not isinstance(steps[0].outcome, Advanced):
            return expansions
        goals[:0] = steps[0].outcome.states
    return [*expansions, Expansion(goals[0], (), 0.5)] if goals else expansions


@pytest.mark.parametrize("kind", [RMax, whole_proof])
@pytest.mark.slow
def test_whole_proof_samples_prove_what_is_provable(kind):
    missed = 0
    for seed in range(RUNS // 14):
        draw = random.Random(seed)
        w = world(draw)
        search = kind(w.root)
        for _ in range(60):
            flying = [sampled(w, s, draw) for s in search.ask(4)]
            draw.shuffle(flying)
            search.tell([e for sample in flying for e in sample])
        search.check_invariants()
        if search.status is Status.PROVED:
            assert w.replay(search.proof()) >= w.smallest()[0]
        else:
            missed += 0 in w.smallest()
    assert missed <= (1 if kind is RMax else 25)


def test_expanding_again_never_proves_too_much_and_keeps_what_was_found():
    recipe = TreeRecipe(widening=Widening(c=1.0, alpha=0.5))
    again = 0
    for seed in range(RUNS // 4):
        draw = random.Random(seed)
        w = world(draw)
        search = MCTS(w.root, recipe)
        for _ in range(60):
            states = search.ask(draw.randint(1, 3))
            half = [w.expand(s) for s in states]
            search.tell(
                [
                    Expansion(e.state, tuple(s for s in e.steps if draw.random() < 0.7), e.value)
                    for e in half
                ]
            )
            if seed % 10 == 0:
                search.check_invariants()
        search.check_invariants()
        again += any(n.expansions > 1 for n in search.graph.nodes.values())
        if search.status is Status.PROVED:
            assert w.replay(search.proof()) >= w.smallest()[0]
    assert again > RUNS // 16


@pytest.mark.slow
def test_every_status_is_right_once_all_is_told():
    for seed in range(RUNS):
        draw = random.Random(seed)
        w = world(draw)
        search = BestFirst(w.root)
        for i in draw.sample(range(len(w.edges)), len(w.edges)):
            search.tell([w.expand(ProofState(str(i)) if i else w.root)])
        search.check_invariants()
        nodes = search.graph.nodes.items()
        assert {int(k) for k, n in nodes if n.status is Status.PROVED} == w.smallest().keys()
        if 0 in w.smallest():
            assert w.replay(search.proof()) == w.smallest()[0]
