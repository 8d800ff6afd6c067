"""Every recipe on the toy logic, through the one interface."""

import random
from typing import Any

import pytest
from lakatos.data.records import Advanced, Expansion, Status
from lakatos.search.driver import RECIPES

from .toy import NON_THEOREMS, THEOREMS, Toy

SAMPLED = {"rmax", "whole-proof"}


def sample(toy, state, draw):
    """A whole proof by random tactics among those that run, twelve at most."""
    goals, expansions = [state], []
    while goals and len(expansions) < 12:
        goal = goals.pop(0)
        steps = [s for s in toy.expand(goal).steps if isinstance(s.outcome, Advanced)]
        step = draw.choice(steps) if steps else None
        expansions.append(Expansion(goal, (step,) if step else (), 0.5))
        if step is None:
            return expansions
        goals[:0] = step.outcome.states
    return [*expansions, Expansion(goals[0], (), 0.5)] if goals else expansions


def run(name, formula, batch=4, rounds=300):
    toy, draw = Toy(formula), random.Random(0)
    search: Any = RECIPES[name](toy.root)
    for _ in range(rounds):
        states = search.ask(batch)
        if not states:
            break
        if name in SAMPLED:
            search.tell([e for s in states for e in sample(toy, s, draw)])
        else:
            search.tell([toy.expand(s) for s in states])
    search.check_invariants()
    return toy, search


@pytest.mark.parametrize("theorem", THEOREMS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_proves_the_toy_theorems(name, theorem):
    toy, search = run(name, THEOREMS[theorem])
    assert search.status is Status.PROVED
    toy.replay(search.proof())


@pytest.mark.parametrize("formula", NON_THEOREMS)
@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_proves_what_is_not_provable(name, formula):
    _, search = run(name, NON_THEOREMS[formula], rounds=50)
    assert search.status is not Status.PROVED


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_outcomes_give_the_same_graph(name):
    graphs = [run(name, THEOREMS["distrib"])[1].graph for _ in range(2)]
    assert [*graphs[0].nodes] == [*graphs[1].nodes]
