"""Critics: what they ask, and how answers become values in [0, 1]."""

import asyncio
import math
from types import SimpleNamespace

import pytest
from lakatos.prover.models.base import Completion, Generated, Prompt, Sampling
from lakatos.prover.policy.base import Query
from lakatos.prover.policy.critic import ConstantCritic, ModelCritic, likelihood, value_of


class Told:
    """A model that gives the answers it was told, and keeps what it was asked."""

    name = "told"

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def generate(self, prompts, sampling):
        self.asked.append(([prompt.text for prompt in prompts], sampling))
        return [self.answers.pop(0) for _ in prompts]

    async def close(self):
        self.answers.clear()


def queries(*goals):
    return [Query(None, SimpleNamespace(pretty=goal)) for goal in goals]


def write(query):
    return Prompt(f"goal {query.state.pretty}")


def test_a_constant_critic_judges_all_alike():
    critic = ConstantCritic(0.25)
    assert asyncio.run(critic.value(queries("p", "q"))) == [0.25, 0.25]
    assert asyncio.run(ConstantCritic().value(queries("p"))) == [0.5]


def test_a_model_critic_asks_once_for_all_states_and_for_values_alone():
    model = Told(Generated((), 0.9), Generated((), 0.2))
    assert asyncio.run(ModelCritic(model, write).value(queries("p", "q"))) == [0.9, 0.2]
    assert model.asked == [(["goal p", "goal q"], Sampling(n=0))]


def test_without_a_head_the_proposals_tell_by_their_mean_token_log_prob():
    sampling = Sampling(n=2)
    said = (Completion("simp", -1.0, 2), Completion("rfl", -5.0, 4), Completion("?", None, 3))
    model = Told(Generated(said))
    assert asyncio.run(ModelCritic(model, write, sampling).value(queries("p"))) == [
        pytest.approx(math.exp(-6.0 / 6))
    ]
    assert model.asked[0][1] is sampling


def test_a_head_goes_before_the_proposals_and_values_stay_in_bounds():
    said = (Completion("simp", -1.0, 2),)
    assert value_of(Generated(said, 0.75)) == 0.75
    assert value_of(Generated(said, 1.5)) == 1.0
    assert value_of(Generated(said, -0.5)) == 0.0
    assert value_of(Generated(said)) == pytest.approx(math.exp(-0.5))


def test_likelihood_is_neutral_where_nothing_is_told_and_never_above_one():
    assert likelihood(()) == 0.5
    assert likelihood([Completion("x", None, 3)]) == 0.5
    assert likelihood([Completion("x", 0.1, 3)]) == 1.0
    assert likelihood([Completion("x", -2000.0, 1)]) == 0.0
    sure, unsure = Completion("x", -0.5, 5), Completion("y", -20.0, 5)
    assert likelihood([sure]) > likelihood([sure, unsure]) > likelihood([unsure])
