"""The queue in front of a model: who is batched with whom, and what trouble does to them."""

import asyncio
import threading
from collections import Counter

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.prover.models.base import Completion, Generated, Prompt, Sampling
from lakatos.prover.models.request_queue import GenerationRequest, RequestQueue

PLAIN = Sampling(n=2, max_tokens=8)


class Echo:
    """A generator that answers a prompt with itself.

    fits: most jobs of a batch that do not run it out of memory. gate: held back until it is
    set. faults: raised one by one, each after the first answer of a batch.
    """

    name = "echo"

    def __init__(self, fits=1000, gate=None, faults=()):
        self.fits = fits
        self.gate = gate
        self.faults = list(faults)
        self.batches = []
        self.threads = set()
        self.entered = threading.Event()
        self.unwanted = []
        self.closed = False

    def prepare(self, prompt, sampling):
        if not prompt.text:
            raise UsageError("an empty prompt")
        return GenerationRequest(prompt, sampling, tuple(map(ord, prompt.text)))

    def kv_tokens(self, jobs):
        return len(jobs) * max(len(job.tokens) for job in jobs)

    def run(self, jobs, wanted, more):
        self.threads.add(threading.current_thread())
        self.entered.set()
        self.batches.append([job.prompt.text for job in jobs])
        if len(jobs) > self.fits:
            raise MemoryError
        if self.gate is not None:
            assert self.gate.wait(10)
        for i, job in enumerate(jobs):
            if not wanted(i):
                self.unwanted.append(job.prompt.text)
                continue
            said = tuple(Completion(job.prompt.text, -1.0, 3) for _ in range(job.sampling.n))
            yield i, Generated(said, None, len(job.tokens))
            if self.faults:
                raise self.faults.pop()

    def close(self):
        self.closed = True


def prompts(*texts):
    return [Prompt(text) for text in texts]


def texts(answers):
    return [answer.completions[0].text for answer in answers]


def running(scenario):
    """Run one test's scenario; nothing may be left behind."""

    async def whole():
        await scenario()
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left

    asyncio.run(whole())


def test_searches_that_ask_at_once_share_one_batch_in_one_thread():
    async def scenario():
        echo = Echo()
        batcher = RequestQueue(echo, 1000)
        asked = [batcher.generate(prompts(a, b), PLAIN) for a, b in ("xy", "zu", "vw")]
        assert [texts(got) for got in await asyncio.gather(*asked)] == [[*"xy"], [*"zu"], [*"vw"]]
        assert [sorted(batch) for batch in echo.batches] == [sorted("xyzuvw")]
        assert len(echo.threads) == 1
        assert threading.main_thread() not in echo.threads
        assert (batcher.stats.prompts, batcher.stats.batches, batcher.stats.jobs) == (6, 1, 6)
        assert batcher.stats.tokens == 6 * 2 * 3
        await batcher.close()
        assert echo.closed

    running(scenario)


def test_prompts_that_come_while_the_model_is_busy_form_the_next_batch():
    async def scenario():
        echo = Echo(gate=threading.Event())
        batcher = RequestQueue(echo, 1000)
        first = asyncio.create_task(batcher.generate(prompts("a"), PLAIN))
        await asyncio.to_thread(echo.entered.wait)
        later = [asyncio.create_task(batcher.generate(prompts(t), PLAIN)) for t in "bcd"]
        await asyncio.sleep(0)
        echo.gate.set()
        await asyncio.gather(first, *later)
        assert echo.batches == [["a"], ["b", "c", "d"]]
        await batcher.close()

    running(scenario)


def test_prompts_that_come_while_the_model_is_busy_join_where_it_takes_them():
    class Open(Echo):
        """Takes who came after each batch's first answer."""

        def run(self, jobs, wanted, more):
            everyone = list(jobs)
            for i, answer in super().run(everyone, wanted, more):
                yield i, answer
                late = more()
                self.batches.append([job.prompt.text for job in late])
                everyone += late

    async def scenario():
        echo = Open(gate=threading.Event())
        batcher = RequestQueue(echo, 6)
        first = asyncio.create_task(batcher.generate(prompts("aa"), PLAIN))
        await asyncio.to_thread(echo.entered.wait)
        alike = prompts("bb", "ccc", "dd", "eeee")
        later = asyncio.create_task(batcher.generate(alike, PLAIN))
        other = asyncio.create_task(batcher.generate(prompts("f"), Sampling(n=2, max_tokens=99)))
        await asyncio.sleep(0)
        echo.gate.set()
        assert texts(await first) == ["aa"]
        assert texts(await later) == ["bb", "ccc", "dd", "eeee"]
        assert texts(await other) == ["f"]
        assert echo.batches[:2] == [["aa"], ["bb", "ccc"]], "as many as fit beside what is left"
        assert batcher.stats.joined > 2
        assert batcher.stats.jobs == 6
        await batcher.close()

    running(scenario)


