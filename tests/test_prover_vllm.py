"""vLLM behind the protocol, over an engine of the test's own."""

import asyncio
from types import SimpleNamespace

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.prover.model import Message, Prompt, Sampling
from lakatos.prover.vllm import VllmModel

SAMPLING = Sampling(n=2, temperature=0.5, top_p=0.9, max_tokens=7, stop=("\n",), seed=3)


class Engine:
    """Answers at once, never, or not any more."""

    def __init__(self, silent=False, dead=False):
        self.silent = silent
        self.dead = dead
        self.asked = []
        self.aborted = []
        self.down = False
        self.waiting = asyncio.Event()

    async def generate(self, prompt, sampling_params, request_id):
        self.asked.append((prompt, sampling_params, request_id))
        if self.dead:
            raise OverflowError("engine core died\nsee above")
        if self.silent:
            if len(self.asked) == 2:
                self.waiting.set()
            await asyncio.Event().wait()
        outputs = [
            SimpleNamespace(index=1, text="b", cumulative_logprob=-2.0, token_ids=[1] * 7,
                            finish_reason="length"),
            SimpleNamespace(index=0, text="a", cumulative_logprob=-1.0, token_ids=[1],
                            finish_reason="stop"),
        ]  # fmt: skip
        yield SimpleNamespace(finished=True, outputs=outputs, prompt_token_ids=[5, 6])

    async def abort(self, request_id):
        self.aborted.append(request_id)

    def shutdown(self):
        self.down = True


def model(engine, template=None):
    tokenizer = SimpleNamespace(chat_template=template)
    return VllmModel("vllm:x", engine, dict, tokenizer, dead=OverflowError)


def test_completions_come_in_order_with_what_vllm_tells():
    engine = Engine()
    first, second = asyncio.run(model(engine).generate([Prompt("p"), Prompt("q")], SAMPLING))
    assert first == second
    assert [(c.text, c.log_prob, c.tokens, c.finished) for c in first.completions] == [
        ("a", -1.0, 1, True),
        ("b", -2.0, 7, False),
    ]
    assert first.prompt_tokens == 2
    assert [asked[0] for asked in engine.asked] == ["p", "q"]
    assert engine.asked[0][1] == {
        "n": 2, "temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "stop": ["\n"], "seed": 3,
        "logprobs": 0,
    }  # fmt: skip
    assert engine.asked[0][2] != engine.asked[1][2]
    assert engine.aborted == []


def test_a_cancelled_call_aborts_its_requests():
    async def scenario():
        engine = Engine(silent=True)
        asking = asyncio.create_task(model(engine).generate([Prompt("p"), Prompt("q")], SAMPLING))
        await engine.waiting.wait()
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        assert sorted(engine.aborted) == sorted(asked[2] for asked in engine.asked)

    asyncio.run(scenario())


def test_a_dead_engine_is_told_in_one_line():
    with pytest.raises(ModelUnavailable, match=r"^vllm:x: engine core died$"):
        asyncio.run(model(Engine(dead=True)).generate([Prompt("p")], SAMPLING))


def test_what_vllm_cannot_do_is_refused():
    chat = Prompt(messages=(Message("user", "p"),))
    for prompt, sampling, line in [
        (Prompt("p"), Sampling(beam=True), "no beam search"),
        (Prompt("p"), Sampling(distinct_first=True), "no distinct first tokens"),
        (Prompt("p"), Sampling(n=0), "no value head"),
        (chat, SAMPLING, "no chat template"),
    ]:
        with pytest.raises(UsageError, match=line):
            asyncio.run(model(Engine()).generate([prompt], sampling))


def test_closing_ends_the_engine():
    engine = Engine()
    asyncio.run(model(engine).close())
    assert engine.down
