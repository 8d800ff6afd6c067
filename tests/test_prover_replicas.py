"""Copies of a model asked as one: prompts spread, failures passed on."""

import asyncio

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.prover.config import ModelConfig
from lakatos.prover.models.base import Completion, Generated, Prompt, Sampling
from lakatos.prover.models.load_balancer import LoadBalancer
from lakatos.prover.policy_setup import open_policy
from lakatos.prover.policy_spec import parse_policy

from .fake_openai import Server, refuse


class Copy:
    """Answers with its name once `go` is set; fails when told to."""

    def __init__(self, name, fails=False):
        self.name = name
        self.fails = fails
        self.go = asyncio.Event()
        self.asked = []
        self.closed = False

    async def generate(self, prompts, sampling):
        self.asked += [prompt.text for prompt in prompts]
        if self.fails:
            raise ModelUnavailable(f"{self.name} is away")
        await self.go.wait()
        return [Generated((Completion(self.name),)) for _ in prompts]

    async def close(self):
        self.closed = True


def prompts(count):
    return [Prompt(str(i)) for i in range(count)]


def test_prompts_go_where_the_fewest_are_under_way():
    async def scenario():
        copies = [Copy("a"), Copy("b"), Copy("c")]
        model = LoadBalancer(copies)
        work = asyncio.create_task(model.generate(prompts(6), Sampling(n=1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [len(copy.asked) for copy in copies] == [2, 2, 2]
        copies[1].go.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        more = asyncio.create_task(model.generate(prompts(1), Sampling(n=1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [len(copy.asked) for copy in copies] == [2, 3, 2]
        for copy in copies:
            copy.go.set()
        told = [answer.completions[0].text for answer in await work]
        assert told == ["a", "b", "c", "a", "b", "c"]
        await more
        await model.close()
        assert all(copy.closed for copy in copies)

    asyncio.run(scenario())


def test_a_copy_that_fails_is_left_alone_and_the_last_failure_is_told():
    async def scenario():
        well, ill = Copy("well"), Copy("ill", fails=True)
        well.go.set()
        model = LoadBalancer([ill, well])
        answers = await model.generate(prompts(3), Sampling(n=1))
        assert [answer.completions[0].text for answer in answers] == ["well"] * 3
        asked = len(ill.asked)
        await model.generate(prompts(3), Sampling(n=1))
        assert len(ill.asked) == asked
        well.fails = True
        with pytest.raises(ModelUnavailable, match="well is away"):
            await model.generate(prompts(1), Sampling(n=1))

    asyncio.run(scenario())


def test_several_servers_of_one_model_share_its_prompts():
    pytest.importorskip("openai", reason="needs the extra llm")

    async def scenario(spec):
        config = ModelConfig(prompt="bfs-prover", samples=2)
        async with open_policy(spec, config) as policy:
            return policy.name

    with Server() as one, Server() as two:
        spec = f"openai:m@{one.url},{two.url}"
        (model,) = parse_policy(spec).models
        assert model.format(ModelConfig()).name == "chat"
        assert asyncio.run(scenario(spec)) == f"openai:m@{one.url}"
    with (
        Server() as one,
        Server(default=refuse(404, "no such model"), models=["x"]) as two,
        pytest.raises(UsageError, match="has no model m"),
    ):
        asyncio.run(scenario(f"openai:m@{one.url},{two.url}"))


@pytest.mark.parametrize("name", ["m@http://a/v1,b", "m@", "@http://a", "m@http://a,"])
def test_an_address_that_names_no_server_is_told(name):
    with pytest.raises(UsageError, match="names no server"):
        parse_policy(f"openai:{name}")