def test_batches_keep_to_the_budget_and_hold_prompts_of_like_length():
    async def scenario():
        echo = Echo()
        batcher = RequestQueue(echo, 12)
        asked = prompts("a" * 6, "b", "c" * 5, "d" * 2, "e" * 30, "f" * 3)
        assert texts(await batcher.generate(asked, PLAIN)) == [prompt.text for prompt in asked]
        assert echo.batches == [
            ["c" * 5, "a" * 6],
            ["b", "d" * 2, "f" * 3],
            ["e" * 30],
        ]
        await batcher.close()

    running(scenario)


def test_short_answers_do_not_wait_for_long_ones_or_for_beams():
    async def scenario():
        echo = Echo()
        batcher = RequestQueue(echo, 1000)
        kinds = [PLAIN, Sampling(n=2, max_tokens=2048), Sampling(n=2, max_tokens=8, beam=True)]
        kinds += [Sampling(n=0, max_tokens=2048), Sampling(n=9, max_tokens=10, temperature=0.5)]
        asked = [batcher.generate(prompts(t), k) for t, k in zip("abcde", kinds, strict=True)]
        await asyncio.gather(*asked)
        assert sorted(map(sorted, echo.batches)) == [["a", "e"], ["b"], ["c"], ["d"]]
        await batcher.close()

    running(scenario)


def test_the_same_question_is_asked_once_and_remembered():
    async def scenario():
        echo = Echo(gate=threading.Event())
        batcher = RequestQueue(echo, 1000, remember=2)
        asked = [asyncio.create_task(batcher.generate(prompts("a", "b", "a"), PLAIN))]
        await asyncio.to_thread(echo.entered.wait)
        asked.append(asyncio.create_task(batcher.generate(prompts("b", "a"), PLAIN)))
        await asyncio.sleep(0)
        echo.gate.set()
        assert [texts(got) for got in await asyncio.gather(*asked)] == [[*"aba"], [*"ba"]]
        assert echo.batches == [["a", "b"]]
        await batcher.generate(prompts("a"), PLAIN)
        await batcher.generate(prompts("c"), PLAIN)
        await batcher.generate(prompts("a"), PLAIN)
        await batcher.generate(prompts("b"), PLAIN)
        await batcher.generate(prompts("b"), Sampling(n=2, max_tokens=8, seed=1))
        assert echo.batches == [["a", "b"], ["c"], ["b"], ["b"]]
        await batcher.close()

    running(scenario)


def test_a_batch_that_does_not_fit_is_halved_and_all_are_answered():
    async def scenario():
        echo = Echo(fits=3)
        batcher = RequestQueue(echo, 1000)
        asked = prompts(*"abcdefghij")
        assert texts(await batcher.generate(asked, PLAIN)) == [*"abcdefghij"]
        sizes = [len(batch) for batch in echo.batches]
        assert sizes[:3] == [10, 5, 2]
        assert max(sizes[2:]) <= 3
        assert batcher.stats.halvings == 2
        await batcher.generate(prompts(*"klmno"), PLAIN)
        assert max(len(batch) for batch in echo.batches[len(sizes) :]) <= 3
        await batcher.close()

    running(scenario)


def test_a_single_prompt_that_does_not_fit_says_so_and_the_rest_go_on():
    class Narrow(Echo):
        def run(self, jobs, wanted, more):
            if any(len(job.tokens) > 5 for job in jobs):
                raise MemoryError
            yield from super().run(jobs, wanted, more)

    async def scenario():
        batcher = RequestQueue(Narrow(), 1000)
        asked = [batcher.generate(prompts(t), PLAIN) for t in ("a", "b" * 6, "c")]
        first, second, third = await asyncio.gather(*asked, return_exceptions=True)
        assert texts(first) == ["a"]
        assert texts(third) == ["c"]
        assert isinstance(second, ModelUnavailable)
        assert "one prompt of 6 tokens and 2 completions of at most 8 tokens" in str(second)
        await batcher.close()

    running(scenario)


def test_answers_given_before_memory_ran_out_are_kept():
    async def scenario():
        echo = Echo(faults=[MemoryError()])
        batcher = RequestQueue(echo, 1000)
        first = asyncio.create_task(batcher.generate(prompts("a"), PLAIN))
        second = asyncio.create_task(batcher.generate(prompts("b"), PLAIN))
        await asyncio.gather(first, second)
        assert Counter(text for batch in echo.batches for text in batch) == {"a": 1, "b": 2}
        await batcher.close()

    running(scenario)


def test_an_error_of_the_model_reaches_those_who_asked_and_no_other():
    async def scenario():
        echo = Echo(faults=[ValueError("broken")])
        batcher = RequestQueue(echo, 1000)
        asked = [batcher.generate(prompts(*pair), PLAIN) for pair in ("ab", "cd")]
        got = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(error) for error in got] == ["broken", "broken"]
        assert texts(await batcher.generate(prompts("b", "e"), PLAIN)) == ["b", "e"]
        await batcher.close()

    running(scenario)


def test_a_prompt_that_can_never_be_answered_leaves_no_trace():
    async def scenario():
        echo = Echo()
        batcher = RequestQueue(echo, 1000)
        with pytest.raises(UsageError, match="empty"):
            await batcher.generate(prompts("a", ""), PLAIN)
        assert texts(await batcher.generate(prompts("b"), PLAIN)) == ["b"]
        assert echo.batches == [["b"]]
        await batcher.close()

    running(scenario)


def test_a_cancelled_request_leaves_the_queue_and_a_running_one_is_dropped():
    async def scenario():
        echo = Echo(gate=threading.Event())
        batcher = RequestQueue(echo, 1000)
        alone = asyncio.create_task(batcher.generate(prompts("a", "s"), PLAIN))
        sharing = asyncio.create_task(batcher.generate(prompts("s"), PLAIN))
        await asyncio.to_thread(echo.entered.wait)
        queued = asyncio.create_task(batcher.generate(prompts("q"), PLAIN))
        kept = asyncio.create_task(batcher.generate(prompts("k"), PLAIN))
        await asyncio.sleep(0)
        alone.cancel()
        queued.cancel()
        await asyncio.wait([alone, queued])
        again = asyncio.create_task(batcher.generate(prompts("a"), PLAIN))
        await asyncio.sleep(0)
        echo.gate.set()
        assert texts(await sharing) == ["s"]
        assert texts(await kept) == ["k"]
        assert texts(await again) == ["a"]
        assert alone.cancelled()
        assert queued.cancelled()
        assert echo.unwanted == ["a"]
        assert echo.batches == [["a", "s"], ["k", "a"]]
        await batcher.close()

    running(scenario)


def test_closing_tells_those_who_still_wait():
    async def scenario():
        echo = Echo(gate=threading.Event())
        batcher = RequestQueue(echo, 1000)
        waiting = asyncio.create_task(batcher.generate(prompts("a"), PLAIN))
        await asyncio.to_thread(echo.entered.wait)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        echo.gate.set()
        await closing
        with pytest.raises(ModelUnavailable, match="echo was closed"):
            await waiting
        assert echo.unwanted == ["a"]

    running(scenario)


def test_a_batcher_serves_one_loop_after_another():
    batcher = RequestQueue(Echo(), 1000)
    for text in "ab":
        assert texts(asyncio.run(batcher.generate(prompts(text), PLAIN))) == [text]
    asyncio.run(batcher.close())


def test_busy_time_is_that_of_the_batches():
    async def scenario():
        ticks = iter(range(100))
        batcher = RequestQueue(Echo(), 2, clock=lambda: float(next(ticks)))
        await batcher.generate(prompts(*"abcde"), PLAIN)
        await batcher.close()
        assert batcher.stats.batches == 3
        assert batcher.stats.busy_s == 3.0

    running(scenario)
